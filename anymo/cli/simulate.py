"""`anymo simulate`: what sensors on the body would read during a motion."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anymo.cli.picture import check_picture, save_picture
from anymo.cli.session import write_whole

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from anymo.records import Array, Motion, Recording
    from anymo.simulation import DeviceModel


_END_CYCLES = 2.0  # of the low-pass, within which the ends of a captured motion lack frames on one side
_CUTOFF_SHARE = 0.4  # of the frame rate, where that is too low for the usual cutoff of captured motion


def _list(wanted: bool) -> None:
    if not wanted:
        return
    from anymo.motion import ACTIVITIES
    from anymo.skeleton import PLACEMENTS

    typer.echo("\n  ".join(["activities:", *ACTIVITIES]))
    typer.echo("\n  ".join(["placements:", *PLACEMENTS]))
    raise typer.Exit


def simulate(
    motion: Annotated[
        str, typer.Argument(help="A motion file (docs/formats.md) or an activity such as walking.")
    ],
    *,
    placement: Annotated[list[str], typer.Option(help="Where a sensor sits; repeat it for more sensors.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Written: .csv, .npz or .parquet.")],
    rate: Annotated[float, typer.Option(help="Samples per second.")] = 50.0,
    gravity: Annotated[
        Literal["included", "removed"], typer.Option(help="Specific force, or gravity taken out.")
    ] = "included",
    device: Annotated[
        str, typer.Option(help="Errors of a phone, watch, mtw, logger or tag; of any consumer part; or none.")
    ] = "consumer",
    frame_rate: Annotated[
        float | None, typer.Option(help="Frames per second of a motion file that states none, or wrong ones.")
    ] = None,
    load: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a motion file, what its format wants said: up=y, unit_m=0.01, skeleton=humanml3d, "
            "body_model=SMPLX.npz, ... (docs/formats.md); repeat it for more."
        ),
    ] = None,
    duration: Annotated[float, typer.Option(help="Length of an activity, s; a file has its own.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Of the activity and of the device's errors.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Also draw the first sensor beside an ideal one.")] = None,
    _listing: Annotated[
        bool, typer.Option("--list", is_eager=True, callback=_list, help="Show activities and placements.")
    ] = False,
) -> None:
    """Simulate sensors anywhere on the body: time in s, acc in m/s^2, gyro in rad/s, in the sensor's axes."""
    from anymo import body, simulation

    errors = _device(device)
    _check(output, plot, placement, ideal=errors is None)
    wearer = body.load()
    rng = simulation.clip_generator(seed, 0)
    movement, cutoff_hz = _motion(motion, rng, duration, _stated(frame_rate, load), wearer.joint_offsets)
    wearer = wearer.fitted(movement.joint_offsets)
    worn = [wearer.placement(name) for name in placement]
    sense = partial(simulation.simulate, movement, worn, rate_hz=rate, gravity=gravity, cutoff_hz=cutoff_hz)
    end_s = 0.0 if cutoff_hz is None else _END_CYCLES / cutoff_hz
    recording = _inner(sense(device=errors, rng=simulation.clip_generator(seed, 1)), end_s)
    write_whole(output, lambda path: _WRITERS[output.suffix](_table(recording), path))
    if plot is not None:
        _draw(plot, ideal=_inner(sense(device=None), end_s), recording=recording)
    typer.echo(_summary(output, recording, gravity, end_s))


def _inner(recording: "Recording", end_s: float) -> "Recording":
    """The recording without so much at either end, where accelerations of captured motion are not its own."""
    from anymo.data.timing import MIN_DURATION_S

    least_s = 2 * end_s + MIN_DURATION_S
    if end_s and recording.duration_s < least_s:
        raise ValueError(
            f"motion: lasts {recording.duration_s:.2f} s, of which {end_s:.2f} s at either end lack frames "
            f"on one side; expected {least_s:.2f} s or more; take a longer clip"
        )
    sensors = []
    for s in recording.sensors:
        kept = slice(math.ceil(end_s * s.rate_hz), len(s.acc) - math.ceil(end_s * s.rate_hz))
        gyro = None if s.gyro is None else s.gyro[kept]
        sensors.append(replace(s, acc=s.acc[kept], gyro=gyro, valid=s.valid[kept]))
    return replace(recording, sensors=tuple(sensors))


def _summary(output: Path, recording: "Recording", gravity: str, end_s: float) -> str:
    """What was written, and the options that read it back."""
    first = recording.sensors[0]
    places = " ".join(f"--placement '{sensor.placement}'" for sensor in recording.sensors)
    unit = "" if first.gyro is None else "--gyro-unit rad/s "
    lost = sum(int((~sensor.valid).sum()) for sensor in recording.sensors)
    return (
        f"{output}: {recording.duration_s:.1f} s of {recording.name}, time s, acc m/s^2"
        f"{', gyro rad/s' if unit else ''}\nto read it: --rate {first.rate_hz:g} --acc-unit m/s^2 {unit}"
        f"--gravity {gravity} {places}"
        + (f"\n{lost} samples lost by the device: empty cells" if lost else "")
        + (f"\nleft out: {end_s:.2f} s at either end of the clip (docs/benchmarks.md, Ends)" if end_s else "")
    )


def _device(name: str) -> "DeviceModel | None":
    from anymo.simulation import DeviceModel, presets

    own = {"none": None, "consumer": DeviceModel()}
    return own[name] if name in own else presets.device(name)


def _check(output: Path, plot: Path | None, placement: list[str], *, ideal: bool) -> None:
    from anymo.skeleton import placement_name

    if len({placement_name(name) for name in placement}) < len(placement):
        raise ValueError(f"--placement: one is given twice in {', '.join(placement)}; give each once")
    if output.suffix not in _WRITERS:
        raise ValueError(f"--output: expected a name ending in {', '.join(_WRITERS)}, got {output.name!r}")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"{output}: no folder {output.parent}; make it first")
    check_picture(plot)
    if plot is not None and ideal:
        raise ValueError("--plot: compares a device with an ideal sensor; leave --device none out")


def _stated(frame_rate_hz: float | None, options: list[str] | None) -> dict[str, Any]:
    """What is said of a motion file, as `anymo.motion.load` takes it."""
    import yaml

    stated: dict[str, Any] = {} if frame_rate_hz is None else {"rate_hz": frame_rate_hz}
    for option in options or []:
        name, is_value, value = option.partition("=")
        if not (name and is_value and value) or name in stated:
            raise ValueError(
                f"--load: expected name=value, each name once, got {option!r}; as in --load up=y"
            )
        stated[name] = yaml.safe_load(value)
    return stated


def _motion(
    name: str,
    rng: "np.random.Generator",
    duration_s: float,
    stated: dict[str, Any],
    joint_offsets: "Array",
) -> "tuple[Motion, float | None]":
    """The motion, and the low-pass that captured motion needs, Hz."""
    from anymo.data.prepare import REAL_CUTOFF_HZ
    from anymo.motion import generate, load

    if "." in name or Path(name).exists():
        if not Path(name).is_file():
            raise FileNotFoundError(f"motion: no file {name}; check the path, or see `anymo simulate --list`")
        movement = load(name, **stated)
        return movement, min(REAL_CUTOFF_HZ, _CUTOFF_SHARE * movement.rate_hz)
    if stated:
        raise ValueError(
            f"--frame-rate, --load: are said of a motion file, and {name!r} is an activity; leave them out"
        )
    return generate(name, rng, duration_s=duration_s, joint_offsets=joint_offsets), None


def _prefix(recording: "Recording", placement: str) -> str:
    return "" if len(recording.sensors) == 1 else placement.replace(" ", "_") + "_"


def _table(recording: "Recording") -> "pd.DataFrame":
    """Column per channel, after its placement where there are several; lost samples leave empty cells."""
    import numpy as np
    import pandas as pd

    first = recording.sensors[0]
    columns = {"time_s": np.arange(len(first.acc)) / first.rate_hz}
    for sensor in recording.sensors:
        for kind, signal in (("acc", sensor.acc), ("gyro", sensor.gyro)):
            if signal is not None:
                name = f"{_prefix(recording, sensor.placement)}{kind}"
                kept = np.where(sensor.valid[:, None], signal, np.nan)
                columns.update({f"{name}_{axis}": kept[:, i] for i, axis in enumerate("xyz")})
    return pd.DataFrame(columns)


def _write_npz(table: "pd.DataFrame", path: Path) -> None:
    import numpy as np

    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{str(name): table[name].to_numpy() for name in table.columns})


_WRITERS: "dict[str, Callable[[pd.DataFrame, Path], None]]" = {
    ".csv": lambda table, path: table.to_csv(path, index=False, float_format="%.9g"),
    ".npz": _write_npz,
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
}


def _draw(target: Path, *, ideal: "Recording", recording: "Recording") -> None:
    from anymo import plots

    figure = plots.signal_pair(
        ideal.sensors[0], recording.sensors[0], title_real="Ideal sensor", title_synthetic="Device"
    )
    save_picture(figure, target)
