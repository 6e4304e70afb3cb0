"""Motion from files, arrays and nothing: every reader and generator gives a `Motion` on the 23 segments.

The reader table: one `Reader` row in `READERS` per format, tried from the top.

    Reader("AMC", (".amc", ".amc.gz"), load_amc)                       the loader gets the path
    Reader("AMASS", (".npz",), load_amass, holds={"poses", "trans"})   the loader gets {name: array}

A loader is called as `loader(source, name=..., rate_hz=..., captions=..., **options)` and returns
`motion_from_poses(...)`. `source` is a `Path`, or, where the row says what the file `holds`, the arrays of an
`.npz` by name, read within bounds and never unpickled. `name` is the file's name without its ending,
`rate_hz` is None unless the caller states it, and options are the loader's own keyword-only parameters
(`unit_m`, `up`, `bones`, ...), none of which needs to be known here. Loaders of text read it with
`anymo.motion.source.read_text`. Of two `.npz` rows that fit, the first wins: the one that asks for more
arrays stands first. `load` takes the arrays themselves as well: a mapping of names, or one array of joint
positions.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from anymo.motion.amass import load_amass
from anymo.motion.asf_amc import load_amc
from anymo.motion.bvh import load_bvh
from anymo.motion.clips import Clip, find_clips
from anymo.motion.expmap import load_expmap
from anymo.motion.joints import load_joints
from anymo.motion.momentum import load_momentum
from anymo.motion.mvnx import load_mvnx
from anymo.motion.nymeria import load_nymeria
from anymo.motion.procedural import ACTIVITIES, Activity, ProceduralSource, generate
from anymo.motion.source import read_npy, read_npz
from anymo.records import Caption, Motion

__all__ = [
    "ACTIVITIES",
    "READERS",
    "Activity",
    "Clip",
    "MotionGenerator",
    "ProceduralSource",
    "Reader",
    "find_clips",
    "generate",
    "load",
]


@dataclass(frozen=True, slots=True)
class Reader:
    """A format that `load` reads: its name, the endings of its files, and its loader (module docstring).

    holds  arrays that tell this kind of `.npz` from the others; empty for files which the loader opens itself
    """

    format: str
    endings: tuple[str, ...]
    loader: Callable[..., Motion]
    holds: frozenset[str] | set[str] = frozenset()


READERS: tuple[Reader, ...] = (
    Reader("BVH", (".bvh", ".bvh.gz"), load_bvh),
    Reader("ASF/AMC", (".amc", ".amc.gz"), load_amc),
    Reader("CMU exponential maps", (".txt", ".txt.gz", ".csv", ".csv.gz"), load_expmap),
    Reader("Xsens MVNX", (".mvnx", ".mvnx.gz"), load_mvnx),
    Reader("Momentum", (".glb",), load_momentum),
    Reader("Nymeria", (".npz",), load_nymeria, holds={"segment_tXYZ", "segment_qWXYZ"}),
    Reader("SMPL-X", (".npz",), load_amass, holds={"root_orient", "pose_body", "trans"}),
    Reader("AMASS", (".npz",), load_amass, holds={"poses", "trans"}),
)


class MotionGenerator(Protocol):
    """Anything that makes motions out of a seed: procedures, sampled models."""

    def generate(self, seed: int) -> Motion:
        """A motion; the same seed gives the same motion."""
        ...


def load(
    source: str | Path | npt.ArrayLike | Mapping[str, npt.ArrayLike],
    *,
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
    name: str = "",
    **options: Any,
) -> Motion:
    """Read a motion, whatever its format.

    Args:
        source: a file of one of READERS, told by its ending and, for `.npz`, by the arrays it holds; those
            arrays by name; joint positions (T, J, 3), as an array or an `.npy` file
            (`anymo.motion.joints.load_joints`).
        rate_hz: frames per second; None takes what the file states.
        captions: sentences that go with the motion.
        name: of the clip; empty takes the file's.
        options: what else the format's loader takes, e.g. `unit_m` and `bones` of `load_bvh`, `skeleton`,
            `up` and `unit_m` of `load_joints`; `key` reads one array of an `.npz` as exponential maps.

    Raises:
        ValueError: the kind of file or an option is unknown, the file broken, or its content no human motion.
    """
    stated: dict[str, Any] = {"rate_hz": rate_hz, "captions": captions, **options}
    if isinstance(source, Mapping):
        arrays = {key: np.asarray(value) for key, value in source.items()}
        return _call(_kind_of(arrays, name or "arrays").loader, arrays, name or "arrays", stated)
    if not isinstance(source, str | Path):
        return _call(load_joints, np.asarray(source), name or "joints", stated)
    path = Path(source)
    if path.name.lower().endswith(".npy"):
        return _call(load_joints, read_npy(path), name or path.stem, stated)
    reader, ending = _reader_of(path)
    label = name or path.name[: -len(ending)]
    if reader.holds and "key" in options:
        return _call(load_expmap, path, name or options["key"], stated)
    if reader.holds:
        arrays = read_npz(path)
        return _call(_kind_of(arrays, path.name).loader, arrays, label, stated)
    return _call(reader.loader, path, label, stated)


def _reader_of(path: Path) -> tuple[Reader, str]:
    for reader in READERS:
        for ending in reader.endings:
            if path.name.lower().endswith(ending):
                return reader, ending
    known = ", ".join(dict.fromkeys(e for r in READERS for e in (*r.endings, ".npy")))
    raise ValueError(f"{path.name}: expected a file ending in one of {known}; convert it to BVH first")


def _kind_of(arrays: Mapping[str, npt.NDArray[Any]], where: str) -> Reader:
    kinds = [reader for reader in READERS if reader.holds]
    for reader in kinds:
        if reader.holds <= arrays.keys():
            return reader
    known = "; ".join(f"{r.format}: {', '.join(sorted(r.holds))}" for r in kinds)
    raise ValueError(
        f"{where}: arrays {', '.join(sorted(arrays)) or '(none)'} are of no known kind ({known}); "
        "pass joint positions (T, J, 3) as one array with skeleton="
    )


def _call(loader: Callable[..., Motion], source: Any, name: str, stated: Mapping[str, Any]) -> Motion:
    known = inspect.signature(loader).parameters
    if unknown := [key for key in stated if key not in known]:
        options = sorted(p for p in known if p not in ("path", "source", "name"))
        raise ValueError(f"{name}: this format has no option {unknown[0]!r}; it takes {', '.join(options)}")
    with np.errstate(over="ignore", invalid="ignore"):  # of absurd numbers; Motion refuses what comes of them
        return loader(source, name=name, **stated)
