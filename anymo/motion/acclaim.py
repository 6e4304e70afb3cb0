"""Acclaim skeletons (`.asf`) and motions (`.amc`): text to bones and their poses.

Acclaim Skeleton File Definition V1.10 (M. Schafer, 1995), as VICON BodyBuilder writes it for CMU:
graphics.cs.cmu.edu/nsp/course/cs229/info/ACCLAIMdef.html.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.records import Array

_DOFS = {"rx", "ry", "rz"}
_ROOT_ORDER = {"tx", "ty", "tz", *_DOFS}


@dataclass(frozen=True, slots=True, eq=False)
class Bone:
    """A bone, which starts where its parent ends.

    parent  index of the bone it hangs from; -1 for the root
    reach   from its start to its end in the rest pose, file axes and unit     (3,)
    axes    C, file axes from those in which its angles are written            (3, 3)
    dofs    its channels in the motion file, in the order they are applied about fixed axes
    """

    name: str
    parent: int
    reach: Array
    axes: Array
    dofs: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """Bones of an `.asf` file, the root first and parents before children.

    length   what the file states under `:units`: its lengths are inches times this (0.45 in all of CMU's)
    degrees  angles of a motion are degrees unless it says otherwise itself
    """

    bones: tuple[Bone, ...]
    length: float
    degrees: bool

    def world_pose(self, values: Array, degrees: bool) -> tuple[Array, Array]:
        """Bone starts (T, B, 3), file unit, and turns away from rest (T, B, 3, 3), both in the file's axes.

        R_c = R_p C M Cᵀ with M the dofs about fixed axes in the order written; a bone starts at the end of
        its parent, p_c = p_p + R_p reach_p.

        Args:
            values: (T, sum of dofs) channels in the order of the bones.
            degrees: unit of the angles.
        """
        num = len(self.bones)
        start, turn = np.zeros((len(values), num, 3)), np.empty((len(values), num, 3, 3))
        column = 0
        for i, bone in enumerate(self.bones):
            angles = values[:, column : column + len(bone.dofs)]
            column += len(bone.dofs)
            local = bone.axes @ _rotation(bone.dofs, angles, degrees) @ bone.axes.T
            if bone.parent < 0:
                start[:, i], turn[:, i] = _translation(bone.dofs, angles), local
                continue
            above = turn[:, bone.parent]
            turn[:, i] = above @ local
            start[:, i] = start[:, bone.parent] + above @ self.bones[bone.parent].reach
        return start, turn


def _rotation(dofs: tuple[str, ...], values: Array, degrees: bool) -> Array:
    """(T, 3, 3) product of rotations about fixed axes, the first applied first."""
    picks = [k for k, dof in enumerate(dofs) if dof[0] == "r"]
    if not picks:
        return np.eye(3)
    order = "".join(dofs[k][1] for k in picks)
    return np.asarray(Rotation.from_euler(order, values[:, picks], degrees=degrees).as_matrix())


def _translation(dofs: tuple[str, ...], values: Array) -> Array:
    return values[:, [dofs.index(dof) for dof in ("tx", "ty", "tz")]]


def parse_asf(text: str, where: str) -> Skeleton:
    """Skeleton of an `.asf` file.

    Raises:
        ValueError: a section or a bone's line is missing or broken, or the hierarchy is no tree.
    """
    sections = _sections(text)
    if missing := [key for key in ("units", "root", "bonedata", "hierarchy") if key not in sections]:
        raise ValueError(
            f"{where}: expected an ASF skeleton, found no :{missing[0]} section; is it whole and ASF?"
        )
    try:
        units = {line[0]: line[1] for line in sections["units"]}
        length, degrees = float(units["length"]), units.get("angle", "deg").lower().startswith("deg")
        if not 0 < length < np.inf:
            raise ValueError(f"length {length}")
        bones = {"root": _root(sections["root"])} | _bone_blocks(sections["bonedata"], degrees)
        return Skeleton(_hung(bones, sections["hierarchy"]), length, degrees)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(
            f"{where}: the skeleton breaks at {str(error) or 'a line that is too short'}; expected :units "
            "with length, and bones with name, direction, length, axis; fetch the file again"
        ) from error


def _sections(text: str) -> dict[str, list[list[str]]]:
    """Words of each line by the `:keyword` above them; `#` starts a comment."""
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for raw in text.splitlines():
        words = raw.split("#")[0].split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            lines.append(words)
    return sections


def _root(lines: list[list[str]]) -> Bone:
    said = {line[0].lower(): [w.lower() for w in line[1:]] for line in lines}
    if set(said["order"]) != _ROOT_ORDER or len(said["order"]) != 6:
        raise ValueError(f"root order {' '.join(said['order'])!r}, known is tx ty tz rx ry rz in any order")
    preset = [float(v) for key in ("position", "orientation") for v in said.get(key, ["0"])]
    if any(preset):
        raise ValueError(
            "a root whose position or orientation is not 0 0 0 (set them so and shift the motion)"
        )
    return Bone("root", -1, np.zeros(3), np.eye(3), tuple(said["order"]))


def _bone_blocks(lines: list[list[str]], degrees: bool) -> dict[str, Bone]:
    bones: dict[str, Bone] = {}
    said: dict[str, list[str]] = {}
    for words in lines:
        key = words[0].lower()
        if key == "begin":
            said = {}
        elif key == "end":
            bones[said["name"][0]] = _bone(said, degrees)
        else:
            said[key] = words[1:]
    return bones


def _bone(said: dict[str, list[str]], degrees: bool) -> Bone:
    name = said["name"][0]
    direction = np.array([float(v) for v in said["direction"]])
    reach = direction * (float(said["length"][0]) / max(float(np.linalg.norm(direction)), 1e-12))
    angles = [float(v) for v in said["axis"][:3]]
    if reach.shape != (3,) or not np.isfinite([*reach, *angles]).all():
        raise ValueError(f"bone {name!r}: direction, length and axis must be 3, 1 and 3 numbers")
    dofs = tuple(d.lower() for d in said.get("dof", []))
    if not set(dofs) <= _DOFS or len(set(dofs)) != len(dofs):
        raise ValueError(f"bone {name!r}: dof {' '.join(dofs)!r}, known are rx, ry, rz")
    axes = Rotation.from_euler(said["axis"][3].lower(), angles, degrees=degrees).as_matrix()
    return Bone(name, -1, reach, np.asarray(axes), dofs)


def _hung(bones: dict[str, Bone], hierarchy: list[list[str]]) -> tuple[Bone, ...]:
    """Bones in the order of the tree, each with its parent."""
    placed, order = [bones["root"]], {"root": 0}
    for words in hierarchy:
        if words[0].lower() in ("begin", "end"):
            continue
        parent = order[words[0]]
        for name in words[1:]:
            if name in order:
                raise ValueError(f"bone {name!r}, which hangs from two others")
            order[name] = len(placed)
            bone = bones[name]
            placed.append(Bone(name, parent, bone.reach, bone.axes, bone.dofs))
    if lost := sorted(set(bones) - set(order)):
        raise ValueError(f"bone {lost[0]!r}, which hangs from none")
    return tuple(placed)


def parse_amc(text: str, skeleton: Skeleton, where: str) -> tuple[Array, bool]:
    """Channels of an `.amc` file, and whether its angles are degrees.

    Returns:
        values (T, sum of dofs) in the order of the skeleton's bones, and the unit of the angles.

    Raises:
        ValueError: frames are missing, of unequal form, or do not fit the skeleton.
    """
    heads: list[str] = []
    body: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line and line[0] != "#":
            (heads if line[0] == ":" else body).append(line)
    stride = next((k for k, line in enumerate(body) if k and _is_frame(line)), len(body))
    names = [line.split()[0] for line in body[1:stride]]
    numbers = body[::stride] if body else []
    _check_frames(numbers, len(body), stride, where)
    dofs = {bone.name: len(bone.dofs) for bone in skeleton.bones if bone.dofs}
    if set(names) != set(dofs) or len(names) != len(dofs):
        odd = sorted(set(names) ^ set(dofs)) or sorted(names)
        raise ValueError(
            f"{where}: bones of motion and skeleton differ ({', '.join(odd[:6])}); pass the skeleton of this "
            "subject (asf=...)"
        )
    column = {
        name: _channels(body[k::stride], name, dofs[name], where) for k, name in enumerate(names, start=1)
    }
    values = np.concatenate([column[name] for name in dofs], axis=1)
    marks = {head.upper() for head in heads}
    return values, ":DEGREES" in marks or (skeleton.degrees and ":RADIANS" not in marks)


def _is_frame(line: str) -> bool:
    return line.isdecimal() and len(line) < 10


def _check_frames(numbers: list[str], num_lines: int, stride: int, where: str) -> None:
    if stride < 2 or num_lines < stride:
        raise ValueError(f"{where}: expected an AMC motion, found no frames; is it whole and AMC?")
    odd = next((k for k, line in enumerate(numbers) if not _is_frame(line)), None)
    if odd is not None or num_lines % stride:
        raise ValueError(
            f"{where}: frame {len(numbers) - 1 if odd is None else odd - 1} (counted from 0) has another "
            f"number of bones than the first, {stride - 1}; the file is cut short or edited: fetch it again"
        )
    steps = np.diff(np.array(numbers, dtype=np.int64))
    if (gaps := np.flatnonzero(steps != 1)).size:
        k = int(gaps[0])
        raise ValueError(
            f"{where}: frame {numbers[k + 1]} follows {numbers[k]}; cut the clip where frames are missing"
        )


def _channels(lines: list[str], name: str, dofs: int, where: str) -> Array:
    """(T, dofs) numbers of one bone."""
    words = [line.split() for line in lines]
    for frame, row in enumerate(words):
        if row[0] != name or len(row) != dofs + 1:
            raise ValueError(
                f"{where}: frame {frame} (counted from 0): expected {name!r} and {dofs} numbers, got "
                f"{' '.join(row)[:60]!r}; is this the subject's skeleton, and the file whole?"
            )
    try:
        values = np.array([row[1:] for row in words], dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError("NaN or infinity")
    except ValueError as error:
        raise ValueError(f"{where}: bone {name!r} holds something that is no number ({error})") from error
    return values
