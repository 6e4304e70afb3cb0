"""Biovision hierarchy files: text to a tree of joints and their poses, whatever the rig."""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.records import Array

_CHANNELS = {f"{axis}{kind}": (kind, i) for kind in ("position", "rotation") for i, axis in enumerate("XYZ")}


@dataclass(frozen=True, slots=True)
class BvhJoint:
    """One joint: its parent's index (-1: root), offset in the parent's frame, and its channels."""

    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BvhFile:
    """A parsed file.

    joints        depth first, parents before children
    values        channel values as written, degrees and the file's length unit      (T, C)
    frame_time_s  time between frames as the header states it
    """

    joints: tuple[BvhJoint, ...]
    values: Array
    frame_time_s: float

    def index(self, name: str) -> int:
        """Position of a joint in the depth-first order."""
        return next(i for i, j in enumerate(self.joints) if j.name == name)

    def world_pose(self) -> tuple[Array, Array]:
        """Joint poses by the file's own tree: R_c = R_p L_c, p_c = p_p + R_p o_c.

        Returns:
            Positions (T, J, 3) and rotations (T, J, 3, 3), world from joint, in the file's axes and unit.
        """
        frames = len(self.values)
        position = np.zeros((frames, len(self.joints), 3))
        rotation = np.empty((frames, len(self.joints), 3, 3))
        column = 0
        for i, joint in enumerate(self.joints):
            values = self.values[:, column : column + len(joint.channels)]
            column += len(joint.channels)
            offset, local = _local_pose(joint, values)
            if joint.parent < 0:
                position[:, i], rotation[:, i] = offset, local
                continue
            parent = rotation[:, joint.parent]
            rotation[:, i] = parent @ local
            position[:, i] = position[:, joint.parent] + np.einsum("tij,tj->ti", parent, offset)
        return position, rotation


def _local_pose(joint: BvhJoint, values: Array) -> tuple[Array, Array]:
    """Translation (T, 3) and rotation (T, 3, 3) of a joint in its parent's frame; channels apply in order."""
    offset = np.tile(np.asarray(joint.offset), (len(values), 1))
    order, angles = "", []
    for column, channel in enumerate(joint.channels):
        kind, axis = _CHANNELS[channel]
        if kind == "position":
            offset[:, axis] = values[:, column]
        else:
            order += "XYZ"[axis]
            angles.append(values[:, column])
    if not order:
        return offset, np.tile(np.eye(3), (len(values), 1, 1))
    euler = np.stack(angles, axis=1)
    return offset, Rotation.from_euler(order, euler, degrees=True).as_matrix()


def parse_bvh(path: Path) -> BvhFile:
    """Read a BVH file, plain or gzip.

    Raises:
        ValueError: a section is missing, the hierarchy is broken, frames are missing, or a line has the wrong
            number of values; the message says where and what to do.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8", errors="replace")
    except (gzip.BadGzipFile, EOFError) as error:
        raise ValueError(f"{path.name}: not a whole gzip file ({error}); fetch it again") from error
    start = text.find("HIERARCHY")
    middle = text.find("MOTION")
    if start < 0 or middle < start:
        missing = "HIERARCHY" if start < 0 else "MOTION"
        raise ValueError(
            f"{path.name}: expected a BVH file, found no {missing} section; is it whole and BVH?"
        )
    joints = _parse_hierarchy(text[start:middle].split()[1:], path.name)
    num_channels = sum(len(j.channels) for j in joints)
    frame_time_s, values = _parse_frames(text[middle:], num_channels, path.name)
    return BvhFile(joints=joints, values=values, frame_time_s=frame_time_s)


def _parse_hierarchy(tokens: list[str], where: str) -> tuple[BvhJoint, ...]:
    """Joints of the HIERARCHY section; the end site of bone B is kept as joint "B end" without channels."""
    joints: list[BvhJoint] = []
    stack: list[int] = []
    position = 0
    try:
        while position < len(tokens):
            word = tokens[position]
            if word in ("ROOT", "JOINT", "End"):
                parent = -1 if word == "ROOT" else stack[-1]
                name = f"{joints[parent].name} end" if word == "End" else tokens[position + 1]
                joints.append(BvhJoint(name, parent, (0.0, 0.0, 0.0), ()))
                position += 2
            elif word == "{":
                stack.append(len(joints) - 1)
                position += 1
            elif word == "}":
                stack.pop()
                position += 1
            else:
                position = _parse_property(tokens, position, joints, stack[-1])
        if stack or not joints:
            raise IndexError
    except (IndexError, ValueError) as error:
        near = " ".join(tokens[max(position - 3, 0) : position + 4])
        raise ValueError(
            f"{where}: HIERARCHY breaks near {near!r} ({str(error) or 'unbalanced braces'}); expected "
            "ROOT/JOINT blocks with OFFSET and CHANNELS; export the file again"
        ) from error
    return tuple(joints)


def _parse_property(tokens: list[str], position: int, joints: list[BvhJoint], index: int) -> int:
    """Read OFFSET or CHANNELS of the open joint; returns the position after it."""
    word = tokens[position]
    if word == "OFFSET":
        x, y, z = (float(v) for v in tokens[position + 1 : position + 4])
        joints[index] = replace(joints[index], offset=(x, y, z))
        return position + 4
    if word == "CHANNELS":
        end = position + 2 + int(tokens[position + 1])
        channels = tuple(tokens[position + 2 : end])
        if unknown := [c for c in channels if c not in _CHANNELS]:
            raise ValueError(f"unknown channel {unknown[0]!r}, known: {', '.join(_CHANNELS)}")
        joints[index] = replace(joints[index], channels=channels)
        return end
    raise ValueError(f"unexpected word {word!r}")


def _parse_frames(section: str, num_channels: int, where: str) -> tuple[float, Array]:
    """Frame time in seconds and the (T, num_channels) values of the MOTION section."""
    lines = [line for line in section.splitlines()[1:] if line.strip()]
    try:
        num_frames = int(lines[0].split(":")[1])
        frame_time_s = float(lines[1].split(":")[1])
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"{where}: expected 'Frames: N' and 'Frame Time: seconds' after MOTION, got {lines[:2]}"
        ) from error
    rows = lines[2:]
    if len(rows) != num_frames:
        raise ValueError(
            f"{where}: header states {num_frames} frames, file holds {len(rows)}; it is cut short or edited: "
            "fetch it again or correct 'Frames:'"
        )
    for number, row in enumerate(rows):
        if (count := len(row.split())) != num_channels:
            raise ValueError(
                f"{where}: frame {number} has {count} values, the hierarchy has {num_channels} channels; "
                "the file is cut short or was exported with another skeleton"
            )
    try:
        values = np.array(" ".join(rows).split(), dtype=np.float64).reshape(num_frames, num_channels)
    except ValueError as error:
        raise ValueError(f"{where}: a frame holds something that is no number ({error})") from error
    return frame_time_s, values
