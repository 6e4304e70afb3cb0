"""BVH files of known rigs -> Motion on our 23 segments."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.motion.bvh_file import BvhFile, parse_bvh
from anymo.motion.rigs import Rig, rig_of
from anymo.records import Array, Caption, Motion
from anymo.skeleton import INDEX, PARENTS, SEGMENTS, forward_kinematics

logger = logging.getLogger(__name__)

# World (x forward, y left, z up) from the files' axes (x left, y up, z forward).
_WORLD_FROM_FILE = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
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


def load_bvh(
    path: Path, *, rate_hz: float | None = None, captions: Sequence[Caption] = (), unit_m: float | None = None
) -> Motion:
    """Read a BVH file of a known rig.

    The rig's rest pose is turned into our T-pose by the smallest rotation of each limb bone, so that
    R_world_segment(t) = R_world_bone(t) R_restᵀ R_align. The floor is put under the lowest point the feet
    reach in the clip. A single T-pose frame that opens a Character Creator clip is dropped.

    Args:
        path: `.bvh` or `.bvh.gz`.
        rate_hz: frames per second; None takes the header's frame time, which is wrong in some CMU copies.
        captions: sentences that go with the clip.
        unit_m: metres per length unit of the file; None takes the rig's.

    Raises:
        ValueError: the file is broken, its rig unknown, or the body's height implausible.
    """
    file = parse_bvh(path)
    rig = rig_of({j.name for j in file.joints}, path.name)
    position, rotation = _bone_poses(file, rig, unit_m or rig.unit_m)
    world = rotation @ _alignment(position, rotation)
    offsets = _joint_offsets(position, world)
    _check_height(offsets, path.name)
    local = world.copy()
    for child, parent in enumerate(PARENTS[1:], start=1):
        local[:, child] = np.swapaxes(world[:, parent], -1, -2) @ world[:, child]
    skip = int(rig.leads_with_t_pose and _opens_with_t_pose(world))
    feet = [INDEX[n] for n in ("LeftFoot", "LeftToe", "RightFoot", "RightToe")]
    root = position[skip:, 0] - [0.0, 0.0, position[skip:, feet, 2].min()]
    return Motion(
        root_position=root,
        rotations=local[skip:],
        joint_offsets=offsets,
        rate_hz=_stated_rate(file, path.name) if rate_hz is None else rate_hz,
        captions=tuple(captions),
        name=path.name.removesuffix(".gz").removesuffix(".bvh"),
        source=f"bvh, {rig.name}",
    )


def _stated_rate(file: BvhFile, where: str) -> float:
    if not file.frame_time_s > 0:
        raise ValueError(
            f"{where}: frame time must be positive seconds, got {file.frame_time_s}; state the frames per "
            "second (rate_hz, or --frame-rate of `anymo simulate`)"
        )
    return 1.0 / file.frame_time_s


def _bone_poses(file: BvhFile, rig: Rig, unit_m: float) -> tuple[Array, Array]:
    """Segment origins (T, 23, 3), m, and turns away from rest (T, 23, 3, 3), both in our world axes.

    Segments that share a bone stand at equal steps from it to the next one up the trunk.
    """
    bone_position, bone_rotation = file.world_pose()
    picks = [file.index(bone) for bone in rig.bones]
    position = bone_position[:, picks] @ _WORLD_FROM_FILE.T * unit_m
    trunk = rig.bones[:6]
    for i, bone in enumerate(trunk):
        first, count = trunk.index(bone), trunk.count(bone)
        if i > first:
            share = (i - first) / count
            position[:, i] = (1 - share) * position[:, first] + share * position[:, first + count]
    rest = np.stack([rig.rest.get(segment, np.eye(3)) for segment in SEGMENTS])
    turned = bone_rotation[:, picks] @ np.swapaxes(rest, -1, -2)
    return position, _WORLD_FROM_FILE @ turned @ _WORLD_FROM_FILE.T


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
            f"{where}: the body stands {height:.3g} m tall, expected {low} to {high} m; BVH states no unit: "
            "pass unit_m, the metres per length unit of this file (0.01 for centimetres)"
        )


def _opens_with_t_pose(world: Array) -> bool:
    """Arms level in the first frame and elsewhere in the second."""
    arms = [INDEX["LeftUpperArm"], INDEX["RightUpperArm"]]
    level = np.abs(world[0, arms, 2, 1]) < np.sin(np.radians(15.0))
    turn = np.swapaxes(world[0, arms], -1, -2) @ world[1, arms]
    angle = Rotation.from_matrix(turn).magnitude()
    return bool(level.all() and (angle > _T_POSE_JUMP_RAD).all())
