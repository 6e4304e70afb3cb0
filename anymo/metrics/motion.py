"""Plausibility of motion: contact with the floor, joints, smoothness, speed, agreement of derivatives.

Each is a pure function of world positions (T, 23, 3) of the segments' joints, m, z up. Contact follows
PhysDiff (Yuan et al. 2023, sec. 4: penetrate, float, skate) and GMD (Karunratanakul et al. 2023: skating
ratio), with the skin taken as a sphere of anymo.motion.procedural.contact.FLESH_M around each joint.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from anymo.metrics.joint_angles import excess_deg
from anymo.motion.procedural.contact import FLESH_M
from anymo.records import Motion
from anymo.skeleton import INDEX, NUM_SEGMENTS, forward_kinematics

Floats = npt.NDArray[np.float64]
TOES = [INDEX["LeftToe"], INDEX["RightToe"]]
ENDS = [INDEX[n] for n in ("Pelvis", "Head", "LeftHand", "RightHand", "LeftFoot", "RightFoot")]
_TOLERANCE_M = 0.005  # PhysDiff
_CONTACT_M = 0.025  # toe over its height when planted (MANN, Zhang et al. 2018, sec. 8: H = 2.5 cm)
_SKID_HEIGHT_M, _SKID_MPS = 0.05, 0.5  # GMD: below 5 cm and more than 2.5 cm in a frame at 20 frames/s
_STILL_MPS = 0.2
_SMOOTH_WINDOW_S, _SPARC_TOP_HZ, _SPARC_FLOOR, _SPARC_PADDING = 2.0, 10.0, 0.05, 4

# Trunk against limbs, thigh against arm, left against right: bones that may run into each other.
_TRUNK = ("Pelvis", "Neck")
_ARMS = [(f"{side}ForeArm", f"{side}Hand") for side in ("Left", "Right")]
_PAIRS = [
    *((arm, _TRUNK) for arm in _ARMS),
    *((arm, ("Neck", "Head")) for arm in _ARMS),
    (("LeftLowerLeg", "LeftFoot"), ("RightLowerLeg", "RightFoot")),
    (_ARMS[0], _ARMS[1]),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausibility:
    """Numbers of one motion; see the functions of the same names.

    penetration_mm, floating_mm   mean over frames
    skating_mps, skating_ratio    speed of planted toes; share of frames with a skid
    self_penetration_mm           mean over frames of the deepest overlap of two bones' skin
    joint_excess_ratio            share of frames with a joint more than 10 degrees outside its range
    joint_excess_deg              the furthest that any joint goes beyond that
    sparc                         smoothness, dimensionless, negative; nearer to 0 is smoother
    jerk_mps3                     root mean square over hands, feet, head and pelvis
    speed_mps, acceleration_mps2  99th percentile of the fastest of them
    """

    penetration_mm: float
    floating_mm: float
    skating_mps: float
    skating_ratio: float
    self_penetration_mm: float
    joint_excess_ratio: float
    joint_excess_deg: float
    sparc: float
    jerk_mps3: float
    speed_mps: float
    acceleration_mps2: float


def plausibility(motion: Motion, floor_m: float | None = None) -> Plausibility:
    """All of them for one motion.

    Args:
        motion: 4 frames or more.
        floor_m: height of the floor, m; None estimates it (`floor_height`).

    Raises:
        ValueError: too short.
    """
    position, _ = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    rate = motion.rate_hz
    jerk = derivative(position[:, ENDS], rate, 3)
    floor = floor_height(position, rate) if floor_m is None else floor_m
    beyond = np.concatenate(list(excess_deg(motion.rotations).values()), axis=1)
    ends = position[:, ENDS]
    return Plausibility(
        penetration_mm=1e3 * penetration(position, floor),
        floating_mm=1e3 * floating(position, floor),
        skating_mps=skating(position, rate, floor),
        skating_ratio=skating_ratio(position, rate, floor),
        self_penetration_mm=1e3 * self_penetration(position),
        joint_excess_ratio=float((beyond.max(axis=1) > 0).mean()),
        joint_excess_deg=float(beyond.max()),
        sparc=smoothness(ends, rate),
        jerk_mps3=float(np.sqrt((jerk**2).sum(-1).mean())),
        speed_mps=top(derivative(ends, rate, 1)),
        acceleration_mps2=top(derivative(ends, rate, 2)),
    )


def names() -> tuple[str, ...]:
    """Fields of Plausibility in their order."""
    return tuple(f.name for f in fields(Plausibility))


def derivative(position: Floats, rate_hz: float, order: int) -> Floats:
    """(T - order, ...) forward differences over time, unit per s to the order.

    Raises:
        ValueError: not more frames than the order.
    """
    if len(position) <= order:
        raise ValueError(f"motion: expected more than {order} frames, got {len(position)}; use a longer clip")
    return np.asarray(np.diff(position, order, axis=0) * rate_hz**order)


def top(vectors: Floats, quantile: float = 0.99) -> float:
    """Quantile over time of the longest of several vectors (T, N, 3)."""
    return float(np.quantile(np.linalg.norm(vectors, axis=-1).max(axis=1), quantile))


def floor_height(position: Floats, rate_hz: float) -> float:
    """Height of the floor, m: the median of toes that hardly move and are low, less their sole.

    As HuMoR (Rempe et al. 2021, supplement) finds it, from feet at rest; without any, from the lowest toe.

    Raises:
        ValueError: positions of another shape, or a single frame.
    """
    toes = _checked(position)[:, TOES]
    speed = np.linalg.norm(np.gradient(toes, 1.0 / rate_hz, axis=0), axis=-1)
    height = toes[..., 2]
    still = height[(speed < _STILL_MPS) & (height < np.quantile(height, 0.05) + 0.1)]
    level = np.median(still) if len(still) else height.min()
    return float(level - FLESH_M[TOES[0]])


def penetration(position: Floats, floor_m: float = 0.0) -> float:
    """Depth of the lowest joint itself under the floor, m, mean over frames, 5 mm allowed (PhysDiff).

    Raises:
        ValueError: positions of another shape.
    """
    depth = floor_m - _checked(position)[..., 2].min(axis=1)
    return float(np.maximum(depth - _TOLERANCE_M, 0.0).mean())


def floating(position: Floats, floor_m: float = 0.0) -> float:
    """Height of the lowest skin over the floor, m, mean over frames, 5 mm allowed (PhysDiff).

    Raises:
        ValueError: positions of another shape.
    """
    height = (_checked(position)[..., 2] - FLESH_M).min(axis=1) - floor_m
    return float(np.maximum(height - _TOLERANCE_M, 0.0).mean())


def skating(position: Floats, rate_hz: float, floor_m: float = 0.0) -> float:
    """Horizontal speed of planted toes, m/s: v (2 - 2^(h/H)) while h < H (MANN), mean over frames and feet.

    PhysDiff's distance per contact frame is this over the frame rate.

    Raises:
        ValueError: positions of another shape, or a single frame.
    """
    toes, height = _toes(position, floor_m)
    speed = np.linalg.norm(derivative(toes[..., :2], rate_hz, 1), axis=-1)
    planted = np.clip(2.0 - 2.0 ** (np.maximum(height[:-1], height[1:]) / _CONTACT_M), 0.0, 1.0)
    return float((speed * planted).sum() / max(planted.sum(), 1.0))


def skating_ratio(position: Floats, rate_hz: float, floor_m: float = 0.0) -> float:
    """Share of frames in which a low toe moves faster than 0.5 m/s (GMD).

    Raises:
        ValueError: positions of another shape, or a single frame.
    """
    toes, height = _toes(position, floor_m)
    speed = np.linalg.norm(derivative(toes[..., :2], rate_hz, 1), axis=-1)
    low = np.maximum(height[:-1], height[1:]) < _SKID_HEIGHT_M
    return float((low & (speed > _SKID_MPS)).any(axis=1).mean())


def _toes(position: Floats, floor_m: float) -> tuple[Floats, Floats]:
    """Toes (T, 2, 3) and their height over where they are when planted (T, 2), m."""
    toes = _checked(position)[:, TOES]
    return toes, toes[..., 2] - FLESH_M[TOES[0]] - floor_m


def self_penetration(position: Floats) -> float:
    """Deepest overlap of two bones of the body, m, mean over frames; bones are capsules of half their flesh.

    Clothes and muscle give way: only what is inside half of the skin's distance counts.

    Raises:
        ValueError: positions of another shape.
    """
    deepest = np.zeros(len(_checked(position)))
    share = np.linspace(0.0, 1.0, 12)[:, None]
    for bones in _PAIRS:
        (a, b), (c, d) = ([position[:, None, INDEX[name]] for name in bone] for bone in bones)
        radius = sum(0.5 * float(FLESH_M[[INDEX[name] for name in bone]].min()) for bone in bones)
        apart = _distance(a + share * (b - a), c, d).min(axis=1)
        deepest = np.maximum(deepest, radius - apart)
    return float(deepest.mean())


def _distance(points: Floats, start: Floats, end: Floats) -> Floats:
    """(T, N) distance of points (T, N, 3) from the line between two ends (T, 1, 3)."""
    bone = end - start
    along = ((points - start) * bone).sum(-1) / np.maximum((bone**2).sum(-1), 1e-12)
    nearest = start + np.clip(along, 0.0, 1.0)[..., None] * bone
    return np.asarray(np.linalg.norm(points - nearest, axis=-1))


def spectral_arc_length(speed: Floats, rate_hz: float) -> float:
    """Smoothness of a speed profile (T,): SPARC, the negative arc length of its normalised spectrum.

    Balasubramanian et al. (2012), IEEE TBME 59(8), with the adaptive cutoff of 2015 (J NeuroEng Rehabil
    12:112): up to the last frequency below 10 Hz that has 5 % of the largest amplitude. NaN for no movement.
    """
    size = 2 ** (int(np.ceil(np.log2(len(speed)))) + _SPARC_PADDING)
    spectrum = np.abs(np.fft.rfft(speed, size))
    if spectrum.max() <= 0:
        return float("nan")
    spectrum /= spectrum.max()
    hz = np.arange(len(spectrum)) * rate_hz / size
    last = int(np.flatnonzero((spectrum >= _SPARC_FLOOR) & (hz <= _SPARC_TOP_HZ))[-1])
    if last == 0:
        return 0.0
    return float(-np.hypot(np.diff(hz[: last + 1]) / hz[last], np.diff(spectrum[: last + 1])).sum())


def smoothness(position: Floats, rate_hz: float) -> float:
    """Mean SPARC of joints (T, N, 3) over windows of 2 s, so that clips of any length compare.

    Raises:
        ValueError: less than two frames.
    """
    speed = np.linalg.norm(derivative(position, rate_hz, 1), axis=-1)
    length = min(len(speed), round(_SMOOTH_WINDOW_S * rate_hz))
    windows = [speed[k : k + length] for k in range(0, len(speed) - length + 1, length)]
    return float(
        np.nanmean([spectral_arc_length(w[:, j], rate_hz) for w in windows for j in range(w.shape[1])])
    )


def velocity_error(reference: Floats, motion: Floats) -> float:
    """L_vel of MDM (Tevet et al. 2023, eq. 5): mean over frames of |Δx - Δx̂|², m²; (T, J, 3) each.

    Raises:
        ValueError: two shapes, or not more frames than the order of the difference.
    """
    return _difference_error(reference, motion, 1)


def acceleration_error(reference: Floats, motion: Floats) -> float:
    """L_acc (arXiv 2512.08859, formed like L_vel): mean over frames of |Δ²x - Δ²x̂|², m²; (T, J, 3) each.

    Raises:
        ValueError: two shapes, or not more frames than the order of the difference.
    """
    return _difference_error(reference, motion, 2)


def _difference_error(reference: Floats, motion: Floats, order: int) -> float:
    if reference.shape != motion.shape:
        raise ValueError(
            f"motions: expected equal shapes, got {reference.shape} and {motion.shape}; resample one of them"
        )
    apart = derivative(reference - motion, 1.0, order)
    return float((apart**2).reshape(len(apart), -1).sum(axis=1).mean())


def derivative_mismatch(position: Floats, acceleration: Floats, rate_hz: float) -> float:
    """How far stated accelerations are from the movement's own, root mean square, relative.

    The second difference of a path is its acceleration weighted by a triangle two frames wide; by Numerov's
    rule that is (a₋ + 10 a + a₊) / 12, off by the fourth power of the time step.

    Args:
        position: (T, ..., 3) m.
        acceleration: (T, ..., 3) at the same times, m/s², same frame.
        rate_hz: of both.

    Raises:
        ValueError: different shapes, or less than three frames.
    """
    if position.shape != acceleration.shape:
        raise ValueError(
            f"acceleration: expected the shape of position, {position.shape}, got {acceleration.shape}"
        )
    moved = derivative(position, rate_hz, 2)
    stated = (acceleration[:-2] + 10.0 * acceleration[1:-1] + acceleration[2:]) / 12.0
    return float(np.sqrt(((moved - stated) ** 2).sum() / max(float((moved**2).sum()), 1e-12)))


def _checked(position: Floats) -> Floats:
    if position.ndim != 3 or position.shape[1:] != (NUM_SEGMENTS, 3):
        raise ValueError(
            f"position: expected (T, {NUM_SEGMENTS}, 3) joints of anymo.skeleton, got {position.shape}; "
            "forward_kinematics gives them"
        )
    return position
