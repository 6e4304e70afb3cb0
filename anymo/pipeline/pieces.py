"""A recording in pieces: files read a few thousand rows at a time, or what a device sends, checked alike."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, get_args

import numpy as np
import numpy.typing as npt

from anymo.data import read_recording
from anymo.data.contract import Sign, check_statement, stamps_of
from anymo.data.even_grid import EvenGrid
from anymo.data.headings import check_headings
from anymo.data.table import Table, numbers, pick_channels, read_table
from anymo.data.timing import GAP_S, MAX_RATE_HZ, RATE_TOLERANCE, Times, check_rate, check_steps, sampling
from anymo.pipeline.files import tables_of
from anymo.records import Array, Gravity, Recording, SensorStream

if TYPE_CHECKING:
    import pandas as pd

OnGap = Literal["error", "split"]
UnreadSource: TypeAlias = "str | Path | Iterable[npt.NDArray[np.floating] | pd.DataFrame]"
Source: TypeAlias = "Recording | UnreadSource"

_NEEDED = ("acc_unit", "gravity", "placement")
_OF_HEADINGS = ("acc_unit", "gravity", "gyro_unit")
_OF_SIGNAL = (*_NEEDED, "gyro_unit", "sign")  # of what is stated; the rest says where the samples are
_OF_ROWS = ("nan", "times", "time_column")
_TAIL, _TAIL_S = 64, 0.5  # time stamps, and seconds of them, at least, by which the next ones are placed
_CONTEXT_S = 6.0  # of earlier samples beside which new ones are checked: three blocks of `carried_mean`


class Stated(TypedDict, total=False):
    """What `anymo.data.read_recording` asks of a source; the first three it cannot do without."""

    acc_unit: str
    gravity: Gravity
    placement: str | list[str]
    gyro_unit: str | None
    sign: Sign
    rate_hz: float | None
    columns: list[str] | None
    time_column: str | None
    times: Times
    nan: Literal["error", "mask"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """Samples that were taken.

    positions  their places on the recording's grid, ascending   (n,)
    sensor     n of them, all valid
    opens      whether a gap lies before them
    """

    positions: npt.NDArray[np.int64]
    sensor: SensorStream
    opens: bool


class Pieces:
    """Pieces of a source in order of time; iterate once.

    Raises:
        FileNotFoundError: no such file.
        TypeError: a fact that `read_recording` does not ask for.
        ValueError: at once, what cannot be stated or is no source; while iterating, whatever else
            `read_recording` refuses, with the row it is counted from; a rate that changes; a gap of over a
            second, unless it is to split the recording.
    """

    def __init__(self, source: Any, stated: Stated, on_gap: OnGap) -> None:
        if on_gap not in get_args(OnGap):
            raise ValueError(f"on_gap: expected one of {get_args(OnGap)}, got {on_gap!r}")
        self._name = stated.get("name") or (Path(source).stem if isinstance(source, str | Path) else "")
        self.where = f"recording {self._name!r}"
        _check_stated(stated, self.where)
        self._tables, self._stated, self._on_gap = tables_of(source), stated, on_gap
        self._rows = 0
        self._rate: float | None = None
        resample = stated.get("times") == "resample"
        self._grid = EvenGrid(stated.get("rate_hz"), self.where) if resample else None
        self._tail: npt.NDArray[Any] | None = None
        self._positions = np.empty(0, dtype=np.int64)
        self._values: Array | None = None

    def __iter__(self) -> Iterator[Piece]:
        rate_hz = self._stated.get("rate_hz")
        least = int(np.ceil(MAX_RATE_HZ if rate_hz is None else _CONTEXT_S * rate_hz))
        tables = (read_table(t, self.where) for t in self._tables)
        for table in _opening_joined(tables, least, self._num_present):
            positions, values = self._placed(table)
            if len(positions):
                yield from self._split(positions, values)
        if self._grid is not None:
            self._grid.log()

    def _num_present(self, table: Table) -> int:
        """Rows that hold numbers."""
        channels = pick_channels(table, self._stated.get("columns"), self.where)
        return int(np.all([np.isfinite(numbers(table, c, self.where)) for c in channels], axis=0).sum())

    def _placed(self, table: Table) -> tuple[npt.NDArray[np.int64], Array]:
        """Places and values, as stated, of the rows that hold numbers."""
        where = f"{self.where}, from row {self._rows}"
        channels = pick_channels(table, self._stated.get("columns"), where)
        facts: dict[str, Any] = {fact: self._stated.get(fact) for fact in _OF_HEADINGS}
        check_headings(channels, where=self.where, **facts)
        values = np.stack([numbers(table, channel, where) for channel in channels], axis=1)
        stamps = stamps_of(table, self._stated.get("time_column"), self._stated.get("times", "even"), where)
        first = self._rows
        self._rows += len(values)
        present: npt.NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
        if self._grid is not None and stamps is not None:
            self._check_present(present, first, stamps, "time stamp {}")
            positions, values = self._grid.place(stamps, values)
            self._rate = self._grid.rate_hz
            return positions, values
        if stamps is None:
            self._rate, _ = sampling(None, self._stated.get("rate_hz"), where)
            positions = np.arange(first, self._rows)
        else:
            positions = self._timed(stamps, first)
        assert self._rate is not None
        self._check_present(present, first, positions / self._rate, "{:.2f} s")
        return positions[present], values[present]

    def _check_present(
        self, present: npt.NDArray[np.bool_], first: int, at: npt.NDArray[Any], form: str
    ) -> None:
        if not present.all() and self._stated.get("nan", "error") == "error":
            row = int(np.argmin(present))
            raise ValueError(
                f"{self.where}: NaN or infinity at row {first + row}, {form.format(at[row])}; "
                'drop or interpolate it, or pass nan="mask" to mark such samples missing'
            )

    def _timed(self, times: npt.NDArray[Any], first: int) -> npt.NDArray[np.int64]:
        """Places of rows by their time stamps, after those that were placed last."""
        if self._tail is None:
            self._rate, index = sampling(times, self._stated.get("rate_hz"), self.where)
            placed: npt.NDArray[np.int64] = index if index is not None else np.arange(len(times))
            self._num_tail = max(_TAIL, round(_TAIL_S * self._rate))
            self._tail, self._end = times[-self._num_tail :], int(placed[-1])
            return placed
        known = len(self._tail)
        joined = np.concatenate([self._tail, times])
        rate, index = sampling(joined, None, f"{self.where}, from row {first - known}")
        assert index is not None
        assert self._rate is not None
        placed = index[known:] - index[known - 1] + self._end
        if abs(rate / self._rate - 1.0) > RATE_TOLERANCE:
            raise ValueError(
                f"{self.where}: the rate changes: {self._rate:.4g} Hz, {rate:.4g} Hz from row {first} on "
                f"({placed[0] / self._rate:.1f} s); cut it there and read each part with its own rate"
            )
        self._tail, self._end = joined[-self._num_tail :], int(placed[-1])
        return placed

    def _split(self, positions: npt.NDArray[np.int64], values: Array) -> Iterator[Piece]:
        """The rows as pieces between gaps."""
        assert self._rate is not None
        sensor = self._converted(values)
        joined = np.concatenate([self._positions, positions])
        check_steps(joined, self._rate, self.where)
        steps = np.diff(joined, prepend=joined[0])[len(self._positions) :]
        self._positions = joined[-int(np.ceil(_CONTEXT_S * self._rate)) :]
        opens = np.flatnonzero(steps > GAP_S * self._rate)
        if len(opens) and self._on_gap == "error":
            after = int(positions[opens[0]])
            before = after - int(steps[opens[0]])
            raise ValueError(
                f"{self.where}: no sample from {before / self._rate:.2f} to {after / self._rate:.2f} s; "
                'cut the recording there, or pass on_gap="split" to go on after such gaps'
            )
        for begin, end in zip([0, *opens], [*opens, len(positions)], strict=True):
            if begin < end:
                part = replace(
                    sensor,
                    acc=sensor.acc[begin:end],
                    gyro=None if sensor.gyro is None else sensor.gyro[begin:end],
                    valid=sensor.valid[begin:end],
                )
                yield Piece(positions=positions[begin:end], sensor=part, opens=bool(begin in opens))

    def _converted(self, values: Array) -> SensorStream:
        """The rows in SI units, checked beside those before them as a recording of their own."""
        assert self._rate is not None
        before = values[:0] if self._values is None else self._values
        joined = np.concatenate([before, values])
        facts: dict[str, Any] = {fact: said for fact, said in self._stated.items() if fact in _OF_SIGNAL}
        (sensor,) = read_recording(joined, rate_hz=self._rate, name=self._name, **facts).sensors
        self._values = joined[-int(np.ceil(_CONTEXT_S * self._rate)) :]
        return replace(
            sensor,
            acc=sensor.acc[len(before) :],
            gyro=None if sensor.gyro is None else sensor.gyro[len(before) :],
            valid=sensor.valid[len(before) :],
        )


def _check_stated(stated: Stated, where: str) -> None:
    """Refuse what `read_recording` would, before there is a sample."""
    if unknown := sorted(stated.keys() - Stated.__annotations__.keys()):
        raise TypeError(
            f"{where}: expected of {', '.join(Stated.__annotations__)} what read_recording asks for, got "
            f"{', '.join(unknown)}; correct the name, or leave it out"
        )
    if missing := [fact for fact in _NEEDED if stated.get(fact) is None]:
        raise ValueError(f"{where}: state {', '.join(missing)}; nothing is guessed")
    if isinstance(places := stated.get("placement"), list | tuple):
        raise ValueError(
            f"{where}: expected one sensor in what is read in pieces, got {', '.join(places)}; "
            "read it whole (read_recording; in the shell without --stream), or a file for each"
        )
    facts: dict[str, Any] = {fact: said for fact, said in stated.items() if fact in (*_OF_SIGNAL, *_OF_ROWS)}
    check_statement(where, **facts)
    if (rate_hz := stated.get("rate_hz")) is not None:
        check_rate(rate_hz, where)


def _opening_joined(
    tables: Iterable[Table], least: int, num_present: Callable[[Table], int]
) -> Iterator[Table]:
    """The first tables as one with `least` rows of numbers, which tell rate and units; then as they come.

    Raises:
        ValueError: a table has other columns than the first.
    """
    held: list[Table] = []
    opened, num = False, 0
    for table in tables:
        if held and table.keys() != held[0].keys():
            raise ValueError(
                f"stream: the columns change from {', '.join(held[0])} to {', '.join(table)}; "
                "give the same ones throughout"
            )
        if opened:
            yield table
            continue
        held.append(table)
        num += num_present(table)
        if opened := num >= least:
            yield _joined(held)
    if held and not opened:
        yield _joined(held)


def _joined(tables: list[Table]) -> Table:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
