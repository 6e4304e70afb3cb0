"""The test sets: run once per release candidate through `anymo.evaluation.ledger`, never while choosing.

They are kept apart from `anymo.data.SETS`, so that nothing loads them by the way. Files are plain `.npz`
arrays under the shared data; specs and words were written from their documentation alone.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from anymo.data.contract import merge, read_recording
from anymo.data.prepare import data_root
from anymo.data.sets import SETS, DatasetSpec
from anymo.data.timing import MIN_DURATION_S
from anymo.records import Recording

_log = logging.getLogger(__name__)

_MAX_REFUSED = 0.02  # of a set's sensors

TEST_SETS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        DatasetSpec(
            name="hapt",
            asset="imu/hapt/hapt.npz",
            role="test",
            rate_hz=50.0,
            acc_unit="m/s^2",
            gyro_unit="rad/s",
            gravity="included",
            placement="waist",
            labels=(
                "walking",
                "walking upstairs",
                "walking downstairs",
                "sitting",
                "standing",
                "lying",
            ),
            words={
                "walking": "walking",
                "walking upstairs": "walking up the stairs",
                "walking downstairs": "walking down the stairs",
                "sitting": "sitting still",
                "standing": "standing still",
                "lying": "lying down",
            },
            notes="the recordings that UCI-HAR was cut from, and its six activities: the transitions between "
            "postures are left out; specific force is assumed",
            licence="non-commercial, cite the authors",
            citation="Reyes-Ortiz et al. 2015, UCI Machine Learning Repository 341",
        ),
        DatasetSpec(
            name="dsads",
            asset="imu/dsads/dsads.npz",
            role="test",
            rate_hz=25.0,
            acc_unit="m/s^2",
            gyro_unit="rad/s",
            gravity="included",
            placement="chest",
            labels=(
                "sitting",
                "standing",
                "lying on back",
                "lying on right side",
                "ascending stairs",
                "descending stairs",
                "standing in an elevator still",
                "moving around in an elevator",
                "walking in a parking lot",
                "walking on a flat treadmill at 4 km h",
                "walking on an inclined treadmill at 4 km h",
                "running on a treadmill at 8 km h",
                "exercising on a stepper",
                "exercising on a cross trainer",
                "cycling on an exercise bike in horizontal position",
                "cycling on an exercise bike in vertical position",
                "rowing",
                "jumping",
                "playing basketball",
            ),
            words={
                "sitting": "sitting still",
                "standing": "standing still",
                "lying on back": "lying on the back",
                "lying on right side": "lying on the right side",
                "ascending stairs": "walking up the stairs",
                "descending stairs": "walking down the stairs",
                "standing in an elevator still": "standing still in an elevator",
                "moving around in an elevator": "moving around in an elevator",
                "walking in a parking lot": "walking in a parking lot",
                "walking on a flat treadmill at 4 km h": "walking on a treadmill",
                "walking on an inclined treadmill at 4 km h": "walking uphill on an inclined treadmill",
                "running on a treadmill at 8 km h": "running on a treadmill",
                "exercising on a stepper": "exercising on a stepper",
                "exercising on a cross trainer": "exercising on a cross trainer",
                "cycling on an exercise bike in horizontal position": "cycling on a recumbent exercise bike",
                "cycling on an exercise bike in vertical position": "cycling on an upright exercise bike",
                "rowing": "rowing on a machine",
                "jumping": "jumping",
                "playing basketball": "playing basketball",
            },
            notes="five units worn at once; those by the knee are taken to sit on the shank, as AnyMo does; "
            "specific force is assumed",
            licence="cite the authors",
            citation="Altun, Barshan and Tunçel 2010, UCI Machine Learning Repository 256",
        ),
        DatasetSpec(
            name="sp_sw_har",
            asset="imu/sp_sw_har/sp_sw_har.npz",
            role="test",
            rate_hz=103.0,
            acc_unit="m/s^2",
            gyro_unit="rad/s",
            gravity="included",
            placement="left wrist",
            labels=("sitting", "standing up", "walking", "turning", "sitting down"),
            words={
                "sitting": "sitting still",
                "standing up": "standing up from a chair",
                "walking": "walking",
                "turning": "turning around",
                "sitting down": "sitting down on a chair",
            },
            notes="phone in a front pocket, side not stated: the left is assumed; watch on the left wrist; "
            "their clocks are close, not equal; specific force is assumed",
            licence="CC BY 4.0",
            citation="Matey-Sanz, Casteleyn and Granell 2023, Data in Brief 109809",
        ),
    )
}
# Labels that are no part of the protocol, and are not read.
_LEFT_OUT = {
    "hapt": {"stand to sit", "sit to stand", "sit to lie", "lie to sit", "stand to lie", "lie to stand"},
}
# Words of a placement name that tell where it is; the first that fits counts.
_PLACES = {
    "hapt": {"waist": "waist"},
    "dsads": {
        "torso": "chest",
        "right arm": "right wrist",
        "left arm": "left wrist",
        "right leg": "right shank",
        "left leg": "left shank",
    },
    "sp_sw_har": {
        "phone": "front left trouser pocket phone",
        "pocket": "front left trouser pocket phone",
        "watch": "left wrist watch",
        "wrist": "left wrist watch",
    },
}


def spec_of(name: str) -> DatasetSpec:
    """The spec of a development or test set.

    Raises:
        ValueError: unknown set.
    """
    known = SETS | TEST_SETS
    if name not in known:
        raise ValueError(f"expected one of the sets {', '.join(known)}, got {name!r}")
    return known[name]


def load_test_set(name: str, root: Path | None = None) -> list[Recording]:
    """All recordings of a test set; sensors worn at the same moment are one recording.

    Segments under half a second are left out; how many is logged. Samples that are zero on all channels were
    lost, and are marked missing. A sensor that contradicts the set's spec, or lost all its samples, is left
    out with a warning; the others of its moment stay.

    Args:
        name: a name in TEST_SETS.
        root: folder of the shared data; None finds it by ANYMO_DATA.

    Raises:
        FileNotFoundError: the set is not there.
        ValueError: unknown set, a label or placement unknown to its spec, or too many such sensors.
    """
    if name not in TEST_SETS:
        raise ValueError(f"expected one of the test sets {', '.join(TEST_SETS)}, got {name!r}")
    spec, found = TEST_SETS[name], root or data_root()
    file = (found or Path()) / spec.asset
    if found is None or not file.is_file():
        raise FileNotFoundError(f"test set {name}: expected {file}; point ANYMO_DATA to the shared data")
    moments: dict[str, list[Recording]] = {}
    refused: list[str] = []
    for moment, recording in _streams(file, spec, refused):
        moments.setdefault(moment, []).append(recording)
    for reason in refused:
        _log.warning("test set %s: left out a sensor: %s", name, reason)
    if len(refused) > _MAX_REFUSED * (len(refused) + sum(map(len, moments.values()))):
        raise ValueError(
            f"test set {name}: expected signals as {spec.acc_unit} with gravity {spec.gravity}, got "
            f"{len(refused)} sensors that are not, e.g. {refused[0]}; correct anymo.data.test_sets"
        )
    return [merge(worn) for worn in moments.values()]


def _streams(file: Path, spec: DatasetSpec, refused: list[str]) -> Iterator[tuple[str, Recording]]:
    """The moment each segment belongs to, and the segment as a recording of one sensor; or why it is none."""
    with np.load(file, allow_pickle=False) as arrays:
        data = {key: arrays[key] for key in arrays.files}
    long_enough = data["seg_len"] >= MIN_DURATION_S * data["hz"]
    if num := int((~long_enough).sum()):
        said = "test set %s: left out %d of %d segments, under %g s"
        _log.warning(said, spec.name, num, len(long_enough), MIN_DURATION_S)
    for i, (start, length) in enumerate(zip(data["seg_start"], data["seg_len"], strict=True)):
        if not long_enough[i]:
            continue
        where = f"{file.name}[{i}]"
        label = _plain(_word(data, "label", i))
        if label in _LEFT_OUT.get(spec.name, ()):
            continue
        if label not in spec.words:
            raise ValueError(f"{where}: expected a label of {', '.join(spec.labels)}, got {label!r}")
        placement = _place(_plain(_word(data, "placement", i)), spec, where)
        signal = data["data"][start : start + length].astype(np.float64)
        signal[(signal == 0.0).all(axis=1)] = np.nan  # no sensor reads exactly nothing on six channels
        try:
            recording = read_recording(
                signal,
                rate_hz=float(data["hz"][i]),
                acc_unit=spec.acc_unit,
                gyro_unit=spec.gyro_unit,
                gravity=spec.gravity,
                sign=spec.sign,
                placement=placement,
                nan="mask",
                name=where,
            )
        except ValueError as error:
            refused.append(str(error))
            continue
        # the same moment has one `rec` and one subject; the label keeps moments of sloppy clocks apart
        yield (
            f"{data['subject'][i]}/{data['rec'][i]}/{label}",
            replace(
                recording,
                subject=str(data["subject"][i]),
                label=label,
                text=spec.words[label],
                source=spec.name,
            ),
        )


def _word(data: dict[str, np.ndarray], what: str, i: int) -> str:
    """Name of a segment's label or placement, which is stored as an index or as the name itself."""
    value = data[what][i]
    return str(data[f"{what}_names"][value] if np.issubdtype(data[what].dtype, np.integer) else value)


def _plain(name: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", name.lower()))


def _place(name: str, spec: DatasetSpec, where: str) -> str:
    for words, placement in _PLACES[spec.name].items():
        if set(words.split()) <= set(name.split()):
            return placement
    raise ValueError(
        f"{where}: expected a placement of {', '.join(_PLACES[spec.name])}, got {name!r}; "
        "add it to anymo.data.test_sets"
    )
