"""Joint positions (T, J, 3) -> Motion: which joint is which, in which axes and unit, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from anymo.motion.anatomy import SIDES, unit
from anymo.motion.inverse_kinematics import DEFAULT_LEAN_DEG, segment_rotations
from anymo.motion.retarget import motion_from_poses
from anymo.records import Array, Caption, Motion
from anymo.skeleton import SEGMENTS

Fact = TypeVar("Fact", str, float)

# World (x forward, y left, z up) from axes with another one up. With y up, x is left and z forward.
WORLD_FROM: dict[str, Array] = {
    "z": np.eye(3),
    "y": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
}
LANDMARKS = (
    "Nose", "LeftEar", "RightEar", "LeftHeel", "RightHeel", "LeftKnuckles", "RightKnuckles"
)  # fmt: skip
_NEEDED = tuple(
    f"{side}{segment}"
    for side, _ in SIDES
    for segment in ("UpperArm", "ForeArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
)
_FARTHEST_M = 1e6
_FOOT_M = (0.13, 0.06)  # toes ahead of and below the ankle, where they are not given


@dataclass(frozen=True, slots=True, eq=False)
class JointSkeleton:
    """What the columns of an array of joints are, and what goes without saying where it comes from.

    points    segment whose origin the joint is, or one of LANDMARKS; "" where it is neither
    lean_deg  as in `segment_rotations`
    """

    points: tuple[str, ...]
    rate_hz: float | None = None
    up: str | None = None
    unit_m: float | None = None
    lean_deg: Mapping[str, float] = field(default_factory=lambda: DEFAULT_LEAN_DEG)


_SMPL = (
    "Pelvis", "LeftUpperLeg", "RightUpperLeg", "L5", "LeftLowerLeg", "RightLowerLeg", "T12", "LeftFoot",
    "RightFoot", "T8", "LeftToe", "RightToe", "Neck", "LeftShoulder", "RightShoulder", "Head", "LeftUpperArm",
    "RightUpperArm", "LeftForeArm", "RightForeArm", "LeftHand", "RightHand", "LeftKnuckles", "RightKnuckles",
)  # fmt: skip
# How SMPL's mean body stands in its T-pose.
_SMPL_LEAN_DEG = {"Pelvis": -12.0, "T12": 23.0, "T8": -9.0, "Neck": 29.5}

SKELETONS: dict[str, JointSkeleton] = {
    "humanml3d": JointSkeleton(_SMPL[:22], rate_hz=20.0, up="y", unit_m=1.0, lean_deg=_SMPL_LEAN_DEG),
    "smpl": JointSkeleton(_SMPL, unit_m=1.0, lean_deg=_SMPL_LEAN_DEG),
    "segments": JointSkeleton(SEGMENTS, up="z", unit_m=1.0),
}


def load_joints(
    source: npt.ArrayLike,
    *,
    name: str = "",
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
    skeleton: str | Mapping[str, int] = "",
    up: str | None = None,
    unit_m: float | None = None,
) -> Motion:
    """Motion from joint positions, by inverse kinematics (`anymo.motion.inverse_kinematics`).

    Args:
        source: (T, J, 3) joint positions.
        name: of the clip.
        rate_hz: frames per second; must be stated unless the skeleton states it.
        captions: sentences that go with the clip.
        skeleton: what the joints are: "humanml3d" (22 joints of `new_joints`, 20 Hz, y up, m), "smpl" (24
            joints, m), "segments" (ours, z up, m), or a mapping of segments and LANDMARKS to columns. It must
            hold shoulders, elbows, wrists, hips, knees and ankles (the segments that begin there); what else
            is missing is put where it is on an adult who stands straight.
        up: "y" or "z", the axis that points up; must be stated unless the skeleton states it.
        unit_m: metres per length unit, likewise.

    Raises:
        ValueError: a shape, a number or a statement is missing or wrong, or the body's height implausible.
    """
    known = _skeleton_of(skeleton, name)
    array = np.asarray(source)
    _check_joints(array, known, name, exact=isinstance(skeleton, str))
    rate = _stated("rate_hz", rate_hz, known.rate_hz, "frames per second", name)
    axis = _stated("up", up, known.up, "'y' or 'z', the axis that points up", name)
    scale = _stated("unit_m", unit_m, known.unit_m, "metres per length unit, 0.001 for mm", name)
    if axis not in WORLD_FROM:
        raise ValueError(f"{name}: up must be 'y' or 'z', got {axis!r}")
    if not 0 < rate < np.inf or not 0 < scale < np.inf:
        raise ValueError(f"{name}: rate_hz and unit_m must be positive and finite, got {rate} and {scale}")
    if (far := float(np.abs(array).max()) * scale) > _FARTHEST_M:
        raise ValueError(f"{name}: a joint is {far:.3g} m from the origin; check unit_m and the numbers")
    joints = array.astype(np.float64) @ WORLD_FROM[axis].T * scale
    points = {point: joints[:, k] for k, point in enumerate(known.points) if point}
    position = complete(points)
    landmarks = {k: points[k] for k in LANDMARKS if k in points}
    return motion_from_poses(
        position,
        segment_rotations(position, rate, landmarks, known.lean_deg),
        rate_hz=rate,
        name=name,
        source=f"joint positions, {skeleton if isinstance(skeleton, str) else 'given joints'}",
        captions=captions,
    )


def _skeleton_of(skeleton: str | Mapping[str, int], where: str) -> JointSkeleton:
    if isinstance(skeleton, str):
        if skeleton not in SKELETONS:
            raise ValueError(
                f"{where}: joint positions need skeleton=, one of {', '.join(SKELETONS)} or a mapping of "
                f"segments to columns, got {skeleton!r}"
            )
        return SKELETONS[skeleton]
    names = (*SEGMENTS, *LANDMARKS)
    if unknown := sorted(set(skeleton) - set(names)):
        raise ValueError(f"{where}: skeleton names {unknown[0]!r}; known are {', '.join(names)}")
    if missing := [s for s in _NEEDED if s not in skeleton]:
        raise ValueError(f"{where}: skeleton lacks {', '.join(missing)}; arms and legs must be whole")
    points = [""] * (max(skeleton.values()) + 1)
    for point, column in skeleton.items():
        if column < 0 or points[column]:
            raise ValueError(f"{where}: skeleton puts {point} on column {column}, which is negative or taken")
        points[column] = point
    return JointSkeleton(tuple(points))


def _check_joints(
    array: npt.NDArray[np.generic], skeleton: JointSkeleton, where: str, *, exact: bool
) -> None:
    least = len(skeleton.points)
    fits = array.ndim == 3 and array.shape[2] == 3 and array.shape[1] >= least and len(array) >= 2
    if not fits or (exact and array.shape[1] != least):
        raise ValueError(
            f"{where}: expected joint positions (T, {least}, 3) with 2 frames or more, got {array.shape}; "
            "pass these joints only, or a mapping of segments to columns as skeleton"
        )
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{where}: expected numbers, got an array of {array.dtype}")
    if bad := int((~np.isfinite(array)).any(axis=(1, 2)).sum()):
        raise ValueError(
            f"{where}: joint positions hold NaN or infinity in {bad} of {len(array)} frames; "
            "cut the clip or fill the gaps first"
        )


def _stated(key: str, stated: Fact | None, usual: Fact | None, meaning: str, where: str) -> Fact:
    value = usual if stated is None else stated
    if value is None:
        raise ValueError(f"{where}: joint positions do not tell {key}; pass {key} ({meaning})")
    return value


def complete(points: Mapping[str, Array]) -> Array:
    """(T, 23, 3) segment origins, m, from those given, (T, 3) each; the missing ones between or ahead."""
    known = dict(points)
    hips = (known["LeftUpperLeg"] + known["RightUpperLeg"]) / 2
    known.setdefault("Pelvis", hips)
    shoulders = (known["LeftUpperArm"] + known["RightUpperArm"]) / 2
    known.setdefault("Neck", shoulders)
    trunk = known["Neck"] - known["Pelvis"]
    if "Head" not in known:
        ears = "LeftEar" in known and "RightEar" in known
        known["Head"] = (known["LeftEar"] + known["RightEar"]) / 2 if ears else known["Neck"] + 0.2 * trunk
    _fill_spine(known)
    for side, _ in SIDES:
        known.setdefault(f"{side}Shoulder", 0.8 * known["Neck"] + 0.2 * known[f"{side}UpperArm"])
        if f"{side}Toe" not in known:
            shin = unit(known[f"{side}LowerLeg"] - known[f"{side}Foot"])
            left = known["LeftUpperLeg"] - known["RightUpperLeg"]
            ahead, below = _FOOT_M
            known[f"{side}Toe"] = known[f"{side}Foot"] + ahead * unit(np.cross(left, shin)) - below * shin
    return np.stack([known[segment] for segment in SEGMENTS], axis=1)


def _fill_spine(known: dict[str, Array]) -> None:
    """Missing joints of the spine at equal steps between the given ones."""
    spine = ("Pelvis", "L5", "L3", "T12", "T8", "Neck")
    given = [k for k, segment in enumerate(spine) if segment in known]
    for low, high in pairwise(given):
        for k in range(low + 1, high):
            share = (k - low) / (high - low)
            known[spine[k]] = (1 - share) * known[spine[low]] + share * known[spine[high]]
