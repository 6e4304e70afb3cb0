"""The registered sets as one table: for `anymo evaluate --list` and docs/datasets.md."""

from collections.abc import Iterable

from anymo.data.sets import DatasetSpec
from anymo.tables import markdown_table

_COLUMNS = ("set", "role", "in", "classes", "Hz", "sensors", "layouts", "licence", "how to obtain")


def sets_table(specs: Iterable[DatasetSpec]) -> str:
    """A row for each set: classes, rate, placements, file layouts, licence, where it comes from."""
    return markdown_table(_COLUMNS, [_row(spec) for spec in specs])


def _row(spec: DatasetSpec) -> list[object]:
    sensors = spec.layout().sensors
    placements = dict.fromkeys(sensor.placement for sensor in sensors)
    has_gyro = spec.gyro_unit is not None and any(len(sensor.columns) != 3 for sensor in sensors)
    channels = "" if has_gyro else " (acceleration)"
    return [
        spec.name,
        f"{spec.role}, people of {spec.same_people_as}" if spec.same_people_as else spec.role,
        ", ".join(spec.benchmarks) or "-",
        spec.num_classes or "label file",
        f"{spec.rate_hz:g}",
        ", ".join(placements) + channels,
        ", ".join(spec.layouts.known),
        spec.licence,
        spec.obtain,
    ]
