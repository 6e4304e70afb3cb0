"""Read pickled arrays without running code that the file names: .npy files of objects, SMPL's .pkl files.

A pickle may call anything. Here the only callables a file can reach are the stand-ins below, which hold plain
data; they become NumPy arrays after unpickling, so that a forged dtype or array state never touches memory.
Text that Python 2 wrote is read as Latin-1, as its arrays need.
"""

import pickle
import pickletools
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

_PLAIN_KINDS = "biufSU"
_MAX_DENSE = 2**26  # elements of a sparse matrix written out; SMPL-X's joint regressor has under 2²⁰
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


class _Set:
    """Stand-in for the sets that chumpy keeps beside its values; nothing reads them."""

    def __init__(self, members: object = ()) -> None:
        pass


class _Object:
    """Stand-in for an object with a dictionary of attributes."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def resolve(self) -> np.ndarray[Any, Any]:
        raise pickle.UnpicklingError("an object without contents")


class _Chumpy(_Object):
    """Stand-in for chumpy.Ch around an array."""

    def resolve(self) -> np.ndarray[Any, Any]:
        return np.asarray(_plain(self.state["x"]))


class _ChumpySelect(_Object):
    """Stand-in for elements picked from another chumpy array, as a sliced one is kept."""

    def resolve(self) -> np.ndarray[Any, Any]:
        picked = np.asarray(_plain(self.state["a"])).ravel()[_plain(self.state["idxs"])]
        return np.reshape(picked, _plain(self.state.get("preferred_shape", picked.shape)))


class _Compressed(_Object):
    """Stand-in for a compressed sparse matrix by columns (by rows: its transpose); becomes a dense array."""

    is_by_row = False

    def resolve(self) -> np.ndarray[Any, Any]:
        from scipy.sparse import csc_matrix, csr_matrix

        shape = _plain(self.state.get("_shape", self.state.get("shape")))
        if shape[0] * shape[1] > _MAX_DENSE:
            raise pickle.UnpicklingError(f"a sparse matrix of shape {shape}")
        parts = tuple(_plain(self.state[name]) for name in ("data", "indices", "indptr"))
        matrix = (csr_matrix if self.is_by_row else csc_matrix)(parts, shape=shape)
        matrix.check_format(full_check=True)
        return np.asarray(matrix.toarray())


class _CompressedRows(_Compressed):
    is_by_row = True


def _rebuild(kind: type, base: type, state: object) -> object:
    """Stand-in for copyreg._reconstructor, with which protocols 0 and 1 make an object."""
    if not issubclass(kind, _Object):
        raise pickle.UnpicklingError(f"an object of type {kind.__name__}")
    return kind()


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
    **{(module, "_reconstructor"): _rebuild for module in ("copy_reg", "copyreg")},
    **{(module, "object"): _Object for module in ("__builtin__", "builtins")},
    **{(module, "set"): _Set for module in ("__builtin__", "builtins")},
    ("chumpy.ch", "Ch"): _Chumpy,
    ("chumpy.reordering", "Select"): _ChumpySelect,
    **{(f"scipy.sparse.{module}", "csc_matrix"): _Compressed for module in ("csc", "_csc")},
    **{(f"scipy.sparse.{module}", "csr_matrix"): _CompressedRows for module in ("csr", "_csr")},
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
    array = _load(path, _skip_header, ".npy file with an object array")
    return array.item() if isinstance(array, np.ndarray) and array.ndim == 0 else array


def load_pickle(path: Path) -> Any:
    """Contents of a pickle file of arrays, such as the .pkl files of SMPL.

    chumpy and scipy.sparse arrays become dense NumPy arrays; neither chumpy nor any name of the file is run.

    Args:
        path: file of one pickled object, by Python 2 or 3.

    Returns:
        The object: made of arrays of numbers or text, scalars, lists, tuples, dicts, str, int, float, bool,
        bytes, None.

    Raises:
        ValueError: the file is no pickle, is cut short, or names anything else.
    """
    return _load(path, lambda file: None, "pickle file")


def _load(path: Path, skip: Callable[[BinaryIO], None], kind: str) -> Any:
    try:
        file = BytesIO(path.read_bytes())
        skip(file)
        _check_sizes(file)
        return _plain(_Restricted(file, encoding="latin1").load())
    except (pickle.UnpicklingError, EOFError) as error:
        raise ValueError(
            f"{path.name}: refused to unpickle it: expected arrays, lists, dicts and text, found {error}; "
            "use the file of the original source, or convert it to .npz yourself if you trust it"
        ) from error
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        ValueError,
        OverflowError,
    ) as error:
        raise ValueError(f"{path.name}: not a whole {kind}: {error}") from error


def _check_sizes(file: BytesIO) -> None:
    """Refuse stated sizes beyond the file's own, for which the unpickler would take memory at once."""
    start, size = file.tell(), len(file.getbuffer())
    for opcode, argument, _ in pickletools.genops(file):
        if (opcode.name.endswith("PUT") or opcode.name == "FRAME") and int(argument or 0) > size:
            raise ValueError(f"{opcode.name} {argument} in a file of {size} bytes")
    file.seek(start)


def _skip_header(file: BinaryIO) -> None:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read(file)
    if dtype != np.dtype(object):
        raise ValueError(f"it holds {dtype}, no objects; numpy.load(allow_pickle=False) reads it")


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        return _array(value)
    if isinstance(value, _Object):
        return value.resolve()
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
    if type(raw) is str:
        return raw.encode("latin1")  # bytes of Python 2
    if type(raw) is not bytes:
        raise pickle.UnpicklingError(f"array contents of type {type(raw).__name__}")
    return raw
