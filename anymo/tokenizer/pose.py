"""Latents to body pose, so that tokens can be looked at.

Shapes: B windows, L latents, D width, F pose frames at 12 Hz, 23 segments.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import roma
import torch
from torch import nn
from torch.nn import functional as F
from transformers.utils import ModelOutput

from anymo.data.arrow import POSE_HZ, POSE_SIZE
from anymo.encoders.decoders import as_samples
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, NUM_SEGMENTS, forward_kinematics

Floats = npt.NDArray[np.float64]


@dataclass
class PoseOutput(ModelOutput):
    """Pose at 12 Hz, free of place and heading (every field is set).

    features   as `anymo.data.clip.pose_features` gives them               (B, F, POSE_SIZE)
    rotations  parent from segment; of the pelvis, heading from pelvis     (B, F, 23, 3, 3)
    velocity   of the pelvis in its heading frame (x ahead, z up), m/s     (B, F, 3)
    """

    features: torch.Tensor = None  # type: ignore[assignment]
    rotations: torch.Tensor = None  # type: ignore[assignment]
    velocity: torch.Tensor = None  # type: ignore[assignment]

    @classmethod
    def of(cls, features: torch.Tensor) -> "PoseOutput":
        """Features (B, F, POSE_SIZE) with the rotations nearest to them (Gram-Schmidt, Zhou et al. 2019)."""
        columns = features[..., :-3].unflatten(-1, (NUM_SEGMENTS, 3, 2))
        rotations = roma.special_gramschmidt(columns)
        return cls(features=features, rotations=rotations, velocity=features[..., -3:])

    def positions(self) -> tuple[Floats, Floats]:
        """Joints (B, F, 23, 3) m of the default skeleton, pelvis at 0, heading x, and (B, F, 23, 3, 3) turns.

        The turns are of the segments, heading from segment.
        """
        shape = self.rotations.shape[:2]
        rotations = self.rotations.flatten(0, 1).double().numpy(force=True)
        joints, turns = forward_kinematics(np.zeros((len(rotations), 3)), rotations, DEFAULT_JOINT_OFFSETS)
        return joints.reshape(*shape, NUM_SEGMENTS, 3), turns.reshape(*shape, NUM_SEGMENTS, 3, 3)


class PoseHead(nn.Module):
    """Each latent to the pose frames within it; it begins at one pose for all."""

    def __init__(self, width: int, latent_s: float) -> None:
        super().__init__()
        self.frames_per_latent = POSE_HZ * latent_s
        self.frames_made = max(1, round(self.frames_per_latent))
        self.hidden = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU())
        self.frames = nn.Linear(2 * width, self.frames_made * POSE_SIZE)

    def start_at(self, pose_P: torch.Tensor) -> None:
        """Give this pose (POSE_SIZE,), for instance the mean, whatever the latents are."""
        nn.init.zeros_(self.frames.weight)
        with torch.no_grad():
            self.frames.bias.copy_(pose_P.repeat(self.frames_made))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Features (B, F, POSE_SIZE) of latents (B, L, D); F is what 12 Hz has in their time."""
        length = latents.shape[1]
        frames = as_samples(self.frames(self.hidden(latents)), POSE_SIZE, length * self.frames_made)
        num = int(length * self.frames_per_latent + 1e-6)
        if frames.shape[1] == num:
            return frames
        return F.interpolate(frames.transpose(1, 2), size=num, mode="linear").transpose(1, 2)

    def valid(self, valid_BL: torch.Tensor, num_frames: int) -> torch.Tensor:
        """(B, F) frames whose latent is valid; none past the last latent."""
        latent = (torch.arange(num_frames, device=valid_BL.device) / self.frames_per_latent + 1e-6).long()
        return valid_BL[:, latent.clamp(max=valid_BL.shape[1] - 1)] & (latent < valid_BL.shape[1])
