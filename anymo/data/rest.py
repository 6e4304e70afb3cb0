"""Does the signal agree with what was stated about it? A sensor at rest feels gravity and nothing else.

One that moves feels gravity beside its acceleration, whose mean is no more than the change of velocity over
the time. Carried into one frame by the gyroscope, a mean of two seconds shows whether gravity is there, and
whether the gyroscope's unit is right, in any movement.

The sign of the accelerometer is not found, nor gyro values in rad/s that were stated as deg/s unless the
sensor turns much, nor g stated as m/s² where gravity is removed, nor, without a gyroscope and without a quiet
second, a wrong state of gravity (a limb that swings has a steady centripetal acceleration of over 1 g); those
rest on the statement alone.
"""

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from anymo.records import GRAVITY_MPS2, Array, Gravity

REST_TOLERANCE = (
    0.15  # bias and scale of consumer sensors stay within; measured worst over four public sets 6 %
)
REMOVED_MAX_MPS2 = 4.0  # what may be left at rest where a device removes gravity
# Mean |acc| without a quiet second; its median falls to 0.1 g in jumping, most of which is flight. Over 1500
# simulated moments: 0.94 to 3.5 g in 5 s, 0.42 to 4.0 g in 0.5 to 2 s.
MOVING_BAND_G = (0.28, 6.0)
MAX_MEDIAN_GYRO = 35.0  # rad/s; 2000 deg/s, the usual full range
MAX_STEADY_GYRO = 3.0  # rad/s while |acc| is steady; 2.3 at most in 800 simulated moments of 5 s
# What is left of gravity in a mean of 1.3 to 2 s. Included: at 10 Hz 0.46 g or more in 980 simulated moments
# (the next 0.71, at 20 Hz 0.81), 0.75 g or more in all 4 s slices of SPAR. Removed: 0.41 g or less in 640
# simulated moments, 0.64 g or less in all 4 s slices of BasicMotions, 0.43 g in 10 s.
INCLUDED_MIN_G, REMOVED_MAX_G = 0.45, 0.75
CARRIED_TURNED_G = 0.25  # off 1 g by more than this, the gyroscope's unit is in question
CARRIED_RIGHT_G = 0.1  # and is another one, if with that it is off by less

_QUIET_S = 1.0
_QUIET_ACC_MPS2 = 0.3  # standard deviation of |acc| in a quiet second
_QUIET_ACC_RELATIVE = 0.03  # the same beside its mean, so that a wrong unit still has quiet seconds
_QUIET_GYRO = 0.5  # rad/s; leaves swinging out, where |acc| is steady and not 9.81
_STEADY_SHARE = 0.1  # of the seconds, from which on they tell something of the gyroscope
_CARRIED_S = (4 / 3, 2.0)  # a third of what there is, but so much at least and at most
_CARRIED_MIN_HZ = 10.0
_MIN_BLOCKS, _MAX_BLOCKS = 3, 256
_ONE_G = {"g": 1.0, "m/s^2": GRAVITY_MPS2, "milli-g": 1000.0}
_OTHER_GYRO_UNIT = {"rad/s": ("deg/s", np.pi / 180.0), "deg/s": ("rad/s", 180.0 / np.pi)}


def check_gyro(
    acc: Array, gyro: Array, rate_hz: float, *, gyro_unit: str, gravity: Gravity, where: str
) -> None:
    """Refuse what acc and gyro together contradict: the gyroscope's unit, or the state of gravity.

    Args:
        acc: (T, 3) valid samples, m/s² as stated.
        gyro: (T, 3) of the same samples, rad/s as stated.
        rate_hz: samples per second.
        gyro_unit: unit as stated.
        gravity: as stated.
        where: what to call the recording in errors.

    Raises:
        ValueError: they contradict the statement; the message says what to state.
    """
    if gyro_unit == "rad/s":
        _check_speed(acc, gyro, rate_hz, gravity, where)
    if (mean := carried_mean(acc, gyro, rate_hz)) is None:
        return
    carried = mean / GRAVITY_MPS2
    other, factor = _OTHER_GYRO_UNIT[gyro_unit]
    if gravity == "included" and abs(carried - 1) > CARRIED_TURNED_G:
        instead = carried_mean(acc, factor * gyro, rate_hz) or 0.0
        if abs(instead / GRAVITY_MPS2 - 1) < CARRIED_RIGHT_G:
            raise ValueError(
                f"{where}: gyro_unit={gyro_unit!r} was stated, but then acc and gyro turn against each other "
                f"(what stays of gravity is {carried:.2g} g, expected 1): it looks like {other}; state "
                f'gyro_unit="{other}"'
            )
    included = gravity == "included"
    if carried < INCLUDED_MIN_G if included else carried > REMOVED_MAX_G:
        was, expected = (
            ("removed", f"over {INCLUDED_MIN_G:g}") if included else ("included", f"under {REMOVED_MAX_G:g}")
        )
        raise ValueError(
            f"{where}: gravity={gravity!r} was stated, but where the gyroscope's turns are undone, the mean "
            f"of acc is {carried:.2g} g (expected {expected}): it looks like gravity was {was}; state "
            f'gravity="{was}", or check acc_unit and the order of the axes'
        )


def carried_mean(acc: Array, gyro: Array, rate_hz: float) -> float | None:
    """Magnitude of the mean acceleration in a frame that does not turn, m/s²: the median over blocks.

    Strapdown: each sample is carried into the frame of its block's first one by the gyroscope, trapezoidal.

    Args:
        acc: (T, 3) m/s².
        gyro: (T, 3) rad/s.
        rate_hz: samples per second.

    Returns:
        9.81 and a little where gravity is included; None below 10 Hz, where turns between samples are too
        large, and for less than three blocks (4 s), of which one may hold a gap.
    """
    low, high = (round(seconds * rate_hz) for seconds in _CARRIED_S)
    num = min(max(len(acc) // _MIN_BLOCKS, low), high)
    if rate_hz < _CARRIED_MIN_HZ or len(acc) < _MIN_BLOCKS * num:
        return None
    starts = np.arange(0, len(acc) - num + 1, num)
    starts = starts[:: -(-len(starts) // _MAX_BLOCKS)]
    turned = Rotation.identity(len(starts))
    total = acc[starts].astype(np.float64)
    for k in range(1, num):
        step = (gyro[starts + k - 1] + gyro[starts + k]) / (2 * rate_hz)
        turned = turned * Rotation.from_rotvec(step)
        total += turned.apply(acc[starts + k])
    return float(np.median(np.linalg.norm(total / num, axis=1)))


def _check_speed(acc: Array, gyro: Array, rate_hz: float, gravity: Gravity, where: str) -> None:
    """Refuse rad/s that nobody turns at, or, where gravity is removed, nobody without an acceleration."""
    speed = np.linalg.norm(gyro, axis=1)
    observed = {"median |gyro|": (float(np.median(speed)), MAX_MEDIAN_GYRO)}
    steady = _seconds(np.linalg.norm(acc, axis=1), rate_hz).std(axis=1) < _QUIET_ACC_MPS2
    if gravity == "removed" and steady.mean() >= _STEADY_SHARE:
        turns = _seconds(speed, rate_hz).mean(axis=1)[steady]
        observed["|gyro| while |acc| is steady"] = (float(np.median(turns)), MAX_STEADY_GYRO)
    for what, (value, most) in observed.items():
        if value > most:
            raise ValueError(
                f"{where}: gyro_unit='rad/s' was stated, but the {what} is {value:.3g} rad/s (expected under "
                f'{most:g}): it looks like deg/s; state gyro_unit="deg/s"'
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

    Raises:
        ValueError: it does; the message gives what was expected and observed, and what to state.
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
        carried = None if gyro is None else carried_mean(acc, gyro, rate_hz)
        raise ValueError(
            f"{where}: acc_unit={acc_unit!r} and gravity={gravity!r} were stated, so |acc| {when} should "
            f"be {low / scale:.3g} to {high / scale:.3g} {acc_unit}, "
            f"observed {observed / scale:.3g} {acc_unit}: "
            + _remedy(observed / scale, acc_unit, gravity, is_quiet, carried and carried / scale)
        )


def _quiet_means(magnitude: Array, gyro: Array | None, rate_hz: float) -> npt.NDArray[np.float64]:
    """Mean |acc| of each second in which neither acc nor gyro moves."""
    seconds = _seconds(magnitude, rate_hz)
    mean, deviation = seconds.mean(axis=1), seconds.std(axis=1)
    quiet = deviation < np.maximum(_QUIET_ACC_MPS2, _QUIET_ACC_RELATIVE * mean)
    if gyro is not None:
        quiet &= _seconds(np.linalg.norm(gyro, axis=1), rate_hz).mean(axis=1) < _QUIET_GYRO
    result: npt.NDArray[np.float64] = mean[quiet]
    return result


def _seconds(x: Array, rate_hz: float) -> Array:
    """(T,) as (whole seconds, samples of one); of less than a second all of it is one."""
    num = min(len(x), max(4, round(_QUIET_S * rate_hz)))
    return x[: len(x) // num * num].reshape(-1, num)


def _remedy(raw: float, acc_unit: str, gravity: Gravity, is_quiet: bool, carried: float | None) -> str:
    """What to state instead, by |acc| and, where the gyroscope tells, what stays of it; as given."""
    low, high = (1 - REST_TOLERANCE, 1 + REST_TOLERANCE) if is_quiet else MOVING_BAND_G
    # m/s² without gravity move as much as g with it: at rest alone, or by the gyroscope, they are told apart
    is_open = not is_quiet and carried is None and gravity == "included" and raw / _ONE_G[acc_unit] < low
    for unit, one_g in _ONE_G.items():
        has_gravity = carried is None or abs(carried / one_g - 1) < CARRIED_TURNED_G
        if (unit, gravity) != (acc_unit, "included") and low <= raw / one_g <= high and has_gravity:
            looks = f"it looks like {unit} with gravity included; "
            if unit == "milli-g":
                return looks + 'divide acc by 1000 and state acc_unit="g", gravity="included"'
            if is_open:
                return (
                    f'it looks like {unit} with gravity included (state acc_unit="{unit}") or like '
                    f'{acc_unit} with gravity removed (state gravity="removed"); see what the device writes'
                )
            stated = [] if unit == acc_unit else [f'acc_unit="{unit}"']
            return (
                looks
                + "state "
                + ", ".join(stated + ([] if gravity == "included" else ['gravity="included"']))
            )
    if gravity == "included" and raw / _ONE_G[acc_unit] < low:
        return 'it looks like gravity was removed (state gravity="removed") or the sensor reported nothing'
    return "check acc_unit, gravity and the sensor"
