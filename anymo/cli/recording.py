"""A file and what its user states about it, as options that several commands share."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from anymo.records import Recording

EXAMPLE = "--rate 50 --acc-unit g --gyro-unit deg/s --gravity included --placement 'left wrist'"


def stated_recording(
    file: Annotated[Path, typer.Argument(help="Recording: .csv, .npz or .parquet.")],
    *,
    rate: Annotated[float | None, typer.Option(help="Samples per second; or a time column says it.")] = None,
    acc_unit: Annotated[str | None, typer.Option(help="g or m/s^2. Required.")] = None,
    gyro_unit: Annotated[str | None, typer.Option(help="deg/s or rad/s, where there is a gyroscope.")] = None,
    gravity: Annotated[
        Literal["included", "removed"] | None,
        typer.Option(help="Is gravity in the acceleration, or did the device remove it? Required."),
    ] = None,
    sign: Annotated[
        Literal["specific_force", "negative"],
        typer.Option(help="At rest the axis that points up reads +1 g, or -1 g on some phones."),
    ] = "specific_force",
    placement: Annotated[
        str | None, typer.Option(help="Where it was worn, such as 'left wrist'. Required.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Names of acc x,y,z and gyro x,y,z with commas, if not recognised.")
    ] = None,
    time_column: Annotated[
        str | None, typer.Option(help="Name of the time column, if not recognised.")
    ] = None,
    nan: Annotated[
        Literal["error", "mask"], typer.Option(help="Refuse missing values, or mark them missing.")
    ] = "error",
) -> "Recording":
    """Read a recording; its units, gravity and placement are never guessed.

    Raises:
        ValueError: a statement is missing, or the file contradicts one.
    """
    from anymo.data import read_recording

    if acc_unit is None or gravity is None or placement is None:
        needed = {"--acc-unit": acc_unit, "--gravity": gravity, "--placement": placement}
        missing = ", ".join(option for option, value in needed.items() if value is None)
        raise ValueError(f"{file}: state {missing}; nothing is guessed. For example: {file} {EXAMPLE}")
    return read_recording(
        file,
        rate_hz=rate,
        acc_unit=acc_unit,
        gyro_unit=gyro_unit,
        gravity=gravity,
        sign=sign,
        placement=placement,
        columns=None if columns is None else [c.strip() for c in columns.split(",")],
        time_column=time_column,
        nan=nan,
    )


def takes_recording(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the command's first parameter, a Recording, into the options of `stated_recording`."""
    stated = inspect.signature(stated_recording).parameters
    own = list(inspect.signature(command).parameters.values())[1:]

    def with_options(**options: Any) -> None:
        recording = stated_recording(**{name: options.pop(name) for name in stated})
        command(recording, **options)

    parameters = [*stated.values(), *own]
    with_options.__doc__ = command.__doc__
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options
