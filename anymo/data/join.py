"""Sensors of one person as one recording; acceleration and angular velocity of one device as one table."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anymo.data.contract import present_rows, stamps_of
from anymo.data.even_grid import Index, clock_unit_s, hole_s, interpolated, places
from anymo.data.table import CHANNELS, Table, numbers, read_table, recognised
from anymo.data.timing import MIN_DURATION_S, check_rate, since_first
from anymo.records import Array, Recording

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stream:
    """Rows of one table.

    rows_s  seconds since the clock's zero   (T,)
    values  x, y, z                          (T, 3)
    """

    rows_s: Array
    values: Array

    @property
    def usual_s(self) -> float:
        return float(np.median(np.diff(self.rows_s)))


def merge(recordings: Sequence[Recording]) -> Recording:
    """Join sensors that one person wore at one time into one recording.

    The streams start together: nothing here knows when they began, so cut them to one moment first. A shorter
    one is marked missing after its end when windows are cut.

    Raises:
        ValueError: nothing to join; recordings that differ in subject, label or text; or two sensors of
            one placement.
    """
    if not recordings:
        raise ValueError("merge: expected one recording or more, got none")
    facts: dict[str, str] = {}
    for fact in ("subject", "label", "text"):
        said = {getattr(r, fact) for r in recordings} - {""}
        if len(said) > 1:
            raise ValueError(
                f"merge: the recordings differ in {fact}: {sorted(said)}; join only sensors of one "
                "person at one time"
            )
        facts[fact] = said.pop() if said else ""
    sensors = tuple(s for r in recordings for s in r.sensors)
    if len(places := [s.placement for s in sensors]) > len(set(places)):
        twice = next(place for place in places if places.count(place) > 1)
        raise ValueError(
            f"merge: two sensors are at {twice!r}; expected another name of a placement for each, as one "
            "recording given twice would be two sensors"
        )
    return replace(recordings[0], sensors=sensors, **facts)


def join_by_time(
    acc: "pd.DataFrame | str | Path",
    gyro: "pd.DataFrame | str | Path",
    *,
    rate_hz: float | None = None,
    columns: Sequence[str] | None = None,
    time_columns: Sequence[str] | None = None,
    name: str = "",
) -> "pd.DataFrame":
    """Two tables of one device, each with time stamps of its own, as the one that `read_recording` takes.

    Both are interpolated linearly onto one even grid over the time that they share, by the rules of
    `read_recording(..., times="resample")`; of rows with one time stamp the first counts. A moment in a hole
    of either (of over three steps) is left out, so that `read_recording` marks it missing. The log says how
    much that is.

    Args:
        acc: a DataFrame, or a path to .csv, .npz or .parquet, with acc x, y, z and time stamps.
        gyro: likewise, with gyro x, y, z.
        rate_hz: of the grid; that of the median step of acc where left out.
        columns: six names: acc x, y, z in the first, gyro x, y, z in the second; recognised where left out,
            plain x, y, z too.
        time_columns: two names, in the first and in the second; recognised where left out.
        name: what to call the recording in errors; the first file's name where left out.

    Returns:
        N rows with columns time (s), acc_x, acc_y, acc_z, gyro_x, gyro_y, gyro_z, in the units of the tables.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a column is not found, a value is missing, the time stamps run backwards, repeat often or
            are of a rate over twice or under half the grid's, or the two share under 0.5 s.
    """
    import pandas as pd

    for what, named, num in (("columns", columns, 6), ("time_columns", time_columns, 2)):
        if named is not None and (isinstance(named, str) or len(named) != num):
            raise ValueError(f"join_by_time: {what}: expected {num} names, of acc first, got {named!r}")
    name = name or (Path(acc).stem if isinstance(acc, str | Path) else "")
    where = f"recording {name!r}"
    acc_names, gyro_names = (None, None) if columns is None else (columns[:3], columns[3:])
    acc_time, gyro_time = (None, None) if time_columns is None else time_columns
    streams = (
        _stream(acc, "acc", acc_names, acc_time, f"{where}, acc"),
        _stream(gyro, "gyro", gyro_names, gyro_time, f"{where}, gyro"),
    )
    rate_hz = check_rate(rate_hz or 1.0 / streams[0].usual_s, where)
    zero_s = max(stream.rows_s[0] for stream in streams)
    index = _shared(streams, zero_s, rate_hz, where)
    grid_s = index / rate_hz
    joined = np.hstack([interpolated(s.rows_s - zero_s, s.values, grid_s) for s in streams])
    _log.info(
        "%s: joined %d rows of acc and %d of gyro by interpolation on an even grid of %.4g Hz: %d samples "
        "and %d missing ones in the %.1f s that both are of; acc is of %.1f s, gyro of %.1f s",
        where, *(len(s.rows_s) for s in streams), rate_hz, len(index),
        index[-1] + 1 - len(index), index[-1] / rate_hz, *(float(np.ptp(s.rows_s)) for s in streams),
    )  # fmt: skip
    return pd.DataFrame(joined, columns=list(CHANNELS)).assign(time=grid_s)


def _shared(streams: tuple[_Stream, _Stream], zero_s: float, rate_hz: float, where: str) -> Index:
    """(N,) places on the grid from zero_s on of which both streams know something."""
    known = [places(s.rows_s - zero_s, rate_hz, hole_s(s.usual_s, rate_hz, where)) for s in streams]
    index = np.intersect1d(known[0], known[1])
    index = index[index >= 0]
    if len(index) < MIN_DURATION_S * rate_hz:
        spans = " and ".join(f"from {s.rows_s[0]:.2f} to {s.rows_s[-1]:.2f} s" for s in streams)
        raise ValueError(
            f"{where}: expected acc and gyro of one moment, got time stamps {spans}, which share "
            f"{len(index) / rate_hz:.2f} s (at least {MIN_DURATION_S} s are needed); shift the time stamps "
            "of one, or leave the gyroscope out"
        )
    return index


def _stream(
    source: "pd.DataFrame | str | Path",
    kind: str,
    columns: Sequence[str] | None,
    time_column: str | None,
    where: str,
) -> _Stream:
    table = read_table(source, where)
    stamps = stamps_of(table, time_column, "resample", where)
    assert stamps is not None
    since = since_first(stamps, where, repeats=True)
    scale = clock_unit_s(np.diff(since), where)
    is_new = np.r_[True, np.diff(since) > 0]
    first = stamps[0].astype("datetime64[ns]").astype(np.int64) if stamps.dtype.kind == "M" else stamps[0]
    names = _axes(table, kind, columns, where)
    values = np.stack([numbers(table, column, where) for column in names], axis=1)
    present_rows(values, names, "error", where)
    return _Stream(rows_s=(since * scale + float(first) * scale)[is_new], values=values[is_new])


def _axes(table: Table, kind: str, columns: Sequence[str] | None, where: str) -> Sequence[str]:
    """Names of x, y, z: the stated ones, else those recognised as of this kind, else plain x, y, z."""
    fits = recognised(table)
    found = [fits[f"{kind}_{axis}"] for axis in "xyz"]
    plain = [[column for column in table if column.strip().lower() == axis] for axis in "xyz"]
    for names in ([[c] for c in columns or () if c in table], found, plain):
        if [len(each) for each in names] == [1, 1, 1]:
            return [each[0] for each in names]
        if columns is not None:
            break
    raise ValueError(
        f"{where}: expected three columns {kind} x, y, z, got {list(columns) if columns else 'none that is'} "
        f"among {', '.join(map(repr, table))}; name all six with columns=[...]"
    )
