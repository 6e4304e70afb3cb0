"""Arrays in one safetensors file that knows its versions and its own hash."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

Arrays = Mapping[str, npt.NDArray[Any]]


def save_sealed(arrays: Arrays, file: Path, versions: Mapping[str, int]) -> None:
    """Write arrays in one atomic step, with their versions and SHA-256.

    Args:
        arrays: by name, of any shape.
        file: written whole or not at all.
        versions: name -> version, which `load_sealed` asks for.
    """
    facts = {name: str(version) for name, version in versions.items()} | {"sha256": digest(arrays)}
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(file.name + ".tmp")
    save_file(dict(arrays), draft, metadata=facts)
    draft.replace(file)


def load_sealed(file: Path, versions: Mapping[str, int], remedy: str) -> dict[str, npt.NDArray[Any]]:
    """Arrays that `save_sealed` wrote.

    Args:
        file: as `save_sealed` wrote it.
        versions: those it must be of.
        remedy: what an error tells the reader to do.

    Returns:
        The arrays by name, of the shapes and types they were saved with.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, is something else, or of other versions.
    """
    try:
        with safe_open(file, framework="numpy") as opened:
            facts = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{file}: cannot be read ({error}); {remedy}") from error
    for name, version in versions.items():
        if facts.get(name) != str(version):
            raise ValueError(f"{file}: expected {name} {version}, got {facts.get(name)}; {remedy}")
    if facts.get("sha256") != digest(arrays):
        raise ValueError(f"{file}: damaged, its content is not what its SHA-256 says; {remedy}")
    return arrays


def digest(arrays: Arrays) -> str:
    """SHA-256 of the names, types, shapes and values of arrays of any shape."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()
