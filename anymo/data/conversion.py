"""Motion files to a corpus of segment kinematics: in parts, over processes and machines, resumable.

The clips are laid out in parts before anything is read. A part is done when its ledger is there, which is
written after its Arrow file; so a run that was killed does again what it had open, and the shards of a run
need nothing but a common folder. Whoever finds every ledger there writes index, manifest and card.
"""

import hashlib
import json
import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from tqdm import tqdm

from anymo.config import write_text
from anymo.data.arrow import SPLITS, VERSION, StoredClip, write_index, write_part
from anymo.data.card import entry, refusal, write_card, write_manifest
from anymo.data.corpus import ClipSource, is_held_out, store_clip
from anymo.data.motion_files import MotionFile, file_sha256, files_of_folder, files_of_sets
from anymo.data.prepare import data_root
from anymo.records import Caption

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KinematicsConfig:
    """A corpus from motion files.

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
        non_commercial: take files whose licence forbids commercial use; they are marked.
        cutoff_hz: low-pass of captured motion before it is differentiated, Hz; 0 for noise-free motion.
        held_out_fraction: share of subjects kept for validation, or of files where the subject is unknown.
        seed: of the held-out draw.
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
    non_commercial: bool = False
    cutoff_hz: float = 12.0
    held_out_fraction: float = 0.12
    seed: int = 0
    clips_per_part: int = 32
    max_refused: float = 0.2
    num_proc: int = 2
    shard: str = "0/1"

    def __post_init__(self) -> None:
        if not self.sets and self.source is None:
            raise ValueError("kinematics: expected sets or a source folder, got neither")
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
    files: tuple[MotionFile, ...]

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
    files = motion_files(config)
    parts = _layout(files, config)
    _begin(files, config)
    index, count = config.share()
    mine = parts[index::count]
    ahead = [part for part in mine if not part.ledger(config.output).is_file()]
    total = sum(len(p.files) for p in mine)
    done = total - sum(len(p.files) for p in ahead)
    work = partial(_store, config)
    with _mapping(config.num_proc) as over, tqdm(total=total, desc="clips", unit="clip") as bar:
        bar.update(done)
        for part in ahead:
            _write(part, over(work, part.files), config.output, bar)
    return _finish(parts, config)


def motion_files(config: KinematicsConfig) -> tuple[MotionFile, ...]:
    """The files a configuration names, by name; see `write_kinematics` for what is refused."""
    root = data_root()
    if config.sets and root is None:
        raise ValueError(
            "kinematics: no shared data; set ANYMO_DATA to its folder, or give sets: [] and source"
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


def _layout(files: Sequence[MotionFile], config: KinematicsConfig) -> list[_Part]:
    parts = []
    for split in SPLITS:
        chosen = [
            f for f in files if SPLITS[is_held_out(f.group, config.seed, config.held_out_fraction)] == split
        ]
        for number, first in enumerate(range(0, len(chosen), config.clips_per_part)):
            chunk = tuple(chosen[first : first + config.clips_per_part])
            parts.append(_Part(split=split, number=number, files=chunk))
        if not chosen:
            _log.warning(
                "no file of %d is drawn for %s; try another seed or held_out_fraction", len(files), split
            )
    return parts


def _begin(files: Sequence[MotionFile], config: KinematicsConfig) -> None:
    """Note what this corpus is made of, or see that it is what was noted."""
    settings = (config.cutoff_hz, config.held_out_fraction, config.seed, config.clips_per_part, VERSION)
    content = json.dumps([settings, [f.described() for f in files]])
    plan = {"files": len(files), "sha256": hashlib.sha256(content.encode()).hexdigest()}
    path = config.output / "plan.json"
    if not path.is_file():
        config.output.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(plan))
    elif (begun := json.loads(path.read_text(encoding="utf-8"))) != plan:
        raise ValueError(
            f"kinematics: {config.output} was begun with other files or settings ({begun['files']} files "
            f"then, {len(files)} now); delete it or choose another --output"
        )


def _store(config: KinematicsConfig, file: MotionFile) -> StoredClip | str:
    """The clip, or why it is refused."""
    try:
        source = ClipSource(motion=file.load(), body=0, cutoff_hz=config.cutoff_hz or None)
        return store_clip(
            source,
            dataset=file.dataset,
            file=file.file,
            sha256=file_sha256(file.path),
            non_commercial=file.non_commercial,
        )
    except ValueError as error:
        return str(error)


def _write(part: _Part, stored: Iterator[StoredClip | str], folder: Path, bar: "tqdm[Any]") -> None:
    """Write a part, then its ledger."""
    kept, entries = [], []
    for file, clip in zip(part.files, stored, strict=True):
        if isinstance(clip, StoredClip):
            kept.append(clip)
            entries.append(entry(clip, part.split))
        else:
            entries.append(refusal(file, part.split, clip))
        bar.update()
    if kept:
        write_part(kept, part.arrow(folder))
    part.ledger(folder).parent.mkdir(parents=True, exist_ok=True)
    write_text(part.ledger(folder), json.dumps(entries))


@contextmanager
def _mapping(num_proc: int) -> Iterator[Callable[..., Iterator[StoredClip | str]]]:
    """`map`, over processes if there are several; spawned, as a fork would copy threads' locks."""
    if num_proc == 1:
        yield map
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_proc, mp_context=context, initializer=_end_with_parent) as pool:
        yield pool.map


def _end_with_parent() -> None:
    """A worker of a killed run must not wait for work for ever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _listed(part: _Part, folder: Path) -> list[dict[str, Any]]:
    """What the ledger of a part says, once its clips are seen to be there."""
    ledger, arrow = part.ledger(folder), part.arrow(folder)
    entries: list[dict[str, Any]] = json.loads(ledger.read_text(encoding="utf-8"))
    if any(e["status"] == "kept" for e in entries) and not arrow.is_file():
        raise ValueError(
            f"kinematics: expected {arrow}, whose clips {ledger} lists, found none; copy it there, or delete "
            "that ledger and run again"
        )
    return entries


def _finish(parts: Sequence[_Part], config: KinematicsConfig) -> Path | None:
    ledgers = [part.ledger(config.output) for part in parts]
    if missing := sum(not ledger.is_file() for ledger in ledgers):
        _log.info(
            "%d of %d parts are not there yet: run the other shards, the last one finishes the corpus",
            missing,
            len(parts),
        )
        return None
    entries = [e for part in parts for e in _listed(part, config.output)]
    write_manifest(config.output, entries)
    refused = [e for e in entries if e["status"] == "refused"]
    if len(refused) > config.max_refused * len(entries):
        raise ValueError(
            f"kinematics: {len(refused)} of {len(entries)} files refused, e.g. {refused[0]['reason']}; see "
            f"{config.output / 'manifest.csv'}, mend the files and write anew, or raise --max_refused"
        )
    if len(refused) == len(entries):
        raise ValueError(f"kinematics: no file was kept; see {config.output / 'manifest.csv'}")
    write_card(config.output, entries)
    written = [(part, part.arrow(config.output)) for part in parts]
    write_index(
        config.output, {s: [p.name for part, p in written if part.split == s and p.is_file()] for s in SPLITS}
    )
    _log.info("%d clips kept, %d refused: %s", len(entries) - len(refused), len(refused), config.output)
    return config.output
