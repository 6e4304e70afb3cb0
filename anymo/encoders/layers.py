"""Layers the encoders share.

Shapes: B windows, N worn sensors over the batch, T samples, L tokens in time, D width, H heads.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import softmax

from anymo.skeleton import hop_distance, path_length

_BASIS_M = 0.25  # step and width of the radial basis functions of path length


def sinusoidal_positions(length: int, width: int, device: torch.device) -> torch.Tensor:
    """(L, D) sine and cosine positions of any length (Vaswani et al. 2017, section 3.5)."""
    position = torch.arange(length, device=device)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    return torch.cat([torch.sin(position * rate), torch.cos(position * rate)], dim=-1)


class TemporalBlock(nn.Module):
    """Pre-norm self-attention and feed-forward over time; masked tokens are attended by nobody."""

    def __init__(self, width: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads, self.dropout = num_heads, dropout
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feedforward = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(3 * width, width)
        )

    def forward(self, x_NLD: torch.Tensor, valid_NL: torch.Tensor) -> torch.Tensor:
        """(N, L, D) and (N, L) bool to (N, L, D)."""
        n, length, width = x_NLD.shape
        q, k, v = (
            self.qkv(self.norm_attention(x_NLD))
            .view(n, length, 3, self.num_heads, width // self.num_heads)
            .permute(2, 0, 3, 1, 4)
        )
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=valid_NL[:, None, None, :], dropout_p=self.dropout if self.training else 0.0
        )
        x_NLD = x_NLD + self.out(mixed.transpose(1, 2).reshape(n, length, width))
        fed_forward: torch.Tensor = self.feedforward(self.norm_feedforward(x_NLD))
        return x_NLD + fed_forward


class SkeletonConv(MessagePassing):
    r"""Messages between the sensors one body wears, weighted by how far apart they are on the skeleton.

    .. math:: x_i' = x_i + \sum_{j \in \mathcal{N}(i)} \alpha_{ij} (W x_j + e_{ij}), \quad
        \alpha_{ij} = \mathrm{softmax}_j\, a^\top \tanh(U x_i + V x_j + e_{ij})

    with e the embedding of the distance between the two segments: of the number of joints (none, for two
    sensors on one segment, has its own), and of the path length in radial basis functions (after GATv2,
    Brody et al. 2022, and SchNet, Schütt et al. 2017). Nodes are worn sensors; every node carries L tokens,
    treated alike. A lone sensor is left as it is.

    Shapes: nodes (N, L, D), edge_index (2, E), segment (N,) -> (N, L, D).
    """

    def __init__(self, width: int) -> None:
        super().__init__(aggr="add", node_dim=0)
        # Saved with the weights: transformers leaves other buffers uninitialised when it loads a model.
        self.register_buffer("hops", torch.from_numpy(hop_distance()))
        self.register_buffer("path_m", torch.from_numpy(path_length()).float())
        self.register_buffer("centres_m", torch.arange(0.0, float(self.path_m.max()) + _BASIS_M, _BASIS_M))
        self.norm = nn.LayerNorm(width)
        self.hop = nn.Embedding(int(self.hops.max()) + 1, width)
        self.length = nn.Linear(len(self.centres_m), width, bias=False)
        self.target, self.source = nn.Linear(width, width), nn.Linear(width, width)
        self.score, self.value = nn.Linear(width, 1, bias=False), nn.Linear(width, width)

    def forward(
        self, x_NLD: torch.Tensor, valid_NL: torch.Tensor, edge_index: torch.Tensor, segment: torch.Tensor
    ) -> torch.Tensor:
        """Pass one round of messages; a token that is not valid sends none.

        Args:
            x_NLD: (N, L, D) tokens of the sensors.
            valid_NL: (N, L) bool.
            edge_index: (2, E) int64 from and to which sensor, of one window.
            segment: (N,) int64 index into skeleton.SEGMENTS.

        Returns:
            (N, L, D).
        """
        if edge_index.shape[1] == 0 and not self.training:
            return x_NLD
        x = self.norm(x_NLD)
        messages: torch.Tensor = self.propagate(
            edge_index,
            target=self.target(x),
            source=self.source(x),
            value=self.value(x),
            edge=self.edge(segment[edge_index[0]], segment[edge_index[1]]),
            valid=valid_NL,
            size=None,
        )
        return x_NLD + messages

    def edge(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """(E, D) embedding of the distance between segments, given by index, (E,) each."""
        away = (self.path_m[one, other][:, None] - self.centres_m) / _BASIS_M
        embedding: torch.Tensor = self.hop(self.hops[one, other]) + self.length(torch.exp(-0.5 * away**2))
        return embedding

    def message(
        self,
        target_i: torch.Tensor,
        source_j: torch.Tensor,
        value_j: torch.Tensor,
        valid_j: torch.Tensor,
        edge: torch.Tensor,
        index: torch.Tensor,
    ) -> torch.Tensor:
        """(E, L, D) messages of edges j -> i."""
        edge = edge[:, None, :]
        score = self.score(torch.tanh(target_i + source_j + edge))
        weight: torch.Tensor = softmax(score.masked_fill(~valid_j[..., None], -1e4), index, dim=0)
        return weight * valid_j[..., None] * (value_j + edge)


def masked_mean(x: torch.Tensor, valid: torch.Tensor, dim: int) -> torch.Tensor:
    """Mean over the valid entries of one dimension; 0 where there is none.

    Args:
        x: (..., D).
        valid: (...) bool, the shape of x without its last axis.
        dim: one of the axes of `valid`.

    Returns:
        x without that axis.
    """
    weight = valid.to(x.dtype).unsqueeze(-1)
    return (x * weight).sum(dim) / weight.sum(dim).clamp_min(1.0)
