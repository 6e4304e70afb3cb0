"""Product quantiser: each group of a vector snaps to its own codebook.

Shapes: N vectors, G groups, K codes, C code width.
"""

import torch
from torch import nn
from torch.nn import functional as F


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

    def nearest(self, z_NGC: torch.Tensor) -> torch.Tensor:
        """(N, G) index of the nearest code of each group, Euclidean."""
        return torch.cdist(z_NGC.transpose(0, 1), self.codes).argmin(dim=-1).T

    def lookup(self, index_NG: torch.Tensor) -> torch.Tensor:
        """(N, G, C) codes of indices."""
        groups = torch.arange(self.codes.shape[0], device=index_NG.device)
        return self.codes[groups, index_NG]

    @torch.no_grad()
    def update(self, z_NGC: torch.Tensor, index_NG: torch.Tensor) -> None:
        """Move the codes toward the vectors that chose them, and revive the dead ones."""
        z = z_NGC.detach().float()
        hot = F.one_hot(index_NG.T, self.codes.shape[1]).to(z.dtype)
        self.counts.lerp_(_over_processes(hot.sum(dim=1)), 1 - self.decay)
        self.sums.lerp_(_over_processes(torch.einsum("gnk,ngc->gkc", hot, z)), 1 - self.decay)
        mean = self.counts.mean(dim=1, keepdim=True).expand_as(self.counts)
        dead = self.counts <= self.dead_share * mean
        self.sums[dead] = (mean[..., None] * _of_first_process(_drawn(z, dead.shape[1])))[dead]
        self.counts.copy_(torch.where(dead, mean, self.counts))
        self.codes.copy_(self.sums / self.counts[..., None].clamp_min(1e-5))


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
