"""Where the 23 segments point, from where their joints are: inverse kinematics that keeps global orientation.

Pelvis and trunk turn with the line of the hips, the line of the shoulders and the spine; limbs point along
their bones and turn about them with the plane in which elbow and knee bend. A straight limb shows no such
plane: there its turn relative to the trunk is carried on smoothly from where it bends. What joints do not
show stays neutral: pronation, the head's turn without ears and nose, the foot's inversion without a heel.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from scipy.linalg import solveh_banded

from anymo.motion.anatomy import BONES, HINGES, SIDES, Complex, frame, turn_between, twist, unit
from anymo.records import Array
from anymo.skeleton import INDEX

# Lean of the line from a joint to the next one up the trunk while standing, degrees forward; the pelvis' line
# starts between the hips. `anymo.skeleton`'s own body.
DEFAULT_LEAN_DEG: dict[str, float] = {"Pelvis": -10.305, "Neck": 12.529}
_SPINE = ("L5", "L3", "T12", "T8", "Neck", "Head")
_FOOT_DECLINE_RAD = np.arctan2(0.06, 0.13)  # of the line from ankle to toes while the sole is flat
_ACROSS_SHARE = (
    0.3  # of the knee's axis in the ankle's, which a foot stretched in line with the shin cannot show
)
_SURE_SINE = np.sin(np.radians(20.0))  # of the flexion from which on the bend alone shows the twist
_HOLD_S = 0.02  # the twist is carried on for this long at that flexion, and longer the straighter the limb
_NEUTRAL_WEIGHT = 1e-6


def segment_rotations(
    position: Array,
    rate_hz: float,
    landmarks: Mapping[str, Array],
    lean_deg: Mapping[str, float] = DEFAULT_LEAN_DEG,
) -> Array:
    """World from segment, from joint positions.

    Args:
        position: (T, 23, 3) segment origins, world (z up), m.
        rate_hz: frames per second.
        landmarks: further points (T, 3), each used where it is there: "Nose", "LeftEar", "LeftHeel",
            "LeftKnuckles" and those on the right.
        lean_deg: segment -> lean of its line up the trunk while standing, degrees forward; 0 where left out.

    Returns:
        (T, 23, 3, 3) rotations, identity in T-pose facing +x.
    """
    rotation = np.empty((*position.shape[:2], 3, 3))
    _trunk(rotation, position, lean_deg)
    _head(rotation, landmarks)
    for side, sign in SIDES:
        clavicle = INDEX[f"{side}Shoulder"]
        line = position[:, INDEX[f"{side}UpperArm"]] - position[:, clavicle]
        rotation[:, clavicle] = _turned(
            (0.0, sign, 0.0), (0.0, 0.0, 1.0), line, rotation[:, INDEX["T8"], :, 2]
        )
    for hinge in HINGES:
        parent = INDEX["T8" if "Arm" in hinge.upper else "Pelvis"]
        normal = _held_normal(
            position, hinge.normal(position), rotation[:, parent], hinge.upper, hinge.axis, rate_hz
        )
        for segment in (hinge.upper, hinge.lower):
            child, direction = BONES[segment]
            bone = position[:, INDEX[child]] - position[:, INDEX[segment]]
            rotation[:, INDEX[segment]] = _turned(direction, hinge.axis, bone, normal)
    for side, sign in SIDES:
        _hand(rotation, position, landmarks, side, sign)
        _foot(rotation, position, landmarks, side)
    return rotation


def _turned(first: Array | tuple[float, ...], second: Array | tuple[float, ...], *seen: Array) -> Array:
    """Rotations that take `first` (3,) onto the first of the seen (T, 3) and `second` near the other."""
    return np.asarray(frame(*seen) @ frame(np.asarray(first), np.asarray(second)).T)


def _upright(lean_deg: float) -> tuple[float, ...]:
    return (float(np.sin(np.radians(lean_deg))), 0.0, float(np.cos(np.radians(lean_deg))))


def _trunk(rotation: Array, position: Array, lean_deg: Mapping[str, float]) -> None:
    """Pelvis and chest by their lines to the left; what lies between turns evenly from one to the other."""

    def line(start: str, end: str) -> Array:
        return np.asarray(position[:, INDEX[end]] - position[:, INDEX[start]])

    left = (0.0, 1.0, 0.0)
    hips = line("RightUpperLeg", "LeftUpperLeg")
    up = position[:, INDEX["L5"]] - position[:, [INDEX["RightUpperLeg"], INDEX["LeftUpperLeg"]]].mean(axis=1)
    rotation[:, 0] = _turned(left, _upright(lean_deg.get("Pelvis", 0.0)), hips, up)
    shoulders = line("RightShoulder", "LeftShoulder")
    share = {"L5": 0.25, "L3": 0.5, "T12": 0.75, "T8": 1.0, "Neck": 1.0}
    across = {k: (1 - v) * unit(hips) + v * unit(shoulders) for k, v in share.items()}
    for segment, above in pairwise(_SPINE):
        rotation[:, INDEX[segment]] = _turned(
            _upright(lean_deg.get(segment, 0.0)), left, line(segment, above), across[segment]
        )


def _head(rotation: Array, landmarks: Mapping[str, Array]) -> None:
    """The head by ears and nose, else as the neck."""
    if {"Nose", "LeftEar", "RightEar"} <= landmarks.keys():
        ears = landmarks["LeftEar"], landmarks["RightEar"]
        ahead = landmarks["Nose"] - (ears[0] + ears[1]) / 2
        rotation[:, INDEX["Head"]] = _turned((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), ears[0] - ears[1], ahead)
    else:
        rotation[:, INDEX["Head"]] = rotation[:, INDEX["Neck"]]


def _hand(rotation: Array, position: Array, landmarks: Mapping[str, Array], side: str, sign: float) -> None:
    """The hand points at its knuckles by the smallest turn away from the forearm, else along the forearm."""
    hand, forearm = INDEX[f"{side}Hand"], rotation[:, INDEX[f"{side}ForeArm"]]
    rotation[:, hand] = forearm
    if f"{side}Knuckles" in landmarks:
        reach = np.einsum("tji,tj->ti", forearm, landmarks[f"{side}Knuckles"] - position[:, hand])
        rotation[:, hand] = forearm @ turn_between(np.array([0.0, sign, 0.0]), unit(reach))


def _foot(rotation: Array, position: Array, landmarks: Mapping[str, Array], side: str) -> None:
    """The foot points to its toes, from the heel or, with the decline of a flat foot, from the ankle."""
    foot, toe = INDEX[f"{side}Foot"], INDEX[f"{side}Toe"]
    shin = rotation[:, INDEX[f"{side}LowerLeg"]]
    if f"{side}Heel" in landmarks:
        ahead, flat = position[:, toe] - landmarks[f"{side}Heel"], (1.0, 0.0, 0.0)
    else:
        ahead = position[:, toe] - position[:, foot]
        flat = (float(np.cos(_FOOT_DECLINE_RAD)), 0.0, -float(np.sin(_FOOT_DECLINE_RAD)))
    across = np.cross(shin[..., 2], unit(ahead)) + _ACROSS_SHARE * shin[..., 1]
    rotation[:, foot] = rotation[:, toe] = _turned(flat, (0.0, 1.0, 0.0), ahead, across)


def _held_normal(
    position: Array, normal: Array, parent: Array, segment: str, axis: Array, rate_hz: float
) -> Array:
    """(T, 3) axis of a hinge in the world, carried on where the limb is straight.

    The twist of the bone is its angle away from the smallest turn out of the T-pose, seen from the parent.
    With z = exp(i twist), minimise  sum w |z - z_seen|^2 + (hold * rate)^2 |z_t - z_t-1|^2 + w_neutral |z -
    1|^2, where w grows with the fourth power of the sine of the flexion: a hinge that is a little off its
    plane shows mostly that error while it is nearly straight.
    """
    child, direction = BONES[segment]
    bone = unit(np.einsum("tji,tj->ti", parent, position[:, INDEX[child]] - position[:, INDEX[segment]]))
    swing = parent @ turn_between(direction, bone)
    seen = twist(np.einsum("tji,tj->ti", swing, normal), direction, axis)
    weight = np.minimum(np.abs(seen) / _SURE_SINE, 1.0) ** 4
    weight[(seen.real < 0) & (weight < 1)] = 0.0  # overstretched, not twisted half a turn
    z = _smoothed(seen / np.maximum(np.abs(seen), 1e-12), weight, (_HOLD_S * rate_hz) ** 2)
    z = z / np.maximum(np.abs(z), 1e-12)
    local = z.real[:, None] * axis + z.imag[:, None] * np.cross(direction, axis)
    return np.asarray(np.einsum("tij,tj->ti", swing, local))


def _smoothed(seen: Complex, weight: Array, stiffness: float) -> Complex:
    """Solve the least-squares problem of `_held_normal`: one symmetric tridiagonal system."""
    banded = np.zeros((2, len(seen)))
    banded[1] = weight + _NEUTRAL_WEIGHT
    banded[1, :-1] += stiffness
    banded[1, 1:] += stiffness
    banded[0, 1:] = -stiffness
    right = weight * seen + _NEUTRAL_WEIGHT
    return np.asarray(solveh_banded(banded, np.stack([right.real, right.imag], axis=1)) @ [1.0, 1.0j])
