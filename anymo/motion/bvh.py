"""BVH files of known rigs -> Motion on our 23 segments."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anymo.motion.bvh_file import BvhFile, parse_bvh
from anymo.motion.retarget import motion_from_poses
from anymo.motion.rigs import Rig, rig_of
from anymo.records import Array, Caption, Motion
from anymo.skeleton import SEGMENTS

logger = logging.getLogger(__name__)

# World (x forward, y left, z up) from the files' axes (x left, y up, z forward).
_WORLD_FROM_FILE = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def load_bvh(
    path: Path, *, rate_hz: float | None = None, captions: Sequence[Caption] = (), unit_m: float | None = None
) -> Motion:
    """Read a BVH file of a known rig.

    A single T-pose frame that opens a Character Creator clip is dropped.

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
    return motion_from_poses(
        position,
        rotation,
        rate_hz=_stated_rate(file, path.name) if rate_hz is None else rate_hz,
        name=path.name.removesuffix(".gz").removesuffix(".bvh"),
        source=f"bvh, {rig.name}",
        captions=captions,
        may_open_with_t_pose=rig.leads_with_t_pose,
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
