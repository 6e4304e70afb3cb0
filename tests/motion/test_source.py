"""Bounded reading of files from outside."""

import gzip
import io
import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest

from anymo.motion import load
from anymo.motion.source import MAX_LINE_BYTES, read_bytes, read_npy, read_npz, read_text


def test_plain_and_packed_text_read_the_same(tmp_path: Path) -> None:
    text = "a line\n" * 5000 + "grüße\n"
    plain, packed, unnamed = (tmp_path / n for n in ("a.txt", "a.txt.gz", "b.txt"))
    plain.write_bytes(b"\xef\xbb\xbf" + text.encode())
    for path in (packed, unnamed):
        path.write_bytes(gzip.compress(text.encode()))
        assert read_text(path) == text
    assert read_text(plain) == text
    plain.write_bytes(b"\xff\n")
    assert read_text(plain) == "\ufffd\n"


def test_a_gzip_that_grows_beyond_the_limit_is_left(tmp_path: Path) -> None:
    path = tmp_path / "bomb.txt.gz"
    path.write_bytes(gzip.compress(b"0 0 0\n" * 1_000_000))
    assert path.stat().st_size < 20_000
    with pytest.raises(ValueError, match=r"bomb\.txt\.gz: holds more than 2 MiB unpacked.*cut it into clips"):
        read_text(path, limit=2 << 20)


def test_an_endless_line_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "line.bvh"
    path.write_bytes(b"HIERARCHY\n" + b"1 " * (2 * MAX_LINE_BYTES))
    with pytest.raises(ValueError, match=r"line\.bvh: a line is longer than 1048576 bytes"):
        load(path)
    assert len(read_bytes(path)) == path.stat().st_size


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.bvh", b"", "the file is empty"),
        ("x.bvh.gz", b"", "the file is empty|not a whole gzip"),
        ("x.bvh.gz", b"HIERARCHY", "not a whole gzip file"),
        ("x.bvh.gz", gzip.compress(b"HIERARCHY" * 999, mtime=0)[:-9], "not a whole gzip file"),
        ("x.npz", b"PK\x03\x04", "not a whole .npz file"),
        ("x.npy", b"\x93NUMPY", "expected a .npy file of numbers"),
        ("x.npy", b"", "expected a .npy file of numbers"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / name)


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_archives_packed_in_other_ways_are_refused(tmp_path: Path, packing: int) -> None:
    """Their unpacking has no bound, and damaged ones raise errors of their own."""
    file = io.BytesIO()
    np.save(file, np.arange(999.0))
    with zipfile.ZipFile(tmp_path / "x.npz", "w", packing) as archive:
        archive.writestr("x.npy", file.getvalue())
    raw = bytearray((tmp_path / "x.npz").read_bytes())
    raw[40:60] = bytes(20)
    for content in ((tmp_path / "x.npz").read_bytes(), bytes(raw)):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.npy is packed in a way numpy does not write"):
            read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["none.bvh", "none.npy", "none.npz"])
def test_a_missing_file_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"none\."):
        load(tmp_path / name)


def with_shape(shape: str) -> bytes:
    """An array file whose header states a shape that its 24 bytes do not fill."""
    file = io.BytesIO()
    np.save(file, np.arange(3.0))
    return file.getvalue().replace(b"(3,), }   ", f"{shape}, }}   ".encode()[:10].ljust(10))


@pytest.mark.parametrize("shape", ["(9999,)", "(-1,)", "(4,)"])
def test_a_header_that_states_more_than_the_file_holds(tmp_path: Path, shape: str) -> None:
    raw = with_shape(shape)
    (tmp_path / "x.npy").write_bytes(raw)
    with pytest.raises(ValueError, match=r"states more than the file holds|expected a \.npy"):
        read_npy(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", raw)
    with pytest.raises(ValueError, match=r"states more than the file holds|plain arrays"):
        read_npz(tmp_path / "x.npz")


def test_arrays_come_back_and_pickles_are_never_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.asfortranarray(np.eye(3)[:2]), "c": np.array("word")}
    np.savez_compressed(tmp_path / "x.npz", **arrays, d=np.array([{}], dtype=object))
    with caplog.at_level(logging.WARNING):
        got = read_npz(tmp_path / "x.npz")
    assert got.keys() == arrays.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(got[key], array)
    assert "'d' is pickled" in caplog.text
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickled"):
        read_npy(tmp_path / "x.npy")
    np.savez_compressed(tmp_path / "big.npz", zeros=np.zeros(1_000_000))
    with pytest.raises(ValueError, match=r"unpacks to 8000128 bytes, read are 1000000"):
        read_npz(tmp_path / "big.npz", limit=1_000_000)


def test_arrays_of_no_known_kind_are_told() -> None:
    with pytest.raises(
        ValueError, match=r"arrays x, y are of no known kind \(.*AMASS: poses, trans.*skeleton="
    ):
        load({"x": np.zeros(3), "y": np.zeros(3)})
