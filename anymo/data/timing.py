"""Sampling rate and the regular grid, from a stated rate, from time stamps, or from both if they agree."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Times = Literal["even", "resample", "ignore"]
MIN_RATE_HZ = 5.0  # below this a walking step (about 2 Hz) is not sampled
MAX_RATE_HZ = 2000.0  # above any worn inertial sensor; bounds the guess of a time column's unit
MIN_DURATION_S = 0.5  # of a recording, and of a window
MAX_JITTER = 0.10  # of a sampling step, at the 95th percentile
RATE_TOLERANCE = 0.02  # stated against measured
_BLOCK_S, _BLOCK_STEPS = 5.0, 64  # over so much, at least, a rate is measured that may change
MAX_MISSING = 10_000_000  # samples between those of a recording that is read whole: 55 h at 50 Hz, 0.5 GB
_STEADY_S, _SAME_SHARE = 2.0, 0.95  # so long, and so much of that time, steps are alike at another rate
GAP_S = 1.0  # without a sample; a shorter hole is masked, as in a recording that is read whole
_EDGE = 1.001  # rounded time stamps of a device that runs at either end
_RESOLUTIONS_S = tuple(10.0**-digits for digits in range(1, 7))  # to which time stamps may be rounded
_LINE_ROWS = 256  # so many rounded stamps of an even clock lie on a straight line, but for their rounding

# Between MIN_RATE_HZ and MAX_RATE_HZ a step lies in one of these ranges only, so its unit needs no statement.
_TIME_UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def sampling(
    times: npt.NDArray[Any] | None, rate_hz: float | None, where: str
) -> tuple[float, npt.NDArray[np.int64] | None]:
    """Rate, and each sample's place on the regular grid.

    Args:
        times: (T,) time stamps in s, ms, µs or ns (or datetime64), or None.
        rate_hz: stated rate, or None.
        where: what to call the recording in errors.

    Returns:
        Rate in Hz, and (T,) grid indices where there are time stamps. A dropped sample leaves a hole; after a
        hole that is no whole number of steps, samples lie up to half a step off the grid.

    Raises:
        ValueError: neither is given, they contradict, or the time stamps run backwards, are irregular, or
            come at another rate from some sample on.
    """
    if times is None:
        if rate_hz is None:
            raise ValueError(f"{where}: the sampling rate is not known; state rate_hz or a time_column")
        return check_rate(rate_hz, where), None
    measured_hz, index = _fit_grid(times, where)
    if rate_hz is not None and abs(check_rate(rate_hz, where) / measured_hz - 1.0) > RATE_TOLERANCE:
        raise ValueError(
            f"{where}: rate_hz={rate_hz:g} contradicts the time column, which runs at {measured_hz:.4g} Hz; "
            'leave rate_hz out, or state it with times="ignore" if the column is wrong (--times ignore)'
        )
    return check_rate(rate_hz or measured_hz, where), index


def gaps(times: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Samples before which none was taken for over a second; none where the time stamps are no clock.

    Args:
        times: (T,) as `sampling` takes them, which says what is wrong with them.
    """
    try:
        return np.flatnonzero(np.diff(_elapsed_s(times, "")) > GAP_S) + 1
    except ValueError:
        return np.empty(0, dtype=np.int64)


def check_rate(rate_hz: float, where: str) -> float:
    """The rate, if body motion can be read from it.

    Raises:
        ValueError: it is no number, under MIN_RATE_HZ or over MAX_RATE_HZ.
    """
    if not np.issubdtype(np.asarray(rate_hz).dtype, np.number):
        raise ValueError(f"{where}: rate_hz expected a number of samples per second, got {rate_hz!r}")
    if not MIN_RATE_HZ / _EDGE <= rate_hz <= MAX_RATE_HZ * _EDGE:
        raise ValueError(
            f"{where}: rate_hz must lie between {MIN_RATE_HZ:g} and {MAX_RATE_HZ:g} Hz, got {rate_hz:g}; "
            "check the rate and its unit, or record faster"
        )
    return float(rate_hz)


def _fit_grid(times: npt.NDArray[Any], where: str) -> tuple[float, npt.NDArray[np.int64]]:
    elapsed = _elapsed_s(times, where)
    steps_s = np.diff(elapsed)
    # the median of stamps in whole milliseconds is off by up to half of one, which a long gap multiplies
    near = steps_s <= GAP_S
    steps = np.maximum(np.round(steps_s / np.median(steps_s)), 1.0)
    steps = np.maximum(np.round(steps_s * (steps[near].sum() / steps_s[near].sum())), 1.0)
    period_s = elapsed[-1] / steps.sum()
    jitter = float(np.percentile(np.abs(steps_s / period_s - steps), 95))
    if (rounded := _rounded_clock(elapsed, steps, jitter)) is not None:
        steps, jitter = rounded, 0.0
        period_s = elapsed[-1] / steps.sum()
    if jitter > MAX_JITTER:
        raise ValueError(
            f"{where}: time stamps are irregular: steps differ by {jitter:.0%} of a step from the grid of "
            f'{1 / period_s:.4g} Hz (allowed {MAX_JITTER:.0%}); state times="resample" (--times resample) to '
            "put the samples on an even grid by interpolation, or, if only the stamps are bad, state rate_hz "
            'and times="ignore" (--times ignore)'
        )
    _check_steady(steps_s[near], steps[near], np.flatnonzero(near), where)
    return 1.0 / period_s, np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)


def _rounded_clock(
    elapsed: npt.NDArray[np.float64], steps: npt.NDArray[np.float64], jitter: float
) -> npt.NDArray[np.float64] | None:
    """(T - 1,) steps of an even clock whose stamps are rounded, where the usual step misreads them.

    416 Hz in whole milliseconds steps by 2 and 3, which looks irregular; 833 Hz by 1 and 2, which looks like
    1,000 Hz with losses. Straight lines tell: such stamps lie off them by half their resolution at most.

    Args:
        elapsed: (T,) time stamps, s.
        steps: (T - 1,) as the usual step tells them.
        jitter: of these.
    """
    steps_s = np.diff(elapsed)
    resolution_s = next(
        (r for r in _RESOLUTIONS_S if np.abs(elapsed / r - np.round(elapsed / r)).max() < 0.01), 0.0
    )
    alike = np.abs(steps_s - np.median(steps_s)) <= 1.01 * resolution_s
    if not resolution_s or (jitter <= MAX_JITTER and (steps[alike] > 1).mean() <= RATE_TOLERANCE):
        return None
    period_s = steps_s[alike].mean()
    even: npt.NDArray[np.float64] = np.where(alike, 1.0, np.maximum(np.round(steps_s / period_s), 1.0))
    size = min(_LINE_ROWS, len(elapsed))
    begin = np.minimum(np.arange(0, len(elapsed), size), len(elapsed) - size)
    rows = begin[:, None] + np.arange(size)
    place, stamp = (
        x[rows] - x[rows].mean(axis=1, keepdims=True) for x in (np.r_[0.0, np.cumsum(even)], elapsed)
    )
    slope = (place * stamp).sum(axis=1, keepdims=True) / (place * place).sum(axis=1, keepdims=True)
    off_s = float(np.percentile(np.abs(stamp - slope * place), 95))
    return even if off_s <= (resolution_s + MAX_JITTER * period_s) / 2 else None


def _check_steady(
    steps_s: npt.NDArray[np.float64],
    steps: npt.NDArray[np.float64],
    sample: npt.NDArray[np.int64],
    where: str,
) -> None:
    """Refuse time stamps whose rate leaves that of the first seconds by more than RATE_TOLERANCE."""
    size = max(int(np.ceil(_BLOCK_S * steps.sum() / steps_s.sum())), _BLOCK_STEPS)
    begin = np.arange(0, len(steps) - size + 1, size)
    if len(begin) < 2:
        return
    rates = np.add.reduceat(steps, begin) / np.add.reduceat(steps_s, begin)
    off = np.abs(rates / rates[0] - 1.0)
    if off.max() > RATE_TOLERANCE:
        first = begin[int(np.argmax(off > RATE_TOLERANCE))]
        later, at_s = rates[off.argmax()], steps_s[:first].sum()
        raise ValueError(
            f"{where}: the rate changes: {rates[0]:.4g} Hz at first, {later:.4g} Hz later, from about sample "
            f"{sample[first]} on ({at_s:.0f} s without gaps); cut the recording there and read each part "
            'with its own rate, or put it on one grid with times="resample" (--times resample)'
        )


def _elapsed_s(times: npt.NDArray[Any], where: str) -> npt.NDArray[np.float64]:
    """(T,) seconds since the first sample."""
    since = since_first(times, where)
    return since * unit_s(np.diff(since), where)


def since_first(times: npt.NDArray[Any], where: str, *, repeats: bool = False) -> npt.NDArray[np.float64]:
    """Time since the first sample, in the stamps' own unit, or in ns for datetime64.

    Args:
        times: (T,) as `sampling` takes them.
        where: what to call the recording in errors.
        repeats: whether a stamp may be that of the sample before.

    Returns:
        (T,) finite, ascending from 0.

    Raises:
        ValueError: there is one stamp alone, one is missing, or they run backwards, or repeat and may not.
    """
    if len(times) < 2:
        raise ValueError(f"{where}: one time stamp gives no rate; give a recording of 0.5 s or more")
    since = times - times[0]  # before the conversion: nanoseconds since 1970 do not fit a double
    if since.dtype.kind == "m":
        unknown = np.isnat(since)
        since = np.where(unknown, np.nan, since.astype("timedelta64[ns]").astype(np.int64))
    elapsed: npt.NDArray[np.float64] = since.astype(np.float64)
    if not np.isfinite(elapsed).all():
        row = int(np.argmin(np.isfinite(elapsed)))
        raise ValueError(f"{where}: the time column is empty at row {row}; remove the row")
    steps = np.diff(elapsed)
    if (wrong := (steps < 0) | ((steps == 0) & (not repeats))).any():
        row = int(np.argmax(wrong)) + 1
        raise ValueError(
            f"{where}: time does not increase at row {row}; sort the rows by time and drop repeated ones "
            '(times="resample" does drop them), or state rate_hz and times="ignore" (--times ignore)'
        )
    return elapsed


def unit_s(steps: npt.NDArray[np.float64], where: str) -> float:
    """Seconds in the unit of time stamps.

    Args:
        steps: (T - 1,) between them, above 0, in that unit.
        where: what to call the recording in errors.

    Raises:
        ValueError: in no unit their median is that of a rate from MIN_RATE_HZ to MAX_RATE_HZ.
    """
    step = float(np.median(steps))
    for scale in _TIME_UNITS_S.values():
        if MIN_RATE_HZ / _EDGE <= 1.0 / (step * scale) <= MAX_RATE_HZ * _EDGE:
            return scale
    raise ValueError(
        f"{where}: the unit of the time column is not clear: a step of {step:g} is no rate between "
        f"{MIN_RATE_HZ:g} and {MAX_RATE_HZ:g} Hz in {', '.join(_TIME_UNITS_S)}; convert it to seconds, "
        'or state rate_hz and times="ignore" (--times ignore)'
    )


def check_steps(positions: npt.NDArray[np.int64], rate_hz: float, where: str) -> None:
    """Refuse a sensor whose rate falls to a half, a third, … on the way.

    On the grid of its first rate every second sample then seems to be missing, so no window has enough.

    Args:
        positions: (n,) ascending places of its samples on the grid.
        rate_hz: of the grid.
        where: what to call it in errors.

    Raises:
        ValueError: with the time from which it is so.
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
