"""The papers' encoder: a spatial-temporal graph convolution over all 23 nodes of the body.

ST-GCN (Yan et al. 2018, arXiv 1801.07455) as AnyMo (arXiv 2605.22715) and UniMTS (arXiv 2410.19818) use it.

Shapes: B windows, N worn sensors over the batch, T samples, V = 23 nodes, C channels, L tokens, D width.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from anymo.encoders.configuration import AnymoEncoderConfig
from anymo.encoders.worn import BodyLatents
from anymo.records import WindowBatch
from anymo.skeleton import NUM_SEGMENTS, SEGMENTS, edges, hop_distance

_KERNEL = 9  # samples
_STRIDED = (4, 7)  # blocks with stride 2
_PELVIS = 0


def spatial_partition() -> npt.NDArray[np.float64]:
    """(3, 23, 23) adjacency A D⁻¹ split by distance to the pelvis: the node itself, outer, inner neighbours.

    Entry [k, v, w] weighs what node w takes from node v; columns of the sum are means (Yan et al. 2018,
    section 3.3, "spatial configuration").
    """
    adjacency = np.eye(NUM_SEGMENTS)
    adjacency[tuple(edges())] = 1.0
    mean = adjacency / adjacency.sum(axis=0, keepdims=True)
    depth = hop_distance()[_PELVIS]
    further = np.sign(depth[:, None] - depth[None, :])
    return np.stack([np.where(further == side, mean, 0.0) for side in (0, 1, -1)])


class ObservedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation by the statistics of what was observed; BatchNorm1d where everything was."""

    def forward(self, x_BCT: torch.Tensor, seen_BCT: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Normalise; values that were not seen must be finite, and mean nothing in the result.

        Args:
            x_BCT: (B, C, T).
            seen_BCT: (B, C, T) bool.

        Returns:
            (B, C, T).
        """
        if not self.training:
            return super().forward(x_BCT)
        seen = seen_BCT.to(x_BCT.dtype)
        count = seen.sum((0, 2))
        mean = (x_BCT * seen).sum((0, 2)) / count.clamp_min(1)
        var = ((x_BCT - mean[:, None]).square() * seen).sum((0, 2)) / count.clamp_min(1)
        with torch.no_grad():
            rate = torch.where(count > 1, self.momentum or 0.1, 0.0)
            self.running_mean.lerp_(mean, rate)  # type: ignore[union-attr]
            self.running_var.lerp_(var * count / (count - 1).clamp_min(1), rate)  # type: ignore[union-attr]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        scale = self.weight * (var + self.eps).rsqrt()
        return (x_BCT - mean[:, None]) * scale[:, None] + self.bias[:, None]


class StgcnBlock(nn.Module):
    """Graph convolution over the three subsets of neighbours, convolution in time, residual."""

    def __init__(
        self, channels: int, width: int, stride: int, *, is_first: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.graph = nn.Conv2d(channels, 3 * width, 1)
        self.time = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, (_KERNEL, 1), (stride, 1), (_KERNEL // 2, 0)),
            nn.BatchNorm2d(width),
            nn.Dropout(dropout),
        )
        self.is_first = is_first
        self.residual: nn.Module = nn.Identity()
        if not is_first and (channels != width or stride != 1):
            self.residual = nn.Sequential(nn.Conv2d(channels, width, 1, (stride, 1)), nn.BatchNorm2d(width))

    def forward(self, x_BCTV: torch.Tensor, adjacency_KVV: torch.Tensor) -> torch.Tensor:
        """(B, C, T, V) to (B, D, T / stride, V)."""
        parts = self.graph(x_BCTV).unflatten(1, (3, -1))
        mixed = torch.einsum("bkctv,kvw->bctw", parts, adjacency_KVV.to(parts.dtype)).contiguous()
        mixed = self.time(mixed)
        return F.relu(mixed if self.is_first else mixed + self.residual(x_BCTV))


class StgcnBackbone(nn.Module):
    """Ten ST-GCN blocks over 23 nodes; what no sensor tells is a learned token, or (UniMTS) zero.

    With the token, missing values are replaced after the input normalisation, by the same 6 numbers at all
    nodes and samples, and the normalisation does not count them. With zeros they are before it, and it does.
    """

    def __init__(self, config: AnymoEncoderConfig) -> None:
        super().__init__()
        self.channels = 6 if config.use_gyro else 3
        self.samples_per_token = config.patch_samples
        self.mask_token = nn.Parameter(torch.zeros(self.channels)) if config.masked_nodes == "token" else None
        self.input_norm = ObservedBatchNorm(NUM_SEGMENTS * self.channels)
        # Saved with the weights: transformers leaves other buffers uninitialised when it loads a model.
        self.register_buffer("adjacency", torch.from_numpy(spatial_partition()).float())
        base = config.base_channels
        widths = (base,) * 4 + (2 * base,) * 3 + (4 * base,) * 2 + (config.hidden_size,)
        self.blocks = nn.ModuleList(
            StgcnBlock(
                before,
                width,
                2 if k in _STRIDED else 1,
                is_first=k == 0,
                dropout=config.dropout if k else 0.0,
            )
            for k, (before, width) in enumerate(zip((self.channels, *widths), widths, strict=False))
        )
        self.edge_importance = nn.ParameterList(torch.ones(3, NUM_SEGMENTS, NUM_SEGMENTS) for _ in widths)

    def forward(self, batch: WindowBatch) -> BodyLatents:
        """Latents of a batch of windows, each with a worn sensor.

        Raises:
            ValueError: a window has two sensors on one segment.
        """
        window = batch.worn.nonzero(as_tuple=True)[0]
        segment, valid_NT = batch.segment[batch.worn], batch.sample_valid[batch.worn]
        _check_one_per_segment(window, segment)
        x = self._nodes(batch, window, segment, valid_NT)
        for block, importance in zip(self.blocks, self.edge_importance, strict=True):
            x = block(x, self.adjacency * importance)
        nodes_BVLD = x.permute(0, 3, 2, 1)
        rest = -valid_NT.shape[1] % self.samples_per_token
        valid_NL = F.pad(valid_NT, (0, rest)).unflatten(1, (-1, self.samples_per_token)).any(dim=-1)
        count = torch.zeros(len(batch), valid_NL.shape[1], dtype=torch.int64, device=x.device)
        sequence_valid = count.index_add(0, window, valid_NL.long()) > 0
        return BodyLatents(nodes_BVLD.mean(1), sequence_valid, nodes_BVLD[window, segment], valid_NL)

    def _nodes(
        self, batch: WindowBatch, window: torch.Tensor, segment: torch.Tensor, valid_NT: torch.Tensor
    ) -> torch.Tensor:
        """(B, C, T, V) normalised signals of all nodes, with what is missing replaced."""
        signal = batch.signal[batch.worn][..., : self.channels]
        has_gyro = batch.has_gyro[batch.worn][:, None, None]
        seen_NTC = valid_NT[..., None] & (has_gyro | (torch.arange(self.channels, device=signal.device) < 3))
        shape = (len(batch), NUM_SEGMENTS, *signal.shape[1:])
        x, seen = signal.new_zeros(shape), seen_NTC.new_zeros(shape)
        x[window, segment] = signal.masked_fill(~seen_NTC, 0.0)
        seen[window, segment] = seen_NTC
        x_BCT, seen_BCT = x.transpose(2, 3).flatten(1, 2), seen.transpose(2, 3).flatten(1, 2)
        x_BCT = x_BCT.to(self.input_norm.weight.dtype)
        x_BCT = self.input_norm(x_BCT, torch.ones_like(seen_BCT) if self.mask_token is None else seen_BCT)
        if self.mask_token is not None:
            x_BCT = torch.where(seen_BCT, x_BCT, self.mask_token.repeat(NUM_SEGMENTS)[:, None])
        x_BVCT: torch.Tensor = x_BCT.unflatten(1, (NUM_SEGMENTS, -1))
        return x_BVCT.permute(0, 2, 3, 1).contiguous()


def _check_one_per_segment(window: torch.Tensor, segment: torch.Tensor) -> None:
    node, times = (window * NUM_SEGMENTS + segment).unique(return_counts=True)
    if twice := node[times > 1].tolist():
        where, which = divmod(twice[0], NUM_SEGMENTS)
        raise ValueError(
            f"encoder: stgcn takes one sensor per segment, got two on {SEGMENTS[which]} in window {where}; "
            'keep one of them, or use architecture="worn"'
        )
