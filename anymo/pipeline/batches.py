"""Windows by the handful."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from anymo.records import Recording, WindowBatch

CHUNK = 64  # windows encoded at once: bounds memory for hours of recording
_STEADY_S = 2.0
_SAME_SHARE = 0.95


def chunks(num: int, size: int = CHUNK) -> list[slice]:
    """Slices of `size` that cover `num`."""
    return [slice(k, k + size) for k in range(0, num, size)]


def groups(batches: Iterable[WindowBatch]) -> Iterator[list[WindowBatch]]:
    """Recordings whose windows go through the encoder together."""
    group: list[WindowBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(map(len, group)) >= CHUNK:
            yield group
            group = []
    if group:
        yield group


def spread(batch: WindowBatch, max_windows: int | None) -> WindowBatch:
    """At most so many windows, evenly spaced; None keeps all."""
    if max_windows is None or len(batch) <= max_windows:
        return batch
    return batch.select(((torch.arange(max_windows) + 0.5) * len(batch) / max_windows).long())


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
