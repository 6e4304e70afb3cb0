import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from anymo.assets.restricted_pickle import load_object_npy, load_pickle


def save(path: Path, content: object, protocol: int = 2) -> Path:
    """An .npy file with an object array of no dimensions, as numpy.save wrote it at the time."""
    array = np.empty((), dtype=object)
    array[()] = content
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(array, file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_plain_data_comes_back(tmp_path, protocol):
    rng = np.random.default_rng(0)
    content = {
        "X": [rng.normal(size=(5, 6)), np.asfortranarray(rng.normal(size=(3, 2)))],
        "y": np.arange(4, dtype=">i2"),
        "words": np.array(["ab", "c"]),
        "objects": np.array([["a", 1], [None, 2.5]], dtype=object),
        "scalar": np.float64(2.5),
        "pair": (1, b"x", True),
    }
    back = load_object_npy(save(tmp_path / "a.npy", content, protocol))
    assert set(back) == set(content)
    for a, b in zip(back["X"], content["X"], strict=True):
        np.testing.assert_array_equal(a, b)
    for key in ("y", "words", "objects"):
        np.testing.assert_array_equal(back[key], content[key])
        assert back[key].dtype == content[key].dtype
    assert back["scalar"] == 2.5
    assert back["pair"] == (1, b"x", True)


def test_numpy_save_of_objects(tmp_path):
    array = np.array([{"a": np.arange(3)}, "b"], dtype=object)
    np.save(tmp_path / "a.npy", array)
    back = load_object_npy(tmp_path / "a.npy")
    assert back.shape == (2,)
    np.testing.assert_array_equal(back[0]["a"], [0, 1, 2])


class Runs:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_runs(tmp_path, protocol):
    mark = tmp_path / "ran"
    for n, attack in enumerate(
        [Runs(os.system, f"touch {mark}"), Runs(eval, f"open({str(mark)!r}, 'w')"), Runs(Path.touch, mark)]
    ):
        path = save(tmp_path / f"evil{n}.npy", {"X": [attack]}, protocol)
        with pytest.raises(ValueError, match=rf"evil{n}.npy: refused to unpickle.*found the name "):
            load_object_npy(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "content", [{1, 2}, 1j, np.array([1j]), np.array(["2024"], dtype="M8[D]"), bytearray(b"a")]
)
def test_other_types_are_refused(tmp_path, content):
    with pytest.raises(ValueError, match="refused to unpickle"):
        load_object_npy(save(tmp_path / "a.npy", {"a": content}))


def test_files_that_are_no_object_arrays(tmp_path):
    np.save(tmp_path / "plain.npy", np.arange(3))
    with pytest.raises(ValueError, match=r"plain.npy: not a whole .npy file.*int64"):
        load_object_npy(tmp_path / "plain.npy")
    whole = save(tmp_path / "whole.npy", {"a": np.arange(100)}).read_bytes()
    for n, length in enumerate((0, 5, 100, 140, len(whole) // 2, len(whole) - 1)):
        (tmp_path / f"cut{n}.npy").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=f"cut{n}.npy"):
            load_object_npy(tmp_path / f"cut{n}.npy")


def test_forged_array_state_is_refused(tmp_path):
    """A dtype of objects over raw bytes would make NumPy read pointers from the file."""

    class Forged:
        def __reduce__(self):
            rebuild, args, _ = np.zeros(1).__reduce__()
            return rebuild, args, (1, (1,), np.dtype(object), False, b"\x41" * 8)

    with pytest.raises(ValueError, match="contents are no list"):
        load_object_npy(save(tmp_path / "a.npy", {"a": Forged()}))


def test_stated_sizes_beyond_the_file_are_refused(tmp_path):
    """An index of the memo, or the length of a frame, for which the unpickler would take gigabytes."""
    for n, evil in enumerate((b"\x80\x02]r\x00\x00\x00\x70.", b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f].")):
        (tmp_path / f"{n}.pkl").write_bytes(evil)
        with pytest.raises(ValueError, match=rf"{n}.pkl: not a whole pickle file: (LONG_BINPUT|FRAME)"):
            load_pickle(tmp_path / f"{n}.pkl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_shape": (1 << 20, 1 << 20)}, "a sparse matrix of shape"),
        ({"indices": np.array([7, 1, 2], dtype=np.int32)}, "not a whole pickle file"),
        ({"indptr": np.array([0, 9, 2, 3], dtype=np.int32)}, "not a whole pickle file"),
        ({"data": "abc"}, "not a whole pickle file"),
    ],
)
def test_forged_sparse_matrices_are_refused(tmp_path, change, message):
    matrix = sparse.csc_matrix(np.diag([1.0, 2.0, 3.0]))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"m": matrix}))
    np.testing.assert_array_equal(load_pickle(tmp_path / "a.pkl")["m"], np.diag([1.0, 2.0, 3.0]))
    matrix.__dict__.update(change)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"m": matrix}))
    with pytest.raises(ValueError, match=message):
        load_pickle(tmp_path / "a.pkl")
