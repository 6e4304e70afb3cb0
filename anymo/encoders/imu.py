"""The graph encoder: only the sensors worn are encoded, whatever their number, place and channels.

Shapes: B windows, S sensor slots, N worn sensors over the batch, T samples, L tokens in time, D width.
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils import ModelOutput

from anymo.encoders.configuration import AnymoEncoderConfig
from anymo.encoders.layers import SkeletonConv, TemporalBlock, masked_mean, sinusoidal_positions
from anymo.records import GRAVITY_MPS2, WindowBatch
from anymo.skeleton import NUM_SEGMENTS

# asinh is linear below and logarithmic above: keeps quiet and wild.
_ACC_KNEE_MPS2, _GYRO_KNEE_RADPS = 0.5, 0.2
_NUM_ACC, _NUM_GYRO = 12, 7
_REACH = 2  # samples that the stem looks to either side


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


class ImuEncoder(PreTrainedModel):
    """Inertial windows to latents: patch tokens per sensor, attention in time, messages along the skeleton.

    A sensor is a node; its segment, whether gravity is in its acceleration, and whether it has a
    gyroscope are embedded. Samples and channels that are missing are replaced by learned values and
    attended by nobody. Cost grows with the sensors worn.
    """

    config_class = AnymoEncoderConfig
    main_input_name = "batch"

    def __init__(self, config: AnymoEncoderConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.no_acc = nn.Parameter(torch.zeros(_NUM_ACC))
        self.no_gyro = nn.Parameter(torch.zeros(_NUM_GYRO))
        self.stem = nn.Sequential(
            nn.Conv1d(_NUM_ACC + _NUM_GYRO, width // 2, kernel_size=2 * _REACH + 1), nn.GELU()
        )
        self.patch = nn.Conv1d(width // 2, width, config.patch_samples, stride=config.patch_samples)
        self.segment = nn.Embedding(NUM_SEGMENTS, width)
        self.gravity = nn.Embedding(2, width)
        self.gyroscope = nn.Embedding(2, width)
        self.temporal = nn.ModuleList(
            TemporalBlock(width, config.num_heads, config.dropout) for _ in range(config.num_layers)
        )
        self.skeleton = nn.ModuleList(SkeletonConv(width) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(width)
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
            ValueError: the batch is at another rate, or a window has no sensor.
        """
        self._check(batch)
        window, _ = batch.worn.nonzero(as_tuple=True)
        segment = batch.segment[batch.worn]
        x_NLD, valid_NL = self._tokens(
            batch.signal[batch.worn], batch.sample_valid[batch.worn], batch.has_gyro[batch.worn]
        )
        context = (
            self.segment(segment)
            + self.gravity(batch.has_gravity[batch.worn].long())
            + self.gyroscope(batch.has_gyro[batch.worn].long())
        )
        positions = sinusoidal_positions(x_NLD.shape[1], x_NLD.shape[2], x_NLD.device)
        x_NLD = x_NLD + context[:, None, :] + positions
        edge_index = _same_window_edges(window)
        for temporal, skeleton in zip(self.temporal, self.skeleton, strict=True):
            x_NLD = skeleton(temporal(x_NLD, valid_NL), valid_NL, edge_index, segment)
        sensors = self.norm(x_NLD)
        sequence, sequence_valid = _mean_over_sensors(sensors, valid_NL, window, len(batch))
        embedding = self.head(masked_mean(sequence, sequence_valid, dim=1))
        return ImuEncoderOutput(
            sequence=sequence,
            sequence_valid=sequence_valid,
            sensors=sensors,
            sensors_valid=valid_NL,
            sensor_window=window,
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

    def _tokens(
        self, signal_NTC: torch.Tensor, valid_NT: torch.Tensor, has_gyro_N: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        patch = self.config.patch_samples
        # What the stem reaches before and after the window, and the rest of the last patch, is missing.
        edges = (_REACH, _REACH + -signal_NTC.shape[1] % patch)
        signal_NTC = nn.functional.pad(signal_NTC, (0, 0, *edges))
        valid_NT = nn.functional.pad(valid_NT, edges)
        signal_NTC = signal_NTC.masked_fill(~valid_NT[..., None], 0.0)  # NaN times a mask is NaN
        acc, gyro = _channels(signal_NTC, valid_NT)
        acc = torch.where(valid_NT[..., None], acc, self.no_acc)
        gyro = torch.where((valid_NT & has_gyro_N[:, None])[..., None], gyro, self.no_gyro)
        x = self.patch(self.stem(torch.cat([acc, gyro], dim=-1).transpose(1, 2)))
        return x.transpose(1, 2), valid_NT[:, _REACH:-_REACH].unflatten(1, (-1, patch)).any(dim=-1)


def _channels(signal_NTC: torch.Tensor, valid_NT: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Physical channels and what makes them easy to read, of width _NUM_ACC and _NUM_GYRO.

    Beside the axes: norms, which no mounting changes, and the acceleration around its mean over the
    window, which reads nearly alike with gravity in or out.
    """
    acc, gyro = signal_NTC[..., :3], signal_NTC[..., 3:]
    dynamic = acc - masked_mean(acc, valid_NT, dim=1)[:, None]
    acc_norm = acc.norm(dim=-1, keepdim=True) / GRAVITY_MPS2
    dynamic_norm = torch.asinh(dynamic.norm(dim=-1, keepdim=True) / _ACC_KNEE_MPS2)
    gyro_norm = torch.asinh(gyro.norm(dim=-1, keepdim=True) / _GYRO_KNEE_RADPS)
    acc_channels = [
        acc / GRAVITY_MPS2,
        acc_norm,
        dynamic / GRAVITY_MPS2,
        torch.asinh(dynamic / _ACC_KNEE_MPS2),
        dynamic_norm,
        acc_norm - masked_mean(acc_norm, valid_NT, dim=1)[:, None],
    ]
    gyro_channels = [gyro / 3.0, torch.asinh(gyro / _GYRO_KNEE_RADPS), gyro_norm]
    return torch.cat(acc_channels, dim=-1), torch.cat(gyro_channels, dim=-1)


def _same_window_edges(window_N: torch.Tensor) -> torch.Tensor:
    """(2, E) edges between all pairs of sensors of one window, both ways, no self loops."""
    same = window_N[:, None] == window_N[None, :]
    same.fill_diagonal_(False)
    return same.nonzero().T.contiguous()


def _mean_over_sensors(
    x_NLD: torch.Tensor, valid_NL: torch.Tensor, window_N: torch.Tensor, num_windows: int
) -> tuple[torch.Tensor, torch.Tensor]:
    weight = valid_NL.to(x_NLD.dtype)[..., None]
    total = x_NLD.new_zeros(num_windows, *x_NLD.shape[1:]).index_add(0, window_N, x_NLD * weight)
    count = weight.new_zeros(num_windows, *weight.shape[1:]).index_add(0, window_N, weight)
    return total / count.clamp_min(1.0), count[..., 0] > 0


AutoConfig.register(AnymoEncoderConfig.model_type, AnymoEncoderConfig)
AutoModel.register(AnymoEncoderConfig, ImuEncoder)
