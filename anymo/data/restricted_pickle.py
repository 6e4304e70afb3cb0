"""Read an object array from an .npy file without running code that the file names.

NumPy keeps object arrays as pickles, and a pickle may call anything. Here the only callables a file can reach
are the stand-ins below, which hold plain data; they become NumPy arrays after unpickling, so that a forged
dtype or array state never touches memory.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

_PLAIN_KINDS = "biufSU"
_BYTE_ORDERS: dict[str, Literal["=", "<", ">"]] = {"|": "=", "<": "<", ">": ">"}


class _DType:
    """Stand-in for numpy.dtype: a type code and a byte order."""

    def __init__(self, code: str, align: object = False, copy: object = False) -> None:
        self.code = code
        self.byte_order: Literal["=", "<", ">"] = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.byte_order = _BYTE_ORDERS[state[1]]

    def resolve(self) -> np.dtype[Any]:
        if self.code in ("O", "O8"):
            return np.dtype(object)
        dtype = np.dtype(self.code).newbyteorder(self.byte_order)
        if dtype.kind not in _PLAIN_KINDS:
            raise pickle.UnpicklingError(f"array of type {self.code!r}")
        return dtype


class _Array:
    """Stand-in for numpy.ndarray: shape, type, order and contents as the file gives them."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.dtype, is_fortran, self.contents = state
        self.order = "F" if is_fortran else "C"


def _reconstruct(subtype: type, shape: object, code: object) -> _Array:
    return _Array()


def _scalar(dtype: _DType, raw: bytes) -> np.generic:
    value: np.generic = np.frombuffer(_as_bytes(raw), dtype.resolve())[0]
    return value


def _latin1(text: str, encoding: str) -> bytes:
    return text.encode("latin1")  # how protocol 2 spells bytes


_ALLOWED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "dtype"): _DType,
    ("numpy", "ndarray"): _Array,
    ("_codecs", "encode"): _latin1,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"the name {module_name}.{global_name}")
        return _ALLOWED[module_name, global_name]


def load_object_npy(path: Path) -> Any:
    """Contents of an .npy file that holds one pickled object array.

    Args:
        path: file written by `numpy.save` with an object array.

    Returns:
        The array, or the object itself where the array has no dimensions: made of arrays of numbers or text,
        scalars, lists, tuples, dicts, str, int, float, bool, bytes, None.

    Raises:
        ValueError: the file is no such file, is cut short, or names anything else.
    """
    try:
        with path.open("rb") as file:
            _skip_header(file)
            array = _plain(_Restricted(file).load())
    except (pickle.UnpicklingError, EOFError) as error:
        raise ValueError(
            f"{path.name}: refused to unpickle it: expected arrays, lists, dicts and text, found {error}; "
            "use the file of the original source, or convert it to .npz yourself if you trust it"
        ) from error
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError, ValueError) as error:
        raise ValueError(f"{path.name}: not a whole .npy file with an object array: {error}") from error
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array


def _skip_header(file: BinaryIO) -> None:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read(file)
    if dtype != np.dtype(object):
        raise ValueError(f"it holds {dtype}, no objects; numpy.load(allow_pickle=False) reads it")


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        return _array(value)
    if type(value) is dict:
        return {_plain(k): _plain(v) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(v) for v in value)
    if value is None or isinstance(value, str | int | float | bool | bytes | np.generic):
        return value
    raise pickle.UnpicklingError(f"an object of type {type(value).__name__}")


def _array(stub: _Array) -> np.ndarray[Any, Any]:
    dtype = stub.dtype.resolve()
    if dtype != np.dtype(object):
        flat = np.frombuffer(_as_bytes(stub.contents), dtype).copy()
        return flat.reshape(stub.shape, order=stub.order)
    if type(stub.contents) is not list:
        raise pickle.UnpicklingError("an object array whose contents are no list")
    objects = np.empty(len(stub.contents), dtype=object)
    for i, item in enumerate(stub.contents):
        objects[i] = _plain(item)
    return objects.reshape(stub.shape, order=stub.order)


def _as_bytes(raw: object) -> bytes:
    if type(raw) is not bytes:
        raise pickle.UnpicklingError(f"array contents of type {type(raw).__name__}")
    return raw
