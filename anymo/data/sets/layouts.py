"""How files hold a set of recordings: sensors and columns, and the few layouts there are."""

import re
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np

from anymo.data.contract import Sign
from anymo.records import Array, Gravity
from anymo.skeleton import segment_of

Column = int | str
AXES = ("x", "y", "z")
PATH_FACTS = {"subject", "label", "trial", "sensor"}

# Joints of UniMTS (arXiv 2410.19818, joint_assignment.png of its repository) as segments.
UNIMTS_JOINTS = (
    "Pelvis", "LeftUpperLeg", "LeftLowerLeg", "LeftFoot", "LeftToe",
    "RightUpperLeg", "RightLowerLeg", "RightFoot", "RightToe",
    "L5", "L3", "T8", "Neck", "Head",
    "LeftShoulder", "LeftUpperArm", "LeftForeArm", "LeftHand",
    "RightShoulder", "RightUpperArm", "RightForeArm", "RightHand",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A worn sensor, and where a file has its numbers.

    placement  name of skeleton.PLACEMENTS or a segment; left out, the segment of `joint`
    columns    three of acceleration or six with angular velocity, by index from 0 or by the header's name;
               "a + b" is the sum of two
    name       what the path's `sensor`, or a file's own placement name, says where a sensor has its own file
    joint      UniMTS' number of the joint, 0 to 21, which a `placement` overrules
    codes      label codes while which it is worn; none for all
    axes       which axes of a right-handed sensor each three columns are along, "-" where they count the
               other way. How it is mounted needs no words, but a mirrored frame is no mounting
    """

    placement: str = ""
    columns: tuple[Column, ...] = ()
    name: str = ""
    joint: int | None = None
    codes: tuple[str, ...] = ()
    axes: tuple[str, str, str] = AXES

    def __post_init__(self) -> None:
        if self.joint is not None and not 0 <= self.joint < len(UNIMTS_JOINTS):
            raise ValueError(f"sensor: expected a joint of 0 to {len(UNIMTS_JOINTS) - 1}, got {self.joint}")
        if not self.placement and self.joint is not None:
            object.__setattr__(self, "placement", UNIMTS_JOINTS[self.joint])
        segment_of(self.placement)
        if len(self.columns) not in (0, 3, 6):
            raise ValueError(
                f"sensor {self.placement!r}: expected 3 columns of acceleration, or 6 with angular velocity, "
                f"got {len(self.columns)}"
            )
        if tuple(sorted(axis.removeprefix("-") for axis in self.axes)) != AXES:
            raise ValueError(
                f"sensor {self.placement!r}: expected axes such as [x, -y, z], each of the three once, got "
                f"{list(self.axes)}"
            )
        if self.axes != AXES and not self.columns:
            raise ValueError(
                f"sensor {self.placement!r}: expected columns beside axes {list(self.axes)}, got none; state "
                "axes in a layout that names columns"
            )

    def turned(self, signal: Array) -> Array:
        """(T, 3 or 6) numbers of `columns` in x, y, z of the sensor."""
        order = [[axis.removeprefix("-") for axis in self.axes].index(axis) for axis in AXES]
        sign = np.where([axis.startswith("-") for axis in self.axes], -1.0, 1.0)
        triads = signal.reshape(len(signal), -1, 3)
        return np.asarray((triads * sign)[:, :, order].reshape(signal.shape), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the numbers of one layout mean where they differ from the rest of the spec."""

    rate_hz: float | None = None
    acc_unit: str | None = None
    gyro_unit: str | None = None
    acc_scale: float | None = None
    acc_offset: float | None = None
    gyro_scale: float | None = None
    sign: Sign | None = None
    gravity: Gravity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How files hold a set: its sensors, and what its numbers mean if that differs from the spec."""

    sensors: tuple[Sensor, ...]
    stated: Stated = field(default_factory=Stated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments(Layout):
    """One .npz file: `data` cut by `seg_start` and `seg_len`, with facts per segment (docs/datasets.md).

    file  below the data folder, or its name alone
    """

    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UniMts(Layout):
    """A folder with X_test.npy (N, T, C), y_test.npy (N,) and a .json file with `label_dictionary`.

    folder       its usual name; `--data` may be it or its parent
    num_classes  of the label file; None where nothing public says it
    """

    folder: str
    num_classes: int | None

    def __post_init__(self) -> None:
        _check_columns(self.sensors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables(Layout):
    """Text tables, cut where the label changes.

    files      glob below the data folder
    path       regular expression of a file's path below the folder; its groups subject, label, trial and
               sensor are facts of the file
    delimiter  one sign, "tab" or "whitespace"; "auto" is the header's comma, semicolon or tab, and a comma
               without header. Where it is no comma, a comma in a number is its decimal point
    header     whether the first row that is read names the columns
    skip_rows  rows before that
    comment    sign from which on a row is not read
    label      column of the label code; else the path says it
    subject    column of the subject; else the path says it, or nothing does
    trial      column that cuts recordings besides the label
    time       column of time stamps, which show lost rows; without it rows follow one another at the rate
    """

    files: str
    path: str = ""
    delimiter: str = "auto"
    header: bool = True
    skip_rows: int = 0
    comment: str = ""
    label: Column | None = None
    subject: Column | None = None
    trial: Column | None = None
    time: Column | None = None

    def __post_init__(self) -> None:
        _check_columns(self.sensors)
        one_sign = len(self.delimiter) == 1 or self.delimiter in ("auto", "tab", "whitespace")
        if not one_sign or len(self.comment) > 1:
            raise ValueError(
                "tables: expected a `delimiter` of one sign, auto, tab or whitespace, and a `comment` of one "
                f"sign, got {self.delimiter!r} and {self.comment!r}"
            )
        if "label" not in _path_facts(self.path) and self.label is None:
            raise ValueError(
                "tables: expected a `label` column or a group (?P<label>...) in `path`, got none"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Matlab(Layout):
    """A .mat file for each recording with a (T, C) matrix.

    files     glob below the data folder
    path      as in Tables
    variable  name of the matrix
    """

    files: str
    path: str
    variable: str

    def __post_init__(self) -> None:
        _check_columns(self.sensors)
        if "label" not in _path_facts(self.path):
            raise ValueError("matlab: expected a group (?P<label>...) in `path`, got none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Original(Layout):
    """Files of a set that has a reader of its own in `anymo.data.sets.originals`."""

    reader: Literal["basic_motions", "spar", "uci_har", "hapt", "mm_fit", "realworld"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts:
    """The layouts a set is known in; the first of them, in this order, is the usual one."""

    segments: Segments | None = None
    original: Original | None = None
    tables: Tables | None = None
    matlab: Matlab | None = None
    unimts: UniMts | None = None

    @property
    def known(self) -> dict[str, Layout]:
        """Those that are given, by name."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: layout for name, layout in named.items() if layout is not None}


def _path_facts(path: str) -> set[str]:
    """Names of the groups in the regular expression of a path."""
    try:
        groups = set(re.compile(path).groupindex)
    except re.error as error:
        raise ValueError(f"path: expected a regular expression, got {path!r} ({error})") from None
    if groups - PATH_FACTS:
        raise ValueError(
            f"path: expected groups named {', '.join(sorted(PATH_FACTS))}, got {', '.join(sorted(groups))}"
        )
    return groups


def _check_columns(sensors: tuple[Sensor, ...]) -> None:
    if not sensors or not all(sensor.columns for sensor in sensors):
        raise ValueError("sensors: expected one or more, each with its columns, got none or some without")
