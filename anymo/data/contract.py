"""The input contract: what a user states about a recording, checked against the recording."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from anymo.data.rest import check_gyro, check_rest
from anymo.data.table import Table, find_time, numbers, pick_channels, read_table, time_stamps
from anymo.data.timing import MAX_MISSING, MIN_DURATION_S, sampling
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
    placement: str,
    gyro_unit: str | None = None,
    sign: Sign = "specific_force",
    rate_hz: float | None = None,
    columns: Sequence[str] | None = None,
    time_column: str | None = None,
    nan: Literal["error", "mask"] = "error",
    name: str = "",
) -> Recording:
    """One worn sensor's recording, in SI units, specific force, with dropped samples marked.

    Args:
        source: (T, 3) acc or (T, 6) acc and gyro, a DataFrame, or a path to .csv, .npz or .parquet.
        acc_unit: "g" or "m/s^2" (also "m/s²", "m/s2").
        gravity: "included", or "removed" where the device subtracts it ("linear" or "user" acceleration).
        placement: a name of skeleton.PLACEMENTS or a segment.
        gyro_unit: "rad/s" or "deg/s"; needed if and only if there is a gyroscope.
        sign: "specific_force" (at rest +9.81 on the axis that points up) or "negative" (−9.81 there, as some
            phones report). The magnitude at rest is the same for both, so a wrong sign is not found here.
        rate_hz: samples per second; or leave it to the time column.
        columns: names of acc x, y, z and, where there is one, gyro x, y, z; recognised where left out.
        time_column: time stamps in s, ms, µs, ns or datetime64 (told apart by the step); recognised where
            left out.
        nan: "error", or "mask" to mark samples with a missing value as not valid.
        name: what to call the recording; the file's name where left out.

    Returns:
        Recording of one sensor. Values under valid=False are NaN.

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
    )
    acc_unit = _ALIASES.get(acc_unit, acc_unit)
    values, valid, rate = _samples(read_table(source, where), columns, time_column, rate_hz, nan, where)
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
    stream = SensorStream(acc=acc, gyro=gyro, valid=valid, rate_hz=rate, placement=placement, gravity=gravity)
    return Recording(
        sensors=(stream,), name=name, source=str(source) if isinstance(source, str | Path) else ""
    )


def check_statement(
    where: str,
    *,
    acc_unit: str,
    gravity: str,
    placement: str,
    gyro_unit: str | None = None,
    sign: str = "specific_force",
    nan: str = "error",
) -> None:
    """Refuse what `read_recording` cannot be told, before there is a sample.

    Raises:
        ValueError: an unknown unit, sign, state of gravity, placement or way with missing values.
    """
    _known("acc_unit", _ALIASES.get(acc_unit, acc_unit), ACC_TO_MPS2, where)
    _known("gravity", gravity, ("included", "removed"), where)
    _known("nan", nan, ("error", "mask"), where)
    _known("sign", sign, SIGNS, where)
    if gyro_unit is not None:
        _known("gyro_unit", gyro_unit, GYRO_TO_RADPS, where)
    segment_of(placement)


def merge(recordings: Sequence[Recording]) -> Recording:
    """Join sensors that one person wore at one time into one recording.

    The streams start together; a shorter one is marked missing after its end when windows are cut.

    Raises:
        ValueError: nothing to join, or the recordings differ in subject, label or text.
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
    return replace(recordings[0], sensors=tuple(s for r in recordings for s in r.sensors), **facts)


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
    table: Table,
    columns: Sequence[str] | None,
    time_column: str | None,
    rate_hz: float | None,
    nan: str,
    where: str,
) -> tuple[Array, npt.NDArray[np.bool_], float]:
    """(T, 3 or 6) values as stated on the regular grid, (T,) valid, and the rate in Hz."""
    channels = pick_channels(table, columns, where)
    values = np.stack([numbers(table, c, where) for c in channels], axis=1)
    rate, index = sampling(_times(table, time_column, where), rate_hz, where)
    values, valid = _on_grid(values, _present(values, channels, nan, where), index, where)
    if len(values) < MIN_DURATION_S * rate - 1e-6:
        raise ValueError(
            f"{where}: lasts {len(values) / rate:.3g} s ({len(values)} samples at {rate:.4g} Hz); "
            f"give {MIN_DURATION_S} s or more, or check rate_hz"
        )
    return values, valid, rate


def _times(table: Table, time_column: str | None, where: str) -> npt.NDArray[np.generic] | None:
    column = find_time(table, time_column, where)
    return None if column is None else time_stamps(table, column, where)


def _present(values: Array, channels: Sequence[str], nan: str, where: str) -> npt.NDArray[np.bool_]:
    """(T,) True where every channel holds a number."""
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
