"""A body's skin made to follow other bone lengths."""

import numpy as np
import numpy.typing as npt

from anymo.body.tpose import blend, on_floor
from anymo.records import Array
from anymo.skeleton import INDEX, NUM_SEGMENTS, PARENTS, SEGMENTS

_TRUNK = [INDEX[name] for name in ("Pelvis", "L5", "L3", "T12", "T8")]
_SHOULDERS = {INDEX[f"{side}Shoulder"]: INDEX[f"{side}UpperArm"] for side in ("Left", "Right")}
# Joints that tell how the trunk is stretched. Rigs put the joints of the spine where they like, so the trunk
# stretches as one piece between hips, shoulders and neck.
_TRUNK_ENDS = [
    INDEX[name] for name in ("Neck", "LeftUpperLeg", "RightUpperLeg", "LeftUpperArm", "RightUpperArm")
]
_THIGHS = [INDEX["LeftUpperLeg"], INDEX["RightUpperLeg"]]
_RIDGE_M = 0.1
# Bones along which a segment stretches: segment -> child.
_STRETCHED = {
    INDEX[name]: PARENTS.index(INDEX[name])
    for name in (
        "Neck",
        *(f"{side}{limb}" for side in ("Left", "Right") for limb in ("UpperArm", "ForeArm", "UpperLeg")),
        *(f"{side}{limb}" for side in ("Left", "Right") for limb in ("LowerLeg", "Foot")),
    )
}
_RATIO_RANGE = (0.4, 2.5)  # of a bone's length against the body's, after both have the same stature


def fit(
    vertices: Array, weights: npt.NDArray[np.float32], joints: Array, joint_offsets: Array
) -> tuple[Array, Array]:
    """Skin and joints of a T-posed body with other bone lengths.

    Linear blend skinning with a linear map A_s per segment, v' = Σ_s w_s (e_s + A_s (v − c_s)), where the
    anchor c_s, a joint, goes to its new place e_s. A limb's map stretches along its bone b and scales across
    it with the stature g: A = g I + (b' − g b) bᵀ / |b|². The trunk's is the ridge regression, towards g I,
    of the places of neck, hips and shoulders about their mean, but for its width, which goes from that of the
    hips to that of the shoulders; the thighs are as wide as the hips ask for, so that they do not cross.
    Head, hands and toes scale by g.

    Args:
        vertices: (V, 3) m.
        weights: (V, 23) skin weights.
        joints: (23, 3) segment origins, m.
        joint_offsets: (23, 3) wanted segment origins in their parents' frames, m.

    Returns:
        Vertices (V, 3) and joints (23, 3), on the floor with the pelvis above the origin, m.

    Raises:
        ValueError: offsets of another shape, or a bone of no human length or direction.
    """
    target = _target(joint_offsets)
    g = _stature(target) / _stature(joints)
    maps = np.tile(g * np.eye(3), (NUM_SEGMENTS, 1, 1))
    start, end = joints.copy(), target.copy()
    middle = [p[_TRUNK_ENDS].mean(axis=0) for p in (joints, target)]
    before, after = (p[_TRUNK_ENDS] - m for p, m in zip((joints, target), middle, strict=True))
    ridge = _RIDGE_M**2 * np.eye(3)
    trunk = np.linalg.solve(before.T @ before + ridge, before.T @ after + g * ridge).T
    hips, shoulders = (_width(target, limb) / _width(joints, limb) for limb in ("UpperLeg", "UpperArm"))
    maps[_TRUNK], start[_TRUNK], end[_TRUNK] = trunk, *middle
    maps[_TRUNK, 1, 1] = np.linspace(hips, shoulders, len(_TRUNK))
    maps[_THIGHS, 1, 1] = hips
    trunk[1, 1] = shoulders
    for shoulder, arm in _SHOULDERS.items():
        maps[shoulder], start[shoulder], end[shoulder] = trunk, joints[arm], target[arm]
    for segment, child in _STRETCHED.items():
        bone, wanted = (p[child] - p[segment] for p in (joints, target))
        _check_bone(segment, g * bone, wanted)
        maps[segment] += np.outer(wanted - g * bone, bone) / (bone @ bone)
    return on_floor(blend(vertices, weights.astype(np.float64), maps, start, end), target)


def _target(joint_offsets: Array) -> Array:
    """(23, 3) joints of the T-pose with these offsets, the pelvis at the origin, m."""
    offsets = np.asarray(joint_offsets, dtype=np.float64)
    if offsets.shape != (NUM_SEGMENTS, 3) or not np.isfinite(offsets).all():
        raise ValueError(
            f"joint_offsets: must be ({NUM_SEGMENTS}, 3) finite metres, got {offsets.shape}; "
            "take those of a Motion"
        )
    joints = np.zeros((NUM_SEGMENTS, 3))
    for child, parent in enumerate(PARENTS[1:], start=1):
        joints[child] = joints[parent] + offsets[child]
    if min(_width(joints, "UpperLeg"), _width(joints, "UpperArm")) < 0.04:
        raise ValueError(
            "joint_offsets: the left hip or shoulder is not left of the right one; is y to the left?"
        )
    if not 0.3 < _stature(joints) < 2.5:
        raise ValueError(
            f"joint_offsets: the head stands {_stature(joints):.3g} m above the feet, expected 0.3 to 2.5 m; "
            "give metres, z up, of the T-pose"
        )
    return joints


def _width(joints: Array, limb: str) -> float:
    """Distance between the origins of a pair of limbs, m."""
    return float(joints[INDEX[f"Left{limb}"], 1] - joints[INDEX[f"Right{limb}"], 1])


def _stature(joints: Array) -> float:
    """Height of the head's joint above the ankles, m."""
    feet = (joints[INDEX["LeftFoot"], 2] + joints[INDEX["RightFoot"], 2]) / 2
    return float(joints[INDEX["Head"], 2] - feet)


def _check_bone(segment: int, bone: Array, wanted: Array) -> None:
    ratio, (low, high) = float(np.linalg.norm(wanted) / np.linalg.norm(bone)), _RATIO_RANGE
    if not low <= ratio <= high or wanted @ bone <= 0:
        raise ValueError(
            f"joint_offsets: the bone of {SEGMENTS[segment]} is {np.round(wanted, 3).tolist()} m where this "
            f"body, at the same stature, has {np.round(bone, 3).tolist()}; expected the same direction and "
            f"{low} to {high} times the length; is the skeleton in T-pose, x forward, y left, z up?"
        )
