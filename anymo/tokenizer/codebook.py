"""Quantisers: vectors to indices of codes and back.

All take and give V vectors of width C per step, have `codes` (G, K, C), and one index per group. They are
written here and not taken from vector-quantize-pytorch 1.32, which does as much: it brings four packages
more, and its finite scalar quantiser keeps levels and codebook in buffers that are not saved, which
transformers leaves uninitialised when it loads a model; what is saved here is all there is, so a resumed run
and a loaded tokenizer are the same to the bit.

Shapes: N steps, G groups, K codes, C code width, V vectors (G, or 1 in "residual").
"""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from anymo.tokenizer.configuration import MotionTokenizerConfig


class ProductQuantizer(nn.Module):
    """Codebooks moved by exponential moving averages, dead codes revived from the batch.

    van den Oord et al. 2017 (arXiv 1711.00937), appendix A.1, in G independent groups (AnyMo, section on
    the tokenizer). On more than one process the sums are reduced, so all hold the same codes.
    """

    def __init__(
        self, num_groups: int, num_codes: int, code_size: int, decay: float, dead_share: float
    ) -> None:
        super().__init__()
        self.decay, self.dead_share = decay, dead_share
        self.codes = nn.Buffer(torch.randn(num_groups, num_codes, code_size) / code_size**0.5)
        # From zero: after the first batch a code nobody chose counts as dead, and starts on a latent.
        self.counts = nn.Buffer(torch.zeros(num_groups, num_codes))
        self.sums = nn.Buffer(torch.zeros_like(self.codes))

    @property
    def num_vectors(self) -> int:
        """V, of a step."""
        return len(self.codes)

    def bound(self, z_NVC: torch.Tensor) -> torch.Tensor:
        """The vectors themselves: codes may lie anywhere.

        Args:
            z_NVC: (N, V, C) latents.

        Returns:
            (N, V, C).
        """
        return z_NVC

    def nearest(self, z_NVC: torch.Tensor) -> torch.Tensor:
        """(N, G) index of the nearest code of each group, Euclidean."""
        return torch.cdist(z_NVC.transpose(0, 1).float(), self.codes.float()).argmin(dim=-1).T

    def lookup(self, index_NG: torch.Tensor) -> torch.Tensor:
        """(N, V, C) that indices stand for: of each group its code."""
        return chosen(self.codes, index_NG)

    @torch.no_grad()
    def update(self, z_NVC: torch.Tensor, index_NG: torch.Tensor) -> None:
        """Move the codes toward the vectors that chose them, and revive the dead ones.

        Args:
            z_NVC: (N, V, C) latents.
            index_NG: (N, G) int64 codes they chose.
        """
        z = z_NVC.detach().float()
        hot = F.one_hot(index_NG.T, self.codes.shape[1]).to(z.dtype)
        self.counts.lerp_(_over_processes(hot.sum(dim=1)), 1 - self.decay)
        self.sums.lerp_(_over_processes(torch.einsum("gnk,ngc->gkc", hot, z)), 1 - self.decay)
        mean = self.counts.mean(dim=1, keepdim=True).expand_as(self.counts)
        dead = self.counts <= self.dead_share * mean
        self.sums[dead] = (mean[..., None] * _of_first_process(_drawn(z, dead.shape[1])))[dead]
        self.counts.copy_(torch.where(dead, mean, self.counts))
        self.codes.copy_(self.sums / self.counts[..., None].clamp_min(1e-5))


class ResidualQuantizer(ProductQuantizer):
    """One vector per step; each codebook takes what the ones before it left over (arXiv 2107.03312, 3.3)."""

    @property
    def num_vectors(self) -> int:
        """One."""
        return 1

    def nearest(self, z_NVC: torch.Tensor) -> torch.Tensor:
        """(N, G) index of the code nearest to what is left, group after group."""
        left, index = z_NVC[:, 0].float(), []
        for codes in self.codes.float():
            index.append(torch.cdist(left, codes).argmin(dim=-1))
            left = left - codes[index[-1]]
        return torch.stack(index, dim=-1)

    def lookup(self, index_NG: torch.Tensor) -> torch.Tensor:
        """(N, 1, C) sum of the codes of all groups."""
        return chosen(self.codes, index_NG).sum(dim=1, keepdim=True)

    def update(self, z_NVC: torch.Tensor, index_NG: torch.Tensor) -> None:
        """Move each codebook's codes toward what was left for them.

        Args:
            z_NVC: (N, V, C) latents.
            index_NG: (N, G) int64 codes they chose.
        """
        codes = chosen(self.codes, index_NG)
        super().update(z_NVC - (codes.cumsum(dim=1) - codes), index_NG)


class FiniteScalarQuantizer(nn.Module):
    """Numbers squashed and rounded to a few levels each (Mentzer et al. 2023, arXiv 2309.15505, section 3.1).

    Nothing is learnt, and no code can be dead: the codebook is the grid of all levels, in [-1, 1].
    """

    def __init__(self, num_groups: int, levels: Sequence[int]) -> None:
        super().__init__()
        self.levels = tuple(levels)
        grid = torch.cartesian_prod(*(torch.arange(n) / (n // 2) - 1.0 for n in self.levels))
        self.codes = nn.Buffer(grid.view(-1, len(self.levels)).repeat(num_groups, 1, 1))

    @property
    def num_vectors(self) -> int:
        """V, of a step."""
        return len(self.codes)

    def bound(self, z_NVC: torch.Tensor) -> torch.Tensor:
        """Squashed to just beyond the grid's ends, so that they can be rounded to; 0 stays 0.

        Args:
            z_NVC: (N, V, C) latents.

        Returns:
            (N, V, C).
        """
        levels = torch.tensor(self.levels, device=z_NVC.device)
        half = (levels - 1) * 1.001 / 2
        offset = (levels % 2 == 0) * 0.5
        bounded = torch.tanh(z_NVC.float() + torch.atanh(offset / half)) * half - offset
        return (bounded / (levels // 2)).to(z_NVC.dtype)

    def nearest(self, z_NVC: torch.Tensor) -> torch.Tensor:
        """(N, G) index of the grid point that bounded vectors round to; the last number counts fastest."""
        levels = torch.tensor(self.levels, device=z_NVC.device)
        place = torch.tensor(
            [math.prod(self.levels[k + 1 :]) for k in range(len(self.levels))], device=z_NVC.device
        )
        digits = (z_NVC * (levels // 2)).round().long() + levels // 2
        return (digits * place).sum(dim=-1)

    def lookup(self, index_NG: torch.Tensor) -> torch.Tensor:
        """(N, V, C) grid points of indices."""
        return chosen(self.codes, index_NG)

    def update(self, z_NVC: torch.Tensor, index_NG: torch.Tensor) -> None:
        """Nothing: the grid stays where it is.

        Args:
            z_NVC: (N, V, C) latents.
            index_NG: (N, G) int64 codes they chose.
        """


def quantizer_of(config: MotionTokenizerConfig) -> ProductQuantizer | FiniteScalarQuantizer:
    """The quantiser that a config names."""
    if config.quantizer == "fsq":
        return FiniteScalarQuantizer(config.num_groups, config.levels)
    kind = ProductQuantizer if config.quantizer == "product" else ResidualQuantizer
    return kind(config.num_groups, config.codebook_size, config.code_size, config.decay, config.dead_share)


def chosen(codes_GKC: torch.Tensor, index_NG: torch.Tensor) -> torch.Tensor:
    """(N, G, C) codes of indices."""
    return codes_GKC[torch.arange(len(codes_GKC), device=index_NG.device), index_NG]


def _is_distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _over_processes(x: torch.Tensor) -> torch.Tensor:
    """Sum over processes, which may bring different numbers of vectors."""
    if _is_distributed():
        torch.distributed.all_reduce(x)
    return x


def _of_first_process(x: torch.Tensor) -> torch.Tensor:
    if _is_distributed():
        torch.distributed.broadcast(x, src=0)
    return x


def _drawn(z_NGC: torch.Tensor, num: int) -> torch.Tensor:
    """(G, num, C) vectors drawn from the batch by torch's generator."""
    rows = torch.randint(len(z_NGC), (num,), device=z_NGC.device)
    return z_NGC[rows].transpose(0, 1).contiguous()
