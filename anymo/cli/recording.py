"""What a user states about a file, as options that several commands share."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anymo.cli.picture import check_picture

if TYPE_CHECKING:
    from anymo.pipeline.pieces import Stated
    from anymo.records import Recording

EXAMPLE = "--rate 50 --acc-unit g --gyro-unit deg/s --gravity included --placement 'left wrist'"
File = Annotated[Path, typer.Argument(help="Recording: .csv, .npz or .parquet.")]
Stream = Annotated[
    bool,
    typer.Option(
        "--stream",
        help="Read the file in pieces and say at once what is known: for hours of recording. With --json a "
        "line each.",
    ),
]
Hop = Annotated[
    float | None, typer.Option(help="Seconds from one window's start to the next; else the model's own.")
]
OnGap = Annotated[
    Literal["error", "split"],
    typer.Option(help="Reading in pieces: refuse a gap of over a second, or go on after it."),
]


def statement(
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
        list[str] | None,
        typer.Option(
            help="Where it was worn, such as 'left wrist'. Required; again for each sensor of a file with "
            "several, whose columns begin with it: left_wrist_acc_x."
        ),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Names of acc x,y,z and gyro x,y,z with commas, if not recognised.")
    ] = None,
    time_column: Annotated[
        str | None, typer.Option(help="Name of the time column, if not recognised.")
    ] = None,
    times: Annotated[
        Literal["even", "resample", "ignore"],
        typer.Option(
            help="Refuse uneven time stamps, put samples on an even grid between them, or take --rate alone."
        ),
    ] = "even",
    nan: Annotated[
        Literal["error", "mask"], typer.Option(help="Refuse missing values, or mark them missing.")
    ] = "error",
) -> "Stated":
    """What `anymo.data.read_recording` asks of a source; nothing is guessed."""
    stated: Any = {
        "rate_hz": rate,
        "acc_unit": acc_unit,
        "gyro_unit": gyro_unit,
        "gravity": gravity,
        "sign": sign,
        "placement": placement[0] if placement and len(placement) == 1 else placement or None,
        "columns": None if columns is None else [c.strip() for c in columns.split(",")],
        "time_column": time_column,
        "times": times,
        "nan": nan,
    }
    return stated  # type: ignore[no-any-return]


def check_stated(file: Path, stated: "Stated") -> None:
    """Refuse a statement that is not complete.

    Raises:
        ValueError: with the options that are missing.
    """
    needed = {"--acc-unit": "acc_unit", "--gravity": "gravity", "--placement": "placement"}
    missing = ", ".join(option for option, fact in needed.items() if stated.get(fact) is None)
    if missing:
        raise ValueError(f"{file}: state {missing}; nothing is guessed. For example: {file} {EXAMPLE}")


def recording_of(file: Path, stated: "Stated") -> "Recording":
    """Read a recording.

    Raises:
        ValueError: a statement is missing, or the file contradicts one.
    """
    from anymo.data import read_recording

    check_stated(file, stated)
    facts: Any = stated
    return read_recording(file, **facts)


def read_whole(
    file: Path, stated: "Stated", *, stream: bool, on_gap: str, plot: Path | None
) -> "Recording | None":
    """The recording, or None where it is to be read in pieces and no picture needs the whole.

    Args:
        file: of the recording.
        stated: what is stated of it.
        stream: whether it is read in pieces; gaps of one that is read whole are masked.
        on_gap: what is done with gaps of one that is read in pieces.
        plot: picture that is drawn over it.

    Raises:
        FileNotFoundError: the picture's folder is missing.
        ValueError: as `recording_of`, "split" without --stream, or a picture of no known kind.
    """
    check_stated(file, stated)
    check_picture(plot)
    if on_gap == "split" and not stream:
        raise ValueError("--on-gap goes with --stream; add it, or leave --on-gap out")
    return None if stream and plot is None else recording_of(file, stated)


def takes_statement(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the command's first parameter, what is stated, into the options of `statement`."""
    facts = inspect.signature(statement).parameters
    own = list(inspect.signature(command).parameters.values())[1:]
    named = "|".join([*facts, *(p.name for p in own if p.kind is inspect.Parameter.KEYWORD_ONLY)])
    in_python = re.compile(rf"""\b({named})=(["'])(.*?)\2""")

    def with_options(**options: Any) -> None:
        stated = statement(**{name: options.pop(name) for name in facts})
        try:
            command(stated, **options)
        except ValueError as error:
            if len(error.args) == 1:  # the library's words for what has an option here
                error.args = (in_python.sub(_as_option, str(error)),)
            raise

    parameters = [
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own),
        *facts.values(),
    ]
    with_options.__doc__ = command.__doc__
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options


def _as_option(said: re.Match[str]) -> str:
    name, value = said[1].replace("_", "-"), said[3]
    return f"--{name} " + (f'"{value}"' if " " in value else value)


def lines_of(file: Path, what: str) -> list[str]:
    """Lines of a text file that are not blank.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no UTF-8 text, or has no line.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{what}: no file {file}; check the path")
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{what}: {file} is not UTF-8 text ({error}); save it as UTF-8") from error
    if not lines:
        raise ValueError(f"{what}: expected a line for each in {file}, found none")
    return lines
