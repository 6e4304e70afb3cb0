"""Does the signal agree with what was stated about it? A sensor at rest feels gravity and nothing else.

Magnitude cannot show the sign of the accelerometer, nor gyro values in rad/s that were stated as deg/s, nor
g stated as m/s² where gravity is removed; those rest on the statement alone.
"""

import numpy as np
import numpy.typing as npt

from anymo.records import GRAVITY_MPS2, Array, Gravity

REST_TOLERANCE = (
    0.15  # bias and scale of consumer sensors stay within; measured worst over four public sets 6 %
)
REMOVED_MAX_MPS2 = 4.0  # what may be left at rest where a device removes gravity
# Mean |acc| without a quiet second; its median falls to 0.1 g in jumping, most of which is flight. Over 1500
# simulated moments: 0.94 to 3.5 g in 5 s, 0.42 to 4.0 g in 0.5 to 2 s.
MOVING_BAND_G = (0.28, 6.0)
MAX_MEDIAN_GYRO = 35.0  # rad/s; 2000 deg/s, the usual full range

_QUIET_S = 1.0
_QUIET_ACC_MPS2 = 0.3  # standard deviation of |acc| in a quiet second
_QUIET_ACC_RELATIVE = 0.03  # the same beside its mean, so that a wrong unit still has quiet seconds
_QUIET_GYRO = 0.5  # rad/s; leaves swinging out, where |acc| is steady and not 9.81


def check_gyro(gyro: Array, where: str) -> None:
    """Refuse angular velocity that can only be deg/s.

    Args:
        gyro: (T, 3) valid samples, rad/s as stated.
        where: what to call the recording in errors.
    """
    median = float(np.median(np.linalg.norm(gyro, axis=1)))
    if median > MAX_MEDIAN_GYRO:
        raise ValueError(
            f"{where}: gyro_unit='rad/s' was stated, but the median |gyro| is {median:.3g} rad/s (expected "
            f'under {MAX_MEDIAN_GYRO:g}): it looks like deg/s; state gyro_unit="deg/s"'
        )


def check_rest(
    acc: Array,
    gyro: Array | None,
    rate_hz: float,
    *,
    acc_unit: str,
    scale: float,
    gravity: Gravity,
    where: str,
) -> None:
    """Refuse acceleration whose magnitude contradicts the stated unit or state of gravity.

    In quiet seconds |acc| must be 9.81 m/s² ± 15 % with gravity included and under 4 m/s² with it removed. A
    recording without a quiet second is held only to a wide band, and to none where gravity is removed.

    Args:
        acc: (T, 3) valid samples, m/s² as stated.
        gyro: (T, 3) rad/s, or None.
        rate_hz: samples per second.
        acc_unit: unit as stated.
        scale: m/s² in one such unit.
        gravity: as stated.
        where: what to call the recording in errors.
    """
    magnitude = np.linalg.norm(acc, axis=1)
    quiet = _quiet_means(magnitude, gyro, rate_hz)
    is_quiet = len(quiet) > 0
    observed = float(np.median(quiet) if is_quiet else magnitude.mean())
    if gravity == "removed":
        low, high = (0.0, REMOVED_MAX_MPS2 if is_quiet else np.inf)
    elif is_quiet:
        low, high = GRAVITY_MPS2 * (1 - REST_TOLERANCE), GRAVITY_MPS2 * (1 + REST_TOLERANCE)
    else:
        low, high = GRAVITY_MPS2 * MOVING_BAND_G[0], GRAVITY_MPS2 * MOVING_BAND_G[1]
    if not low <= observed <= high:
        when = "at rest" if is_quiet else "in movement (no second is quiet)"
        raise ValueError(
            f"{where}: acc_unit={acc_unit!r} and gravity={gravity!r} were stated, so |acc| {when} should "
            f"be {low / scale:.3g} to {high / scale:.3g} {acc_unit}, "
            f"observed {observed / scale:.3g} {acc_unit}: "
            + _remedy(observed / scale, acc_unit, gravity, is_quiet)
        )


def _quiet_means(magnitude: Array, gyro: Array | None, rate_hz: float) -> npt.NDArray[np.float64]:
    """Mean |acc| of each second in which neither acc nor gyro moves."""
    num = min(len(magnitude), max(4, round(_QUIET_S * rate_hz)))
    seconds = magnitude[: len(magnitude) // num * num].reshape(-1, num)
    mean, deviation = seconds.mean(axis=1), seconds.std(axis=1)
    quiet = deviation < np.maximum(_QUIET_ACC_MPS2, _QUIET_ACC_RELATIVE * mean)
    if gyro is not None:
        turn = np.linalg.norm(gyro, axis=1)[: seconds.size].reshape(-1, num).mean(axis=1)
        quiet &= turn < _QUIET_GYRO
    result: npt.NDArray[np.float64] = mean[quiet]
    return result


def _remedy(raw: float, acc_unit: str, gravity: Gravity, is_quiet: bool) -> str:
    low, high = (1 - REST_TOLERANCE, 1 + REST_TOLERANCE) if is_quiet else MOVING_BAND_G
    for unit, one_g in (("g", 1.0), ("m/s^2", GRAVITY_MPS2), ("milli-g", 1000.0)):
        if (unit, gravity) != (acc_unit, "included") and low <= raw / one_g <= high:
            looks = f"it looks like {unit} with gravity included; "
            if unit == "milli-g":
                return looks + 'divide acc by 1000 and state acc_unit="g", gravity="included"'
            stated = [] if unit == acc_unit else [f'acc_unit="{unit}"']
            return (
                looks
                + "state "
                + ", ".join(stated + ([] if gravity == "included" else ['gravity="included"']))
            )
    if gravity == "included" and raw < low:
        return 'it looks like gravity was removed (state gravity="removed") or the sensor reported nothing'
    return "check acc_unit, gravity and the sensor"
