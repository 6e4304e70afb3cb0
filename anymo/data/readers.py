"""Files of the registered sets to plain arrays: one function a file format."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anymo.assets.restricted_pickle import load_object_npy
from anymo.records import Array

_TS_CHANNELS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawItem:
    """One recording as its set stores it.

    signal   acc x, y, z, gyro x, y, z in the units of the set      (T, 6)
    """

    signal: Array
    label: str
    placement: str
    name: str
    subject: str = ""


def read_basic_motions(folder: Path, placement: str) -> Iterator[RawItem]:
    """BasicMotions_TRAIN.ts and BasicMotions_TEST.ts of the UEA archive; subjects are not given.

    A line is `x,x,…:…:x,x,…:Label` with six channels.
    """
    for split in ("TRAIN", "TEST"):
        path = folder / f"BasicMotions_{split}.ts"
        lines = _existing(path).read_text(encoding="utf-8").splitlines()
        body = [line for line in lines if line.strip() and not line.startswith(("#", "@"))]
        if not body:
            raise ValueError(f"{path.name}: holds no series; fetch the file again")
        for row, line in enumerate(body):
            name = f"{path.stem}[{row}]"
            signal, label = _ts_line(line, name)
            yield RawItem(signal=signal, label=label, placement=placement, name=name)


def read_spar(folder: Path, placement: str) -> Iterator[RawItem]:
    """watch_dataset.npy of seglearn: a pickled dict; side 1 is the right arm.

    `placement` is the name without the side.
    """
    path = _existing(folder / "watch_dataset.npy")
    data = load_object_npy(path)
    keys = ("X", "y", "y_labels", "side", "subject")
    if not isinstance(data, dict) or any(k not in data for k in keys):
        raise ValueError(f"{path.name}: expected a dict with {', '.join(keys)}; fetch the file again")
    if any(len(data[k]) != len(data["X"]) for k in ("y", "side", "subject")):
        raise ValueError(f"{path.name}: X, y, side and subject differ in length; fetch the file again")
    for i, signal in enumerate(data["X"]):
        yield RawItem(
            signal=np.asarray(signal, dtype=np.float64),
            label=data["y_labels"][int(data["y"][i])],
            placement=f"{'right' if data['side'][i] == 1 else 'left'} {placement}",
            subject=str(int(data["subject"][i])),
            name=f"{path.name}[{i}]",
        )


def _ts_line(line: str, name: str) -> tuple[Array, str]:
    *series, label = line.strip().split(":")
    try:
        signal = np.array([[float(v) for v in channel.split(",")] for channel in series]).T
    except ValueError as error:
        raise ValueError(f"{name}: expected numbers in channels of one length: {error}") from error
    if signal.ndim != 2 or signal.shape[1] != _TS_CHANNELS:
        raise ValueError(f"{name}: expected {_TS_CHANNELS} channels and a label, got {len(series)} channels")
    return signal, label


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(
            f"no {path.name} in {path.parent}; fetch the asset again or put the file there"
        )
    return path
