"""RealWorld (HAR): archives of tables, each with a clock of its own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import numpy as np

from anymo.data.even_grid import common_grid
from anymo.data.sets.items import RawItem
from anymo.data.sets.layouts import Sensor
from anymo.records import Array

_RATE_HZ = 50.0
_COLUMNS = ["attr_time", "attr_x", "attr_y", "attr_z"]
Streams = dict[tuple[str, str], tuple[Array, Array]]  # (position, kind): seconds (T,), values (T, 3)


def read_realworld(sensors: tuple[Sensor, ...], folder: Path) -> Iterator[RawItem]:
    """`proband1/data/acc_walking_csv.zip` and `gyr_…`: of each sensor a table (id, time in ms, x, y, z).

    All sensors of a part are interpolated to 50 Hz (`common_grid`). One without acceleration has NaN there.

    Raises:
        FileNotFoundError: there are no such archives.
        ValueError: an archive, or a table in it, is another; or the clocks of a part differ.
    """
    archives = sorted(folder.glob("**/proband*/data/acc_*_csv.zip"))
    if not archives:
        raise FileNotFoundError(f"expected proband1/data/acc_walking_csv.zip, … in {folder}, found none")
    for archive in archives:
        person, activity = archive.parent.parent.name, archive.name[len("acc_") : -len("_csv.zip")]
        for part, streams in sorted(_parts(archive, activity).items()):
            where = f"{person} {activity} {part}"
            signals = common_grid(list(streams.values()), _RATE_HZ, where)
            found = dict(zip(streams, signals, strict=True))
            missing = np.full_like(signals[0], np.nan)
            yield RawItem(
                signals=tuple(
                    (sensor.placement, np.hstack([found.get((sensor.name, "acc"), missing), *gyro]))
                    for sensor in sensors
                    if any(position == sensor.name for position, _ in found)
                    for gyro in [[found[key] for key in [(sensor.name, "Gyroscope")] if key in found]]
                ),
                label=activity,
                subject=person.removeprefix("proband"),
                name=where,
                trial=part,
            )


def _parts(archive: Path, activity: str) -> dict[str, Streams]:
    """The streams of each part of an activity: a number in the tables' names, 1 where there is none."""
    pattern = re.compile(rf"(acc|Gyroscope)_{activity}(?:_(\d+))?_([a-z]+)\.csv")
    parts: dict[str, Streams] = {}
    for file in (archive, archive.with_name(archive.name.replace("acc_", "gyr_", 1))):
        for name, table in _tables(file) if file.is_file() else ():
            if (found := pattern.fullmatch(name)) is None:
                raise ValueError(
                    f"{file.name}: expected tables such as acc_{activity}_chest.csv, got {name!r}; remove it"
                )
            kind, part, position = found.groups()
            parts.setdefault(part or "1", {})[position, kind] = _rows(table, f"{file.name}: {name}")
    return parts


def _tables(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of the tables in an archive, and in the archives that some hold instead."""
    try:
        with ZipFile(file) as outer:
            yield from _inside(outer)
            for name in sorted(n for n in outer.namelist() if n.endswith(".zip")):
                with ZipFile(outer.open(name)) as inner:
                    yield from _inside(inner)
    except BadZipFile as error:
        raise ValueError(f"{file.name}: expected an archive ({error}); fetch it again") from error


def _inside(archive: ZipFile) -> Iterator[tuple[str, IO[bytes]]]:
    for name in sorted(n for n in archive.namelist() if n.endswith(".csv")):
        yield Path(name).name, archive.open(name)


def _rows(table: IO[bytes], where: str) -> tuple[Array, Array]:
    import pandas as pd

    try:
        values = pd.read_csv(table, usecols=_COLUMNS)[_COLUMNS].to_numpy(dtype=np.float64)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"{where}: expected numbers in {', '.join(_COLUMNS)}: {error}") from error
    return values[:, 0] / 1e3, values[:, 1:]
