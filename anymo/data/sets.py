"""The registered sets of real recordings: what each one means, and the door that loads them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from anymo.assets import resolve
from anymo.data.contract import Sign, read_recording
from anymo.data.readers import RawItem, read_basic_motions, read_spar
from anymo.records import Gravity, Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """What the numbers of a set mean, and the words of its labels.

    placement   name of skeleton.PLACEMENTS, or its part without the side where the set gives the side
    labels      as the set writes them, in its order
    words       plain English for each label, used for zero-shot and printed in reports
    notes       what the set does not say and we assume
    role        "development" sets may guide choices; "test" sets are only reported
    asset       name for anymo.assets.resolve
    """

    name: str
    asset: str
    role: Literal["development", "test"]
    rate_hz: float
    acc_unit: str
    gyro_unit: str
    gravity: Gravity
    placement: str
    labels: tuple[str, ...]
    words: dict[str, str]
    notes: str
    licence: str
    citation: str
    sign: Sign = "specific_force"

    def __post_init__(self) -> None:
        if set(self.labels) != set(self.words) or len(set(self.words.values())) < len(self.labels):
            raise ValueError(f"set {self.name!r}: each label needs its own phrase, got {self.words}")


SETS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        DatasetSpec(
            name="basic_motions",
            asset="basic-motions",
            role="development",
            rate_hz=10.0,
            acc_unit="m/s^2",
            gyro_unit="rad/s",
            gravity="removed",
            placement="right wrist",
            labels=("Standing", "Running", "Walking", "Badminton"),
            words={
                "Standing": "standing still",
                "Running": "running",
                "Walking": "walking",
                "Badminton": "playing badminton",
            },
            notes="wrist side, units and sign are not stated: right wrist, m/s², rad/s and specific force "
            "are assumed; |acc| of 0.6 m/s² while standing shows that gravity is removed; subjects not given",
            licence="UEA & UCR archive, no licence stated; aeon wheel BSD-3-Clause",
            citation="Bagnall et al. 2018, The UEA multivariate time series classification archive, "
            "arXiv:1811.00075",
        ),
        DatasetSpec(
            name="spar",
            asset="spar-watch",
            role="development",
            rate_hz=50.0,
            acc_unit="g",
            gyro_unit="rad/s",
            gravity="included",
            placement="wrist",
            labels=("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"),
            words={
                "PEN": "pendulum swing of the hanging arm",
                "ABD": "raising the arm out to the side",
                "FEL": "raising the arm forward and up",
                "IR": "rotating the forearm inward against a resistance band",
                "ER": "rotating the forearm outward against a resistance band",
                "TRAP": "pulling a resistance band back and down with the arm",
                "ROW": "bent over rowing with a dumbbell",
            },
            notes="side 1 is the right arm (seglearn's docstring); units and sign are not stated: g and "
            "rad/s fit the signal, specific force is assumed",
            licence="BSD-3-Clause (seglearn)",
            citation="Burns et al. 2018, Shoulder physiotherapy exercise recognition: machine learning the "
            "inertial signals from a smartwatch, arXiv:1802.01489",
        ),
    )
}
_READERS: dict[str, Callable[[Path, str], Iterator[RawItem]]] = {
    "basic_motions": read_basic_motions,
    "spar": read_spar,
}


def load_set(name: str) -> list[Recording]:
    """All recordings of a registered set, each through the input contract.

    Returns:
        Recordings with `label` as the set writes it and `text` in plain English.

    Raises:
        ValueError: unknown set, or an item that is broken or contradicts the set's spec; it names the item.
    """
    if name not in SETS:
        raise ValueError(f"expected one of the sets {', '.join(SETS)}, got {name!r}")
    spec = SETS[name]
    return [_recording(item, spec) for item in _READERS[name](resolve(spec.asset), spec.placement)]


def _recording(item: RawItem, spec: DatasetSpec) -> Recording:
    if item.label not in spec.words:
        raise ValueError(f"{item.name}: expected a label of {', '.join(spec.labels)}, got {item.label!r}")
    recording = read_recording(
        item.signal,
        rate_hz=spec.rate_hz,
        acc_unit=spec.acc_unit,
        gyro_unit=spec.gyro_unit,
        gravity=spec.gravity,
        sign=spec.sign,
        placement=item.placement,
        name=item.name,
    )
    return replace(
        recording, subject=item.subject, label=item.label, text=spec.words[item.label], source=spec.name
    )
