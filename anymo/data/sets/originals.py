"""Files of sets that no general layout describes: one short function a set."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from anymo.assets.restricted_pickle import load_object_npy
from anymo.data.sets.archives import read_realworld
from anymo.data.sets.items import RawItem, existing
from anymo.data.sets.layouts import Original, Sensor
from anymo.records import Array

_TS_CHANNELS = 6
# Who did workouts w00 to w20 of MM-Fit: from its authors' notebook, as a public reader of the set gives it.
_MM_FIT_PEOPLE = {f"w{k:02d}": person for k, person in enumerate("201012010101340156789")}


def read_basic_motions(sensors: tuple[Sensor, ...], folder: Path) -> Iterator[RawItem]:
    """BasicMotions_TRAIN.ts and BasicMotions_TEST.ts of the UEA archive; subjects are not given.

    A line is `x,x,…:…:x,x,…:Label` with six channels.

    Raises:
        FileNotFoundError: one of the two is not there.
        ValueError: one holds no series, or a line that is no such series.
    """
    (device,) = sensors
    for split in ("TRAIN", "TEST"):
        path = folder / f"BasicMotions_{split}.ts"
        lines = existing(path).read_text(encoding="utf-8").splitlines()
        body = [line for line in lines if line.strip() and not line.startswith(("#", "@"))]
        if not body:
            raise ValueError(f"{path.name}: holds no series; fetch the file again")
        for row, line in enumerate(body):
            name = f"{path.stem}[{row}]"
            signal, label = _ts_line(line, name)
            yield RawItem(signals=((device.placement, signal),), label=label, name=name, trial=split)


def read_spar(sensors: tuple[Sensor, ...], folder: Path) -> Iterator[RawItem]:
    """watch_dataset.npy of seglearn: a pickled dict; `side` names the sensor.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it holds something else.
    """
    path = existing(folder / "watch_dataset.npy")
    data = load_object_npy(path)
    keys = ("X", "y", "y_labels", "side", "subject")
    if not isinstance(data, dict) or any(k not in data for k in keys):
        raise ValueError(f"{path.name}: expected a dict with {', '.join(keys)}; fetch the file again")
    if any(len(data[k]) != len(data["X"]) for k in ("y", "side", "subject")):
        raise ValueError(f"{path.name}: X, y, side and subject differ in length; fetch the file again")
    by_side = {sensor.name: sensor.placement for sensor in sensors}
    for i, signal in enumerate(data["X"]):
        yield RawItem(
            signals=((by_side[str(int(data["side"][i]))], np.asarray(signal, dtype=np.float64)),),
            label=data["y_labels"][int(data["y"][i])],
            subject=str(int(data["subject"][i])),
            name=f"{path.name}[{i}]",
        )


def read_uci_har(sensors: tuple[Sensor, ...], folder: Path) -> Iterator[RawItem]:
    """`Inertial Signals` of both splits: windows of 128 samples, total acceleration and angular velocity.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: signals, labels and subjects differ in length, or a file holds something else than
            numbers.
    """
    (device,) = sensors
    for split in ("train", "test"):
        inside = folder / split / "Inertial Signals"
        names = [f"{kind}_{axis}_{split}.txt" for kind in ("total_acc", "body_gyro") for axis in "xyz"]
        channels = [_matrix(inside / name) for name in names]
        labels = _matrix(folder / split / f"y_{split}.txt")[:, 0].astype(int)
        subjects = _matrix(folder / split / f"subject_{split}.txt")[:, 0].astype(int)
        if len({len(rows) for rows in (*channels, labels, subjects)}) > 1:
            raise ValueError(f"{inside}: signals, labels and subjects differ in length; fetch the set again")
        for i, signal in enumerate(np.stack(channels, axis=-1)):
            yield RawItem(
                signals=((device.placement, signal),),
                label=str(labels[i]),
                subject=str(subjects[i]),
                name=f"{split}[{i}]",
            )


def read_hapt(sensors: tuple[Sensor, ...], folder: Path) -> Iterator[RawItem]:
    """`RawData`: acc_exp01_user01.txt, gyro_… and labels.txt: experiment, user, activity, rows."""
    (device,) = sensors
    raw = folder / "RawData" if (folder / "RawData").is_dir() else folder
    signals: dict[str, Array] = {}
    for i, (experiment, user, activity, first, last) in enumerate(_matrix(raw / "labels.txt").astype(int)):
        stem = f"exp{experiment:02d}_user{user:02d}.txt"
        if stem not in signals:
            signals = {stem: np.hstack([_matrix(raw / f"{kind}_{stem}") for kind in ("acc", "gyro")])}
        yield RawItem(
            signals=((device.placement, signals[stem][first - 1 : last]),),
            label=str(activity),
            subject=str(user),
            name=f"labels.txt[{i}]",
        )


def read_mm_fit(sensors: tuple[Sensor, ...], folder: Path) -> Iterator[RawItem]:
    """w00/w00_sw_l_acc.npy (frame, time, x, y, z) and so on, w00/w00_labels.csv (first and last frame, …).

    Acceleration alone: the gyroscopes have clocks of their own.

    Raises:
        FileNotFoundError: no label file.
        ValueError: a workout that is none of the set's.
    """
    workouts = sorted(folder.glob("w*/w*_labels.csv"))
    if not workouts:
        raise FileNotFoundError(f"expected w00/w00_labels.csv and others in {folder}, found none")
    for file in workouts:
        workout = file.parent.name
        if workout not in _MM_FIT_PEOPLE:
            raise ValueError(f"{file.name}: expected a folder w00 to w20, got {workout!r}; take it away")
        streams = [
            (sensor.placement, np.load(path, allow_pickle=False))
            for sensor in sensors
            if (path := file.with_name(f"{workout}_{sensor.name}_acc.npy")).is_file()
        ]
        rows = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        for i, row in enumerate(rows):
            first, last, _, label = row.split(",")
            parts = [
                (placement, values[(values[:, 0] >= int(first)) & (values[:, 0] <= int(last))][:, 2:5])
                for placement, values in streams
            ]
            yield RawItem(
                signals=tuple(parts),
                label=label.strip(),
                subject=_MM_FIT_PEOPLE[workout],
                name=f"{file.name}[{i}]",
            )


READERS: dict[str, Callable[[tuple[Sensor, ...], Path], Iterator[RawItem]]] = {
    "basic_motions": read_basic_motions,
    "spar": read_spar,
    "uci_har": read_uci_har,
    "hapt": read_hapt,
    "mm_fit": read_mm_fit,
    "realworld": read_realworld,
}


def read_original(layout: Original, folder: Path) -> Iterator[RawItem]:
    """Items of a set by its own reader."""
    return READERS[layout.reader](layout.sensors, folder)


def _matrix(file: Path) -> Array:
    """(T, C) numbers with blanks between."""
    import pandas as pd

    return pd.read_csv(existing(file), sep=r"\s+", header=None).to_numpy(dtype=np.float64)


def _ts_line(line: str, name: str) -> tuple[Array, str]:
    *series, label = line.strip().split(":")
    try:
        signal = np.array([[float(v) for v in channel.split(",")] for channel in series]).T
    except ValueError as error:
        raise ValueError(f"{name}: expected numbers in channels of one length: {error}") from error
    if signal.ndim != 2 or signal.shape[1] != _TS_CHANNELS:
        raise ValueError(f"{name}: expected {_TS_CHANNELS} channels and a label, got {len(series)} channels")
    return signal, label
