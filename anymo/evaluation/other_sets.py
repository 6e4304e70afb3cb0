"""Sets whose files somebody has: registered ones, and one's own YAML files."""

from dataclasses import dataclass
from pathlib import Path

from anymo.assets import resolve
from anymo.data.sets import DatasetSpec, LoadedSet, spec_from
from anymo.data.sets.loading import Selection, read_set


@dataclass(frozen=True, kw_only=True)
class OtherSet:
    """A set whose files you have.

    Attributes:
        name: of the registry (`anymo evaluate --list`), or a .yaml file of your own.
        data: folder with its files; null for a set that is fetched.
        layout: of the files; null for the set's usual one.
    """

    name: str
    data: Path | None = None
    layout: str | None = None

    @property
    def spec(self) -> DatasetSpec:
        """What its numbers mean, as `anymo.data.sets.spec_from` finds it."""
        return spec_from(self.name)


def read_files(
    spec: DatasetSpec, data: Path | None, layout: str | None = None, selection: Selection | None = None
) -> LoadedSet:
    """All recordings of a set in a folder or, where it is fetched, of its asset.

    Whoever calls it logs a look at a test set or its people.

    Args:
        spec: of the set.
        data: folder with its files; None for a set that is fetched.
        layout: of the files; None for the set's usual one.
        selection: which recordings; None for all.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: no folder of a set that is not fetched, or what `read_set` refuses.
    """
    if data is None and not spec.asset:
        raise ValueError(
            f"set {spec.name}: state the folder of its files (--data, or `data` of a configuration); from "
            f"{spec.obtain or 'where they were recorded'}"
        )
    return read_set(spec, data or resolve(spec.asset), layout, selection)
