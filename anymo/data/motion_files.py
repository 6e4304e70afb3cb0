"""Which motion files make a corpus, and what is known of each: shared sets, or a folder with a table."""

import csv
import hashlib
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anymo import motion
from anymo.data.clip import ClipSource
from anymo.motion import find_clips
from anymo.records import Caption, Motion

_log = logging.getLogger(__name__)

COLUMNS = ("file", "text", "start_s", "end_s", "subject", "licence", "rate_hz", "unit_m", "skeleton", "up")
_REST = ""  # no column is named so
_NON_COMMERCIAL = re.compile(
    r"non[-_\s]*commercial|\b(no|not for|without) (any )?commercial|(?<![a-z])nc(?![a-z])"
    r"|\b(research|academic|scientific|educational)\b.*\bonly|\bonly for (research|academic)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionFile:
    """A motion file and what its set, or the table beside it, knows about it.

    name     unique in the corpus
    file     path under the folder of the data, which is no path of this machine
    dataset  name of the set or folder
    subject  who moved; empty where nobody knows
    stated   what the reader is told besides, by name: rate, unit, skeleton
    read     reads the motion
    """

    name: str
    file: str
    path: Path
    dataset: str
    subject: str
    licence: str
    non_commercial: bool
    captions: tuple[Caption, ...]
    stated: tuple[tuple[str, str | float], ...]
    read: Callable[[], Motion]

    @property
    def group(self) -> str:
        """What must not be divided between splits: the subject, or the clip where the subject is unknown."""
        return self.subject or self.name

    def load(self) -> Motion:
        """Read the motion and say what is known about it.

        Raises:
            ValueError: it cannot be read, or it is non-commercial by its format and not by what is stated.
        """
        motion = self.read()
        if forbids_commerce(motion.licence) and not self.non_commercial:
            raise ValueError(
                f"{self.file}: expected the licence {motion.licence!r}, got {self.licence!r}; "
                "state the true one"
            )
        return replace(
            motion,
            name=self.name,
            captions=self.captions,
            licence=self.licence,
            subject=self.subject,
        )

    @property
    def sha256(self) -> str:
        """Hash of the file's bytes."""
        return file_sha256(self.path)

    def source(self, cutoff_hz: float | None) -> ClipSource:
        """Read the motion, for the average adult to wear the sensors.

        Args:
            cutoff_hz: low-pass before the motion is differentiated, Hz; None for noise-free motion.

        Raises:
            ValueError: as `load`.
        """
        return ClipSource(motion=self.load(), body=0, cutoff_hz=cutoff_hz)

    def described(self) -> tuple[Any, ...]:
        """What a resumed run must find unchanged."""
        captions = [(c.text, c.start_s, c.end_s) for c in self.captions]
        return (
            self.name,
            self.file,
            self.path.stat().st_size,
            self.subject,
            self.licence,
            captions,
            self.stated,
        )


def forbids_commerce(licence: str) -> bool:
    """Whether the words of a licence forbid commercial use."""
    return bool(_NON_COMMERCIAL.search(licence))


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of_sets(root: Path, sets: Sequence[str]) -> Iterator[MotionFile]:
    """Clips of the shared data sets under `root`, by name of the set (see `anymo.motion.find_clips`)."""
    for name in sets:
        for clip in find_clips(root, sets=(name,)):
            yield MotionFile(
                name=f"{name}/{clip.options.get('key', _stem(clip.path.name))}",
                file=clip.path.relative_to(root).as_posix(),
                path=clip.path,
                dataset=name,
                subject=clip.subject,
                licence=clip.licence,
                non_commercial=clip.non_commercial,
                captions=clip.captions,
                stated=(("rate_hz", clip.rate_hz),),
                read=clip.load,
            )


def files_of_folder(
    folder: Path, pattern: str, *, table: Path | None, licence: str, subject: str
) -> Iterator[MotionFile]:
    """Files under a folder, with what a table says about them.

    Args:
        folder: searched for `pattern`.
        pattern: glob, `**` for any depth.
        table: CSV with the columns of COLUMNS; `file` is the path under the folder, and a file with several
            captions has a row for each. Other columns are left alone, with a warning.
        licence: of the files for which the table states none.
        subject: regular expression whose first group, found in the path under the folder, is the subject of
            files for which the table states none; empty for unknown.

    Raises:
        ValueError: nothing matches, the pattern or the expression is none, the table lists a file that does
            not match, has more values than columns, holds no number where one belongs, or
            contradicts itself.
    """
    folder, who = folder.resolve(), _expression(subject)
    found = _found(folder, pattern)
    rows = _rows(table) if table else {}
    if missing := sorted(rows.keys() - found.keys()):
        raise ValueError(
            f"table: {table} lists {len(missing)} files that {pattern!r} does not find, e.g. {missing[0]!r}; "
            f"expected paths under {folder}"
        )
    for file, path in found.items():
        stated = _stated(file, rows.get(file, []))
        match = who.search(file) if who else None
        terms = stated["licence"] or licence
        options = _options(file, stated)
        yield MotionFile(
            name=f"{folder.name}/{_stem(file)}",
            file=file,
            path=path,
            dataset=folder.name,
            subject=stated["subject"] or (match and match[1]) or "",
            licence=terms,
            non_commercial=forbids_commerce(terms),
            captions=tuple(_caption(file, row) for row in rows.get(file, []) if row.get("text")),
            stated=tuple(sorted(options.items())),
            read=partial(motion.load, path, **options),
        )


def _found(folder: Path, pattern: str) -> dict[str, Path]:
    """Files by path under the folder."""
    if not folder.is_dir():
        raise ValueError(f"source: expected a folder, {folder} is none; correct the path")
    try:
        paths = sorted(folder.glob(pattern))
    except (NotImplementedError, ValueError) as error:
        raise ValueError(
            f"pattern: expected a glob under {folder} such as '**/*.bvh', got {pattern!r} ({error})"
        ) from error
    found = {p.relative_to(folder).as_posix(): p for p in paths if p.is_file()}
    if not found:
        raise ValueError(f"source: nothing in {folder} matches {pattern!r}; correct one of them")
    return found


def _expression(subject: str) -> re.Pattern[str] | None:
    if not subject:
        return None
    try:
        pattern = re.compile(subject)
    except re.error as error:
        raise ValueError(f"subject: {subject!r} is no regular expression ({error}); correct it") from error
    if not pattern.groups:
        raise ValueError(f"subject: expected a group in {subject!r}, got none; write one, e.g. '^(s[0-9]+)/'")
    return pattern


def _stem(file: str) -> str:
    return re.sub(r"\.\w+$", "", file.removesuffix(".gz"))


def _rows(table: Path) -> Mapping[str, list[dict[str, str]]]:
    if not table.is_file():
        raise ValueError(f"table: no file {table}; expected a CSV with columns {', '.join(COLUMNS)}")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey=_REST)
            lines = list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"table: {table} is no CSV in UTF-8 ({error}); save it as one") from error
    if "file" not in (reader.fieldnames or ()):
        raise ValueError(
            f"table: {table} has columns {reader.fieldnames}, expected `file` and any of "
            f"{', '.join(COLUMNS[1:])}"
        )
    if unknown := sorted(set(reader.fieldnames or ()) - set(COLUMNS)):
        _log.warning("%s: left alone: %s; read are %s", table, ", ".join(unknown), ", ".join(COLUMNS))
    rows = defaultdict(list)
    for row in lines:
        if _REST in row:
            raise ValueError(
                f"table: a row of {table} about {row['file']} has more values than there are columns, from "
                f"{row[_REST][0]!r} on; put a text with a comma between double quotes"
            )
        if (row.get("start_s") or row.get("end_s")) and not row.get("text"):
            raise ValueError(
                f"table: a row of {table} about {row['file']} has times and no text; say what holds then, or "
                "remove it"
            )
        rows[row["file"] or ""].append(row)
    return rows


def _stated(file: str, rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What the rows of a file say once for the file, empty where they say nothing."""
    stated = {}
    for key in COLUMNS[COLUMNS.index("subject") :]:
        values = {row[key] for row in rows if row.get(key)}
        if len(values) > 1:
            raise ValueError(f"table: {file!r} has more than one {key}: {', '.join(sorted(values))}")
        stated[key] = values.pop() if values else ""
    return stated


def _options(file: str, stated: Mapping[str, str]) -> dict[str, Any]:
    """What the reader is told of a file."""
    numbers: dict[str, Any] = {
        key: _number(file, key, stated[key]) for key in ("rate_hz", "unit_m") if stated[key]
    }
    return numbers | {key: stated[key] for key in ("skeleton", "up") if stated[key]}


def _number(file: str, column: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not (0 < number < np.inf or (number == 0 and column == "start_s")):
        raise ValueError(f"table: {file!r} has {column} {value!r}, expected a positive number; correct it")
    return number


def _caption(file: str, row: Mapping[str, str]) -> Caption:
    start_s = _number(file, "start_s", row.get("start_s") or "0")
    end_s = _number(file, "end_s", row["end_s"]) if row.get("end_s") else None
    if end_s is not None and end_s <= start_s:
        raise ValueError(
            f"table: {file!r} has start_s {start_s:g} and end_s {end_s:g}, expected the end after the start"
        )
    return Caption(text=row["text"], start_s=start_s, end_s=end_s)
