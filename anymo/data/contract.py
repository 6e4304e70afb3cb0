"""The input contract: what a user states about a recording, checked against the recording."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from anymo.data.even_grid import EvenGrid
from anymo.data.headings import check_headings, columns_of_each
from anymo.data.rest import check_gyro, check_rest
from anymo.data.table import Table, find_time, numbers, read_table, time_stamps
from anymo.data.timing import MAX_MISSING, MIN_DURATION_S, Times, sampling
from anymo.records import GRAVITY_MPS2, Array, Gravity, Recording, SensorStream
from anymo.skeleton import segment_of

if TYPE_CHECKING:
    import pandas as pd

Sign = Literal["specific_force", "negative"]
ACC_TO_MPS2 = {"g": GRAVITY_MPS2, "m/s^2": 1.0}
GYRO_TO_RADPS = {"rad/s": 1.0, "deg/s": np.pi / 180.0}
SIGNS: dict[str, float] = {"specific_force": 1.0, "negative": -1.0}
_ALIASES = {"m/s²": "m/s^2", "m/s2": "m/s^2"}


def read_recording(
    source: "npt.NDArray[np.floating] | pd.DataFrame | str | Path",
    *,
    acc_unit: str,
    gravity: Gravity,
    placement: str | Sequence[str],
    gyro_unit: str | None = None,
    sign: Sign = "specific_force",
    rate_hz: float | None = None,
    columns: Sequence[str] | None = None,
    time_column: str | None = None,
    times: Times = "even",
    nan: Literal["error", "mask"] = "error",
    name: str = "",
) -> Recording:
    """A worn sensor's recording, or several's, in SI units, specific force, with dropped samples marked.

    Args:
        source: (T, 3) acc or (T, 6) acc and gyro, a DataFrame, or a path to .csv, .npz or .parquet.
        acc_unit: "g" or "m/s^2" (also "m/s²", "m/s2").
        gravity: "included", or "removed" where the device subtracts it ("linear" or "user" acceleration).
        placement: a name of skeleton.PLACEMENTS or a segment; or a list of one for each sensor of a table
            with several, whose columns begin with it ("left_wrist_acc_x", as `anymo simulate` writes them).
        gyro_unit: "rad/s" or "deg/s"; needed if and only if there is a gyroscope.
        sign: "specific_force" (at rest +9.81 on the axis that points up) or "negative" (−9.81 there, as some
            phones report). The magnitude at rest is the same for both, so a wrong sign is not found here.
        rate_hz: samples per second; or leave it to the time column.
        columns: names of acc x, y, z and, where there is one, gyro x, y, z, sensor after sensor; recognised
            where left out.
        time_column: time stamps in s, ms, µs, ns or datetime64 (told apart by the step); recognised where
            left out.
        times: "even" refuses time stamps that are not; "resample" puts samples at uneven times on an even
            grid of rate_hz (of their median step where left out) by linear interpolation, with nothing in
            holes of over three steps, and logs what it did; "ignore" takes rate_hz alone.
        nan: "error", or "mask" to mark samples with a missing value as not valid.
        name: what to call the recording; the file's name where left out.

    Returns:
        Recording of a sensor for each placement. Values under valid=False are NaN.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the statement is incomplete, or the source is broken or contradicts it.
    """
    name = name or (Path(source).stem if isinstance(source, str | Path) else "")
    where = f"recording {name!r}"
    check_statement(
        where,
        acc_unit=acc_unit,
        gravity=gravity,
        placement=placement,
        gyro_unit=gyro_unit,
        sign=sign,
        nan=nan,
        times=times,
        time_column=time_column,
    )
    table = read_table(source, where)
    stamps = stamps_of(table, time_column, times, where)
    sensors = []
    for place, channels in columns_of_each(table, placement, columns, where).items():
        check_headings(channels, acc_unit=acc_unit, gravity=gravity, gyro_unit=gyro_unit, where=where)
        values = np.stack([numbers(table, channel, where) for channel in channels], axis=1)
        valid = present_rows(values, channels, nan, where)
        values, valid, rate = _samples(values, valid, stamps, times == "resample", rate_hz, where)
        sensors.append(_sensor(values, valid, rate, acc_unit, gravity, place, gyro_unit, sign, where))
    source = str(source) if isinstance(source, str | Path) else ""
    return Recording(sensors=tuple(sensors), name=name, source=source)


def _sensor(
    values: Array,
    valid: npt.NDArray[np.bool_],
    rate: float,
    acc_unit: str,
    gravity: Gravity,
    placement: str,
    gyro_unit: str | None,
    sign: str,
    where: str,
) -> SensorStream:
    """Values as stated on the regular grid, in SI units, checked against what is stated of them."""
    acc_unit = _ALIASES.get(acc_unit, acc_unit)
    has_gyro = values.shape[1] == 6
    gyro_factor = _gyro_factor(gyro_unit, has_gyro, where)
    acc = values[:, :3] * (ACC_TO_MPS2[acc_unit] * SIGNS[sign])
    gyro = values[:, 3:] * gyro_factor if has_gyro else None
    check_rest(
        acc[valid], None if gyro is None else gyro[valid], rate,
        acc_unit=acc_unit, scale=ACC_TO_MPS2[acc_unit], gravity=gravity, where=where,
    )  # fmt: skip
    if gyro is not None and gyro_unit is not None:
        check_gyro(acc[valid], gyro[valid], rate, gyro_unit=gyro_unit, gravity=gravity, where=where)
    return SensorStream(acc=acc, gyro=gyro, valid=valid, rate_hz=rate, placement=placement, gravity=gravity)


def check_statement(
    where: str,
    *,
    acc_unit: str,
    gravity: str,
    placement: str | Sequence[str],
    gyro_unit: str | None = None,
    sign: str = "specific_force",
    nan: str = "error",
    times: str = "even",
    time_column: str | None = None,
) -> None:
    """Refuse what `read_recording` cannot be told, before there is a sample.

    Raises:
        ValueError: an unknown unit, sign, state of gravity, placement, or way with missing values or time
            stamps; or a time column that is to be ignored.
    """
    check_units(acc_unit, gyro_unit, where)
    _known("gravity", gravity, ("included", "removed"), where)
    _known("nan", nan, ("error", "mask"), where)
    _known("sign", sign, SIGNS, where)
    _known("times", times, get_args(Times), where)
    if times == "ignore" and time_column is not None:
        raise ValueError(
            f'{where}: times="ignore" contradicts time_column={time_column!r}; leave one of the two out'
        )
    places = [placement] if isinstance(placement, str) else placement
    if not isinstance(places, list | tuple) or not all(isinstance(place, str) for place in places):
        raise ValueError(f"{where}: placement expected a name such as 'left wrist', got {placement!r}")
    for place in places:
        segment_of(place)


def check_units(acc_unit: str, gyro_unit: str | None, where: str) -> None:
    """Refuse a unit that is not known.

    Raises:
        ValueError: with those that are.
    """
    _known("acc_unit", _ALIASES.get(acc_unit, acc_unit), ACC_TO_MPS2, where)
    if gyro_unit is not None:
        _known("gyro_unit", gyro_unit, GYRO_TO_RADPS, where)


def _known(what: str, value: str, known: Sequence[str] | dict[str, float], where: str) -> str:
    if value not in known:
        options = ", ".join(f'"{k}"' for k in known)
        raise ValueError(
            f"{where}: {what} must be one of {options}, got {value!r}; state what the device reports"
        )
    return value


def _gyro_factor(gyro_unit: str | None, has_gyro: bool, where: str) -> float:
    if has_gyro and gyro_unit is None:
        raise ValueError(
            f'{where}: has gyro columns but no gyro_unit; state gyro_unit="rad/s" or "deg/s", or name the '
            "three acc columns with columns=[...] to leave the gyroscope out"
        )
    if gyro_unit is None:
        return 1.0
    if not has_gyro:
        raise ValueError(
            f"{where}: gyro_unit={gyro_unit!r} was stated but there are no gyro columns; leave it out"
        )
    return GYRO_TO_RADPS[gyro_unit]


def _samples(
    values: Array,
    valid: npt.NDArray[np.bool_],
    stamps: npt.NDArray[np.generic] | None,
    resample: bool,
    rate_hz: float | None,
    where: str,
) -> tuple[Array, npt.NDArray[np.bool_], float]:
    """(T, 3 or 6) values as stated on the regular grid, (T,) valid, and the rate in Hz."""
    if resample and stamps is not None:
        grid = EvenGrid(rate_hz, where)
        index, values = grid.place(stamps, values)
        rate, valid = grid.rate_hz, np.ones(len(values), dtype=bool)
        values, valid = _on_grid(values, valid, index, where)
        grid.log()
    else:
        rate, places = sampling(stamps, rate_hz, where)
        values, valid = _on_grid(values, valid, places, where)
    if len(values) < MIN_DURATION_S * rate - 1e-6:
        raise ValueError(
            f"{where}: lasts {len(values) / rate:.3g} s ({len(values)} samples at {rate:.4g} Hz); "
            f"give {MIN_DURATION_S} s or more, or check rate_hz"
        )
    return values, valid, rate


def stamps_of(
    table: Table, time_column: str | None, times: Times, where: str
) -> npt.NDArray[np.generic] | None:
    """Time stamps of a table; None where there are none, or they are to be ignored.

    Args:
        table: column -> values (T,).
        time_column: its name; recognised where left out.
        times: what is to be done with them.
        where: what to call the recording in errors.

    Returns:
        (T,) numbers or datetime64.

    Raises:
        ValueError: there are none to resample by, several columns look like times, or they are no times.
    """
    if times == "ignore":
        return None
    column = find_time(table, time_column, where)
    if column is None and times == "resample":
        raise ValueError(
            f'{where}: times="resample" needs a time column, found {", ".join(map(repr, table))}; state '
            "time_column, or rate_hz alone"
        )
    return None if column is None else time_stamps(table, column, where)


def present_rows(values: Array, channels: Sequence[str], nan: str, where: str) -> npt.NDArray[np.bool_]:
    """Rows in which every channel holds a number.

    Args:
        values: (T, C).
        channels: their names.
        nan: "error", or "mask" where there may be others.
        where: what to call the recording in errors.

    Returns:
        (T,) True there.

    Raises:
        ValueError: there are others and may not be, or there is none.
    """
    missing = ~np.isfinite(values)
    present: npt.NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    if nan == "error" and missing.any():
        counts = ", ".join(f"{c!r} {n}" for c, n in zip(channels, missing.sum(axis=0), strict=True) if n)
        raise ValueError(
            f"{where}: NaN or infinity in {int((~present).sum())} of {len(values)} samples ({counts}); "
            'drop or interpolate them, or pass nan="mask" to mark them missing'
        )
    if not present.any():
        raise ValueError(f"{where}: every sample holds NaN or infinity; check the export")
    return present


def _on_grid(
    values: Array, valid: npt.NDArray[np.bool_], index: npt.NDArray[np.int64] | None, where: str
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Values on the regular grid, NaN and not valid where a sample was dropped or is missing."""
    values = np.where(valid[:, None], values, np.nan)
    if index is None:
        return values, valid
    if (missing := int(index[-1]) + 1 - len(index)) > MAX_MISSING:
        last = int(np.argmax(np.diff(index)))
        raise ValueError(
            f"{where}: {missing:,} samples are missing, {np.diff(index).max():,} of them after row {last}; "
            f"expected {MAX_MISSING:,} at most in a recording that is read whole; mend the clock, cut the "
            'recording there, or read it in pieces (AnymoPipeline.stream with on_gap="split")'
        )
    grid = np.full((index[-1] + 1, values.shape[1]), np.nan)
    taken = np.zeros(len(grid), dtype=bool)
    grid[index], taken[index] = values, valid
    return grid, taken
