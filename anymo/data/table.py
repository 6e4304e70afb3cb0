"""A recording's source, whatever its form, as named columns; and which columns are the sensor's."""

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Table = dict[str, npt.NDArray[Any]]
CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
SUFFIXES = (".csv", ".npz", ".parquet")

# Spellings met in phone and watch exports, without case, blanks, punctuation and units in brackets.
_KINDS = {
    "acc": r"(?:user|linear|lin|raw)?(?:acceleration|accelerometer|accel|acc|a)",
    "gyro": r"(?:gyroscope|gyro|gyr|g|rotationrate|angularvelocity|angvel|omega|w)",
}
_PATTERNS = {f"{k}_{x}": re.compile(rf"{words}{x}|{x}{words}") for k, words in _KINDS.items() for x in "xyz"}
_TIME = re.compile(r"(?:time|timestamp|timestamps|times|t|seconds|datetime)(?:sec|seconds|s|ms|us|ns)?")


def read_table(source: object, where: str) -> Table:
    """Columns of an array, DataFrame, or CSV, npz or parquet file.

    Args:
        source: (T, 3) acc or (T, 6) acc and gyro, a DataFrame, or a path.
        where: what to call the source in errors.

    Returns:
        Column name to (T,) values, as they came.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unknown kind of source, no rows, or an array of another shape.
    """
    if isinstance(source, np.ndarray):
        table = _from_array(source, where)
    elif isinstance(source, str | Path):
        table = _from_file(Path(source), where)
    elif hasattr(source, "columns") and hasattr(source, "to_numpy"):
        table = _from_frame(source, where)  # type: ignore[arg-type]
    else:
        raise ValueError(
            f"{where}: expected a numpy array (T, 3) or (T, 6), a pandas DataFrame, or a path to "
            f"{', '.join(SUFFIXES)}, got {type(source).__name__}"
        )
    lengths = {len(column) for column in table.values()}
    if len(lengths) > 1:
        sizes = ", ".join(f"{n} {len(c)}" for n, c in table.items())
        raise ValueError(f"{where}: columns differ in length ({sizes}); give one value per sample in each")
    if lengths in (set(), {0}):
        raise ValueError(f"{where}: holds no samples; give a recording of 0.5 s or more")
    return table


def pick_channels(table: Table, columns: Sequence[str] | None, where: str) -> tuple[str, ...]:
    """The three or six columns that hold acc x, y, z and, where there is one, gyro x, y, z.

    Args:
        table: column -> values (T,).
        columns: those that the user names; None recognises them.
        where: what to call the recording in errors.

    Raises:
        ValueError: a named column is absent, or the columns are not recognised, or two fit the same channel.
    """
    found = ", ".join(repr(c) for c in table)
    if columns is not None:
        absent = [c for c in columns if c not in table]
        twice = [c for c in columns if list(columns).count(c) > 1]
        if len(columns) not in (3, 6) or absent or twice:
            problem = f"no column {absent[0]!r}" if absent else f"{len(columns)} names"
            problem = f"{twice[0]!r} twice" if twice else problem
            raise ValueError(
                f"{where}: columns must name 3 (acc x, y, z) or 6 (then gyro x, y, z) existing columns, "
                f"each once, got {problem}; found {found}"
            )
        return tuple(columns)
    fits = recognised(table)
    for channel, names in fits.items():
        if len(names) > 1:
            raise ValueError(
                f"{where}: {channel} could be any of {names}; name the columns with columns=[...]; "
                f"found {found}"
            )
    present = tuple(names[0] for names in fits.values() if names)
    if len(present) not in (3, 6) or not all(fits[c] for c in CHANNELS[:3]):
        missing = [c for c in CHANNELS if not fits[c]]
        apart = (
            "" if any(fits[c] for c in CHANNELS[:3]) else ", or join two files with anymo.data.join_by_time"
        )
        raise ValueError(
            f"{where}: did not recognise {', '.join(missing)} among the columns; name the 3 (acc x, y, z) "
            f"or 6 (then gyro x, y, z) with columns=[...]{apart}; found {found}"
        )
    return present


def recognised(table: Table) -> dict[str, list[str]]:
    """Columns that may be each of CHANNELS, by their names."""
    return {channel: [c for c in table if _PATTERNS[channel].fullmatch(bare(c))] for channel in CHANNELS}


def find_time(table: Table, time_column: str | None, where: str) -> str | None:
    """Name of the time column: the stated one, else the only one recognised, else None.

    Raises:
        ValueError: the stated column is absent, or several look like times.
    """
    found = ", ".join(repr(c) for c in table)
    if time_column is not None:
        if time_column not in table:
            raise ValueError(f"{where}: no time_column {time_column!r}; found {found}")
        return time_column
    fits = [c for c in table if _TIME.fullmatch(bare(c))]
    if len(fits) > 1:
        raise ValueError(f"{where}: several columns look like times, {fits}; state time_column")
    return fits[0] if fits else None


def numbers(table: Table, column: str, where: str) -> npt.NDArray[np.float64]:
    """(T,) values of a column as float64.

    Args:
        table: column -> values (T,).
        column: one of them.
        where: what to call the recording in errors.

    Raises:
        ValueError: a value is no number; the message gives the first and its row.
    """
    values = table[column]
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        return _numbers_one_by_one(values, column, where)


def time_stamps(table: Table, column: str, where: str) -> npt.NDArray[Any]:
    """(T,) values of a time column: numbers as `numbers`, or datetime64 of dates in ISO 8601.

    Args:
        table: column -> values (T,).
        column: one of them.
        where: what to call the recording in errors.

    Raises:
        ValueError: they are neither.
    """
    values = table[column]
    if values.dtype.kind in "Miu":
        return values
    try:
        return numbers(table, column, where)
    except ValueError:
        import pandas as pd

        try:
            dates = pd.to_datetime(pd.Series(values), format="ISO8601", utc=True)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{where}: time column {column!r} holds neither numbers nor dates in ISO 8601 "
                f"(2026-11-22T08:30:00.020): {error}; convert it, or state rate_hz and "
                'times="ignore" (--times ignore)'
            ) from None
        return dates.dt.tz_localize(None).to_numpy()


def csv_frames(path: Path, rows: int | None = None) -> "Iterator[pd.DataFrame]":
    """A CSV file as text, whole or so many rows at a time.

    Its head tells what separates columns: commas, semicolons or tabs. Where it is not commas, a comma in a
    number is its decimal point.

    Args:
        path: of the file.
        rows: of a frame; None reads all.

    Raises:
        ValueError: rows have more values than the head has names.
    """
    import pandas as pd

    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.readline()
    separator = separator_of(head)
    # As text: `numbers` keeps the bits that were written; pandas' default parser may lose the last one.
    # A value without a name would shift the others by a column, or be lost.
    options: Any = {"sep": separator, "dtype": str, "skipinitialspace": True, "index_col": False}
    with pd.read_csv(path, chunksize=rows or sys.maxsize, **options) as frames:
        while (frame := _next(frames)) is not None:
            yield frame if separator == "," else frame.apply(with_points)


def separator_of(head: str) -> str:
    """What separates the names in the first line of a table: commas, semicolons or tabs."""
    return max(",;\t", key=head.count)


def with_points(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """(T,) text with decimal points for decimal commas."""
    return column.str.replace(",", ".")


def _next(frames: "Iterator[pd.DataFrame]") -> "pd.DataFrame | None":
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return next(frames, None)
    except pd.errors.ParserWarning as error:
        raise ValueError("rows have more values than the first line has names; name every column") from error


def _numbers_one_by_one(values: npt.NDArray[Any], column: str, where: str) -> npt.NDArray[np.float64]:
    result = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            result[row] = np.nan if value is None else float(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"{where}: column {column!r} is not numeric: row {row} holds {value!r}; "
                "remove it or name other columns with columns=[...]"
            ) from None
    return result


def bare(column: str) -> str:
    """A column's name without case, blanks, punctuation and what stands in brackets."""
    without_unit = re.sub(r"\(.*?\)|\[.*?\]", "", column.lower())
    return re.sub(r"[^a-z0-9]", "", without_unit)


def _from_array(array: npt.NDArray[Any], where: str) -> Table:
    if array.ndim != 2 or array.shape[1] not in (3, 6):
        raise ValueError(
            f"{where}: expected an array (T, 3) of acc or (T, 6) of acc then gyro, got {array.shape}; "
            "put time in the rows and one channel per column"
        )
    return {name: array[:, i] for i, name in enumerate(CHANNELS[: array.shape[1]])}


def _from_frame(frame: "pd.DataFrame", where: str) -> Table:
    table = {str(name): frame[name].to_numpy() for name in frame.columns if frame.columns.is_unique}
    if len(table) < len(frame.columns):
        raise ValueError(f"{where}: column names occur twice, {list(frame.columns)}; rename them")
    return table


def _from_file(path: Path, where: str) -> Table:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{where}: expected a file ending in {', '.join(SUFFIXES)}, got {path.name!r}")
    if not path.is_file():
        raise FileNotFoundError(f"{where}: no file {path}; check the path")
    if path.stat().st_size == 0:
        raise ValueError(f"{where}: {path.name} is empty; export the recording again")
    try:
        if suffix == ".npz":
            return _from_npz(path, where)
        import pandas as pd

        if suffix == ".parquet":
            return _from_frame(pd.read_parquet(path), where)
        return _from_frame(next(csv_frames(path)), where)
    except ValueError as error:
        if str(error).startswith(where):
            raise
        raise ValueError(f"{where}: {path.name} does not read as {path.suffix[1:]}: {error}") from error
    except (OSError, EOFError) as error:
        raise ValueError(f"{where}: {path.name} does not read as {path.suffix[1:]}: {error}") from error


def _from_npz(path: Path, where: str) -> Table:
    import zipfile

    try:
        with np.load(path, allow_pickle=False) as archive:
            entries = {key: archive[key] for key in archive.files}
    except zipfile.BadZipFile as error:
        raise ValueError(f"{where}: {path.name} is no whole npz archive: {error}") from error
    if len(entries) == 1 and next(iter(entries.values())).ndim == 2:
        return _from_array(next(iter(entries.values())), where)
    table: Table = {}
    for key, entry in entries.items():
        if entry.ndim == 1:
            table[key] = entry
        elif entry.ndim == 2 and entry.shape[1] == 3:
            table.update({f"{key}_{axis}": entry[:, i] for i, axis in enumerate("xyz")})
        else:
            raise ValueError(
                f"{where}: entry {key!r} of {path.name} has shape {entry.shape}; expected columns (T,), "
                "acc and gyro (T, 3), or one array (T, 3) or (T, 6); leave other entries out"
            )
    return table
