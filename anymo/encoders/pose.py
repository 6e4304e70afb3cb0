"""Pose tower: joint rotations over time to an embedding (after Multi3Net, arXiv 2406.01316)."""

import torch
from torch import nn
from transformers import PreTrainedModel

from anymo.encoders.configuration import PoseEncoderConfig
from anymo.encoders.layers import TemporalBlock, sinusoidal_positions


class PoseEncoder(PreTrainedModel):
    """Transformer over patches of pose frames."""

    config_class = PoseEncoderConfig
    main_input_name = "pose"

    def __init__(self, config: PoseEncoderConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.patch = nn.Conv1d(config.pose_size, width, config.patch_frames, stride=config.patch_frames)
        self.blocks = nn.ModuleList(TemporalBlock(width, config.num_heads) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config.embedding_size)
        self.post_init()

    def forward(self, pose: torch.Tensor) -> torch.Tensor:
        """Pose (B, F, pose_size) as `anymo.data.corpus.pose_features` gives it, to unit embeddings (B, E)."""
        x_BLD = self.patch(pose.transpose(1, 2)).transpose(1, 2)
        x_BLD = x_BLD + sinusoidal_positions(x_BLD.shape[1], x_BLD.shape[2], x_BLD.device)
        valid_BL = torch.ones(x_BLD.shape[:2], dtype=torch.bool, device=x_BLD.device)
        for block in self.blocks:
            x_BLD = block(x_BLD, valid_BL)
        return nn.functional.normalize(self.head(self.norm(x_BLD).mean(dim=1)), dim=-1)
