"""CSV, parquet and npz files a few thousand rows at a time."""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anymo.data.table import SUFFIXES, csv_frames

ROWS = 16384
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def tables_of(source: Any) -> Iterator[Any]:
    """What `anymo.data.table.read_table` takes, piece by piece.

    Args:
        source: a path, an array or DataFrame, or an iterable of these.

    Raises:
        FileNotFoundError: at once, no such file.
        ValueError: at once, no source; on the way, a file that cannot be read.
    """
    if isinstance(source, str | Path):
        return _of_file(_checked(Path(source)))
    if isinstance(source, np.ndarray) or hasattr(source, "columns"):
        return iter([source])
    if isinstance(source, Iterable):
        return (chunk for chunk in source if len(chunk))
    raise ValueError(
        f"stream: expected a Recording, a path, or an iterable of arrays, got {type(source).__name__}"
    )


def _checked(path: Path) -> Path:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"stream: expected a file ending in {', '.join(SUFFIXES)}, got {path.name!r}")
    if not path.is_file():
        raise FileNotFoundError(f"stream: no file {path}; check the path")
    return path


def _of_file(path: Path) -> Iterator[Any]:
    try:
        yield from _READERS[path.suffix.lower()](path)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} does not read as {path.suffix[1:]}: {error}") from error


def _csv(path: Path) -> Iterator[Any]:
    return csv_frames(path, ROWS)


def _parquet(path: Path) -> Iterator[Any]:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for piece in file.iter_batches(ROWS):
            yield piece.to_pandas()


def _npz(path: Path) -> Iterator[Any]:
    """One array (T, 3) or (T, 6), or columns (T,) and acc and gyro (T, 3), as `read_table` has them."""
    import pandas as pd

    with ExitStack() as stack:
        archive = stack.enter_context(zipfile.ZipFile(path))
        entries = {
            name.removesuffix(".npy"): _rows(stack.enter_context(archive.open(name)), name)
            for name in archive.namelist()
        }
        for parts in zip(*entries.values(), strict=True):
            table = dict(zip(entries, parts, strict=True))
            if len(parts) == 1 and parts[0].ndim == 2:
                yield parts[0]
                continue
            columns = {k: v for k, v in table.items() if v.ndim == 1}
            for key, value in table.items():
                if value.ndim == 2 and value.shape[1] == 3:
                    columns |= {f"{key}_{axis}": value[:, i] for i, axis in enumerate("xyz")}
                elif value.ndim != 1:
                    raise ValueError(f"entry {key!r} has rows of shape {value.shape[1:]}; leave it out")
            yield pd.DataFrame(columns)


def _rows(stream: Any, name: str) -> Iterator[npt.NDArray[Any]]:
    """An array of an archive, ROWS at a time."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"{name}: npy version {version} is not known; save it again with numpy.savez")
    shape, is_fortran, dtype = _HEADERS[version](stream)
    if is_fortran or dtype.hasobject or not shape:
        raise ValueError(f"{name}: expected rows of numbers in C order; save numpy.ascontiguousarray of it")
    size = dtype.itemsize * int(np.prod(shape[1:]))
    for first in range(0, shape[0], ROWS):
        num = min(ROWS, shape[0] - first)
        data = stream.read(num * size)
        if len(data) < num * size:
            raise ValueError(f"{name}: ends early; export the recording again")
        yield np.frombuffer(data, dtype=dtype).reshape(num, *shape[1:])


_READERS = {".csv": _csv, ".parquet": _parquet, ".npz": _npz}
