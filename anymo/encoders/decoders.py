"""Heads from latents to what pre-training asks of them: the other view's latents, and signals.

Shapes: B windows, M streams of latents, L tokens in time, D width, H heads, K placements, T samples.
"""

import torch
from torch import nn
from torch.nn import functional as F

from anymo.encoders.layers import TemporalBlock, sinusoidal_positions
from anymo.records import GRAVITY_MPS2
from anymo.simulation import placement_matrix
from anymo.skeleton import NUM_SEGMENTS

# Sizes of A m/s², u, B 1/s² and w rad/s (anymo.simulation.kinematics) that the decoder's units stand for:
# B is an acceleration over the 0.1 m that a sensor is from its joint.
_UNIT = (GRAVITY_MPS2,) * 3 + (1.0,) * 3 + (10 * GRAVITY_MPS2,) * 9 + (3.0,) * 3


def as_samples(x: torch.Tensor, num_channels: int, num_samples: int) -> torch.Tensor:
    """(..., L, patch x C) patches of tokens, laid end to end: (..., T, C)."""
    samples: torch.Tensor = x.unflatten(-1, (-1, num_channels)).flatten(-3, -2)
    return samples[..., :num_samples, :]


class Predictor(nn.Module):
    """One view's body latents to the other's: a pre-norm transformer over time (AnyMo, arXiv 2605.22715)."""

    def __init__(self, width: int, num_heads: int, num_layers: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(TemporalBlock(width, num_heads) for _ in range(num_layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, x_BLD: torch.Tensor, valid_BL: torch.Tensor) -> torch.Tensor:
        """(B, L, D) and (B, L) bool to (B, L, D)."""
        x_BLD = x_BLD + sinusoidal_positions(x_BLD.shape[1], x_BLD.shape[2], x_BLD.device)
        for block in self.blocks:
            x_BLD = block(x_BLD, valid_BL)
        predicted: torch.Tensor = self.head(self.norm(x_BLD))
        return predicted


class PlacementDecoder(nn.Module):
    """Latents to the ideal signal of a sensor anywhere on the body; the placement is the query.

    What is decoded is the motion of the queried segment, the 18 numbers per sample that every ideal sensor on
    it is linear in; the simulator's own matrix of offset and mounting makes the signal of them. So turning
    or shifting the queried sensor is exact and nothing that has to be learnt.

    Per token, the segment attends over the streams of latents (the sensors worn, or the pose), modulates
    what it took (FiLM, Perez et al. 2018), and a transformer block runs over time.
    """

    def __init__(self, memory_width: int, width: int, num_heads: int, patch_samples: int) -> None:
        super().__init__()
        self.num_heads, self.patch_samples = num_heads, patch_samples
        self.segment = nn.Embedding(NUM_SEGMENTS, 3 * width)
        self.norm_memory, self.memory = nn.LayerNorm(memory_width), nn.Linear(memory_width, 2 * width)
        self.block, self.norm = TemporalBlock(width, num_heads), nn.LayerNorm(width)
        self.head = nn.Linear(width, patch_samples * len(_UNIT))
        nn.init.zeros_(self.head.weight)  # begins at no motion in no gravity: learns faster than from noise
        nn.init.zeros_(self.head.bias)
        self.unit = nn.Buffer(torch.tensor(_UNIT), persistent=False)

    def forward(
        self,
        memory_BMLD: torch.Tensor,
        valid_BML: torch.Tensor,
        segment_BK: torch.Tensor,
        offset_BK3: torch.Tensor,
        rotation_BK33: torch.Tensor,
        num_samples: int,
    ) -> torch.Tensor:
        """Signals at queried placements.

        Args:
            memory_BMLD: (B, M, L, D) streams of latents.
            valid_BML: (B, M, L) bool, which of them saw something.
            segment_BK: (B, K) int64 index into skeleton.SEGMENTS.
            offset_BK3: (B, K, 3) in the segment frame, m.
            rotation_BK33: (B, K, 3, 3) segment from sensor.
            num_samples: T, at most L times the samples of a patch.

        Returns:
            (B, K, T, 6) specific force m/s² and angular velocity rad/s, sensor frame.
        """
        query, scale, shift = self.segment(segment_BK).chunk(3, dim=-1)
        seen_BL = valid_BML.any(dim=1)
        taken = self._attend(query, memory_BMLD, valid_BML | ~seen_BL[:, None])
        x_BKLD = taken * (1 + scale[:, :, None]) + shift[:, :, None]
        valid = seen_BL[:, None].expand(x_BKLD.shape[:3]).flatten(0, 1)
        x = self.head(self.norm(self.block(x_BKLD.flatten(0, 1), valid)))
        features = as_samples(x, len(_UNIT), num_samples) * self.unit
        signal = features @ placement_matrix(offset_BK3.flatten(0, 1), rotation_BK33.flatten(0, 1))
        return signal.view(*segment_BK.shape, *signal.shape[1:])

    def _attend(
        self, query_BKD: torch.Tensor, memory_BMLD: torch.Tensor, valid_BML: torch.Tensor
    ) -> torch.Tensor:
        """What each query takes from the streams at each token: (B, K, L, D)."""
        heads = (-1, self.num_heads, query_BKD.shape[-1] // self.num_heads)
        q = query_BKD[:, None].expand(-1, memory_BMLD.shape[2], -1, -1).unflatten(-1, heads[1:])
        k, v = self.memory(self.norm_memory(memory_BMLD)).transpose(1, 2).chunk(2, dim=-1)
        k, v = k.unflatten(-1, heads[1:]), v.unflatten(-1, heads[1:])
        taken = F.scaled_dot_product_attention(
            q.transpose(2, 3), k.transpose(2, 3), v.transpose(2, 3),
            attn_mask=valid_BML.transpose(1, 2)[:, :, None, None],
        )  # (B, L, H, K, D / H)  # fmt: skip
        return taken.permute(0, 3, 1, 2, 4).flatten(-2)
