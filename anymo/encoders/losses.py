"""Losses of pre-training. Each is a mean over its items, so weights in a config compare."""

import torch
from torch.nn import functional as F

_NEVER = -1e4  # a logit that adds nothing; finite, as 0 times it is a target's share


def multi_positive_contrastive(
    similarity: torch.Tensor,
    positive: torch.Tensor,
    scale: torch.Tensor | float,
    *,
    compared: torch.Tensor | None = None,
    symmetric: bool = True,
) -> torch.Tensor:
    """InfoNCE in which a row may have several positives (Khosla et al. 2020, equation 2).

    Args:
        similarity: (A, B) cosine similarities.
        positive: (A, B) bool; every row and every column that counts has one or more.
        scale: inverse temperature.
        compared: (A, B) bool, true of all positives; the other pairs are left out. None compares all.
        symmetric: the mean of both directions; else rows look for their columns only.
    """
    logits, target = similarity * scale, positive.to(similarity.dtype)
    if compared is not None:
        logits = logits.masked_fill(~compared, _NEVER)
    rows = F.cross_entropy(logits, target / target.sum(1, keepdim=True).clamp_min(1))
    if not symmetric:
        return rows
    columns = F.cross_entropy(logits.T, target.T / target.T.sum(1, keepdim=True).clamp_min(1))
    return (rows + columns) / 2


def distinct_captions(text: torch.Tensor, text_id: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Merge captions that are the same sentence, so that none is a negative of its own window.

    Args:
        text: (B, C, E) embeddings of C captions per window.
        text_id: (B, C) int64, equal where the sentence is.

    Returns:
        (U, E) embeddings of the distinct captions, and (B, U) bool: which of them a window has.
    """
    ids, which = text_id.unique(return_inverse=True)
    place = torch.arange(which.numel(), device=which.device)
    first = torch.full_like(ids, which.numel()).scatter_reduce(0, which.flatten(), place, "amin")
    mine = torch.zeros(len(text), len(ids), dtype=torch.bool, device=text.device)
    return text.flatten(0, 1)[first], mine.scatter(1, which, True)


def sequence_contrastive(
    predicted: torch.Tensor,
    predicted_valid: torch.Tensor,
    target: torch.Tensor,
    target_valid: torch.Tensor,
    temperature: float,
    compared: torch.Tensor | None = None,
) -> torch.Tensor:
    """AnyMo's sequence InfoNCE: s(b, c) = mean over time of cosines, cross-entropy over the batch.

    The mean is over the tokens that both saw, of a window's own pair and of every other alike, so that the
    length of what was seen tells no window from another.

    Args:
        predicted: (B, L, D) from one view.
        predicted_valid: (B, L) tokens that view saw.
        target: (B, L, D) from the other view; no gradient flows into it.
        target_valid: (B, L) likewise.
        temperature: τ.
        compared: (B, B) bool, true on the diagonal; the other pairs are left out. None compares all.
    """
    p = F.normalize(predicted, dim=-1) * predicted_valid[..., None]
    y = F.normalize(target.detach(), dim=-1) * target_valid[..., None]
    both = predicted_valid.to(p.dtype) @ target_valid.to(p.dtype).T
    similarity = p.flatten(1) @ y.flatten(1).T / both.clamp_min(1)
    logits = similarity / temperature
    if compared is not None:
        logits = logits.masked_fill(~compared, _NEVER)
    return F.cross_entropy(logits, torch.arange(len(p), device=p.device))


def signal_errors(
    predicted: torch.Tensor, signal: torch.Tensor, valid: torch.Tensor, lag: int
) -> torch.Tensor:
    """Smooth L1 of whole signals and of their differences in time, as sums and counts per item.

    The difference over `lag` samples of a gyroscope is angular acceleration, and of an accelerometer what
    gravity, which dominates its values, is absent from: with a lag τ a motion of f hertz counts by
    2 sin(π f τ), so steps and impacts are not lost against posture. It is the acceleration loss of
    arXiv 2512.08859 for a signal that is an acceleration already.

    Args:
        predicted: (N, T, C) in the units of `signal`.
        signal: (N, T, C) scaled so that 1 is a usual size.
        valid: (N, T, C) bool; values elsewhere are not read.
        lag: samples.

    Returns:
        (N, 2, 2): of the values, then of the differences, the sum of errors and how many there are.
    """
    signal = signal.masked_fill(~valid, 0.0)
    rows = []
    for p, s, v in (
        (predicted, signal, valid),
        (
            predicted[:, lag:] - predicted[:, :-lag],
            signal[:, lag:] - signal[:, :-lag],
            valid[:, lag:] & valid[:, :-lag],
        ),
    ):
        error = F.smooth_l1_loss(p, s, reduction="none") * v
        rows.append(torch.stack([error.sum((1, 2)), v.sum((1, 2)).to(error.dtype)], dim=-1))
    return torch.stack(rows, dim=1)


def signal_loss(errors: torch.Tensor) -> torch.Tensor:
    """Mean error of the values plus mean error of the differences, over all items of (N, 2, 2)."""
    total = errors.sum(dim=0)
    return (total[:, 0] / total[:, 1].clamp_min(1)).sum()
