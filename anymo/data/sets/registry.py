"""The registered sets of real recordings, and the door to those that may be looked at."""

from functools import cache
from pathlib import Path

from anymo.assets import resolve
from anymo.data.sets.loading import LoadedSet, read_set
from anymo.data.sets.spec import DatasetSpec, read_spec
from anymo.records import Recording

_SPECS = Path(__file__).parent / "specs"
NAMES: tuple[str, ...] = tuple(sorted(file.stem for file in _SPECS.glob("*.yaml")))
SETS: dict[str, DatasetSpec] = {
    name: read_spec(_SPECS / f"{name}.yaml") for name in ("basic_motions", "spar")
}  # development sets


@cache
def spec_named(name: str) -> DatasetSpec:
    """The spec of a registered set, of whatever role.

    Raises:
        ValueError: unknown set.
    """
    if name not in NAMES:
        raise ValueError(
            f"expected one of the sets {', '.join(NAMES)} or a .yaml file of your own, got {name!r}"
        )
    return read_spec(_SPECS / f"{name}.yaml")


def load_set(name: str) -> list[Recording]:
    """All recordings of a development set, each through the input contract.

    Returns:
        Recordings with `label` as the set writes it and `text` in plain English.

    Raises:
        ValueError: unknown set, or an item that is broken or contradicts the set's spec; it names the item.
    """
    if name not in SETS:
        raise ValueError(f"expected one of the sets {', '.join(SETS)}, got {name!r}")
    return read_set(SETS[name], resolve(SETS[name].asset)).recordings


def load_files(spec: DatasetSpec, folder: Path, layout: str | None = None) -> LoadedSet:
    """All recordings of a set whose files are in a folder, as `read_set`; no test set.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: a test set, or what `read_set` refuses.
    """
    if spec.role == "test":
        raise ValueError(
            f"set {spec.name}: a test set is run once per model and logged; use `anymo evaluate --dataset "
            f"{spec.name}`"
        )
    return read_set(spec, folder, layout)
