"""What is learnt beside the adapter: embeddings of motion tokens, and the heads of contrastive learning.

Shapes: G groups, K codes, C code width, H width of the language model, B rows, S soft prompts, E embedding.
"""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

Side = Literal["motion", "text"]
_SOFT_PROMPTS = 8  # as AnyMo


class MotionEmbedding(nn.Module):
    """Embeddings of motion tokens, projected from the tokenizer's codebook.

    A linear map per group, fitted by `fit`, and a correction that starts at zero.
    """

    def __init__(self, codebook_GKC: torch.Tensor, width: int) -> None:
        super().__init__()
        groups, _, code_width = codebook_GKC.shape
        self.codebook = nn.Buffer(codebook_GKC.clone())
        self.weight = nn.Parameter(torch.randn(groups, code_width, width) * 0.02)
        self.bias = nn.Parameter(torch.zeros(groups, 1, width))
        last = nn.Linear(width, width)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.correction = nn.Sequential(nn.Linear(code_width, width), nn.GELU(), last)
        self.edges = nn.Parameter(torch.randn(2, width) * 0.02)

    def forward(self, index_N: torch.Tensor | None = None) -> torch.Tensor:
        """(N, H) of places in `MotionVocabulary`; None gives all 2 + G K."""
        groups, num, _ = self.codebook.shape
        if index_N is None:
            index_N = torch.arange(2 + groups * num, device=self.bias.device)
        place = (index_N - 2).clamp_min(0)
        codes = self.codebook.flatten(0, 1)[place]
        linear = torch.matmul(codes, self.weight) + self.bias
        rows = linear[place // num, torch.arange(len(place), device=place.device)] + self.correction(codes)
        return torch.where((index_N < 2)[:, None], self.edges[index_N.clamp_max(1)], rows)

    @torch.no_grad()
    def fit(self, codes_BG: torch.Tensor, target_BH: torch.Tensor, ridge: float = 1.0) -> None:
        """Start the linear maps at the ridge regression from codes to the words they should stand beside.

        Args:
            codes_BG: codes of latent steps.
            target_BH: for each, the mean input embedding of its activity's tokens.
            ridge: penalty on the weights.
        """
        mean = target_BH.mean(dim=0)
        for group, codebook in enumerate(self.codebook):
            x = codebook[codes_BG[:, group]]
            centre = x.mean(dim=0)
            gram = (x - centre).T @ (x - centre) + ridge * torch.eye(x.shape[1], device=x.device)
            self.weight[group] = torch.linalg.solve(gram, (x - centre).T @ (target_BH - mean))
            self.bias[group] = mean - centre @ self.weight[group]


class SoftPrompt(nn.Module):
    """Learned input embeddings (S, H), in no vocabulary (Lester et al. 2021, arXiv 2104.08691)."""

    def __init__(self, num: int, width: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(num, width) * 0.02)

    def forward(self, size: int) -> torch.Tensor:
        """(size, S, H)."""
        return self.rows.expand(size, -1, -1)


class ContrastiveHeads(nn.Module):
    """A unit embedding of motion and of text, each read by soft prompts that follow what is read.

    Behind it, as attention is causal, they see all of it; AnyMo puts its eight before the text and pools the
    text's own states with another attention.
    """

    def __init__(self, width: int, size: int, num_soft: int = _SOFT_PROMPTS) -> None:
        super().__init__()
        sides: tuple[Side, Side] = ("motion", "text")
        self.size, self.num_soft = size, num_soft
        self.soft = nn.ModuleDict({side: SoftPrompt(num_soft, width) for side in sides})
        self.project = nn.ModuleDict({side: nn.Linear(width, size, bias=False) for side in sides})

    def place(self, side: Side, x_BNH: torch.Tensor, length_B: torch.Tensor) -> torch.Tensor:
        """Rows of so many positions with the soft prompts of a side behind them; N has room for both."""
        soft = self.soft[side](len(x_BNH)).to(x_BNH.dtype)
        rows, positions = _behind(length_B, self.num_soft)
        return x_BNH.index_put((rows, positions), soft)

    def read(self, side: Side, hidden_BNH: torch.Tensor, length_B: torch.Tensor) -> torch.Tensor:
        """(B, E) from the mean of the hidden states there."""
        rows, positions = _behind(length_B, self.num_soft)
        project = self.project[side]
        pooled = hidden_BNH[rows, positions].mean(dim=1).to(next(project.parameters()).dtype)
        return F.normalize(project(pooled).float(), dim=-1)


def _behind(length_B: torch.Tensor, num: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.arange(len(length_B), device=length_B.device)[:, None]
    return rows, length_B[:, None] + torch.arange(num, device=length_B.device)
