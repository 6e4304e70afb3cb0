"""Scores of windows one after another to stretches of one label."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from anymo.pipeline.batches import spans_s
from anymo.pipeline.results import Segment
from anymo.records import Array, WindowBatch

Scored = tuple[float, float, torch.Tensor]
_TOUCH_S = 1.0  # s without a sample do not part a stretch; more do, as they do when read in pieces


def check_smoothing(smooth: int) -> None:
    """Refuse a majority over an even number of windows, which has no middle.

    Raises:
        ValueError: not an odd number of 1 or more.
    """
    if smooth < 1 or smooth % 2 == 0:
        raise ValueError(f"smooth: expected an odd number of windows, 1 or more, got {smooth}; 1 is none")


def stretches(
    read: Iterable[tuple[WindowBatch, Array]],
    score: Callable[[WindowBatch], torch.Tensor],
    labels: Sequence[str],
    smooth: int,
) -> Iterator[Segment]:
    """Stretches of the label that scores highest, as soon as their windows are read.

    Args:
        read: windows and their starts, s, in order.
        score: logits (B, num labels) of windows.
        labels: their names.
        smooth: as `segments`.
    """
    scored = (
        (start, end, row)
        for batch, starts in read
        for (start, end), row in zip(
            spans_s(batch, starts).tolist(), score(batch).softmax(dim=1), strict=True
        )
    )
    return segments(scored, labels, smooth)


def segments(scored: Iterable[Scored], labels: Sequence[str], smooth: int) -> Iterator[Segment]:
    """Merge neighbouring windows of one label; where labels change, the border lies in the middle.

    Windows with over a second between them are apart, whatever they are called.

    Args:
        scored: start and end of each window, s, in order, and its shares (num labels,), which sum to 1.
        labels: their names.
        smooth: windows whose majority decides; of equals the window's own label, else the first, stands.
    """
    start_s = end_s = 0.0
    held, found = -1, list[float]()
    for start, end, label, share in _smoothed(scored, smooth):
        apart = not found or start > end_s + _TOUCH_S
        if found and (label != held or apart):
            border = end_s if apart else (start + end_s) / 2
            yield _segment(start_s, border, labels[held], found)
            start_s, found = start if apart else border, []
        elif not found:
            start_s = start
        held, end_s = label, end
        found.append(share)
    if found:
        yield _segment(start_s, end_s, labels[held], found)


def _segment(start_s: float, end_s: float, label: str, shares: Sequence[float]) -> Segment:
    return Segment(start_s=start_s, end_s=end_s, label=label, score=sum(shares) / len(shares))


def _smoothed(scored: Iterable[Scored], smooth: int) -> Iterator[tuple[float, float, int, float]]:
    """Each window's start, end, label by majority and that label's share, half of `smooth` windows late."""
    half = smooth // 2
    around: deque[tuple[float, float, int, torch.Tensor]] = deque(maxlen=smooth)
    middle = 0  # of `around`: the window that is decided next
    for start, end, row in scored:
        middle -= len(around) == smooth
        around.append((start, end, int(row.argmax()), row))
        if len(around) - 1 - middle == half:
            yield _decided(around, middle, half)
            middle += 1
    for last in range(middle, len(around)):
        yield _decided(around, last, half)


def _decided(
    around: Sequence[tuple[float, float, int, torch.Tensor]], middle: int, half: int
) -> tuple[float, float, int, float]:
    start, end, own, row = around[middle]
    near = [around[k][2] for k in range(max(0, middle - half), min(len(around), middle + half + 1))]
    votes = Counter(near)
    label = own if votes[own] == max(votes.values()) else votes.most_common(1)[0][0]
    return start, end, label, float(row[label])
