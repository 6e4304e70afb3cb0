"""Text tables and .mat matrices: raw originals, and a user's own CSV files."""

import re
import warnings
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anymo.data.sets.items import Facts, RawItem, matched_files, worn
from anymo.data.sets.layouts import Column, Matlab, Sensor, Tables
from anymo.data.table import separator_of, time_stamps, with_points
from anymo.data.timing import gaps
from anymo.records import Array

if TYPE_CHECKING:
    import pandas as pd

_DELIMITERS = {"tab": "\t", "whitespace": r"\s+"}


def read_tables(layout: Tables, folder: Path) -> Iterator[RawItem]:
    """Stretches of one label, subject and trial without a gap, file by file; those without a label too.

    Raises:
        FileNotFoundError: no such files.
        ValueError: a column is missing or holds text, or rows are longer than the header; it names the file.
    """
    for file, inside, facts in matched_files(folder, layout.files, layout.path):
        table = _table(layout, file, inside)
        codes = {
            fact: _codes(table, column, inside)
            for fact in ("label", "subject", "trial")
            if (column := getattr(layout, fact)) is not None
        }
        for number, stretch in enumerate(_stretches(list(codes.values()), len(table))):
            own = {"label": ""} | facts | {fact: str(values[stretch[0]]) for fact, values in codes.items()}
            for start, end, times, since in _pieces(table, layout.time, *stretch, inside):
                part, where = table.iloc[start:end], f"{inside}[{start}:{end}]"
                sensors = worn(layout.sensors, own, own["label"], where)
                yield RawItem(
                    signals=tuple((s.placement, _signal(part, s, where)) for s in sensors),
                    label=own["label"],
                    name=where,
                    subject=own.get("subject", ""),
                    trial=own.get("trial", ""),
                    moment=_moment(own, f"{number}{since}"),
                    times=times,
                    follows=bool(since),
                )


def read_matlab(layout: Matlab, folder: Path) -> Iterator[RawItem]:
    """A recording a file.

    Raises:
        FileNotFoundError: no such files.
        ValueError: the matrix is missing or too narrow; it names the file.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    for file, inside, facts in matched_files(folder, layout.files, layout.path):
        try:
            content = loadmat(file, variable_names=[layout.variable])
            matrix = np.asarray(content[layout.variable], dtype=np.float64)
        except (KeyError, MatReadError, NotImplementedError, TypeError, ValueError) as error:
            raise ValueError(
                f"{inside}: expected a numeric matrix {layout.variable!r} in a .mat file ({error})"
            ) from error
        label = facts.get("label", "")
        sensors = worn(layout.sensors, facts, label, inside)
        yield RawItem(
            signals=tuple((s.placement, matrix_columns(matrix, s, inside)) for s in sensors),
            label=label,
            name=inside,
            subject=facts.get("subject", ""),
            trial=facts.get("trial", ""),
            moment=_moment(facts, "0"),
        )


def matrix_columns(matrix: Array, sensor: Sensor, where: str) -> Array:
    """(T, 3 or 6) x, y, z of a sensor whose columns are named by index.

    Args:
        matrix: (T, C), in the units of the file.
        sensor: whose columns are named by index.
        where: what to call the file in errors.

    Raises:
        ValueError: the matrix is no matrix, too narrow, or the sensor's columns are named.
    """
    index = [column for column in sensor.columns if isinstance(column, int)]
    if (
        matrix.ndim != 2
        or len(index) < 3
        or len(index) < len(sensor.columns)
        or max(index) >= matrix.shape[1]
    ):
        raise ValueError(
            f"{where}: expected a matrix with columns {list(sensor.columns)} for {sensor.placement!r}, got "
            f"shape {matrix.shape}"
        )
    return sensor.turned(matrix[:, index])


def _table(layout: Tables, file: Path, inside: str) -> "pd.DataFrame":
    import pandas as pd

    delimiter = _separator(layout, file) if layout.delimiter == "auto" else layout.delimiter
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # values without a name would be lost
            table = pd.read_csv(
                file,
                sep=_DELIMITERS.get(delimiter, delimiter),
                header=0 if layout.header else None,
                index_col=False,  # rows longer than the header would otherwise lend their first value to it
                skiprows=layout.skip_rows,
                comment=layout.comment or None,
                skipinitialspace=True,
                low_memory=False,
            )
    except (
        pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, UnicodeDecodeError
    ) as error:  # fmt: skip
        raise ValueError(
            f"{inside}: expected a text table with {delimiter!r} between columns, a name for each or "
            f"`header: false`: {error}"
        ) from error
    table.columns = [name.strip() if isinstance(name, str) else name for name in table.columns]
    return table if delimiter == "," else table.apply(_numeric)


def _separator(layout: Tables, file: Path) -> str:
    """As the names at the head of the table say."""
    if not layout.header:
        return ","
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        heads = (line.split(layout.comment)[0] if layout.comment else line for line in lines)
        named = (head for head in islice(heads, layout.skip_rows, None) if head.strip())
        return separator_of(next(named, ""))


def _numeric(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column of numbers with decimal commas as numbers; any other as it is."""
    import pandas as pd

    if column.dtype.kind not in "OUT":
        return column
    try:
        return pd.to_numeric(with_points(column))
    except (AttributeError, TypeError, ValueError):
        return column


def _column(table: "pd.DataFrame", column: Column, where: str) -> "pd.Series[Any]":
    if isinstance(column, int):
        if column >= table.shape[1]:
            raise ValueError(f"{where}: expected a column {column}, got {table.shape[1]} columns (from 0)")
        if str(column) in table.columns and table.columns[column] != str(column):
            raise ValueError(
                f"{where}: column {column} is counted from 0, but the header has that name elsewhere; count "
                "all columns, with `header: false` and `skip_rows: 1`"
            )
        return table.iloc[:, column]
    if column not in table.columns:
        known = ", ".join(map(str, table.columns[:40]))
        raise ValueError(f"{where}: expected a column {column!r}, got {known}; correct the spec")
    return table[column]


def _codes(table: "pd.DataFrame", column: Column, where: str) -> "np.ndarray[Any, np.dtype[np.object_]]":
    """(T,) codes as text; whole numbers without a point, and empty where there is none."""
    values = _column(table, column, where)
    if values.dtype.kind == "f" and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("string").str.strip().fillna("").to_numpy(dtype=object)


def _times(part: "pd.DataFrame", column: Column, where: str) -> "np.ndarray[Any, np.dtype[np.generic]]":
    """(T,) time stamps, as `read_recording` reads them."""
    return time_stamps({str(column): _column(part, column, where).to_numpy()}, str(column), where)


def _stretches(codes: "list[np.ndarray[Any, np.dtype[np.object_]]]", num: int) -> list[tuple[int, int]]:
    """First row and the one after the last of every stretch in which no code changes."""
    change = np.zeros(num, dtype=bool)
    for values in codes:
        change[1:] |= values[1:] != values[:-1]
    edges = [0, *np.flatnonzero(change).tolist(), num]
    return [(a, b) for a, b in pairwise(edges) if b > a]


def _pieces(
    table: "pd.DataFrame", column: Column | None, start: int, end: int, inside: str
) -> "Iterator[tuple[int, int, np.ndarray[Any, np.dtype[np.generic]] | None, str]]":
    """Rows of a stretch between gaps: the first, the one after the last, time stamps, and since when.

    The first piece starts with the stretch; sensors with files of their own share a later one if it starts
    at the same time.
    """
    if column is None:
        yield start, end, None, ""
        return
    times = _times(table.iloc[start:end], column, f"{inside}[{start}:{end}]")
    for a, b in pairwise([0, *gaps(times).tolist(), end - start]):
        yield start + a, start + b, times[a:b], f" from {times[a]}" if a else ""


def _signal(part: "pd.DataFrame", sensor: Sensor, where: str) -> Array:
    """(T, 3 or 6) x, y, z; a named column may be a sum, "gravity.x + userAcceleration.x"."""
    parts: list[Array] = []
    for column in sensor.columns:
        names = re.split(r"\s\+\s", column) if isinstance(column, str) else [column]
        series = [_column(part, name, where) for name in names]
        try:
            parts.append(sum((s.to_numpy(dtype=np.float64) for s in series), np.zeros(len(part))))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where}: expected numbers in column {column!r} ({error})") from error
    return sensor.turned(np.stack(parts, axis=1))


def _moment(facts: Facts, order: str) -> str:
    """Sensors with files of their own belong together where subject, label, trial and order are the same."""
    if "sensor" not in facts:
        return ""
    return "/".join([*(f"{fact}={facts.get(fact, '')}" for fact in ("subject", "trial", "label")), order])
