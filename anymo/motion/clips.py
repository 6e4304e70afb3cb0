"""Real clips of the shared data folder, with frame times and captions from its manifests."""

import csv
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from anymo.motion.bvh import load_bvh
from anymo.records import Caption, Motion

logger = logging.getLogger(__name__)

CMU_MANIFEST = Path("motion/cmu/manifest.csv")  # under the data root
CMU_LICENCE = "CMU Graphics Lab: free, no resale of the data; acknowledge mocap.cs.cmu.edu, NSF EIA-0196217"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A motion file and what its manifest knows about it; `load` reads it."""

    path: Path
    rate_hz: float
    captions: tuple[Caption, ...]
    subject: str
    licence: str

    def load(self) -> Motion:
        """Read the motion."""
        motion = load_bvh(self.path, rate_hz=self.rate_hz, captions=self.captions)
        return replace(motion, licence=self.licence, subject=self.subject)


def find_clips(data_root: Path) -> tuple[Clip, ...]:
    """The CMU clips under `data_root` that have a BVH file.

    Frame times are the manifest's, which corrects headers that are wrong. Captions are the KIT-ML sentences
    where there are any, else CMU's own description. Non-commercial sets stay out: they may be loaded by
    path, but not reach released weights.

    Raises:
        ValueError: the manifest is missing or lists a file that is not there.
    """
    manifest = data_root / CMU_MANIFEST
    folder = manifest.parent
    if not manifest.is_file():
        raise ValueError(
            f"data root: expected {manifest}, found none; point ANYMO_DATA to the shared data folder"
        )
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    readable = [row for row in rows if row["file"].endswith(".bvh.gz")]
    logger.info(
        "%s: %d BVH clips, %d in formats without a reader", folder, len(readable), len(rows) - len(readable)
    )
    return tuple(_clip(folder / "clips" / row["file"], row) for row in readable)


def _clip(path: Path, row: dict[str, str]) -> Clip:
    if not path.is_file():
        raise ValueError(
            f"data root: the manifest lists {path.name}, which is not there; fetch the folder again"
        )
    sentences = [s.strip() for s in row["kitml_captions"].split(" | ") if s.strip()] or [row["description"]]
    return Clip(
        path=path,
        rate_hz=round(1.0 / float(row["frame_time"]), 2),
        captions=tuple(Caption(text=s) for s in sentences),
        subject=f"cmu-{row['subject']}",
        licence=CMU_LICENCE,
    )
