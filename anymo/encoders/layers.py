"""Layers the encoders share.

Shapes: B windows, N worn sensors over the batch, T samples, L tokens in time, D width, H heads.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import softmax

from anymo.skeleton import hop_distance


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
    r"""Messages between the sensors one body wears, weighted by their distance on the skeleton.

    .. math:: x_i' = x_i + \sum_{j \in \mathcal{N}(i)} \alpha_{ij} (W x_j + e_{ij}), \quad
        \alpha_{ij} = \mathrm{softmax}_j\, a^\top \tanh(U x_i + V x_j + e_{ij})

    with e the embedding of the number of joints between the two segments (after GATv2, Brody et al. 2022).
    Nodes are worn sensors; every node carries L tokens, treated alike. A lone sensor is left as it is.

    Shapes: nodes (N, L, D), edge_index (2, E), segment (N,) -> (N, L, D).
    """

    def __init__(self, width: int) -> None:
        super().__init__(aggr="add", node_dim=0)
        distance = torch.from_numpy(hop_distance())
        # Saved with the weights: transformers leaves other buffers uninitialised when it loads a model.
        self.register_buffer("distance", distance)
        self.norm = nn.LayerNorm(width)
        self.hop = nn.Embedding(int(distance.max()) + 1, width)
        self.target, self.source = nn.Linear(width, width), nn.Linear(width, width)
        self.score, self.value = nn.Linear(width, 1), nn.Linear(width, width)

    def forward(
        self, x_NLD: torch.Tensor, valid_NL: torch.Tensor, edge_index: torch.Tensor, segment: torch.Tensor
    ) -> torch.Tensor:
        """Pass one round of messages; a token that is not valid sends none."""
        x = self.norm(x_NLD)
        messages: torch.Tensor = self.propagate(
            edge_index,
            target=self.target(x),
            source=self.source(x),
            value=self.value(x),
            hop=self.hop(self.distance[segment[edge_index[0]], segment[edge_index[1]]]),
            valid=valid_NL,
            size=None,
        )
        return x_NLD + messages

    def message(
        self,
        target_i: torch.Tensor,
        source_j: torch.Tensor,
        value_j: torch.Tensor,
        valid_j: torch.Tensor,
        hop: torch.Tensor,
        index: torch.Tensor,
    ) -> torch.Tensor:
        """(E, L, D) messages of edges j -> i."""
        edge = hop[:, None, :]
        score = self.score(torch.tanh(target_i + source_j + edge))
        weight: torch.Tensor = softmax(score.masked_fill(~valid_j[..., None], -1e4), index, dim=0)
        return weight * valid_j[..., None] * (value_j + edge)


def masked_mean(x: torch.Tensor, valid: torch.Tensor, dim: int) -> torch.Tensor:
    """Mean over the valid entries of one dimension; `valid` has the shape of x without its last axis."""
    weight = valid.to(x.dtype).unsqueeze(-1)
    return (x * weight).sum(dim) / weight.sum(dim).clamp_min(1.0)
