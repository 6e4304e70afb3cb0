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


def spec_from(name: str) -> DatasetSpec:
    """The spec of a registered set, or of one's own in a .yaml file; only the registry has test sets.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unknown set, a broken file, or one that passes for a registered set.
    """
    if not name.endswith((".yaml", ".yml")):
        return spec_named(name)
    spec = read_spec(Path(name))
    if spec.role == "test" or spec.name in NAMES:
        raise ValueError(
            f"{name}: expected a name of its own and no test set, got {spec.name!r} ({spec.role}); "
            f"registered sets go by name, --dataset {spec.name}"
        )
    if spec.same_people_as and spec_named(spec.same_people_as).role != "test":
        raise ValueError(
            f"{name}: same_people_as: expected a test set, got {spec.same_people_as!r}; leave it out"
        )
    return spec


def load_set(name: str) -> list[Recording]:
    """All recordings of a development set, each through the input contract.

    Returns:
        Recordings with `label` as the set writes it and `text` in plain English.

    Raises:
        ValueError: unknown set, or an item that is broken or contradicts the set's spec; it names the item.
    """
    if name not in SETS:
        raise ValueError(
            f"expected one of the development sets {', '.join(SETS)}, got {name!r}; another one "
            "is read from your files by load_files(spec_named(name), folder) or anymo evaluate"
        )
    return read_set(SETS[name], resolve(SETS[name].asset)).recordings


def load_files(spec: DatasetSpec, folder: Path, layout: str | None = None) -> LoadedSet:
    """All recordings of a set whose files are in a folder, as `read_set`; no test set, nor its people.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: a look at a test set, or what `read_set` refuses.
    """
    if spec.looks_at:
        raise ValueError(
            f"set {spec.name}: a look at it is a look at {spec.looks_at}, and a test set is run once per "
            f"model and logged; use `anymo evaluate --dataset {spec.name}`"
        )
    return read_set(spec, folder, layout)
