"""ASF/AMC files of the CMU motion capture library -> Motion on our 23 segments."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anymo.motion.acclaim import Skeleton, parse_amc, parse_asf
from anymo.motion.cmu import segment_poses
from anymo.motion.retarget import motion_from_poses
from anymo.motion.source import read_text, require_few_poses
from anymo.records import Array, Caption, Motion

logger = logging.getLogger(__name__)

_INCH_M = 0.0254
_FROZEN_FRAMES = 5
# As words in lists they take 70 and 20 times that.
_MAX_ASF_BYTES = 1 << 22
_MAX_AMC_BYTES = 1 << 27


def load_amc(
    path: Path,
    *,
    name: str = "",
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
    asf: str | Path | None = None,
    unit_m: float | None = None,
) -> Motion:
    """Read an AMC motion with its ASF skeleton.

    Lengths of the files are inches times the `length` of `:units`, so a unit is 0.0254 m / length: 5.64 cm in
    all of CMU's, whose length is 0.45 (mocap.cs.cmu.edu, FAQ).

    Args:
        path: `.amc` or `.amc.gz`.
        name: of the clip; empty takes the file's.
        rate_hz: frames per second; must be stated, for the format does not (CMU's are 120, a few 60).
        captions: sentences that go with the clip.
        asf: the subject's skeleton; None looks beside the motion, for NN_TT.amc that is NN.asf.
        unit_m: metres per length unit; None takes the skeleton's rule.

    Raises:
        ValueError: a file is broken, the rate is not stated, no skeleton is found, or it does not fit.
    """
    if rate_hz is None:
        raise ValueError(
            f"{path.name}: AMC files state no frame rate; pass rate_hz (120 for nearly all of CMU's, 60 for "
            "some: see its index)"
        )
    position, rotation = _poses(path, Path(asf) if asf else _beside(path), unit_m)
    return motion_from_poses(
        position,
        rotation,
        rate_hz=rate_hz,
        name=name or path.name.removesuffix(".gz").removesuffix(".amc"),
        source="asf/amc, CMU",
        captions=captions,
    )


def _poses(path: Path, asf: Path, unit_m: float | None) -> tuple[Array, Array]:
    skeleton: Skeleton = parse_asf(read_text(asf, _MAX_ASF_BYTES), asf.name)
    values, degrees = parse_amc(read_text(path, _MAX_AMC_BYTES), skeleton, path.name)
    require_few_poses(len(values), len(skeleton.bones), path.name)
    _warn_of_frozen(values, path.name)
    start, turn = skeleton.world_pose(values, degrees)
    unit = _INCH_M / skeleton.length if unit_m is None else unit_m
    try:
        return segment_poses([bone.name for bone in skeleton.bones], start, turn, unit)
    except ValueError as error:
        raise ValueError(f"{asf.name}: {error}") from error


def _warn_of_frozen(values: Array, where: str) -> None:
    """Say where a capture was lost: a frame repeats to the last digit, then it jumps (CMU 01_07, 03_02)."""
    still = np.concatenate([[False], (values[1:] == values[:-1]).all(axis=1), [False]])
    starts, ends = np.flatnonzero(np.diff(still.astype(np.int8))).reshape(-1, 2).T
    long = ends - starts >= _FROZEN_FRAMES
    for start, end in zip(starts[long], ends[long], strict=True):
        logger.warning(
            "%s: frames %d to %d repeat one pose, after which it jumps, and so would sensors: cut them out",
            where, start, end,
        )  # fmt: skip


def _beside(path: Path) -> Path:
    stem = path.name.lower().removesuffix(".gz").removesuffix(".amc")
    wanted = [f"{base}.asf{gz}" for base in (stem, stem.split("_")[0]) for gz in ("", ".gz")]
    found = {p.name.lower(): p for p in path.parent.glob("*.[aA][sS][fF]*")}
    for candidate in wanted:
        if candidate in found:
            return found[candidate]
    raise ValueError(
        f"{path.name}: expected its skeleton beside it ({' or '.join(dict.fromkeys(wanted))}), found none; "
        "pass asf=, the subject's .asf file"
    )
