"""Losses of pre-training. Each is a mean over its items, so weights in a config compare."""

import torch
from torch.nn import functional as F


def multi_positive_contrastive(
    similarity: torch.Tensor, positive: torch.Tensor, scale: torch.Tensor | float
) -> torch.Tensor:
    """Symmetric InfoNCE in which a row may have several positives (Khosla et al. 2020, equation 2).

    Args:
        similarity: (A, B) cosine similarities.
        positive: (A, B) bool; every row and every column that counts has one or more.
        scale: inverse temperature.
    """
    logits = similarity * scale
    target = positive.to(logits.dtype)
    rows = F.cross_entropy(logits, target / target.sum(1, keepdim=True).clamp_min(1))
    columns = F.cross_entropy(logits.T, target.T / target.T.sum(1, keepdim=True).clamp_min(1))
    return (rows + columns) / 2


def sequence_contrastive(
    predicted: torch.Tensor, target: torch.Tensor, valid: torch.Tensor, temperature: float
) -> torch.Tensor:
    """AnyMo's sequence InfoNCE: s(b, c) = mean over time of cosines, cross-entropy over the batch.

    Args:
        predicted: (B, L, D) from one view.
        target: (B, L, D) from the other view; no gradient flows into it.
        valid: (B, L) tokens both views saw.
        temperature: τ.
    """
    p = F.normalize(predicted, dim=-1) * valid[..., None]
    y = F.normalize(target.detach(), dim=-1)
    similarity = torch.einsum("bld,cld->bc", p, y) / valid.sum(1, keepdim=True).clamp_min(1)
    return F.cross_entropy(similarity / temperature, torch.arange(len(p), device=p.device))


def reconstruction(predicted: torch.Tensor, signal: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Smooth L1 on the whole window, and on its differences in time, over valid channels.

    Args:
        predicted: (N, T, 6) in the units of `signal`.
        signal: (N, T, 6) scaled acc and gyro.
        valid: (N, T, 6) bool.
    """
    signal = signal.masked_fill(~valid, 0.0)
    value = F.smooth_l1_loss(predicted, signal, reduction="none")
    step = F.smooth_l1_loss(predicted.diff(dim=1), signal.diff(dim=1), reduction="none")
    both = valid[:, 1:] & valid[:, :-1]
    return (value * valid).sum() / valid.sum().clamp_min(1) + (step * both).sum() / both.sum().clamp_min(1)
