"""Where a segment's x, y and z point on any body: bones, lines between joints, hinges of elbows and knees.

All agree with docs/conventions.md: in T-pose, facing +x, every segment has x forward, y left, z up.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from anymo.records import Array
from anymo.skeleton import INDEX, SEGMENTS

Complex = npt.NDArray[np.complex128]

SIDES: tuple[tuple[str, float], ...] = (("Left", 1.0), ("Right", -1.0))

# Segments laid along their bone, with the child that shows its direction and that direction in T-pose.
BONES: dict[str, tuple[str, Array]] = {
    f"{side}{segment}": (f"{side}{child}", np.array(direction))
    for side, sign in SIDES
    for segment, child, direction in (
        ("UpperArm", "ForeArm", (0.0, sign, 0.0)),
        ("ForeArm", "Hand", (0.0, sign, 0.0)),
        ("UpperLeg", "LowerLeg", (0.0, 0.0, -1.0)),
        ("LowerLeg", "Foot", (0.0, 0.0, -1.0)),
    )
}
_BENT_SINE = np.sin(np.radians(20.0))  # of the flexion from which on the bend shows the axis
_MIN_BENT_FRAMES, _MIN_BENT_SHARE, _MIN_CONCENTRATION = 3, 0.02, 0.95
# A rig whose forearm turns about itself shows its hinge elsewhere in the forearm than in the upper arm.
_PRONATION_RAD = np.radians(5.0)
_FOREARMS = (INDEX["LeftForeArm"], INDEX["RightForeArm"])


@dataclass(frozen=True, slots=True, eq=False)
class Hinge:
    """An elbow or a knee: the segments above and below, and the axis about which it flexes in T-pose.

    Flexing bends a knee backward, about +y, and an elbow forward, about -z on the left and +z on the right:
    so an arm that hangs with the palm inward flexes about -y.
    """

    upper: str
    lower: str
    end: str
    axis: Array

    def normal(self, position: Array) -> Array:
        """(T, 3) axis of the bend in the world times the sine of the flexion, from origins (T, 23, 3)."""
        joint = position[:, INDEX[self.lower]]
        above, below = joint - position[:, INDEX[self.upper]], position[:, INDEX[self.end]] - joint
        return np.cross(unit(above), unit(below))


HINGES: tuple[Hinge, ...] = tuple(
    Hinge(f"{side}{upper}", f"{side}{lower}", f"{side}{end}", np.array(axis))
    for side, sign in SIDES
    for upper, lower, end, axis in (
        ("UpperArm", "ForeArm", "Hand", (0.0, 0.0, -sign)),
        ("UpperLeg", "LowerLeg", "Foot", (0.0, 1.0, 0.0)),
    )
)


def unit(vector: Array) -> Array:
    """Vectors of length 1.

    Args:
        vector: (..., 3), none of length 0.

    Returns:
        (..., 3).
    """
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.asarray(vector / np.maximum(length, 1e-12))


def frame(first: Array, second: Array) -> Array:
    """Right-handed axes: along `first`, then along the part of `second` at right angles to it.

    Args:
        first: (..., 3) of any length.
        second: (..., 3) of any length, not along `first`.

    Returns:
        (..., 3, 3) the axes as columns.
    """
    a = unit(first)
    c = unit(np.cross(a, second))
    return np.stack([a, np.cross(c, a), c], axis=-1)


def turn_between(start: Array, end: Array) -> Array:
    """(..., 3, 3) smallest rotation of unit vector `start` (3,) onto unit vectors `end` (..., 3).

    R = 1 + [v]x + [v]x^2 / (1 + c) with v = start x end and c = start . end (Rodrigues).
    """
    v, c = np.cross(start, end), end @ start
    cross = np.zeros((*v.shape[:-1], 3, 3))
    cross[..., [2, 0, 1], [1, 2, 0]] = v
    cross[..., [1, 2, 0], [2, 0, 1]] = -v
    return np.asarray(np.eye(3) + cross + cross @ cross / np.maximum(1.0 + c, 1e-9)[..., None, None])


def twist(vector: Array, bone: Array, axis: Array) -> Complex:
    """Angle of vectors (T, 3) from `axis` about `bone`, both unit (3,), as |v| exp(i angle)  (T,)."""
    return np.asarray(vector @ axis + 1j * (vector @ np.cross(bone, axis)))


def alignment(position: Array, rotation: Array) -> Array:
    """Constant turns from the axes of a rig into those of the anatomy, one per segment.

    A limb bone is laid along its direction in T-pose by the smallest rotation, and then turned about itself
    until the hinge next to it flexes about its axis. The hinge is the mean bend over the frames in which it
    is bent by 20 degrees or more; where it bends too little or not about one axis, the rig's T-pose stands. A
    forearm that turns about itself (pronation) keeps its T-pose too, with the palm down; one that does not is
    held in neutral pronation. Hands follow the bone of the forearm, palms down.

    Args:
        position: (T, 23, 3) segment origins, m.
        rotation: (T, 23, 3, 3) turn of each segment away from the rig's T-pose, world.

    Returns:
        (23, 3, 3) so that rotation @ alignment is world from segment.
    """
    align = np.tile(np.eye(3), (len(SEGMENTS), 1, 1))
    for segment, (child, direction) in BONES.items():
        i = INDEX[segment]
        bone = np.einsum("tji,tj->i", rotation[:, i], position[:, INDEX[child]] - position[:, i])
        align[i] = turn_between(direction, unit(bone))
    for side, _ in SIDES:
        align[INDEX[f"{side}Hand"]] = align[INDEX[f"{side}ForeArm"]]
        down = -align[INDEX[f"{side}LowerLeg"], :, 2]
        straddle = Rotation.from_rotvec([np.arctan2(down[1], -down[2]), 0.0, 0.0]).as_matrix()
        align[[INDEX[f"{side}Foot"], INDEX[f"{side}Toe"]]] = straddle
    for hinge in HINGES:
        upper, lower = INDEX[hinge.upper], INDEX[hinge.lower]
        bone, normal = BONES[hinge.upper][1], hinge.normal(position)
        seen = [
            _hinge_angle(np.einsum("tji,tj->ti", rotation[:, i] @ align[i], normal), bone, hinge.axis)
            for i in (upper, lower)
        ]
        if lower in _FOREARMS and abs(seen[1] - seen[0]) > _PRONATION_RAD:
            seen[1] = 0.0
        for i, angle in zip((upper, lower), seen, strict=True):
            align[i] = align[i] @ Rotation.from_rotvec(angle * bone).as_matrix()
    return align


def _hinge_angle(normal: Array, bone: Array, axis: Array) -> float:
    """Angle about the bone from `axis` to the mean of bends (T, 3), rad; 0 where the clip shows none."""
    bend = twist(normal, bone, axis)
    bent = bend[np.abs(bend) > _BENT_SINE]
    if len(bent) < max(_MIN_BENT_FRAMES, _MIN_BENT_SHARE * len(bend)):
        return 0.0
    mean = bent.sum() / np.abs(bent).sum()
    return float(np.angle(mean)) if np.abs(mean) > _MIN_CONCENTRATION else 0.0
