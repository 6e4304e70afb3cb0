"""Real clips of the shared data folder, with what its manifests know: rates, captions, terms."""

import csv
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anymo.motion.asf_amc import load_amc
from anymo.motion.bvh import load_bvh
from anymo.motion.expmap import load_expmap
from anymo.records import Caption, Motion

logger = logging.getLogger(__name__)

CMU_MANIFEST = Path("motion/cmu/manifest.csv")  # under the data root
CMU_LICENCE = "CMU Graphics Lab: free, no resale of the data; acknowledge mocap.cs.cmu.edu, NSF EIA-0196217"
BANDAI_LICENCE = "Bandai-Namco Research Motion Dataset: CC BY-NC 4.0, non-commercial, attribution"
CMU_RATE_HZ = 120.0
# The manifest gives these two 120 Hz, at which the body would fall with 30 and 38 m/s² while in the air; with
# 60 Hz it falls with 7.5 and 9.5, and the clips last as long as their HumanML3D segments.
_RATE_BY_FREE_FALL_HZ = {"090_08.amc.gz": 60.0, "090_11.amc.gz": 60.0}
# Skeleton for AMC clips whose subject's is not there: angles mean the same in all of CMU's, lengths differ by
# 5 %.
_STAND_IN_ASF = "01.asf.gz"
# Subjects of exponential maps whose poses are those of a trial of CMU's beside them (compared at 12 Hz): the
# same motion must not be in two splits.
_EXPMAP_SUBJECT = {
    "train__walking__walking_1": "2", "train__walking__walking_2": "5", "train__walking__walking_3": "6",
    "train__walking__walking_4": "7", "train__walking__walking_5": "7",
    "train__walking_extra__walking_35": "7", "train__walking_extra__walking_36": "7",
    **{f"train__basketball__basketball_{k}": "6" for k in range(1, 6)},
    "test__basketball__basketball_1": "6", "test__soccer__soccer_1": "11",
}  # fmt: skip

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A motion file and what its manifest knows about it; `load` reads it.

    options         what the reader needs besides, such as the skeleton of an AMC file
    non_commercial  must not enter released weights
    """

    path: Path
    rate_hz: float
    captions: tuple[Caption, ...]
    subject: str
    licence: str
    reader: Callable[..., Motion] = load_bvh
    options: Mapping[str, Any] = field(default_factory=dict)
    non_commercial: bool = False

    def load(self) -> Motion:
        """Read the motion."""
        motion = self.reader(self.path, rate_hz=self.rate_hz, captions=self.captions, **self.options)
        return replace(motion, licence=self.licence, subject=self.subject)


def find_clips(data_root: Path, sets: Iterable[str] = ("cmu",)) -> tuple[Clip, ...]:
    """Clips of the shared data folder.

    Frame rates are the manifests', which correct headers that are wrong. Captions of CMU's are its own
    description, then the KIT-ML sentences where there are any. Non-commercial sets come only when they are
    named.

    Args:
        data_root: folder that holds `motion`.
        sets: names of SETS: "cmu" (BVH), "cmu_amc" (AMC beside them), "cmu_asfamc", "cmu_expmap",
            "bandai_namco".

    Raises:
        ValueError: a set is unknown, its manifest missing, or a listed file not there.
    """
    clips: list[Clip] = []
    for name in sets:
        if name not in SETS:
            raise ValueError(f"sets: expected names of {', '.join(SETS)}; got {name!r}")
        clips += SETS[name](data_root / "motion")
    return tuple(clips)


def _cmu(root: Path) -> list[Clip]:
    return [_cmu_clip(root, row) for row in _manifest(root / "cmu", ".bvh.gz")]


def _cmu_amc(root: Path) -> list[Clip]:
    clips = []
    for row in _manifest(root / "cmu", ".amc.gz"):
        own = root / "cmu_asfamc" / f"{int(row['subject']):02d}.asf.gz"
        asf = own if own.is_file() else _there(own.with_name(_STAND_IN_ASF))
        if asf != own:
            logger.info(
                "%s: no skeleton of subject %s, lengths are those of %s",
                row["file"],
                row["subject"],
                asf.name,
            )
        clips.append(replace(_cmu_clip(root, row), reader=load_amc, options={"asf": asf}))
    return clips


def _cmu_clip(root: Path, row: Row) -> Clip:
    sentences = [s.strip() for s in (row["description"], *row["kitml_captions"].split(" | ")) if s.strip()]
    return Clip(
        path=_there(root / "cmu" / "clips" / row["file"]),
        rate_hz=_RATE_BY_FREE_FALL_HZ.get(row["file"], round(1.0 / float(row["frame_time"]), 2)),
        captions=tuple(Caption(text=s) for s in dict.fromkeys(sentences)),
        subject=f"cmu-{row['subject']}",
        licence=CMU_LICENCE,
    )


def _cmu_asfamc(root: Path) -> list[Clip]:
    """Trials NN_TT.amc, described by CMU's index and by KIT-ML."""
    said = _by_trial(_rows(root / "cmu" / "cmu_descriptions.csv"))
    told = _by_trial(_rows(root / "cmu" / "cmu_kitml_captions.csv"))
    clips = []
    for path in sorted((root / "cmu_asfamc").glob("*.amc.gz")):
        subject, trial = (int(v) for v in path.name.split(".")[0].split("_"))
        key = (subject, trial)
        whole = tuple(Caption(text=row["description"]) for row in said[key])
        spans = tuple(
            Caption(text=row["text"], start_s=float(row["start_s"]), end_s=float(row["end_s"]))
            for row in told[key]
        )
        clips.append(
            Clip(
                path=path,
                rate_hz=CMU_RATE_HZ,
                captions=whole + spans,
                subject=f"cmu-{subject}",
                licence=CMU_LICENCE,
                reader=load_amc,
            )
        )
    return clips


def _cmu_expmap(root: Path) -> list[Clip]:
    """Arrays of one archive; whose motion each is, the source does not say: the rest is one subject."""
    archive = _there(root / "cmu_expmap" / "cmu_expmap.npz")
    return [
        Clip(
            path=archive,
            rate_hz=CMU_RATE_HZ,
            captions=(Caption(text=row["action"].removesuffix("_extra").replace("_", " ")),),
            subject=f"cmu-{_EXPMAP_SUBJECT.get(row['key'], 'unknown')}",
            licence=CMU_LICENCE,
            reader=load_expmap,
            options={"key": row["key"]},
        )
        for row in _rows(root / "cmu_expmap" / "manifest.csv")
    ]


def _bandai_namco(root: Path) -> list[Clip]:
    folder = root / "bandai_namco"
    return [
        Clip(
            path=_there(folder / "clips" / row["file"]),
            rate_hz=round(1.0 / float(row["frame_time"]), 2),
            captions=(Caption(text=f"{row['content'].replace('-', ' ')}, {row['style'].replace('-', ' ')}"),),
            subject="",
            licence=BANDAI_LICENCE,
            non_commercial=True,
        )
        for row in _rows(folder / "manifest.csv")
    ]


SETS: dict[str, Callable[[Path], list[Clip]]] = {
    "cmu": _cmu,
    "cmu_amc": _cmu_amc,
    "cmu_asfamc": _cmu_asfamc,
    "cmu_expmap": _cmu_expmap,
    "bandai_namco": _bandai_namco,
}


def _manifest(folder: Path, ending: str) -> list[Row]:
    rows = _rows(folder / "manifest.csv")
    chosen = [row for row in rows if row["file"].endswith(ending)]
    logger.info("%s: %d of %d clips end in %s", folder, len(chosen), len(rows), ending)
    return chosen


def _rows(path: Path) -> list[Row]:
    if not path.is_file():
        raise ValueError(
            f"data root: expected {path}, found none; point ANYMO_DATA to the shared data folder"
        )
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _by_trial(rows: list[Row]) -> dict[tuple[int, int], list[Row]]:
    trials: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        trials[int(row["subject"]), int(row["trial"])].append(row)
    return trials


def _there(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(
            f"data root: the manifest lists {path.name}, which is not there; fetch the folder again"
        )
    return path
