"""Which motion files make a corpus, and what is known of each: shared sets, or a folder with a table."""

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from anymo import motion
from anymo.motion import find_clips
from anymo.records import Caption, Motion

COLUMNS = ("file", "text", "start_s", "end_s", "subject", "licence", "rate_hz", "unit_m")
_NON_COMMERCIAL = re.compile(r"non-?\s?commercial|\bNC\b|research (use )?only", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionFile:
    """A motion file and what its set, or the table beside it, knows about it.

    name     unique in the corpus
    file     path under the folder of the data, which is no path of this machine
    dataset  name of the set or folder
    subject  who moved; empty where nobody knows
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
    read: Callable[[], Motion]

    @property
    def group(self) -> str:
        """What must not be divided between splits: the subject, or the clip where the subject is unknown."""
        return self.subject or self.name

    def load(self) -> Motion:
        """Read the motion and say what is known about it."""
        return replace(
            self.read(),
            name=self.name,
            captions=self.captions,
            licence=self.licence,
            subject=self.subject,
        )

    def described(self) -> tuple[Any, ...]:
        """What a resumed run must find unchanged."""
        captions = [(c.text, c.start_s, c.end_s) for c in self.captions]
        return (self.name, self.file, self.path.stat().st_size, self.subject, self.licence, captions)


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
            captions has a row for each. Other columns are left alone.
        licence: of the files for which the table states none.
        subject: regular expression whose first group, found in the path under the folder, is the subject of
            files for which the table states none; empty for unknown.

    Raises:
        ValueError: nothing matches, the table lists a file that does not, or it contradicts itself.
    """
    found = _found(folder, pattern)
    rows = _rows(table) if table else {}
    if missing := sorted(rows.keys() - found.keys()):
        raise ValueError(
            f"table: {table} lists {len(missing)} files that {pattern!r} does not find, e.g. {missing[0]!r}; "
            f"expected paths under {folder}"
        )
    for file, path in found.items():
        stated = _stated(file, rows.get(file, []))
        match = re.search(subject, file) if subject else None
        terms = stated["licence"] or licence
        options: dict[str, Any] = {key: float(stated[key]) for key in ("rate_hz", "unit_m") if stated[key]}
        yield MotionFile(
            name=f"{folder.name}/{_stem(file)}",
            file=file,
            path=path,
            dataset=folder.name,
            subject=stated["subject"] or (match[1] if match else ""),
            licence=terms,
            non_commercial=bool(_NON_COMMERCIAL.search(terms)),
            captions=tuple(_caption(row) for row in rows.get(file, []) if row.get("text")),
            read=partial(motion.load, path, **options),
        )


def _found(folder: Path, pattern: str) -> dict[str, Path]:
    """Files by path under the folder."""
    if not folder.is_dir():
        raise ValueError(f"source: expected a folder, {folder} is none; correct the path")
    found = {p.relative_to(folder).as_posix(): p for p in sorted(folder.glob(pattern)) if p.is_file()}
    if not found:
        raise ValueError(f"source: nothing in {folder} matches {pattern!r}; correct one of them")
    return found


def _stem(file: str) -> str:
    return re.sub(r"\.\w+$", "", file.removesuffix(".gz"))


def _rows(table: Path) -> Mapping[str, list[dict[str, str]]]:
    if not table.is_file():
        raise ValueError(f"table: no file {table}; expected a CSV with columns {', '.join(COLUMNS)}")
    rows = defaultdict(list)
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if "file" not in (reader.fieldnames or ()):
            raise ValueError(
                f"table: {table} has columns {reader.fieldnames}, expected `file` and any of "
                f"{', '.join(COLUMNS[1:])}"
            )
        for row in reader:
            rows[row["file"]].append(row)
    return rows


def _stated(file: str, rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What the rows of a file say once for the file, empty where they say nothing."""
    stated = {}
    for key in ("subject", "licence", "rate_hz", "unit_m"):
        values = {row[key] for row in rows if row.get(key)}
        if len(values) > 1:
            raise ValueError(f"table: {file!r} has more than one {key}: {', '.join(sorted(values))}")
        stated[key] = values.pop() if values else ""
    return stated


def _caption(row: Mapping[str, str]) -> Caption:
    start, end = row.get("start_s"), row.get("end_s")
    return Caption(
        text=row["text"], start_s=float(start) if start else 0.0, end_s=float(end) if end else None
    )
