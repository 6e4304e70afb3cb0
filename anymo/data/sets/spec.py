"""What a set of real recordings is, as one YAML file says it: numbers, sensors, labels, terms, layouts."""

from dataclasses import dataclass, field, fields, replace
from math import inf, isfinite
from pathlib import Path
from typing import Literal

from anymo.config import read
from anymo.data.contract import Sign, check_units
from anymo.data.sets.layouts import Layout, Layouts, Stated
from anymo.data.timing import check_rate
from anymo.records import Gravity

Stamps = Literal["even", "resample"]
Role = Literal["development", "test", "external"]
Missing = Literal["error", "nan", "nan_or_zero"]
Split = Literal["all", "official"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialTest:
    """The test part of a set's official split: these subjects and these trials, as the files name them.

    subjects  all, if none is named
    trials    sessions, runs, parts: all, if none is named
    """

    subjects: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.subjects and not self.trials:
            raise ValueError(
                "official_test: expected subjects or trials, got neither; name some, or leave it out"
            )

    def has(self, subject: str, trial: str) -> bool:
        """Whether a recording is of it."""
        return subject in (self.subjects or (subject,)) and trial in (self.trials or (trial,))


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """What the numbers of a set mean, the words of its labels, its terms, and the layouts of its files.

    role        "development" sets may guide choices; "test" sets are only reported, each run logged;
                "external" ones are not here
    same_people_as  the test set whose people these are: a look at this set is a look at that one
    benchmarks  who reports on it: AnyMo, UniMTS, Multi3Net
    asset       name for anymo.assets.resolve, of the sets that can be fetched
    rate_hz, acc_unit, gyro_unit, gravity, sign   as anymo.data.read_recording takes them
    times       "resample" puts samples at uneven times on an even grid, as anymo.data.read_recording does
    acc_scale, acc_offset, gyro_scale   numbers in the file · scale + offset are in these units
    words       label as the set writes it -> plain English, in the set's order; used for zero-shot, printed
    codes       what stands in the files -> label, where that is not the label itself
    left_out    codes that are no part of the protocol: not read, and counted
    missing     what marks a lost sample; "error" where none may be lost
    max_refused share of the sensors that may contradict the spec; 0 refuses the set at the first broken item
    subject     where the subject comes from
    split       the official split, in words; empty where there is none
    official_test  its test part, where subjects or trials say which that is
    span_s      least and greatest length of the recordings that AnyMo keeps, s; read by its rule alone
    notes       what the set does not say and we assume, and what was not checked
    """

    name: str
    rate_hz: float
    acc_unit: str
    gravity: Gravity
    layouts: Layouts
    role: Role = "external"
    same_people_as: str = ""
    title: str = ""
    subject: str = ""
    licence: str = ""
    citation: str = ""
    obtain: str = ""
    notes: str = ""
    words: dict[str, str] = field(default_factory=dict)
    gyro_unit: str | None = None
    sign: Sign = "specific_force"
    times: Stamps = "even"
    acc_scale: float = 1.0
    acc_offset: float = 0.0
    gyro_scale: float = 1.0
    codes: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    missing: Missing = "error"
    max_refused: float = 0.02
    split: str = ""
    official_test: OfficialTest | None = None
    span_s: tuple[float, float] | None = None
    benchmarks: tuple[str, ...] = ()
    asset: str = ""

    def __post_init__(self) -> None:
        where = f"set {self.name!r}"
        if len(set(self.words.values())) < len(self.words) or not all(self.words.values()):
            raise ValueError(f"{where}: each label needs its own phrase, got {self.words}")
        if unknown := sorted(set(self.codes.values()) - set(self.words)):
            raise ValueError(f"{where}: codes: expected labels of `words`, got {', '.join(unknown)}")
        check_units(self.acc_unit, self.gyro_unit, where)
        six = any(len(s.columns) == 6 for layout in self.layouts.known.values() for s in layout.sensors)
        _check_numbers(where, self)
        for layout in self.layouts.known.values():
            _check_numbers(where, layout.stated)
        if self.times == "resample" and (self.layouts.tables is None or self.layouts.tables.time is None):
            raise ValueError(
                f"{where}: times: resample needs a layout `tables` with a column `time`; name it"
            )
        if not 0 <= self.max_refused <= 1:
            raise ValueError(f"{where}: expected max_refused as a share from 0 to 1, got {self.max_refused}")
        if self.span_s is not None and not 0 <= self.span_s[0] < self.span_s[1]:
            raise ValueError(f"{where}: expected span_s from shorter to longer, s, got {self.span_s}")
        if six and self.gyro_unit is None:
            raise ValueError(f"{where}: has sensors with six columns; state gyro_unit, or name three columns")
        if not self.layouts.known or (not self.words and set(self.layouts.known) != {"unimts"}):
            raise ValueError(
                f"{where}: expected a layout, and `words` for each but unimts (whose files have the labels), "
                f"got {', '.join(self.layouts.known) or 'no layout'} and {len(self.words)} labels"
            )

    @property
    def looks_at(self) -> str:
        """The test set that a look at this set is a look at; empty for a set of other people."""
        return self.name if self.role == "test" else self.same_people_as

    @property
    def labels(self) -> tuple[str, ...]:
        """As the set writes them, in its order."""
        return tuple(self.words)

    @property
    def num_classes(self) -> int | None:
        """Labels; None where only the set's own label file says it."""
        unimts = self.layouts.unimts
        return len(self.words) or (unimts.num_classes if unimts else None)

    @property
    def usual_layout(self) -> str:
        """Name of the layout that is taken where none is asked for."""
        return next(iter(self.layouts.known))

    def layout(self, name: str | None = None) -> Layout:
        """A layout by name, or the usual one.

        Raises:
            ValueError: the set is not known in it.
        """
        known = self.layouts.known
        if name is not None and name not in known:
            raise ValueError(f"set {self.name!r}: expected a layout of {', '.join(known)}, got {name!r}")
        return known[name or self.usual_layout]

    def stated_for(self, layout: Layout) -> "DatasetSpec":
        """The spec with what this layout states otherwise."""
        stated = {f.name: getattr(layout.stated, f.name) for f in fields(layout.stated)}
        return replace(self, **{fact: value for fact, value in stated.items() if value is not None})


def _check_numbers(where: str, facts: DatasetSpec | Stated) -> None:
    if facts.rate_hz is not None:
        check_rate(facts.rate_hz, where)
    scales, offset = (facts.acc_scale, facts.gyro_scale), facts.acc_offset
    if not all(scale is None or 0 < scale < inf for scale in scales) or not isfinite(offset or 0.0):
        raise ValueError(
            f"{where}: expected acc_scale and gyro_scale above 0 and a finite acc_offset, got {scales[0]}, "
            f"{scales[1]} and {offset}; a turned acceleration is told by `sign: negative`"
        )


def read_spec(file: Path) -> DatasetSpec:
    """The spec in a YAML file.

    Raises:
        ValueError: unknown or duplicate key, wrong type, or facts that do not fit; with the file's name.
    """
    return read(DatasetSpec, file)
