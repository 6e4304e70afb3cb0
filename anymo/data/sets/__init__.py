"""The registry of real data sets: a YAML file each in `specs/`, a few layouts of files, one door."""

from anymo.data.sets.loading import LoadedSet, LoadReport
from anymo.data.sets.registry import NAMES, SETS, load_files, load_set, spec_from, spec_named
from anymo.data.sets.spec import DatasetSpec, read_spec

__all__ = [
    "NAMES",
    "SETS",
    "DatasetSpec",
    "LoadReport",
    "LoadedSet",
    "load_files",
    "load_set",
    "read_spec",
    "spec_from",
    "spec_named",
]
