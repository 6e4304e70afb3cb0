"""World poses of the 23 segments, however a rig turned them -> Motion, whose frames come from anatomy.

Every reader ends here: it brings segment origins and turns in world axes and metres, and this room decides
where each segment's x, y and z point, which bones are rigid, where the floor is, and whether the body is one.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.motion.anatomy import BONES, alignment, unit
from anymo.motion.frame_rate import warn_of_rate
from anymo.records import Array, Caption, Motion
from anymo.skeleton import INDEX, PARENTS, SEGMENTS, forward_kinematics

logger = logging.getLogger(__name__)

_HEIGHT_RANGE_M = (1.2, 2.2)
_CROWN_ABOVE_HEAD_JOINT_M = 0.18
_LEVEL_SINE = np.sin(np.radians(15.0))
_T_POSE_JUMP_RADPS = 20.0  # of both upper arms from the first frame to the second
_T_POSE_LEAVES_S = 0.15  # some rigs ease out of it, at speeds of no living arm
_ARMS = [INDEX[side + part] for part in ("UpperArm", "ForeArm", "Hand") for side in ("Left", "Right")]
_FASTEST_PELVIS_MPS = 12.5  # sprinters reach 12.4


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

    R_world_segment(t) = R_world_bone(t) R_restᵀ R_align, where the constant R_align comes from the anatomy
    (`anymo.motion.anatomy.alignment`). Offsets of the joints are the least-squares rigid skeleton. The floor
    is put under the lowest point the feet reach in the clip. A rate at which the pelvis would outrun a
    sprinter, or the body fall or step as none does (`anymo.motion.frame_rate`), is warned of: the header's
    frame time may be wrong.

    Args:
        position: (T, 23, 3) segment origins, z up, m.
        rotation: (T, 23, 3, 3) turn of each segment away from the rig's rest pose, which faces +x, world.
        rate_hz: frames per second.
        name: of the clip; stands in every message.
        source: format and rig.
        captions: sentences that go with the clip.
        licence: terms of the data.
        subject: who moved.
        may_open_with_t_pose: drop a T-pose that opens the clip and is no part of the movement; captions move
            with the frames, and those that hold for nothing else go with it.

    Raises:
        ValueError: a pose is no number, a bone has no length, or the body's height is implausible.
    """
    _check_poses(position, rotation, rate_hz, name)
    world = rotation @ alignment(position, rotation)
    offsets = _joint_offsets(position, world)
    _check_height(offsets, name)
    local = world.copy()
    for child, parent in enumerate(PARENTS[1:], start=1):
        local[:, child] = np.swapaxes(world[:, parent], -1, -2) @ world[:, child]
    skip = _opening_t_pose(position, world, rate_hz) if may_open_with_t_pose else 0
    if skip:
        logger.info("%s: the T-pose that opens the clip is dropped, %d frames", name, skip)
    warn_of_rate(position[skip:], rate_hz, name)
    feet = [INDEX[n] for n in ("LeftFoot", "LeftToe", "RightFoot", "RightToe")]
    return Motion(
        root_position=position[skip:, 0] - [0.0, 0.0, position[skip:, feet, 2].min()],
        rotations=local[skip:],
        joint_offsets=offsets,
        rate_hz=rate_hz,
        captions=_later(captions, skip / rate_hz),
        name=name,
        source=source,
        licence=licence,
        subject=subject,
    )


def _check_poses(position: Array, rotation: Array, rate_hz: float, where: str) -> None:
    if len(position) < 2:
        raise ValueError(f"{where}: needs 2 frames or more, got {len(position)}; is the file whole?")
    if not (np.isfinite(position).all() and np.isfinite(rotation).all()):
        raise ValueError(f"{where}: poses hold NaN or infinity; cut the clip or fill the gap first")
    require_rate(rate_hz, where)
    for segment, (child, _) in BONES.items():
        length = np.linalg.norm(position[:, INDEX[child]] - position[:, INDEX[segment]], axis=-1)
        if not length.min() > 0:
            raise ValueError(
                f"{where}: {segment} has no length in frame {int(length.argmin())}; is it a whole body?"
            )
    speed = np.linalg.norm(np.diff(position[:, 0], axis=0), axis=-1) * rate_hz
    if (fastest := float(np.median(speed))) > _FASTEST_PELVIS_MPS:
        logger.warning(
            "%s: the pelvis moves at %.3g m/s in most frames at %g Hz; pass rate_hz if the header is wrong",
            where,
            fastest,
            rate_hz,
        )


def require_rate(rate_hz: float, where: str) -> None:
    """Frames per second are a positive, finite number.

    Raises:
        ValueError: they are not.
    """
    if not 0 < rate_hz < np.inf:
        raise ValueError(f"{where}: rate_hz must be positive and finite, got {rate_hz}")


def _later(captions: Sequence[Caption], lost_s: float) -> tuple[Caption, ...]:
    """Captions of a clip whose first `lost_s` seconds are gone."""
    return tuple(
        replace(c, start_s=max(c.start_s - lost_s, 0.0), end_s=None if c.end_s is None else c.end_s - lost_s)
        for c in captions
        if c.end_s is None or c.end_s > lost_s or not lost_s
    )


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


def arms_are_level(place: Array) -> bool:
    """Whether joints (23, 3), z up, hold both arms straight out."""
    arms = [
        place[INDEX[f"{side}{end}"]] - place[INDEX[f"{side}UpperArm"]]
        for side in ("Left", "Right")
        for end in ("ForeArm", "Hand")
    ]
    return bool((np.abs(unit(np.stack(arms))[:, 2]) < _LEVEL_SINE).all())


def _opening_t_pose(position: Array, world: Array, rate_hz: float) -> int:
    """Frames of a T-pose that opens the clip, and of the swift turn of the arms out of it; 0 without one."""
    turn = np.swapaxes(world[:-1, _ARMS], -1, -2) @ world[1:, _ARMS]
    opening = turn[: max(1, round(_T_POSE_LEAVES_S * rate_hz))]
    rate = Rotation.from_matrix(opening.reshape(-1, 3, 3)).magnitude().reshape(-1, len(_ARMS)) * rate_hz
    if not (arms_are_level(position[0]) and (rate[0, :2] > _T_POSE_JUMP_RADPS).all()):
        return 0
    return int(np.flatnonzero((rate > _T_POSE_JUMP_RADPS / 2).any(axis=1))[-1]) + 1
