"""Rows at uneven times, put on an even grid by linear interpolation; in long holes nothing is made up."""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anymo.data.timing import GAP_S, RATE_TOLERANCE, check_rate, since_first, unit_s
from anymo.records import Array

MAX_HOLE_STEPS = 3.0  # over which rows at uneven times, or with a clock of their own, are interpolated
MAX_RATE_RATIO = 2.0  # of the grid to the rows: a filter, not interpolation, is for more
MAX_REPEATED = 0.1  # of time stamps; more of them are no times of sampling
_SAME = 1e-3  # of a step: nearer than that a row lies on the grid

_log = logging.getLogger(__name__)
Index = npt.NDArray[np.int64]


class EvenGrid:
    """Rows of one recording, all at once or piece by piece; sample k is at k / rate_hz after the first row.

    A sample of the grid is interpolated between the rows beside it. Where these are over MAX_HOLE_STEPS apart
    (steps of the grid, or the median step of the rows where that is longer), before the first row that holds
    numbers and after the last, there is none. Of rows with one time stamp the first is taken.

    rate_hz  of the grid: stated, or that of the median step of the first rows; 0 before those
    """

    def __init__(self, rate_hz: float | None, where: str) -> None:
        self.rate_hz = 0.0 if rate_hz is None else check_rate(rate_hz, where)
        self._where = where
        self._unit_s = self._longest_s = 0.0
        self._last: npt.NDArray[np.generic] | None = None  # time stamp of the last row, and its second
        self._last_s = 0.0
        self._rows_s, self._values = np.empty(0), np.empty((0, 0))  # of the last row that holds numbers
        self._num_rows = self._num_repeated = self._num_placed = self.num_samples = 0
        self._off_s = 0.0

    def place(self, times: npt.NDArray[np.generic], values: Array) -> tuple[Index, Array]:
        """The samples of the grid up to the last row, after those that were placed before.

        Args:
            times: (T,) time stamps, as `anymo.data.timing.sampling` takes them.
            values: (T, C); a row with NaN is none.

        Returns:
            (N,) ascending places on the grid, and (N, C) values.

        Raises:
            ValueError: time stamps are missing, run backwards or repeat often, their unit is not clear, or
                their rate is over MAX_RATE_RATIO from the stated one.
        """
        stamps = times if self._last is None else np.concatenate([self._last, times])
        since = since_first(stamps, self._where, repeats=True)
        if self._last is None:
            self._open(np.diff(since))
        seconds = (since * self._unit_s + self._last_s)[len(stamps) - len(times) :]
        steps = np.diff(since) * self._unit_s
        is_new = np.r_[np.full(len(times) - len(steps), True), steps > 0]
        self._count(steps, is_new)
        self._last, self._last_s = times[-1:], float(seconds[-1])
        taken = is_new & np.isfinite(values).all(axis=1)
        rows_s = np.concatenate([self._rows_s, seconds[taken]])
        rows = np.concatenate([self._values.reshape(-1, values.shape[1]), values[taken]])
        index = places(rows_s, self.rate_hz, self._longest_s, opens=not len(self._rows_s))
        self._rows_s, self._values = rows_s[-1:], rows[-1:]
        self._num_placed += len(index)
        self.num_samples = round(np.floor(self._last_s * self.rate_hz + _SAME)) + 1
        return index, interpolated(rows_s, rows, index / self.rate_hz)

    def signal(self, times: npt.NDArray[np.generic], values: Array) -> Array:
        """A whole recording: (N, C) samples, NaN in holes.

        Args:
            times: (T,) as `place` takes them.
            values: (T, C).

        Raises:
            ValueError: as `place`.
        """
        index, samples = self.place(times, values)
        signal = np.full((self.num_samples, values.shape[1]), np.nan)
        signal[index] = samples
        return signal

    def log(self) -> None:
        """What was done, at level INFO."""
        _log.info(
            "%s: put %d rows on an even grid of %.4g Hz by interpolation: %d samples, steps up to %.1f ms "
            "off its %.1f ms, %d samples missing in holes of over %.0f ms, %d rows left out that have the "
            "time of the one before",
            self._where, self._num_rows, self.rate_hz, self.num_samples, 1e3 * self._off_s,
            1e3 / self.rate_hz, self.num_missing, 1e3 * self._longest_s, self._num_repeated,
        )  # fmt: skip

    @property
    def num_missing(self) -> int:
        """Samples of the grid, so far, that lie in holes."""
        return self.num_samples - self._num_placed

    def _open(self, steps: Array) -> None:
        """Unit and rate, by the first rows."""
        self._unit_s = clock_unit_s(steps, self._where)
        usual_s = float(np.median(steps[steps > 0])) * self._unit_s
        self.rate_hz = self.rate_hz or check_rate(1.0 / usual_s, self._where)
        self._longest_s = hole_s(usual_s, self.rate_hz, self._where)

    def _count(self, steps: Array, is_new: npt.NDArray[np.bool_]) -> None:
        self._num_rows += len(is_new)
        self._num_repeated += int((~is_new).sum())
        near = steps[(steps > 0) & (steps <= self._longest_s)]
        self._off_s = max(self._off_s, float(np.abs(near - 1.0 / self.rate_hz).max(initial=0.0)))


def common_grid(
    streams: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]], rate_hz: float, where: str
) -> list[npt.NDArray[np.float64]]:
    """Streams of one moment with clocks of their own, interpolated linearly onto one regular grid.

    It reaches from the first sample of any to the last of any. Before its own first sample, after its last,
    and in a hole of over MAX_HOLE_STEPS a stream is NaN. Of samples with one time stamp the first is taken.

    Args:
        streams: of each (T,) time stamps in s, in any order, and (T, C) values.
        rate_hz: of the grid.
        where: what to call them in errors.

    Returns:
        (N, C) of each stream.

    Raises:
        ValueError: a stream has under two samples, or a time stamp is not finite; or together they last more
            than twice as long as the longest alone, so that their clocks cannot be the same.
    """
    clocks = [np.unique(times, return_index=True) for times, _ in streams]
    if any(len(times) < 2 or not np.isfinite(times).all() for times, _ in clocks):
        raise ValueError(
            f"{where}: expected streams with a finite time stamp for every sample, two or more; remove the "
            "rows, or the stream, without them"
        )
    start, end = min(times[0] for times, _ in clocks), max(times[-1] for times, _ in clocks)
    longest_s = max(times[-1] - times[0] for times, _ in clocks)
    if end - start > 2.0 * longest_s + GAP_S:
        raise ValueError(
            f"{where}: expected streams of one moment, got the longest of {longest_s:.1f} s and all together "
            f"{end - start:.1f} s: their clocks differ; shift their time stamps, or leave one out"
        )
    grid = np.arange(int((end - start) * rate_hz + 1e-3) + 1) / rate_hz
    found = []
    for (times, first), (_, values) in zip(clocks, streams, strict=True):
        own = times - start
        on_grid = np.stack([np.interp(grid, own, channel) for channel in values[first].T], axis=1)
        before = np.searchsorted(own, grid, side="right").clip(1, len(own) - 1) - 1
        in_hole = np.diff(own)[before] * rate_hz > MAX_HOLE_STEPS
        on_grid[(grid < own[0]) | (grid > own[-1]) | in_hole] = np.nan
        found.append(on_grid)
    return found


def clock_unit_s(steps: Array, where: str) -> float:
    """Seconds in the unit of time stamps of which some may repeat.

    Args:
        steps: (T - 1,) between them, 0 or more, in that unit.
        where: what to call the recording in errors.

    Raises:
        ValueError: over MAX_REPEATED of them repeat, or the unit is not clear.
    """
    if (num := int((steps <= 0).sum())) > MAX_REPEATED * len(steps):
        raise ValueError(
            f"{where}: {num} of {len(steps) + 1} time stamps repeat the one before (at most "
            f"{MAX_REPEATED:.0%} may): they are no times of sampling; state rate_hz and "
            'times="ignore" (--times ignore)'
        )
    return unit_s(steps[steps > 0], where)


def hole_s(usual_s: float, rate_hz: float, where: str) -> float:
    """Seconds between rows over which nothing is interpolated.

    Args:
        usual_s: median step of the rows.
        rate_hz: of the grid.
        where: what to call the recording in errors.

    Raises:
        ValueError: the grid is over MAX_RATE_RATIO faster or slower than the rows.
    """
    ratio = rate_hz * usual_s
    if max(ratio, 1.0 / ratio) > MAX_RATE_RATIO * (1.0 + RATE_TOLERANCE):
        raise ValueError(
            f"{where}: expected a grid of {1 / usual_s / MAX_RATE_RATIO:.4g} to "
            f"{MAX_RATE_RATIO / usual_s:.4g} Hz for time stamps of {1 / usual_s:.4g} Hz in the median, got "
            f"rate_hz={rate_hz:g}; leave rate_hz out, or, if the stamps are bad, state it with "
            'times="ignore" (--times ignore)'
        )
    return MAX_HOLE_STEPS * max(usual_s, 1.0 / rate_hz)


def interpolated(rows_s: Array, values: Array, grid_s: Array) -> Array:
    """(N, C) values of (T,) rows at (N,) seconds between them."""
    if not len(grid_s):
        return np.empty((0, values.shape[1]))
    return np.stack([np.interp(grid_s, rows_s, channel) for channel in values.T], axis=1)


def places(rows_s: Array, rate_hz: float, longest_s: float, *, opens: bool = True) -> Index:
    """Places on the grid from the first row to the last, without those in holes.

    Args:
        rows_s: (T,) time of each row, s, ascending; a negative one lies before the grid's 0.
        rate_hz: of the grid.
        longest_s: between rows; over that is a hole.
        opens: whether the place of the first row is one; it is not where rows go on.

    Returns:
        (N,) ascending.
    """
    at = rows_s * rate_hz
    first, last = np.floor(at[:-1] + _SAME) + 1, np.floor(at[1:] + _SAME)
    first = np.where(np.diff(rows_s) > longest_s, np.ceil(at[1:] - _SAME), first)  # the row after a hole
    if opens:
        first, last = np.r_[np.ceil(at[:1] - _SAME), first], np.r_[np.floor(at[:1] + _SAME), last]
    num = np.maximum(last - first + 1, 0).astype(np.int64)
    before = np.cumsum(num) - num
    return np.repeat(first.astype(np.int64) - before, num) + np.arange(num.sum())
