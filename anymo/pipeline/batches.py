"""Windows by the handful."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from anymo.data.window import collate
from anymo.records import Recording, WindowBatch

CHUNK = 64  # windows encoded at once: bounds memory for hours of recording
_STEADY_S = 2.0
_SAME_SHARE = 0.95


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


def lengths_s(batch: WindowBatch) -> list[float]:
    """Seconds of each window up to its last valid sample."""
    seen = batch.sample_valid.any(dim=1)
    positions = torch.arange(1, seen.shape[1] + 1)
    return [num / batch.rate_hz for num in (seen * positions).amax(dim=1).tolist()]


def worn_segments(batch: WindowBatch) -> list[tuple[int, ...]]:
    """Segments that carry the sensors of each window."""
    return [tuple(s[w].tolist()) for s, w in zip(batch.segment, batch.worn, strict=True)]


def check_rates_hold(recording: Recording) -> None:
    """Refuse a sensor whose rate falls to a half, a third, … on the way.

    On the grid of its first rate every second sample then seems to be missing, so no window has enough.

    Raises:
        ValueError: with the time from which it is so.
    """
    for sensor in recording.sensors:
        where = f"recording {recording.name!r}, {sensor.placement}"
        check_steps(np.flatnonzero(sensor.valid), sensor.rate_hz, where)


def check_steps(positions: npt.NDArray[np.int64], rate_hz: float, where: str) -> None:
    """`check_rates_hold` of one sensor.

    Args:
        positions: (n,) ascending places of its samples on the grid.
        rate_hz: of the grid.
        where: what to call it in errors.
    """
    steps = np.diff(positions)
    num = max(8, round(_STEADY_S * rate_hz / 2))
    if len(steps) < num or (steps == 1).all():
        return
    for factor in np.unique(steps[steps > 1]):
        if (steps == factor).sum() < _SAME_SHARE * num:
            continue
        run = np.convolve(steps == factor, np.ones(num), mode="valid")
        if run.max() >= _SAME_SHARE * num:
            at_s = positions[int(np.argmax(run >= _SAME_SHARE * num))] / rate_hz
            raise ValueError(
                f"{where}: the rate changes: from {at_s:.1f} s on samples come at {rate_hz / factor:.4g} Hz, "
                f"elsewhere at {rate_hz:.4g} Hz; cut the recording there and read each part with its own rate"
            )
