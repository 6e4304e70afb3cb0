"""World poses of the 23 segments, however a rig turned them -> Motion, whose frames come from anatomy.

Every reader ends here: it brings segment origins and turns in world axes and metres, and this room decides
where each segment's x, y and z point, which bones are rigid, where the floor is, and whether the body is one.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.records import Array, Caption, Motion
from anymo.skeleton import INDEX, PARENTS, SEGMENTS, forward_kinematics

# Segments laid along their bone, with the child that shows its direction and that direction in T-pose.
_ALONG_BONE = {
    **{
        f"{side}UpperArm": (f"{side}ForeArm", (0.0, sign, 0.0)) for side, sign in (("Left", 1), ("Right", -1))
    },
    **{f"{side}ForeArm": (f"{side}Hand", (0.0, sign, 0.0)) for side, sign in (("Left", 1), ("Right", -1))},
    **{f"{side}UpperLeg": (f"{side}LowerLeg", (0.0, 0.0, -1.0)) for side in ("Left", "Right")},
    **{f"{side}LowerLeg": (f"{side}Foot", (0.0, 0.0, -1.0)) for side in ("Left", "Right")},
}
_HEIGHT_RANGE_M = (1.2, 2.2)
_CROWN_ABOVE_HEAD_JOINT_M = 0.18
_T_POSE_JUMP_RAD = 0.35  # in one frame; a hand would need 20 rad/s at 60 Hz


def motion_from_poses(
    position: Array,
    rotation: Array,
    *,
    rate_hz: float,
    name: str,
    source: str,
    captions: Sequence[Caption] = (),
    licence: str = "",
    subject: str = "",
    may_open_with_t_pose: bool = False,
) -> Motion:
    """Motion of the 23 segments from their world poses as a rig has them.

    The rig's rest pose is turned into our T-pose by the smallest rotation of each limb bone, so that
    R_world_segment(t) = R_world_bone(t) R_restᵀ R_align. The floor is put under the lowest point the feet
    reach in the clip.

    Args:
        position: (T, 23, 3) segment origins, z up, m.
        rotation: (T, 23, 3, 3) turn of each segment away from the rig's rest pose, which faces +x, world.
        rate_hz: frames per second.
        name: of the clip; stands in every message.
        source: format and rig.
        captions: sentences that go with the clip.
        licence: terms of the data.
        subject: who moved.
        may_open_with_t_pose: drop a first frame that is a T-pose and no part of the movement.

    Raises:
        ValueError: the body's height is implausible.
    """
    world = rotation @ _alignment(position, rotation)
    offsets = _joint_offsets(position, world)
    _check_height(offsets, name)
    local = world.copy()
    for child, parent in enumerate(PARENTS[1:], start=1):
        local[:, child] = np.swapaxes(world[:, parent], -1, -2) @ world[:, child]
    skip = int(may_open_with_t_pose and _opens_with_t_pose(world))
    feet = [INDEX[n] for n in ("LeftFoot", "LeftToe", "RightFoot", "RightToe")]
    return Motion(
        root_position=position[skip:, 0] - [0.0, 0.0, position[skip:, feet, 2].min()],
        rotations=local[skip:],
        joint_offsets=offsets,
        rate_hz=rate_hz,
        captions=tuple(captions),
        name=name,
        source=source,
        licence=licence,
        subject=subject,
    )


def _alignment(position: Array, rotation: Array) -> Array:
    """(23, 3, 3) rest pose from T-pose: smallest rotation of a segment onto its bone; hands as forearms."""
    align = np.tile(np.eye(3), (len(SEGMENTS), 1, 1))
    for segment, (child, direction) in _ALONG_BONE.items():
        i, bone = INDEX[segment], position[:, INDEX[child]] - position[:, INDEX[segment]]
        mean = np.einsum("tji,tj->i", rotation[:, i], bone)
        align[i] = _smallest_rotation(np.asarray(direction), mean / np.linalg.norm(mean))
    for side in ("Left", "Right"):
        align[INDEX[f"{side}Hand"]] = align[INDEX[f"{side}ForeArm"]]
    return align


def _smallest_rotation(start: Array, end: Array) -> Array:
    axis = np.cross(start, end)
    sine, cosine = float(np.linalg.norm(axis)), float(start @ end)
    rotvec = axis / sine * np.arctan2(sine, cosine) if sine > 1e-12 else np.zeros(3)
    return np.asarray(Rotation.from_rotvec(rotvec).as_matrix())


def _joint_offsets(position: Array, world: Array) -> Array:
    """(23, 3) mean place of each joint in its parent segment: the least-squares rigid skeleton, m."""
    offsets = np.zeros((len(SEGMENTS), 3))
    for child, parent in enumerate(PARENTS[1:], start=1):
        bone = position[:, child] - position[:, parent]
        offsets[child] = np.einsum("tji,tj->ti", world[:, parent], bone).mean(axis=0)
    return offsets


def _check_height(offsets: Array, where: str) -> None:
    identity = np.tile(np.eye(3), (1, len(SEGMENTS), 1, 1))
    joints = forward_kinematics(np.zeros((1, 3)), identity, offsets)[0][0]
    height = float(joints[INDEX["Head"], 2] - joints[:, 2].min() + _CROWN_ABOVE_HEAD_JOINT_M)
    low, high = _HEIGHT_RANGE_M
    if not low <= height <= high:
        raise ValueError(
            f"{where}: the body stands {height:.3g} m tall, expected {low} to {high} m; "
            "pass unit_m, the metres per length unit of this file (0.01 for centimetres)"
        )


def _opens_with_t_pose(world: Array) -> bool:
    """Arms level in the first frame and elsewhere in the second."""
    arms = [INDEX["LeftUpperArm"], INDEX["RightUpperArm"]]
    level = np.abs(world[0, arms, 2, 1]) < np.sin(np.radians(15.0))
    turn = np.swapaxes(world[0, arms], -1, -2) @ world[1, arms]
    angle = Rotation.from_matrix(turn).magnitude()
    return bool(level.all() and (angle > _T_POSE_JUMP_RAD).all())
