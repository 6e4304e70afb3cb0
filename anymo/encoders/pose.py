"""Pose tower: joint rotations over time to an embedding (after Multi3Net, arXiv 2406.01316)."""

import torch
from torch import nn

from anymo.encoders.configuration import PoseEncoderConfig
from anymo.encoders.layers import TemporalBlock, masked_mean, sinusoidal_positions
from anymo.encoders.pretrained import SafeModel


class PoseEncoder(SafeModel):
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

    def forward(self, pose: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """Pose to unit embeddings (B, E).

        Args:
            pose: (B, F, pose_size) as `anymo.data.corpus.pose_features` gives it.
            valid: (B, F) bool, frames that are there; a token with a frame missing counts for nothing.

        Raises:
            ValueError: F is no multiple of `patch_frames`, or a window has no whole token.
        """
        return self.pool(self.sequence(pose, valid), valid)

    def sequence(self, pose: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """Pose (B, F, pose_size) to latents (B, L, D), one per `patch_frames` frames.

        Args:
            pose: (B, F, pose_size) as `anymo.data.corpus.pose_features` gives it.
            valid: (B, F) bool, frames that are there.

        Raises:
            ValueError: as `forward`.
        """
        frames, patch = pose.shape[1], self.config.patch_frames
        if frames % patch or frames == 0:
            raise ValueError(
                f"pose encoder: expected a multiple of {patch} frames, got {frames}; cut the windows to "
                "whole tokens, or pad them and say so in `valid`"
            )
        seen_BL = self._seen(valid, pose.shape[:2], pose.device)
        if valid is not None:
            pose = pose.masked_fill(~valid[..., None], 0.0)  # of tokens that nobody reads: NaN would spread
        x_BLD = self.patch(pose.transpose(1, 2).to(self.patch.weight.dtype)).transpose(1, 2)
        positions = sinusoidal_positions(x_BLD.shape[1], x_BLD.shape[2], x_BLD.device)
        x_BLD = x_BLD + positions.to(x_BLD.dtype)
        for block in self.blocks:
            x_BLD = block(x_BLD, seen_BL)
        latents: torch.Tensor = self.norm(x_BLD)
        return latents

    def pool(self, latents: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """Latents (B, L, D) of `sequence`, and its mask of frames, to unit embeddings (B, E).

        Raises:
            ValueError: a window has no whole token.
        """
        shape = torch.Size([len(latents), latents.shape[1] * self.config.patch_frames])
        mean = masked_mean(latents, self._seen(valid, shape, latents.device), dim=1)
        return nn.functional.normalize(self.head(mean), dim=-1)

    def _seen(self, valid: torch.Tensor | None, shape: torch.Size, device: torch.device) -> torch.Tensor:
        """(B, L) tokens all of whose frames are there."""
        if valid is None:
            valid = torch.ones(shape, dtype=torch.bool, device=device)
        seen_BL: torch.Tensor = valid.unflatten(1, (-1, self.config.patch_frames)).all(dim=-1)
        if bare := (~seen_BL.any(dim=1)).nonzero().flatten().tolist():
            raise ValueError(
                f"pose encoder: expected {self.config.patch_frames} frames in a row that are valid, got none "
                f"in windows {bare[:5]}; leave these windows out"
            )
        return seen_BL
