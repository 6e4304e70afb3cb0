"""Biovision hierarchy files: text to a tree of joints and their poses, whatever the rig."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
from scipy.spatial.transform import Rotation

from anymo.motion.source import MAX_BYTES, MAX_LINE_BYTES, read_bytes, require_few_poses
from anymo.records import Array

_CHANNELS = {f"{axis}{kind}": (kind, i) for kind in ("position", "rotation") for i, axis in enumerate("XYZ")}
_MAX_JOINTS = 10_000
_MAX_NUMBER = 1e9
_PIECE_BYTES = 1 << 20
_SPACE_TO_BREAK = bytes.maketrans(b" \t\v\f\r", b"\n\n\n\n\n")


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

    name          of the file, for messages
    joints        depth first, parents before children
    values        channel values as written, degrees and the file's length unit      (T, C)
    frame_time_s  time between frames as the header states it
    """

    name: str
    joints: tuple[BvhJoint, ...]
    values: Array
    frame_time_s: float

    def index(self, name: str) -> int:
        """Position of a joint in the depth-first order."""
        return next(i for i, j in enumerate(self.joints) if j.name == name)

    def rest_position(self, names: Sequence[str]) -> Array:
        """(N, 3) where joints are while all channels are zero, in the file's axes and unit."""
        place: list[Array] = []
        for joint in self.joints:
            start = place[joint.parent] if joint.parent >= 0 else np.zeros(3)
            place.append(start + joint.offset)
        return np.stack([place[self.index(name)] for name in names])

    def world_pose(self, names: Sequence[str]) -> tuple[Array, Array]:
        """Joint poses by the file's own tree: R_c = R_p L_c, p_c = p_p + R_p o_c.

        Args:
            names: of N joints; one may stand several times.

        Returns:
            Positions (T, N, 3) and rotations (T, N, 3, 3), world from joint, in the file's axes and unit.

        Raises:
            ValueError: more poses than memory is set aside for.
        """
        picks = [self.index(name) for name in names]
        chain = self._with_ancestors(picks)
        require_few_poses(len(self.values), len(chain), self.name)
        columns = np.cumsum([0, *(len(joint.channels) for joint in self.joints)])
        pose: dict[int, tuple[Array, Array]] = {}
        for i in chain:
            joint = self.joints[i]
            offset, local = _local_pose(joint, self.values[:, columns[i] : columns[i + 1]])
            if joint.parent >= 0:
                start, parent = pose[joint.parent]
                offset = start + (parent @ offset[:, :, None])[:, :, 0]
                local = parent @ local
            pose[i] = offset, local
        return np.stack([pose[i][0] for i in picks], axis=1), np.stack([pose[i][1] for i in picks], axis=1)

    def _with_ancestors(self, picks: Sequence[int]) -> list[int]:
        """Joints from the root to the picked ones, parents first."""
        found: set[int] = set()
        for i in picks:
            while i >= 0 and i not in found:
                found.add(i)
                i = self.joints[i].parent
        return sorted(found)


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
        ValueError: a section is missing, the hierarchy is broken, frames are missing, a line has the wrong
            number of values, or the file is larger than is read; the message says where and what to do.
    """
    raw = read_bytes(path, MAX_BYTES, MAX_LINE_BYTES)
    start, middle = raw.find(b"HIERARCHY"), re.search(rb"(?:^|[\r\n])[ \t]*MOTION\b", raw)
    if start < 0 or middle is None or middle.start() < start:
        missing = "HIERARCHY" if start < 0 else "MOTION"
        raise ValueError(
            f"{path.name}: expected a BVH file, found no {missing} section; is it whole and BVH?"
        )
    words = raw[start : middle.start()].decode("utf-8", errors="replace").split()
    joints = _parse_hierarchy(words[1:], path.name)
    frame_time_s, values = _parse_frames(raw[middle.end() :], joints, path.name)
    return BvhFile(name=path.name, joints=joints, values=values, frame_time_s=frame_time_s)


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
            if len(joints) > _MAX_JOINTS:
                raise ValueError(f"more than {_MAX_JOINTS} joints")
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
        if not all(abs(v) < _MAX_NUMBER for v in (x, y, z)):
            raise ValueError("an offset that is NaN, infinite or beyond 1e9")
        joints[index] = replace(joints[index], offset=(x, y, z))
        return position + 4
    if word == "CHANNELS":
        count = int(tokens[position + 1])
        if not 0 <= count <= len(_CHANNELS):
            raise ValueError(f"{count} channels, a joint has 0 to {len(_CHANNELS)}")
        end = position + 2 + count
        channels = tuple(tokens[position + 2 : end])
        if unknown := [c for c in channels if c not in _CHANNELS]:
            raise ValueError(f"unknown channel {unknown[0]!r}, known: {', '.join(_CHANNELS)}")
        joints[index] = replace(joints[index], channels=channels)
        return end
    raise ValueError(f"unexpected word {word!r}")


def _parse_frames(section: bytes, joints: Sequence[BvhJoint], where: str) -> tuple[float, Array]:
    """Frame time in seconds and the (T, C) values of the joints' channels that follow the word MOTION."""
    head = re.match(
        rb"\s*Frames\s*:\s*(\d{1,9})\s+Frame\s+Time\s*:[ \t]*([-+.\deE]{1,40})\s", section[:999] + b"\n"
    )
    if head is None:
        got = section[:60].decode("utf-8", errors="replace").split("\n")
        raise ValueError(
            f"{where}: expected 'Frames: N' and 'Frame Time: seconds' after MOTION, got {got[:3]}"
        )
    num_frames, body = int(head[1]), section[head.end() :]
    try:
        frame_time_s = float(head[2])
    except ValueError as error:
        raise ValueError(f"{where}: Frame Time is no number: {head[2]!r}") from error
    require_few_poses(num_frames, len(joints), where)
    lengths, num_channels = _row_lengths(body), sum(len(joint.channels) for joint in joints)
    if len(lengths) != num_frames:
        raise ValueError(
            f"{where}: header states {num_frames} frames, file holds {len(lengths)}; it is cut short or "
            "edited: fetch it again or correct 'Frames:'"
        )
    if num_frames < 2:
        raise ValueError(f"{where}: needs 2 frames or more, got {num_frames}")
    if len(odd := np.flatnonzero(lengths != num_channels)):
        raise ValueError(
            f"{where}: frame {odd[0]} has {lengths[odd[0]]} values, the hierarchy has {num_channels} "
            "channels; the file is cut short or was exported with another skeleton"
        )
    return frame_time_s, _numbers(body, where).reshape(num_frames, num_channels)


def _row_lengths(body: bytes) -> npt.NDArray[np.int64]:
    """Number of words in each line that has some; counted in pieces, for it takes 20 times their memory."""
    line_end = b"\n" if b"\n" in body else b"\r"
    rows, start = [np.zeros(0, dtype=np.int64)], 0
    while start < len(body):
        stop = body.find(line_end, start + _PIECE_BYTES) + 1 or len(body)
        letters = np.frombuffer(body[start:stop], dtype=np.uint8)
        blank = letters <= ord(" ")
        words = np.flatnonzero(~blank & np.append(True, blank[:-1]))
        counts = np.bincount(np.searchsorted(np.flatnonzero(letters == ord(line_end)), words))
        rows.append(counts[counts > 0])
        start = stop
    return np.concatenate(rows)


def _numbers(body: bytes, where: str) -> Array:
    """All words as numbers (N,), one to a line for the CSV reader: five times as fast as numpy's own."""
    if not body.strip():
        return np.zeros(0)
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(body.translate(_SPACE_TO_BREAK)),
            pyarrow.csv.ReadOptions(column_names=["value"], use_threads=False),
            pyarrow.csv.ParseOptions(delimiter=",", quote_char=False),
            pyarrow.csv.ConvertOptions(column_types={"value": pa.float64()}, null_values=[]),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(f"{where}: a frame holds something that is no number ({error})") from error
    values = table["value"].to_numpy()
    if not (np.abs(values) < _MAX_NUMBER).all():
        raise ValueError(
            f"{where}: frames hold NaN, infinity or numbers beyond 1e9; cut the clip or fill the gap first"
        )
    return np.array(values)
