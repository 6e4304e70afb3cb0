"""The test sets: run once per release candidate through `anymo.evaluation.ledger`, never while choosing.

They are kept apart from `anymo.data.SETS`, so that nothing loads them by the way. Files are plain `.npz`
arrays under the shared data; specs and words were written from their documentation alone.
"""

from pathlib import Path

from anymo.data.prepare import data_root
from anymo.data.sets.loading import LoadedSet, Selection, read_set
from anymo.data.sets.registry import SETS, spec_named
from anymo.data.sets.spec import DatasetSpec
from anymo.records import Recording

TEST_SETS: dict[str, DatasetSpec] = {name: spec_named(name) for name in ("hapt", "dsads", "sp_sw_har")}


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
    return read_test_set(name, root).recordings


def read_test_set(
    name: str, root: Path | None = None, layout: str | None = None, selection: Selection | None = None
) -> LoadedSet:
    """`load_test_set` with its spec and report, in any layout the set is known in, all of it or a part.

    Raises:
        FileNotFoundError: the set is not there.
        ValueError: as `load_test_set`.
    """
    if name not in TEST_SETS:
        raise ValueError(f"expected one of the test sets {', '.join(TEST_SETS)}, got {name!r}")
    found = root or data_root()
    if found is None:
        raise FileNotFoundError(f"test set {name}: expected its files; point ANYMO_DATA to the shared data")
    try:
        return read_set(TEST_SETS[name], found, layout, selection)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"test set {name}: {error}; point ANYMO_DATA to the shared data") from error
