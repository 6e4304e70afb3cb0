"""Simulated against recorded sensors, beside the conventional method, on four sets of paired recordings.

    python benchmarks/paired.py                the table
    python benchmarks/paired.py --json         the figures
    python benchmarks/paired.py --plot docs    the table, and pictures into docs

Lag, mounting, lever arm and biases of a sensor are fitted on the first half of its recording and scored on
the second, for both methods alike. docs/paired.md says how, and what the figures mean.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from matplotlib import rc_context
from matplotlib.figure import Figure
from paired_methods import halves, methods
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from anymo.data.paired import (
    PairedSensor,
    read_broad,
    read_neura_device,
    read_neura_sparse,
    read_opensense,
    read_qmt,
)
from anymo.data.prepare import data_root
from anymo.metrics.signal import pearson, rmse
from anymo.plots import GREY, INK, STYLE, XYZ
from anymo.records import GRAVITY_MPS2, Array
from anymo.simulation.alignment import FeaturesAt, align, find_lag, find_rotation

MAX_LAG_S = 0.1
TILT_WINDOW_S = 2.0  # about two strides, over which a walker's acceleration is little else than gravity
FAST_HZ = 10.0  # above it the capture of neura_sparse holds nothing
SLOW_HZ = 4.0
METHODS = ("spline", "conventional")
PLOTTED = {"broad slow": "", "broad fast": "", "qmt": "forearm_right", "opensense": "tibia_l_imu"}
PLOTTED_S = 4.0
PICTURE_DPI = 90
BROAD = {"slow": "10_undisturbed_slow_translation_A", "fast": "21_undisturbed_fast_combined"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Score:
    """Agreement on the second half; channels are acc x, y, z in m/s² and gyro x, y, z in rad/s.

    r, rmse             at the sensor's own times; NaN where a channel was not recorded            (6,)
    native_rmse         at the times of the pose's frames, the recording brought there by lines    (6,)
    lag_s, offset_m     as fitted; NaN where not                                                   (), (3,)
    times_s, recorded, simulated                                                       (T,), (T, 6), (T, 6)
    """

    r: Array
    rmse: Array
    native_rmse: Array
    lag_s: float
    offset_m: Array
    times_s: Array
    recorded: Array
    simulated: Array


Scores = dict[str, list[tuple[PairedSensor, Score, Score]]]
"""By set: each sensor, its score by the spline, and that by the conventional method."""


def score(sensor: PairedSensor, features_at: FeaturesAt) -> Score:
    """Fit on the first half, score on the second, of a sensor whose body's position is known."""
    train, test = halves(sensor)
    assert sensor.gyro is not None
    fit = align(
        features_at, sensor.times_s[train], sensor.acc[train], sensor.gyro[train], max_lag_s=MAX_LAG_S
    )
    recorded, times = np.hstack([sensor.acc, sensor.gyro]), sensor.times_s[test]
    simulated = fit.predict(features_at(times - fit.lag_s))
    frames = sensor.frame_times_s + fit.lag_s
    frames = frames[(frames > times[0]) & (frames < times[-1])]
    at_frames = np.stack([np.interp(frames, sensor.times_s, channel) for channel in recorded.T], axis=1)
    return Score(
        r=agreement(pearson, recorded[test], simulated),
        rmse=agreement(rmse, recorded[test], simulated),
        native_rmse=agreement(rmse, at_frames, fit.predict(features_at(frames - fit.lag_s))),
        lag_s=fit.lag_s,
        offset_m=fit.offset_m,
        times_s=times,
        recorded=recorded[test],
        simulated=simulated,
    )


def score_orientation(sensor: PairedSensor, features_at: FeaturesAt) -> Score:
    """Gravity and angular velocity alone, where the position is not known.

    With a gyroscope, lag and mounting are fitted to it; without, the orientation is the sensor's own.
    """
    train, test = halves(sensor)
    times, gyro, lag, Q = sensor.times_s, sensor.gyro, 0.0, np.eye(3)
    if gyro is not None:
        turning = np.linalg.norm(features_at(times[train])[:, 15:], axis=1)
        rate_hz = (len(times) - 1) / float(times[-1] - times[0])
        lag, _ = find_lag(np.linalg.norm(gyro[train], axis=1), turning, rate_hz, MAX_LAG_S)
        pair = np.stack([features_at(times[train] - lag)[:, 15:], gyro[train]])
        pair = pair[:, np.isfinite(pair).all(axis=(0, 2))]
        Q, _ = find_rotation(*(pair - pair.mean(axis=1, keepdims=True)))
    features = features_at(times[test] - lag)
    simulated = np.hstack([GRAVITY_MPS2 * features[:, 3:6] @ Q, features[:, 15:] @ Q])
    recorded = np.hstack([sensor.acc, np.full_like(sensor.acc, np.nan) if gyro is None else gyro])[test]
    return Score(
        r=agreement(pearson, recorded, simulated),
        rmse=agreement(rmse, recorded, simulated),
        native_rmse=np.full(6, np.nan),
        lag_s=lag,
        offset_m=np.full(3, np.nan),
        times_s=times[test],
        recorded=recorded,
        simulated=simulated,
    )


def agreement(measure: Callable[[Array, Array], Array], recorded: Array, simulated: Array) -> Array:
    """A measure of each channel on the samples known in both, NaN for channels that were not recorded."""
    channels = np.isfinite(recorded).any(axis=0)
    rows = np.isfinite(recorded[:, channels]).all(axis=1) & np.isfinite(simulated).all(axis=1)
    value = np.full(6, np.nan)
    value[channels] = measure(recorded[rows][:, channels], simulated[rows][:, channels])
    return value


def tilt_deg(found: Score) -> float:
    """Median angle between recorded and simulated specific force, both averaged over two seconds."""
    rows = np.isfinite(found.simulated).all(axis=1)
    window = round(TILT_WINDOW_S / (found.times_s[1] - found.times_s[0]))
    x, y = (uniform_filter1d(a[rows, :3], window, axis=0) for a in (found.recorded, found.simulated))
    cosine = (x * y).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    return float(np.rad2deg(np.median(np.arccos(np.clip(cosine, -1, 1)))))


def acc_ratio(ours: Score, theirs: Score) -> float:
    """RMSE of specific force, as a vector and at the native rate, over that of the other method."""
    return float(np.linalg.norm(ours.native_rmse[:3]) / np.linalg.norm(theirs.native_rmse[:3]))


def fast_share(one: Score) -> str:
    """Share of the variance of specific force above FAST_HZ, recorded and simulated."""
    rows = np.isfinite(one.simulated).all(axis=1)
    share = []
    for signal in (one.recorded[rows, :3], one.simulated[rows, :3]):
        power = np.abs(np.fft.rfft(signal - signal.mean(axis=0), axis=0)) ** 2
        fast = np.fft.rfftfreq(len(signal), one.times_s[1] - one.times_s[0]) > FAST_HZ
        share.append(f"{100 * power[fast].sum() / power.sum():.1f}")
    return " ".join(share)


def slow_r(one: Score) -> Array:
    """Pearson correlation of the six channels, both signals low-passed at SLOW_HZ without phase."""
    rows = np.isfinite(one.simulated).all(axis=1)
    sos = butter(4, SLOW_HZ, fs=1 / (one.times_s[1] - one.times_s[0]), output="sos")
    return pearson(*(sosfiltfilt(sos, signal[rows], axis=0) for signal in (one.recorded, one.simulated)))


def root() -> Path:
    """Folder of the paired sets."""
    data = data_root()
    if data is None:
        raise FileNotFoundError("paired sets: expected them under ../shared/data; set ANYMO_DATA")
    return data / "paired"


def broad(name: str) -> PairedSensor:
    """A trial of BROAD."""
    return read_broad(root() / "broad_rigid_body" / f"{BROAD[name]}.mat")


def sets() -> Iterator[tuple[str, list[PairedSensor]]]:
    """Name and sensors of each set; "neura, device" has the orientation the devices worked out."""
    walk = root() / "neura_sparse" / "S02_walk.npz"
    for name in BROAD:
        yield f"broad {name}", [broad(name)]
    yield "neura", read_neura_sparse(walk)
    yield "neura, device", read_neura_device(walk)
    yield "qmt", read_qmt(root() / "qmt_full_body" / "full_body.npz")
    yield "opensense", read_opensense(root() / "opensense_walk" / "MT_012005D6_009.npz")


def scores() -> Scores:
    """Every sensor of every set with its scores by the spline and by the conventional method."""
    found: Scores = {}
    trials = {f"broad {name}": broad(name) for name in BROAD}
    other = dict(zip(trials, reversed(trials.values()), strict=True))
    for name, sensors in sets():
        for sensor in sensors:
            scored = score_orientation if sensor.position is None else score
            ours, theirs = (scored(sensor, features) for features in methods(sensor, other.get(name)))
            found.setdefault(name, []).append((sensor, ours, theirs))
    return found


def figures(found: Scores | None = None) -> dict[str, float]:
    """The table in numbers; smallest or mean over channels and sensors."""
    found = scores() if found is None else found
    numbers: dict[str, float] = {}
    for name in BROAD:
        _, ours, theirs = found[f"broad {name}"][0]
        for method, one in (("", ours), ("_conventional", theirs)):
            numbers[f"broad_{name}_acc_r_min{method}"] = one.r[:3].min()
            numbers[f"broad_{name}_gyro_r_min{method}"] = one.r[3:].min()
        numbers[f"broad_{name}_acc_rmse_ratio"] = acc_ratio(ours, theirs)
    for name, channels in (("neura", slice(6)), ("qmt", slice(3, 6))):
        word = "r" if name == "neura" else "gyro_r"
        numbers[f"{name}_{word}_mean"] = np.mean([one.r[channels] for _, one, _ in found[name]])
        numbers[f"{name}_{word}_mean_conventional"] = np.mean([one.r[channels] for _, _, one in found[name]])
    slow = [slow_r(one) for _, one, _ in found["neura"]]
    numbers["neura_acc_r_mean_below_4_hz"], numbers["neura_gyro_r_mean_below_4_hz"] = (
        np.mean(slow, axis=0).reshape(2, 3).mean(axis=1)
    )
    numbers["neura_gyro_r_mean_device"] = np.mean([one.r[3:] for _, one, _ in found["neura, device"]])
    for name in ("qmt", "opensense"):
        numbers[f"{name}_tilt_deg"] = np.median([tilt_deg(one) for _, one, _ in found[name]])
    return {f"paired_{key}": float(value) for key, value in numbers.items()}


def table(found: Scores) -> str:
    """Lines of the report, in Markdown."""
    lines = [
        "| set | sensor | method | r acc | r gyro | RMSE acc, m/s² | RMSE gyro, rad/s | lag, ms | tilt, ° "
        "| acc over 10 Hz, % recorded, simulated |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in found.items():
        for sensor, *both in rows:
            for method, one in zip(METHODS, both, strict=True):
                channels = (one.r[:3], 4), (one.r[3:], 4), (one.rmse[:3], 2), (one.rmse[3:], 3)
                cells = [" ".join(f"{v:.{digits}f}" for v in values) for values, digits in channels]
                cells += [f"{1e3 * one.lag_s:.1f}", f"{tilt_deg(one):.1f}", fast_share(one)]
                lines.append("| " + " | ".join((name, sensor.name, method, *cells)) + " |")
    return "\n".join(lines)


def plot(found: Scores, folder: Path) -> None:
    """A picture per set into a folder: four seconds of the second half, simulated over recorded."""
    for name, rows in found.items():
        for sensor, ours, _ in rows:
            if PLOTTED.get(name) in ("", sensor.name):
                part = "" if sensor.position is not None else "; acc simulated: gravity alone"
                picture(f"{name}, {sensor.name}{part}", ours, folder / f"paired_{name.replace(' ', '_')}.png")


def picture(title: str, one: Score, file: Path) -> None:
    """Each channel that was recorded in a panel of its own, r of the whole second half above it."""
    channels = np.flatnonzero(np.isfinite(one.r))
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 2.1 * 3), layout="constrained", facecolor="white")
        panels = figure.subplots(3, len(channels) // 3, sharex=True, squeeze=False).T.ravel()
        middle = one.times_s[len(one.times_s) // 2]
        rows = np.abs(one.times_s - middle) < PLOTTED_S / 2
        for c, panel in zip(channels, panels, strict=True):
            word, unit = ("acc", "m/s²") if c < 3 else ("gyro", "rad/s")
            panel.plot(one.times_s[rows], one.recorded[rows, c], color=GREY, linewidth=2.4, label="recorded")
            panel.plot(
                one.times_s[rows], one.simulated[rows, c], color=list(XYZ.values())[c % 3], label="simulated"
            )
            panel.set(title=f"{word} {'xyz'[c % 3]}, r = {one.r[c]:.4f}", ylabel=unit)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower right", ncols=2)
        for panel in panels[2::3]:
            panel.set_xlabel("s")
        figure.suptitle(title, color=INK)
        figure.savefig(file, dpi=PICTURE_DPI)


def main(
    as_json: Annotated[bool, typer.Option("--json", help="the figures instead of the table")] = False,
    plot_folder: Annotated[Path | None, typer.Option("--plot", help="draw pictures into this folder")] = None,
) -> None:
    """Score every sensor of every set and say how it went."""
    found = scores()
    typer.echo(json.dumps(figures(found), indent=2) if as_json else table(found))
    if plot_folder is not None:
        plot(found, plot_folder)


if __name__ == "__main__":
    typer.run(main)
