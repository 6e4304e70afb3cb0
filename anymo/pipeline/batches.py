"""Windows by the handful."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from anymo.data.window import collate
from anymo.records import Array, WindowBatch

CHUNK = 64  # windows encoded at once: bounds memory for hours of recording


def chunks(num: int, size: int = CHUNK) -> list[slice]:
    """Slices of `size` that cover `num`."""
    return [slice(k, k + size) for k in range(0, num, size)]


def recording_means(
    owned: Iterable[tuple[int, WindowBatch]], rows_of: Callable[[WindowBatch], torch.Tensor]
) -> torch.Tensor:
    """Mean over each recording's windows of what is found for a window: (num recordings, C).

    Args:
        owned: number of the recording and some of its windows, in order; those of several recordings are
            read together.
        rows_of: (B, C) for the windows of a batch.
    """
    sums = dict[int, torch.Tensor]()
    counts = Counter[int]()
    for group in _groups(owned):
        sizes = [len(batch) for _, batch in group]
        parts = rows_of(collate([batch for _, batch in group])).split(sizes)
        for (owner, _), size, part in zip(group, sizes, parts, strict=True):
            total = part.sum(dim=0)
            sums[owner] = sums[owner] + total if owner in sums else total
            counts[owner] += size
    return torch.stack([total / counts[owner] for owner, total in sums.items()])


def _groups(owned: Iterable[tuple[int, WindowBatch]]) -> Iterator[list[tuple[int, WindowBatch]]]:
    """Batches that are read together, CHUNK windows or more."""
    group: list[tuple[int, WindowBatch]] = []
    for owner, batch in owned:
        group.append((owner, batch))
        if sum(len(b) for _, b in group) >= CHUNK:
            yield group
            group = []
    if group:
        yield group


def spans_s(batch: WindowBatch, starts: Array) -> Array:
    """(B, 2) from the first valid sample of each window to its last, s; `starts` (B,) is where they begin."""
    seen = batch.sample_valid.any(dim=1).cpu().numpy()
    first = seen.argmax(axis=1)
    last = np.where(seen.any(axis=1), seen.shape[1] - seen[:, ::-1].argmax(axis=1), 0)
    spans: Array = starts[:, None] + np.stack([first, last], axis=1) / batch.rate_hz
    return spans


def worn_segments(batch: WindowBatch) -> list[tuple[int, ...]]:
    """Segments that carry the sensors of each window."""
    return [tuple(s[w].tolist()) for s, w in zip(batch.segment, batch.worn, strict=True)]
