"""BVH files of any human rig -> Motion: which bone is which, which way is up, how long the unit is."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from anymo.motion.anatomy import turn_between, unit
from anymo.motion.bvh_file import BvhFile, parse_bvh
from anymo.motion.inverse_kinematics import segment_rotations
from anymo.motion.joints import WORLD_FROM
from anymo.motion.retarget import arms_are_level, motion_from_poses, require_rate
from anymo.motion.rigs import CMU_UNIT_M, Rig, mapped_rig, rig_of
from anymo.records import Array, Caption, Motion
from anymo.skeleton import INDEX, SEGMENTS

logger = logging.getLogger(__name__)

_UNITS_M = (1.0, CMU_UNIT_M, 0.0254, 0.01, 0.001)
_CHAIN_RANGE_M = (1.0, 1.9)  # from ankle over hip to head, of bodies 1.2 to 2.2 m tall
_UPRIGHT = np.cos(np.radians(30.0))
_CLEARLY = 0.9  # share of the way from feet to head that lies along one axis
_RATE_TOLERANCE = 0.02


def load_bvh(
    path: Path,
    *,
    name: str = "",
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
    unit_m: float | None = None,
    bones: Mapping[str, str] | None = None,
    up: str | None = None,
) -> Motion:
    """Read a BVH file.

    The T-pose, against which turns are counted, is where the rig's table says (`anymo.motion.rigs`), else the
    pose of all channels zero if that is a standing body, else a T-pose that opens the clip, else it is
    estimated from the joints by inverse kinematics. A single T-pose frame that opens the clip is then
    dropped.

    Args:
        path: `.bvh` or `.bvh.gz`.
        name: of the clip; empty takes the file's.
        rate_hz: frames per second; None takes the header's frame time, which is wrong in some CMU copies.
        captions: sentences that go with the clip.
        unit_m: metres per length unit; None takes the rig's, or the one in which the body has a human height.
        bones: segment -> bone of the file, for rigs that are not known by their names.
        up: "y" or "z", the file's axis that points up; None takes the rig's, or that of the T-pose.

    Raises:
        ValueError: the file is broken, its rig unknown, what points up unclear, or the body's height
            implausible.
    """
    file = parse_bvh(path)
    names = [joint.name for joint in file.joints]
    rig = rig_of(names, path.name) if bones is None else mapped_rig(bones, names, path.name)
    rate = _rate(file, rate_hz, path.name)
    position, rotation = _segment_poses(file, rig)
    scale = rig.unit_m if unit_m is None else unit_m
    if scale is None:
        scale = _unit_by_height(position, path.name)
    axes = _rest_axes(file.rest_position(rig.bones))
    up_axis = _up(up or rig.up, axes, position, path.name)
    basis = WORLD_FROM[up_axis]
    position, rotation = position @ basis.T * scale, basis @ rotation
    return motion_from_poses(
        position,
        rotation @ _bone_from_segment(rig, axes, position, rotation, rate),
        rate_hz=rate,
        name=name or path.name.removesuffix(".gz").removesuffix(".bvh"),
        source=f"bvh, {rig.name}",
        captions=captions,
        may_open_with_t_pose=True,
    )


def _segment_poses(file: BvhFile, rig: Rig) -> tuple[Array, Array]:
    """Segment origins (T, 23, 3) and world from bone (T, 23, 3, 3), both in the file's axes and unit."""
    position, rotation = file.world_pose((*rig.bones, *rig.turns.values()))
    for k, segment in enumerate(rig.turns, start=len(SEGMENTS)):
        rotation[:, INDEX[segment]] = rotation[:, k]
    position, rotation = position[:, : len(SEGMENTS)], rotation[:, : len(SEGMENTS)]
    for side in ("Left", "Right"):
        forearm, hand = INDEX[f"{side}ForeArm"], INDEX[f"{side}Hand"]
        bone = (position[:, hand] - position[:, forearm]) / rig.forearm_share
        position[:, hand] = position[:, forearm] + bone
        if f"{side}ForeArm" in rig.turns:  # of a wrist only its twist is the forearm's
            along = unit(np.einsum("tji,tj->ti", rotation[:, forearm], bone))
            rotation[:, forearm] = rotation[:, forearm] @ turn_between(unit(along.mean(axis=0)), along)
    _spread_trunk(position, rig.bones)
    return position, rotation


def _rate(file: BvhFile, stated_hz: float | None, where: str) -> float:
    if stated_hz is None:
        if not 0 < file.frame_time_s < np.inf or 1.0 / file.frame_time_s == np.inf:
            raise ValueError(
                f"{where}: frame time must be positive seconds, got {file.frame_time_s}; state the frames "
                "per second (rate_hz, or --frame-rate of `anymo simulate`)"
            )
        return 1.0 / file.frame_time_s
    require_rate(stated_hz, where)
    if abs(stated_hz * file.frame_time_s - 1.0) > _RATE_TOLERANCE:
        logger.info("%s: header states %g s per frame, used are %g Hz", where, file.frame_time_s, stated_hz)
    return stated_hz


def _spread_trunk(position: Array, bones: Sequence[str]) -> None:
    """Segments that share a bone stand at equal steps from it to the next one up the trunk; in place."""
    trunk = list(bones[: INDEX["Head"]])
    for i, bone in enumerate(trunk):
        first, count = trunk.index(bone), trunk.count(bone)
        if i > first:
            share = (i - first) / count
            position[:, i] = (1 - share) * position[:, first] + share * position[:, first + count]


def _unit_by_height(position: Array, where: str) -> float:
    """The only common length unit in which the way from ankle over hip to head is a human's."""
    chain = [("LeftFoot", "LeftLowerLeg"), ("LeftLowerLeg", "LeftUpperLeg")]
    chain += [("Pelvis", "T8"), ("T8", "Neck"), ("Neck", "Head")]
    steps = [np.linalg.norm(position[:, INDEX[a]] - position[:, INDEX[b]], axis=-1).mean() for a, b in chain]
    length = float(sum(steps))
    fits = [u for u in _UNITS_M if _CHAIN_RANGE_M[0] < length * u < _CHAIN_RANGE_M[1]]
    if len(fits) != 1:
        raise ValueError(
            f"{where}: ankle, hip and head are {length:.4g} units apart along the body, which is "
            f"{'no' if not fits else 'more than one'} common length unit; pass unit_m, "
            "metres per unit (0.01 for cm)"
        )
    return fits[0]


def _rest_axes(place: Array) -> Array | None:
    """Rows forward, left and up (3, 3) of joints (23, 3) that are a standing body; None if they are none."""
    feet = place[[INDEX["LeftFoot"], INDEX["RightFoot"]]]
    knees = place[[INDEX["LeftLowerLeg"], INDEX["RightLowerLeg"]]]
    hips = place[[INDEX["LeftUpperLeg"], INDEX["RightUpperLeg"]]]
    spine = unit(place[INDEX["Head"]] - hips.mean(axis=0))
    up = np.round(spine * 1.1)
    if np.abs(up).sum() != 1 or up @ spine < _UPRIGHT:
        return None
    if (unit(np.concatenate([hips - knees, knees - feet])) @ up < _UPRIGHT).any():
        return None
    left = hips[0] - hips[1]
    left = unit(left - (left @ up) * up)
    snapped = np.round(left)
    left = snapped if snapped @ left > _UPRIGHT else left
    return np.stack([np.cross(left, up), left, up])


def _up(stated: str | None, axes: Array | None, position: Array, where: str) -> str:
    """The file's axis that points up."""
    if stated is not None:
        if stated not in WORLD_FROM:
            raise ValueError(f"{where}: up must be 'y' or 'z', got {stated!r}")
        return stated
    feet = position[:, [INDEX["LeftFoot"], INDEX["RightFoot"]]].mean(axis=1)
    mean = unit(position[:, INDEX["Head"]] - feet).mean(axis=0)
    clip = _axis_name(mean) if np.abs(mean).max() > _CLEARLY else None
    rest = clip if axes is None else _axis_name(axes[2])
    if rest not in WORLD_FROM or clip not in (None, rest):
        raise ValueError(
            f"{where}: cannot tell which axis points up (T-pose says {rest}, the clip {clip}); "
            "pass up='y' or 'z'"
        )
    return rest


def _axis_name(direction: Array) -> str:
    k = int(np.abs(direction).argmax())
    return ("" if direction[k] > 0 else "-") + "xyz"[k]


def _bone_from_segment(
    rig: Rig, axes: Array | None, position: Array, rotation: Array, rate_hz: float
) -> Array:
    """(23, 3, 3) constant turn of each segment against its bone; position and rotation in world axes."""
    if rig.rest:
        rest = np.stack([rig.rest.get(segment, np.eye(3)) for segment in SEGMENTS])
        return np.swapaxes(rest, -1, -2) @ WORLD_FROM["y"].T
    if axes is not None:
        return np.tile(axes.T, (len(SEGMENTS), 1, 1))
    first = _rest_axes(position[0])
    if first is not None and arms_are_level(position[0]):
        return np.asarray(np.swapaxes(rotation[0], -1, -2) @ first.T)
    turned = np.swapaxes(rotation, -1, -2) @ segment_rotations(position, rate_hz, {})
    u, _, vh = np.linalg.svd(turned.mean(axis=0))
    u[:, :, -1] *= np.linalg.det(u @ vh)[:, None]
    return np.asarray(u @ vh)
