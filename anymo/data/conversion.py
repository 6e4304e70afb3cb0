"""Motion to a corpus of segment kinematics: in parts, over processes and machines, resumable.

The clips are laid out in parts before anything is read. A part is done when its ledger is there, which is
written after its Arrow file; so a run that was killed does again what it had open, and the shards of a run
need nothing but a common folder. Whoever finds every ledger there writes index, manifest and card.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from tqdm import tqdm

from anymo.config import write_text
from anymo.data.arrow import SPLITS, VERSION, StoredClip, write_index, write_part
from anymo.data.card import entry, refusal, write_card, write_manifest
from anymo.data.clip import store_parts
from anymo.data.corpus import is_held_out
from anymo.data.generated import GeneratedClip, generated_clips
from anymo.data.motion_files import MotionFile, files_of_folder, files_of_sets
from anymo.data.prepare import data_root
from anymo.data.workers import mapping
from anymo.records import Caption

Clip = MotionFile | GeneratedClip
Stored = tuple[list[StoredClip], str]  # the clip or its parts, and what was wrong with it

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KinematicsConfig:
    """A corpus from motion files, generated motion, or both.

    Attributes:
        output: folder the corpus is written to; shards of one corpus share it.
        sets: shared data sets by name (`anymo.motion.find_clips`), under ANYMO_DATA or ../shared/data.
        source: a folder of motion files of your own; null for none.
        pattern: which files of that folder, as a glob.
        table: CSV with columns file, text, start_s, end_s, subject, licence, rate_hz, unit_m, skeleton,
            up; null for none.
        licence: terms of the files in `source` for which the table states none.
        subject: regular expression whose first group, found in a file's path, is its subject.
        caption: sentence for files that have none, which are refused where it is empty.
        num_generated: clips of generated motion beside the files.
        activities: of those, "core", fifty that are common, "all" of the library, or
            "common": all, the core twice, rest four times more; they take turns.
        clip_s: their durations, uniform between these, s.
        num_bodies: body shapes of theirs; the first, which wears the sensors of files, is the average adult.
        non_commercial: take files whose licence forbids commercial use; they are marked.
        cutoff_hz: low-pass of captured motion before it is differentiated, Hz; 0 for noise-free motion.
        held_out_fraction: share of subjects kept for validation, or of clips where there is no known one.
        seed: of the held-out draw, of bodies and of generated motion.
        clips_per_part: clips written, and lost by a kill, at once.
        max_refused: share of files that may be refused; above it the corpus is not finished.
        num_proc: processes.
        shard: which of how many shares of the parts to do, e.g. "0/4".
    """

    output: Path = Path("runs/kinematics/corpus")
    sets: tuple[str, ...] = ()
    source: Path | None = None
    pattern: str = "**/*.bvh"
    table: Path | None = None
    licence: str = ""
    subject: str = ""
    caption: str = ""
    num_generated: int = 0
    activities: str = "all"
    clip_s: tuple[float, float] = (8.0, 12.0)
    num_bodies: int = 1
    non_commercial: bool = False
    cutoff_hz: float = 12.0
    held_out_fraction: float = 0.12
    seed: int = 0
    clips_per_part: int = 32
    max_refused: float = 0.2
    num_proc: int = 2
    shard: str = "0/1"

    def __post_init__(self) -> None:
        if not self.sets and self.source is None and not self.num_generated:
            raise ValueError(
                "kinematics: expected sets or a source folder or num_generated, got none of them"
            )
        self.generated()
        if self.clips_per_part < 1 or self.num_proc < 1 or self.cutoff_hz < 0:
            raise ValueError(
                "kinematics: expected clips_per_part, num_proc >= 1 and cutoff_hz >= 0, got "
                f"{self.clips_per_part}, {self.num_proc} and {self.cutoff_hz}"
            )
        if not 0 < self.held_out_fraction < 1 or not 0 <= self.max_refused <= 1:
            raise ValueError(
                "kinematics: expected held_out_fraction between 0 and 1 and max_refused from 0 to 1, got "
                f"{self.held_out_fraction} and {self.max_refused}"
            )
        self.share()

    def generated(self) -> tuple[GeneratedClip, ...]:
        """The generated clips."""
        return generated_clips(self.num_generated, self.activities, self.clip_s, self.num_bodies, self.seed)

    def share(self) -> tuple[int, int]:
        """Index and number of shards."""
        index, _, count = self.shard.partition("/")
        if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
            raise ValueError(f"kinematics: expected shard i/n with i from 0 to n - 1, got {self.shard!r}")
        return int(index), int(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Clips of one split that are written at once."""

    split: str
    number: int
    clips: tuple[Clip, ...]

    def arrow(self, folder: Path) -> Path:
        return folder / self.split / f"part-{self.number:05d}.arrow"

    def ledger(self, folder: Path) -> Path:
        return folder / "parts" / f"{self.split}-{self.number:05d}.json"


def write_kinematics(config: KinematicsConfig) -> Path | None:
    """Write a shard of a corpus, and finish the corpus if it was the last.

    Returns:
        The corpus folder if it is whole, None while parts of other shards are missing.

    Raises:
        ValueError: nothing to read, a licence that is not stated or not asked for, two files of one name, a
            folder in which other files or settings were begun or a part is gone, or too many files refused.
    """
    clips: list[Clip] = [*motion_files(config), *config.generated()]
    clips.sort(key=lambda c: c.name)
    parts = _layout(clips, config)
    _begin(clips, config)
    index, count = config.share()
    mine = parts[index::count]
    ahead = [part for part in mine if not part.ledger(config.output).is_file()]
    total = sum(len(p.clips) for p in mine)
    done = total - sum(len(p.clips) for p in ahead)
    with mapping(config.num_proc) as over, tqdm(total=total, desc="clips", unit="clip") as bar:
        bar.update(done)
        for part in ahead:
            _write(part, over(partial(_store, config.cutoff_hz), part.clips), config.output, bar)
    return _finish(parts, config)


def motion_files(config: KinematicsConfig) -> tuple[MotionFile, ...]:
    """The files a configuration names, by name; see `write_kinematics` for what is refused."""
    root = data_root()
    if config.sets and root is None:
        raise ValueError(
            "kinematics: no shared data; set ANYMO_DATA to its folder, or give sets: [] (--sets '[]'), which "
            "leaves your own source and generated motion"
        )
    files = list(files_of_sets(root, config.sets)) if root is not None else []
    if config.source is not None:
        files += files_of_folder(
            config.source,
            config.pattern,
            table=config.table,
            licence=config.licence,
            subject=config.subject,
        )
    files.sort(key=lambda f: f.name)
    for one, other in pairwise(files):
        if one.name == other.name:
            raise ValueError(
                f"kinematics: {one.file} and {other.file} are both {one.name!r}; narrow the pattern"
            )
    for file in files:
        if not file.licence:
            raise ValueError(
                f"kinematics: no licence for {file.file}; state `licence`, or a column of the table"
            )
        if file.non_commercial and not config.non_commercial:
            raise ValueError(
                f"kinematics: {file.dataset} is non-commercial ({file.licence}); "
                "give --non_commercial true if that suits you"
            )
    fallback = (Caption(text=config.caption),) if config.caption else ()
    return tuple(replace(f, captions=f.captions or fallback) for f in files)


def _layout(clips: Sequence[Clip], config: KinematicsConfig) -> list[_Part]:
    parts = []
    for split in SPLITS:
        chosen = [
            c for c in clips if SPLITS[is_held_out(c.group, config.seed, config.held_out_fraction)] == split
        ]
        for number, first in enumerate(range(0, len(chosen), config.clips_per_part)):
            chunk = tuple(chosen[first : first + config.clips_per_part])
            parts.append(_Part(split=split, number=number, clips=chunk))
        if not chosen:
            said = "no clip of %d is drawn for %s; try another seed or held_out_fraction, or nothing trains"
            _log.warning(said, len(clips), split)
    return parts


def _begin(clips: Sequence[Clip], config: KinematicsConfig) -> None:
    """Note what this corpus is made of, or see that it is what was noted."""
    settings = (config.cutoff_hz, config.held_out_fraction, config.seed, config.clips_per_part, VERSION)
    content = json.dumps([settings, [c.described() for c in clips]])
    plan = {"clips": len(clips), "sha256": hashlib.sha256(content.encode()).hexdigest()}
    path = config.output / "plan.json"
    if not path.is_file():
        config.output.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(plan))
    elif (begun := json.loads(path.read_text(encoding="utf-8"))) != plan:
        raise ValueError(
            f"kinematics: {config.output} was begun with other files or settings ({begun.get('clips')} clips "
            f"then, {len(clips)} now); delete it or choose another --output"
        )


def _store(cutoff_hz: float, clip: Clip) -> Stored:
    """The clip without what is wrong with it, and what that is."""
    try:
        return store_parts(
            clip.source(cutoff_hz or None),
            dataset=clip.dataset,
            file=clip.file,
            sha256=clip.sha256,
            non_commercial=clip.non_commercial,
        )
    except ValueError as error:
        return [], str(error)


def _write(part: _Part, stored: Iterator[Stored], folder: Path, bar: "tqdm[Any]") -> None:
    """Write a part, then its ledger."""
    kept: list[StoredClip] = []
    entries = []
    for clip, (parts, wrong) in zip(part.clips, stored, strict=True):
        kept += parts
        entries += [entry(p, part.split, wrong) for p in parts] or [refusal(clip, part.split, wrong)]
        bar.update()
    checksum = write_part(kept, part.arrow(folder)) if kept else None
    part.ledger(folder).parent.mkdir(parents=True, exist_ok=True)
    write_text(part.ledger(folder), json.dumps({"crc32": checksum, "entries": entries}))


def _listed(part: _Part, folder: Path) -> tuple[int | None, list[dict[str, Any]]]:
    """What the ledger of a part says, once its clips are seen to be there: checksum and entries."""
    ledger, arrow = part.ledger(folder), part.arrow(folder)
    said = json.loads(ledger.read_text(encoding="utf-8"))
    if said["crc32"] is not None and not arrow.is_file():
        raise ValueError(
            f"kinematics: expected {arrow}, whose clips {ledger} lists, found none; copy it there, or delete "
            "that ledger and run again"
        )
    return said["crc32"], said["entries"]


def _finish(parts: Sequence[_Part], config: KinematicsConfig) -> Path | None:
    ledgers = [part.ledger(config.output) for part in parts]
    if missing := sum(not ledger.is_file() for ledger in ledgers):
        _log.info(
            "%d of %d parts are not there yet: run the other shards, the last one finishes the corpus",
            missing,
            len(parts),
        )
        return None
    entries: list[dict[str, Any]] = []
    files: dict[str, dict[str, int]] = {split: {} for split in SPLITS}
    for part in parts:
        checksum, lines = _listed(part, config.output)
        entries += lines
        if checksum is not None:
            files[part.split][part.arrow(config.output).name] = checksum
    write_manifest(config.output, entries)
    _check_refused(entries, sum(len(p.clips) for p in parts), config)
    write_card(config.output, entries)
    write_index(config.output, files)
    return config.output


def _check_refused(entries: Sequence[dict[str, Any]], num_clips: int, config: KinematicsConfig) -> None:
    manifest = config.output / "manifest.csv"
    refused = [e for e in entries if e["status"] == "refused"]
    if len(refused) > config.max_refused * num_clips:
        raise ValueError(
            f"kinematics: {len(refused)} of {num_clips} files refused, e.g. {refused[0]['reason']}; see "
            f"{manifest}, mend the files and write anew, or raise --max_refused"
        )
    if len(refused) == num_clips:
        raise ValueError(f"kinematics: no file was kept; see {manifest}")
    cut = {e["file"] for e in entries if e["reason"].startswith("cut")}
    kept = len(entries) - len(refused)
    _log.info("%s: %d clips, %d files refused, %d cut", config.output, kept, len(refused), len(cut))
