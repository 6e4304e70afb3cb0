"""Files from outside, read whole but never beyond a stated size: text, gzip, arrays without pickles."""

import gzip
import logging
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from anymo.records import Array

logger = logging.getLogger(__name__)

# An hour at 120 Hz with 100 channels is some 400 MB of text.
MAX_BYTES = 1 << 29
MAX_LINE_BYTES = 1 << 20
MAX_POSES = 1 << 25  # frames times bones of one clip, 96 bytes each
_CHUNK = 1 << 20
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks the others without bounds
_BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, RuntimeError
)  # fmt: skip

AnyArray = npt.NDArray[Any]


def require_few_poses(frames: int, bones: int, where: str) -> None:
    """Keep a clip's poses within what memory is set aside for.

    Raises:
        ValueError: frames times bones exceed MAX_POSES.
    """
    if frames * bones > MAX_POSES:
        raise ValueError(
            f"{where}: {frames} frames of {bones} bones are more than is read at once; cut into clips"
        )


def floats(array: npt.ArrayLike, key: str, where: str) -> Array:
    """Copy of an array in double precision.

    Args:
        array: of any shape.
        key: what the array is called, for the message.
        where: what the clip is called, for the message.

    Returns:
        float64 of the same shape.

    Raises:
        ValueError: it holds something else than real numbers: words, dates, records, complex numbers.
    """
    found = np.asarray(array)
    if found.dtype.kind not in "fiu":
        raise ValueError(f"{where}: {key} must hold real numbers, got {found.dtype}; save it as float64")
    return found.astype(np.float64)


def scalar(array: npt.ArrayLike, key: str, where: str) -> float:
    """The number of an array that holds just one.

    Args:
        array: of any shape, with one entry.
        key: what the array is called, for the message.
        where: what the clip is called, for the message.

    Raises:
        ValueError: it holds none, several, or no number.
    """
    found = floats(array, key, where)
    if found.size != 1:
        raise ValueError(f"{where}: {key} must be one number, got shape {found.shape}; pass rate_hz instead")
    return float(found.item())


def read_bytes(path: Path, limit: int = MAX_BYTES, max_line: int | None = None) -> bytes:
    """Content of a file, unpacked if it is gzip; memory stays within `limit` however much it would unpack to.

    Args:
        path: plain or gzip, told by its first two bytes or the ending `.gz`.
        limit: most bytes after unpacking.
        max_line: refuse lines longer than this (those up to twice as long may pass); None: no lines expected.

    Raises:
        ValueError: no such file, empty, larger than `limit`, a line too long, or a gzip cut or broken.
    """
    if not path.is_file():
        raise ValueError(f"{path.name}: expected a file at {path}, found none; check the path")
    chunks: list[bytes] = []
    size = 0
    try:
        with _opened(path) as file:
            while chunk := file.read(_CHUNK if max_line is None else max_line):
                size += len(chunk)
                _check_growth(path, chunk, size, limit, max_line)
                chunks.append(chunk)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path.name}: not a whole gzip file ({error}); fetch it again") from error
    if not size:
        raise ValueError(f"{path.name}: the file is empty; fetch it again")
    return b"".join(chunks)


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """Content of a text file, plain or gzip, lines of 1 MiB at most; bytes that are not UTF-8 become U+FFFD.

    Raises:
        ValueError: as `read_bytes`.
    """
    return read_bytes(path, limit, MAX_LINE_BYTES).decode("utf-8-sig", errors="replace")


def _opened(path: Path) -> gzip.GzipFile | IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b" or path.suffix.lower() == ".gz"
    return gzip.open(path, "rb") if packed else path.open("rb")


def _check_growth(path: Path, chunk: bytes, size: int, limit: int, max_line: int | None) -> None:
    if size > limit:
        raise ValueError(
            f"{path.name}: holds more than {limit / 2**20:.0f} MiB unpacked, the most that is read at once; "
            "cut it into clips"
        )
    if max_line is not None and len(chunk) == max_line and b"\n" not in chunk and b"\r" not in chunk:
        raise ValueError(
            f"{path.name}: a line is longer than {max_line} bytes, no motion has so many channels; "
            "is it a text file?"
        )


def read_npz(path: Path, limit: int = MAX_BYTES, only: Collection[str] | None = None) -> dict[str, AnyArray]:
    """Arrays of an `.npz` by name; pickled ones are never opened and left out with a warning.

    Args:
        path: the archive.
        limit: most bytes after unpacking.
        only: names to read, as far as they are there; None reads all.

    Raises:
        ValueError: not a whole zip of arrays, or larger than `limit` bytes unpacked.
    """
    arrays: dict[str, AnyArray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            if only is not None:
                members = [m for m in members if m.filename.removesuffix(".npy") in only]
            if odd := [m.filename for m in members if m.compress_type not in _PACKINGS]:
                raise ValueError(f"{odd[0]} is packed in a way numpy does not write")
            if (size := sum(m.file_size for m in members)) > limit:
                raise ValueError(f"unpacks to {size} bytes, read are {limit} at most")
            for member in members:
                key = member.filename.removesuffix(".npy")
                with archive.open(member) as file:
                    array = _read_array(file, member.file_size)
                if array is None:
                    logger.warning("%s: array %r is pickled and was left out", path.name, key)
                else:
                    arrays[key] = array
    except _BROKEN_ZIP as error:
        raise ValueError(f"{path.name}: not a whole .npz file ({error}); fetch it again") from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}; expected a .npz of plain arrays") from error
    return arrays


def read_npy(path: Path, limit: int = MAX_BYTES) -> AnyArray:
    """The array of an `.npy` file.

    Raises:
        ValueError: not a whole array file, pickled, or larger than `limit` bytes.
    """
    try:
        if (size := path.stat().st_size) > limit:
            raise ValueError(f"holds {size} bytes, read are {limit} at most")
        with path.open("rb") as file:
            array = _read_array(file, size)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path.name}: {error}; expected a .npy file of numbers") from error
    if array is None:
        raise ValueError(f"{path.name}: the array is pickled; save numbers with numpy.save")
    return array


def _read_array(file: IO[bytes], size: int) -> AnyArray | None:
    """One array of `size` bytes with its header; None if pickled.

    numpy allocates what the header states before it reads, so the header is held against the size first.
    """
    header = np.lib.format
    version = header.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"numpy file format {version}, known are 1.0 and 2.0")
    read = header.read_array_header_1_0 if version == (1, 0) else header.read_array_header_2_0
    try:
        shape, fortran, dtype = read(file)
    except (SyntaxError, TokenError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"an array whose header is broken ({error})") from error
    if dtype.hasobject:
        return None
    count = int(np.prod(shape, dtype=object))
    raw = file.read(count * dtype.itemsize) if 0 <= count * dtype.itemsize <= size else b""
    if count < 0 or len(raw) != count * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} states more than the file holds; it is cut short")
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C").copy()
