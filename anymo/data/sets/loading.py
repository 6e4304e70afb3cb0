"""Files of a set to recordings: each sensor through the input contract, all that is left out counted."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from anymo.data.contract import present_rows, read_recording
from anymo.data.even_grid import EvenGrid
from anymo.data.join import merge
from anymo.data.sets.arrays import read_segments, read_unimts, with_unimts_labels
from anymo.data.sets.items import RawItem
from anymo.data.sets.layouts import Layout, Matlab, Original, Segments, Tables, UniMts
from anymo.data.sets.originals import read_original
from anymo.data.sets.spec import DatasetSpec, OfficialTest, Split
from anymo.data.sets.tables import read_matlab, read_tables
from anymo.data.table import CHANNELS
from anymo.data.timing import GAP_S, MIN_DURATION_S
from anymo.records import Array, Recording

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

_NAMED = 3  # refused sensors that a report names


@dataclass(slots=True, kw_only=True)
class LoadReport:
    """What was read of a set, and what was not.

    left_out        reason -> stretches or windows
    samples_out     samples in them
    missing_samples marked as lost in what was read
    resampled       samples of them that were put on an even grid
    num_gaps        of over a second in the time stamps, at which stretches that were read are cut
    refused         a reason for each sensor that contradicts the spec
    """

    num_recordings: int = 0
    num_sensors: int = 0
    num_samples: int = 0
    missing_samples: int = 0
    resampled: int = 0
    num_gaps: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    samples_out: int = 0
    refused: list[str] = field(default_factory=list)

    def leave_out(self, reason: str, num_samples: int) -> None:
        """Count a stretch, window or recording that is not read."""
        self.left_out[reason] += 1
        self.samples_out += num_samples

    def lines(self) -> list[str]:
        """For a log."""
        told = [
            f"{self.num_recordings} recordings, {self.num_sensors} sensors, {self.num_samples} samples, "
            f"{self.missing_samples} of them missing"
        ]
        told += [f"put {self.resampled} samples on an even grid by interpolation"] if self.resampled else []
        told += [f"cut at {self.num_gaps} gaps of over {GAP_S:g} s"] if self.num_gaps else []
        told += [f"left out {num} stretches {reason}" for reason, num in sorted(self.left_out.items())]
        told += [f"left out a sensor: {reason}" for reason in self.refused[:_NAMED]]
        rest = len(self.refused) - _NAMED
        return [*told, *([f"left out {rest} more sensors"] if rest > 0 else [])]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for metrics.json."""
        return {
            "num_recordings": self.num_recordings,
            "num_sensors": self.num_sensors,
            "num_samples": self.num_samples,
            "missing_samples": self.missing_samples,
            "resampled": self.resampled,
            "num_gaps": self.num_gaps,
            "left_out": dict(self.left_out),
            "samples_out": self.samples_out,
            "refused": list(self.refused),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedSet:
    """Recordings of a set with `label` and `text`, the spec they were read by, and what was left out."""

    spec: DatasetSpec
    recordings: list[Recording]
    report: LoadReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which recordings of a set are read.

    split   "all", or "official": the test part of the official split alone
    span_s  least and greatest length, s; None for all lengths
    """

    split: Split = "all"
    span_s: tuple[float, float] | None = None


def read_set(
    spec: DatasetSpec, folder: Path, layout: str | None = None, selection: Selection | None = None
) -> LoadedSet:
    """All recordings of a set; sensors worn at the same moment are one recording.

    Whoever asks for a test set's recordings goes through `anymo.data.test_sets.load_test_set`.

    Args:
        spec: of the set.
        folder: with its files.
        layout: name of one of the spec's layouts; the usual one where left out.
        selection: which of them, all where left out; the others are counted in the report.

    Returns:
        The recordings. With layout "unimts" the spec's labels are those of the label file.

    Raises:
        FileNotFoundError: files are not there.
        ValueError: a label, sensor or column unknown to the spec; a placement twice at one moment; no
            recording; more sensors than `max_refused` contradict the spec; or no official split.
    """
    chosen, selection = spec.layout(layout), selection or Selection()
    test = _official_test(spec, chosen) if selection.split == "official" else None
    spec = spec.stated_for(chosen)
    if isinstance(chosen, UniMts):
        spec = with_unimts_labels(spec, chosen, folder)
    report = LoadReport()
    moments: dict[str, list[Recording]] = {}
    for item in _items(chosen, folder):
        if test is not None and not test.has(item.subject, item.trial):
            report.leave_out("outside the official test part", item.num_samples)
            continue
        for worn in _recordings(item, spec, report):
            at_once = moments.setdefault(item.moment or item.name, [])
            _check_once(worn, at_once)
            at_once.append(worn)
    _check_share(spec, report)
    recordings = [merge(worn) for worn in moments.values()]
    if selection.span_s is not None:
        recordings = [r for r in recordings if _lasts(r, selection.span_s, report)]
    if not recordings:
        raise ValueError(f"set {spec.name}: no recording left; {'; '.join(report.lines())}")
    report.num_recordings = len(recordings)
    for number, line in enumerate(report.lines()):
        _log.log(logging.WARNING if number else logging.INFO, "set %s: %s", spec.name, line)
    return LoadedSet(spec=spec, recordings=recordings, report=report)


def _official_test(spec: DatasetSpec, layout: Layout) -> OfficialTest:
    if spec.official_test is None:
        raise ValueError(
            f"set {spec.name}: expected a spec with `official_test` for the official split, got "
            f"{f'it in words alone ({spec.split})' if spec.split else 'a set that has none'}; read all of it"
        )
    if isinstance(layout, UniMts):
        raise ValueError(
            f"set {spec.name}: expected a layout that says who was recorded for the official split, got "
            "unimts, whose arrays are a test part already; read all of it, or another layout"
        )
    return spec.official_test


def _lasts(recording: Recording, span_s: tuple[float, float], report: LoadReport) -> bool:
    """Whether a recording is as long as it may be; if not, it is no longer counted as read."""
    low, high = span_s
    if low <= recording.duration_s <= high:
        return True
    lengths = [len(sensor.valid) for sensor in recording.sensors]
    too = f"under {low:g} s" if recording.duration_s < low else f"over {high:g} s"
    report.leave_out(f"{too}, as one window", max(lengths))
    report.num_sensors -= len(lengths)
    report.num_samples -= sum(lengths)
    report.missing_samples -= sum(int((~sensor.valid).sum()) for sensor in recording.sensors)
    return False


def _items(layout: Layout, folder: Path) -> Iterator[RawItem]:
    match layout:
        case Segments():
            return read_segments(layout, folder)
        case UniMts():
            return read_unimts(layout, folder)
        case Tables():
            return read_tables(layout, folder)
        case Matlab():
            return read_matlab(layout, folder)
        case Original():
            return read_original(layout, folder)
    raise AssertionError(layout)


def _recordings(item: RawItem, spec: DatasetSpec, report: LoadReport) -> Iterator[Recording]:
    """The item's sensors as recordings of one sensor each; or why there are none."""
    label = spec.codes.get(item.label, item.label)
    rate_hz = spec.rate_hz if item.rate_hz is None else item.rate_hz
    if reason := _reason(item, label, spec, rate_hz):
        report.leave_out(reason, item.num_samples)
        return
    if label not in spec.words:
        known = ", ".join([*spec.codes, *spec.left_out] if spec.codes else spec.labels)
        raise ValueError(
            f"{item.name}: expected a label of {known}, got {item.label!r}; add it to `words`, `codes` or "
            "`left_out` of the spec"
        )
    report.num_gaps += item.follows
    for placement, signal in item.signals:
        if not np.nan_to_num(signal).any():
            report.leave_out("of a sensor that gave no number but zero", len(signal))
            continue
        try:
            recording = _recording(signal, placement, item, spec, rate_hz)
        except ValueError as error:
            if spec.max_refused == 0:
                raise
            report.refused.append(str(error))
            continue
        sensor = recording.sensors[0]
        report.num_sensors += 1
        report.num_samples += len(sensor.valid)
        report.missing_samples += int((~sensor.valid).sum())
        report.resampled += len(sensor.valid) * (item.times is not None and spec.times == "resample")
        yield replace(recording, subject=item.subject, label=label, text=spec.words[label], source=spec.name)


def _reason(item: RawItem, label: str, spec: DatasetSpec, rate_hz: float) -> str:
    """Why an item is left out; empty if it is read."""
    if not item.label:
        return "without a label"
    if item.label in spec.left_out or label in spec.left_out:
        return f"labelled {item.label}, no part of the protocol"
    if not item.signals:
        return f"labelled {item.label}, for which no sensor is worn"
    if item.num_samples < MIN_DURATION_S * rate_hz and spec.max_refused > 0:
        return f"under {MIN_DURATION_S:g} s"
    return ""


def _recording(signal: Array, placement: str, item: RawItem, spec: DatasetSpec, rate_hz: float) -> Recording:
    acc, gyro = signal[:, :3] * spec.acc_scale + spec.acc_offset, signal[:, 3:] * spec.gyro_scale
    values = np.hstack([acc, gyro])
    if spec.missing == "nan_or_zero":
        values[(signal == 0.0).all(axis=1)] = np.nan  # no sensor reads exactly nothing on all channels
    nan: Literal["error", "mask"] = "error" if spec.missing == "error" else "mask"
    source: Array | pd.DataFrame = values if item.times is None else _timed(values, item.times)
    if item.times is not None and spec.times == "resample":
        present_rows(values, CHANNELS[: values.shape[1]], nan, item.name)
        source, nan = EvenGrid(rate_hz, item.name).signal(item.times, values), "mask"
    return read_recording(
        source,
        rate_hz=rate_hz,
        acc_unit=spec.acc_unit,
        gyro_unit=spec.gyro_unit if signal.shape[1] == 6 else None,
        gravity=spec.gravity,
        sign=spec.sign,
        placement=placement,
        nan=nan,
        name=item.name,
    )


def _timed(values: Array, times: npt.NDArray[np.generic]) -> "pd.DataFrame":
    """Signals beside their time stamps, under the names that `read_recording` knows."""
    import pandas as pd

    return pd.DataFrame(values, columns=list(CHANNELS[: values.shape[1]])).assign(time=times)


def _check_once(worn: Recording, at_once: list[Recording]) -> None:
    """Refuse what was recorded one after the other but counts as one moment."""
    (sensor,) = worn.sensors
    for other in at_once:
        if other.name != worn.name and other.sensors[0].placement == sensor.placement:
            raise ValueError(
                f"{worn.name}: expected {sensor.placement!r} once at a moment, but {other.name} is of the "
                "same; tell them apart by `trial` (or `rec` of an .npz), or the sensors by their placements"
            )


def _check_share(spec: DatasetSpec, report: LoadReport) -> None:
    num = len(report.refused)
    if num > spec.max_refused * (num + report.num_sensors):
        raise ValueError(
            f"set {spec.name}: expected signals as {spec.acc_unit} with gravity {spec.gravity}, got "
            f"{num} of {num + report.num_sensors} sensors that are not, e.g. {report.refused[0]}; correct "
            "the spec, or the files"
        )
