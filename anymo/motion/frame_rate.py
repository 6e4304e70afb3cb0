"""Whether a motion's frame rate can be right: what is in the air falls with g, and legs swing as legs do.

A rate k times too high leaves every path as it is, and makes accelerations k² and step times 1 / k times what
they were. On 434 clips of CMU and Bandai-Namco at their right rate, at half and at twice it (duplicates in
several formats counted, docs/formats.md has the table): every second clip holds a flight or a regular gait to
be judged by; of those, 91 % of the wrong rates are warned of, and 4 % of the right ones.
"""

import logging
from itertools import pairwise

import numpy as np

from anymo.records import GRAVITY_MPS2, Array
from anymo.skeleton import INDEX

logger = logging.getLogger(__name__)

_SIDES = ("Left", "Right")
_FEET = [INDEX[side + part] for side in _SIDES for part in ("Foot", "Toe")]
_CLEAR_M = 0.06  # of both feet above where the lower one stands: then nothing holds the body up
_FLIGHT_S, _FLIGHT_FRAMES = 0.1, 5
_STRAIGHT = 0.15  # of the fall: the most that a flight bends sideways, or departs from a parabola
_FALL_WITHIN = np.sqrt(2.0)  # what a rate may seem off by from the fall
_WALK_RATIO = 1.56  # median of the clips
_WALK_WITHIN = 1.65  # likewise from the gait: acted old age and stage runs reach 2
_STRIDE, _SHORTEST, _UPRIGHT = 0.2, 0.35, 0.75  # leg lengths: feet apart, step length, height of the pelvis
_STEPS, _REGULAR = 4, 0.2  # fewest steps, and the spread of their times and lengths over the mean
# Masses over the body's, from joint to joint (de Leva 1996, table 4, trunk split by length).
_MASS = {
    ("Pelvis", "L3"): 0.16,
    ("L3", "T8"): 0.18,
    ("T8", "Neck"): 0.10,
    ("Neck", "Head"): 0.07,
    **{(s + "UpperArm", s + "ForeArm"): 0.027 for s in _SIDES},
    **{(s + "ForeArm", s + "Hand"): 0.022 for s in _SIDES},
    **{(s + "UpperLeg", s + "LowerLeg"): 0.142 for s in _SIDES},
    **{(s + "LowerLeg", s + "Foot"): 0.043 for s in _SIDES},
    **{(s + "Foot", s + "Toe"): 0.014 for s in _SIDES},
}


def warn_of_rate(position: Array, rate_hz: float, where: str) -> None:
    """Log a warning where `rate_error` sees a rate that cannot be right; nothing is corrected.

    Args:
        position: (T, 23, 3) segment origins, z up, m.
        rate_hz: frames per second.
        where: what to call the clip.
    """
    if (seen := rate_error(position, rate_hz)) is not None:
        logger.warning(
            "%s: at %g Hz the body %s, at %.3g Hz it would not; pass rate_hz if the header is wrong",
            where,
            rate_hz,
            seen[1],
            rate_hz / seen[0],
        )


def rate_error(position: Array, rate_hz: float) -> tuple[float, str] | None:
    """How many times too high a frame rate is, where the motion shows that it cannot be right.

    Free fall is asked first, for it is no habit; gait where there is no flight.

    Args:
        position: (T, 23, 3) segment origins, z up, m.
        rate_hz: frames per second.

    Returns:
        The factor and what gives it away, in words; None where the rate may be right or nothing tells.
    """
    if len(falls := free_falls(position, rate_hz)):
        fall = float(np.median(falls))
        factor = float(np.sqrt(fall / GRAVITY_MPS2))
        return None if 1 / _FALL_WITHIN < factor < _FALL_WITHIN else (factor, f"falls with {fall:.3g} m/s²")
    ratio = walk_ratio(position, rate_hz)
    if ratio is None or 1 / _WALK_WITHIN < _WALK_RATIO / ratio < _WALK_WITHIN:
        return None
    return _WALK_RATIO / ratio, f"steps at {_WALK_RATIO / ratio:.2g} times the pace of its step length"


def free_falls(position: Array, rate_hz: float) -> Array:
    """Downward acceleration of the centre of mass in each flight, m/s²; positions (T, 23, 3) m.

    A flight is a stretch with both feet off the ground on which the centre of mass moves on a parabola that
    stands upright; hanging, lying and climbing are not.
    """
    centre = sum(m * (position[:, INDEX[a]] + position[:, INDEX[b]]) for (a, b), m in _MASS.items())
    centre = np.asarray(centre) / (2 * sum(_MASS.values()))
    low = position[:, _FEET, 2].min(axis=1)
    found = []
    for first, end in _stretches(low > np.percentile(low, 10) + _CLEAR_M):
        if end - first < max(_FLIGHT_FRAMES, _FLIGHT_S * rate_hz):
            continue
        t = (np.arange(end - first) - (end - first - 1) / 2) / rate_hz
        square = t * t - (t * t).mean()
        path = centre[first:end] - centre[first:end].mean(axis=0)
        bend = square @ path / (square @ square)
        rest = path - np.outer(t, t @ path / (t @ t)) - np.outer(square, bend)
        arch = -bend[2] * t[-1] ** 2
        if arch > 0 and np.hypot(*bend[:2]) < -_STRAIGHT * bend[2] and rest.std() < _STRAIGHT * arch:
            found.append(-2 * bend[2])
    return np.array(found)


def walk_ratio(position: Array, rate_hz: float) -> float | None:
    """Step length × step time, over leg length × √(leg length / g), of four regular steps forward or more.

    People keep it whatever their speed (the walk ratio, Sekiya and Nagasaki 1998, made free of dimension as
    by Hof 1996), in running too.

    Args:
        position: (T, 23, 3) m.
        rate_hz: frames per second.

    Returns:
        The median over steps; None where there is no such gait.
    """
    hip, knee, ankle = (position[:, [INDEX[s + n] for s in _SIDES]] for n in ("UpperLeg", "LowerLeg", "Foot"))
    bones = np.linalg.norm(hip - knee, axis=-1) + np.linalg.norm(knee - ankle, axis=-1)
    leg, pelvis = float(np.median(bones)), position[:, 0]
    across = (hip[:, 0] - hip[:, 1])[:, :2]
    ahead = np.stack([across[:, 1], -across[:, 0]], axis=-1)
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True) + 1e-9
    apart = ((ankle[:, 0] - ankle[:, 1])[:, :2] * ahead).sum(axis=-1)
    wide = np.flatnonzero(np.abs(apart) > _STRIDE * leg)
    turns = wide[1:][np.diff(np.sign(apart[wide])) != 0]
    steps, floor = [], position[..., 2].min()
    for first, end in pairwise(turns):
        moved = (pelvis[end] - pelvis[first])[:2]
        length = float(np.linalg.norm(moved))
        is_forward = moved @ ahead[first:end].mean(axis=0) > 0.8 * length
        is_upright = pelvis[first:end, 2].min() - floor > _UPRIGHT * leg
        if length > _SHORTEST * leg and is_forward and is_upright:
            steps.append((length / leg, (end - first) / rate_hz * np.sqrt(GRAVITY_MPS2 / leg)))
    if len(steps) < _STEPS or (np.std(steps, axis=0) > _REGULAR * np.mean(steps, axis=0)).any():
        return None
    return float(np.prod(np.median(steps, axis=0)))


def _stretches(holds: Array) -> list[tuple[int, int]]:
    """First frame and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], holds.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
