"""Sets as NumPy arrays: segments in one .npz file, and folders in the format of UniMTS."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from anymo.data.sets.items import RawItem, existing, worn
from anymo.data.sets.layouts import Segments, Sensor, UniMts
from anymo.data.sets.spec import DatasetSpec
from anymo.data.sets.tables import matrix_columns

_OF_SEGMENTS = ("data", "seg_start", "seg_len", "subject", "label", "placement", "rec", "hz")


def read_segments(layout: Segments, folder: Path) -> Iterator[RawItem]:
    """Segments of `data` (N, 6), each with subject, label, placement and the moment it belongs to.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: an array is missing, or a placement is none of the spec.
    """
    whole = folder / layout.file
    file = whole if whole.is_file() else existing(folder / Path(layout.file).name)
    with np.load(file, allow_pickle=False) as arrays:
        data = {key: arrays[key] for key in arrays.files}
    if missing := [key for key in _OF_SEGMENTS if key not in data]:
        raise ValueError(f"{file.name}: expected {', '.join(_OF_SEGMENTS)}, got no {', '.join(missing)}")
    for i, (start, length) in enumerate(zip(data["seg_start"], data["seg_len"], strict=True)):
        where = f"{file.name}[{i}]"
        label = plain(_word(data, "label", i))
        sensor = _placed(layout.sensors, plain(_word(data, "placement", i)), where)
        signal = data["data"][start : start + length].astype(np.float64)
        subject = str(data["subject"][i])
        # the same moment has one `rec` and one subject; the label keeps moments of sloppy clocks apart
        yield RawItem(
            signals=((sensor.placement, signal),),
            label=label,
            name=where,
            subject=subject,
            moment=f"{subject}/{data['rec'][i]}/{label}",
            rate_hz=float(data["hz"][i]),
        )


def read_unimts(layout: UniMts, folder: Path) -> Iterator[RawItem]:
    """Windows of `X_test.npy` with the words of the label file; subjects are not given.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: arrays and label file do not fit each other or the spec.
    """
    folder = unimts_folder(layout, folder)
    labels = unimts_labels(folder)
    values = np.load(existing(folder / "X_test.npy"), allow_pickle=False)
    truth = np.load(existing(folder / "y_test.npy"), allow_pickle=False)
    if values.ndim != 3 or truth.shape != (len(values),):
        raise ValueError(
            f"{folder.name}: expected X_test.npy (N, T, C) and y_test.npy (N,), got {values.shape} and "
            f"{truth.shape}"
        )
    for i, code in enumerate(truth.tolist()):
        where = f"{folder.name}[{i}]"
        if (key := str(int(code))) not in labels:
            raise ValueError(f"{where}: expected a label of {', '.join(labels)}, got {key}")
        sensors = worn(layout.sensors, {}, key, where)
        yield RawItem(
            signals=tuple((s.placement, matrix_columns(values[i], s, where)) for s in sensors),
            label=labels[key],
            name=where,
        )


def with_unimts_labels(spec: DatasetSpec, layout: UniMts, folder: Path) -> DatasetSpec:
    """The spec with the label file's words, as its codes count otherwise than the originals'.

    Windows of one array are equally long: rows of zeros fill up the shorter ones, and are missing.

    Raises:
        FileNotFoundError: there is no label file.
        ValueError: it has another number of classes than is known of the set, or two of the same words.
    """
    labels = unimts_labels(unimts_folder(layout, folder))
    if layout.num_classes not in (None, len(labels)):
        raise ValueError(
            f"set {spec.name}: expected {layout.num_classes} classes, got {len(labels)} in the label file; "
            "is this the folder of another set?"
        )
    words = {label: label for label in labels.values()}
    if len(words) < len(labels):
        raise ValueError(
            f"set {spec.name}: expected different words for each code, got {labels}; correct the label file"
        )
    return replace(spec, words=words, codes={}, left_out=(), missing="nan_or_zero")


def unimts_folder(layout: UniMts, folder: Path) -> Path:
    """The folder itself, or the set's own folder in it."""
    return folder / layout.folder if (folder / layout.folder).is_dir() else folder


def unimts_labels(folder: Path) -> dict[str, str]:
    """Code -> words of `label_dictionary`, joined and with blanks for underscores.

    Raises:
        FileNotFoundError: there is no label file.
        ValueError: several, or one without such a dictionary.
    """
    named = folder / f"{folder.name}.json"
    files = [named] if named.is_file() else sorted(folder.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"{folder}: expected a .json file with `label_dictionary`, found none")
    try:
        (file,) = files
        content = json.loads(file.read_text(encoding="utf-8"))["label_dictionary"]
        labels = {str(int(code)): _phrase(words) for code, words in content.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{folder}: expected one .json file like {{"label_dictionary": {{"0": ["walking"]}}}}, got '
            f"{', '.join(f.name for f in files)} ({error})"
        ) from error
    return labels


def plain(name: str) -> str:
    """Lower-case words of a name, without signs."""
    return " ".join(re.findall(r"[a-z0-9]+", name.lower()))


def _phrase(words: str | list[str]) -> str:
    """A label of `label_dictionary` in plain words."""
    return " ".join((words if isinstance(words, str) else " ".join(words)).replace("_", " ").split())


def _word(data: dict[str, Any], what: str, i: int) -> str:
    """Name of a segment's label or placement, which is stored as an index or as the name itself."""
    value = data[what][i]
    return str(data[f"{what}_names"][value] if np.issubdtype(data[what].dtype, np.integer) else value)


def _placed(sensors: tuple[Sensor, ...], name: str, where: str) -> Sensor:
    """The first sensor of the spec all of whose name's words are in a placement's name."""
    for sensor in sensors:
        if set(sensor.name.split()) <= set(name.split()):
            return sensor
    known = ", ".join(sensor.name for sensor in sensors)
    raise ValueError(f"{where}: expected a placement of {known}, got {name!r}; add it to the spec")
