"""The encoder's door: windows of any sensors to latents over time and one embedding.

Shapes: B windows, N worn sensors over the batch, L tokens in time, D width, E width of the embedding.
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers import AutoConfig, AutoModel
from transformers.utils import ModelOutput

from anymo.encoders.configuration import AnymoEncoderConfig
from anymo.encoders.layers import masked_mean
from anymo.encoders.pretrained import SafeModel
from anymo.encoders.stgcn import StgcnBackbone
from anymo.encoders.worn import WornBackbone
from anymo.records import WindowBatch

_BACKBONES: dict[str, type[WornBackbone] | type[StgcnBackbone]] = {
    "worn": WornBackbone,
    "stgcn": StgcnBackbone,
}


@dataclass
class ImuEncoderOutput(ModelOutput):
    """What the encoder makes of a batch (ModelOutput wants a default for every field; all are set).

    sequence        body latents over time                       (B, L, D)
    sequence_valid  which of them saw a sample                   (B, L) bool
    sensors         latents of each worn sensor                  (N, L, D)
    sensors_valid   which of them saw a sample                   (N, L) bool
    sensor_window   the window each worn sensor belongs to       (N,) int64
    embedding       pooled, in the text tower's space, unit norm (B, E)
    """

    sequence: torch.Tensor = None  # type: ignore[assignment]
    sequence_valid: torch.Tensor = None  # type: ignore[assignment]
    sensors: torch.Tensor = None  # type: ignore[assignment]
    sensors_valid: torch.Tensor = None  # type: ignore[assignment]
    sensor_window: torch.Tensor = None  # type: ignore[assignment]
    embedding: torch.Tensor = None  # type: ignore[assignment]


class ImuEncoder(SafeModel):
    """Inertial windows to latents: a backbone by `AnymoEncoderConfig.architecture`, and a head that pools."""

    config_class = AnymoEncoderConfig
    main_input_name = "batch"

    def __init__(self, config: AnymoEncoderConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.backbone = _BACKBONES[config.architecture](config)
        self.head = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, config.embedding_size)
        )
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, batch: WindowBatch) -> ImuEncoderOutput:
        """Encode a batch of windows at the config's rate.

        Raises:
            ValueError: the batch is at another rate, a window has no sensor, or, in "stgcn", two on one
                segment.
        """
        self._check(batch)
        latents = self.backbone(batch)
        embedding = self.head(masked_mean(latents.sequence, latents.sequence_valid, dim=1))
        return ImuEncoderOutput(
            **latents._asdict(),
            sensor_window=batch.worn.nonzero(as_tuple=True)[0],
            embedding=nn.functional.normalize(embedding, dim=-1),
        )

    def _check(self, batch: WindowBatch) -> None:
        if abs(batch.rate_hz - self.config.rate_hz) > 1e-6:
            raise ValueError(
                f"encoder: expected windows at {self.config.rate_hz:g} Hz, got {batch.rate_hz:g} Hz; "
                "cut them with the feature extractor saved beside the encoder"
            )
        bare = (~batch.worn.any(dim=1)).nonzero().flatten().tolist()
        if bare:
            raise ValueError(
                f"encoder: expected a worn sensor in every window, got none in windows {bare[:5]}"
            )


AutoConfig.register(AnymoEncoderConfig.model_type, AnymoEncoderConfig)
AutoModel.register(AnymoEncoderConfig, ImuEncoder)
