"""What every reader of a layout yields, and what they share."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anymo.data.sets.layouts import Sensor
from anymo.records import Array

Facts = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawItem:
    """Sensors worn for one label, as their set stores them.

    signals  placement and acc x, y, z, then gyro where there is one, in the numbers of the file   (T, 3 or 6)
    label    code, as the file has it; empty where a stretch has none
    name     of the item in the set, for errors
    trial    session, run or part of the set it is of, where the files say it
    moment   items of the same moment are joined to one recording; empty: this item alone
    rate_hz  where the file has one for each item
    times    time stamps, where there are                                                          (T,)
    follows  a gap in the time stamps, over which its stretch of one label goes on
    """

    signals: tuple[tuple[str, Array], ...]
    label: str
    name: str
    subject: str = ""
    trial: str = ""
    moment: str = ""
    rate_hz: float | None = None
    times: npt.NDArray[np.generic] | None = None
    follows: bool = False

    @property
    def num_samples(self) -> int:
        """Of the longest signal."""
        return max((len(signal) for _, signal in self.signals), default=0)


def matched_files(folder: Path, glob: str, path: str) -> Iterator[tuple[Path, str, Facts]]:
    """Files in order of name, each with its path below the folder and what that says about it.

    Raises:
        FileNotFoundError: no file fits the glob.
        ValueError: the path of one does not fit the expression.
    """
    files = sorted(file for file in folder.glob(glob) if file.is_file())
    if not files:
        raise FileNotFoundError(f"expected files {glob} in {folder}, found none; check the folder")
    for file in files:
        inside = file.relative_to(folder).as_posix()
        found = re.search(path, inside)
        if found is None:
            raise ValueError(
                f"{inside}: expected a path like {path!r}; correct `path` or `files` in the spec"
            )
        yield file, inside, {fact: value for fact, value in found.groupdict().items() if value is not None}


def existing(file: Path) -> Path:
    """The file.

    Raises:
        FileNotFoundError: it is not there.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"no {file.name} in {file.parent}; fetch the asset again or put the file there"
        )
    return file


def worn(sensors: Iterable[Sensor], facts: Facts, code: str, where: str) -> list[Sensor]:
    """The sensors that a file has and that are worn for a label.

    Raises:
        ValueError: the file's sensor is none of the spec.
    """
    sensors = list(sensors)
    if (name := facts.get("sensor")) is not None:
        found = [sensor for sensor in sensors if sensor.name == name]
        if not found:
            known = ", ".join(sensor.name for sensor in sensors)
            raise ValueError(f"{where}: expected a sensor of {known}, got {name!r}; add it to the spec")
        sensors = found
    return [sensor for sensor in sensors if not sensor.codes or code in sensor.codes]
