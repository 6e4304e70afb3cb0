"""Every reader on damaged files: a motion or the documented error, in bounded memory, and never a hang.

10,000 files in the slow suite, 400 in the default one; files and damage follow from a seed.
"""

import gzip
import io
import resource
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import test_formats_acclaim
import test_formats_amass
import test_formats_expmap
import test_formats_mvnx
import test_formats_nymeria
import test_retarget

from anymo.motion import generate, load
from anymo.records import Motion
from anymo.skeleton import forward_kinematics

MAX_S, MAX_MIB = 20, 1024  # of one file; a sound one of these takes milliseconds and a few MiB


def npz(arrays: dict[str, np.ndarray], packed: bool = False) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def humanml3d(motion: Motion) -> np.ndarray:
    position, _ = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    return position.astype(np.float32)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, bytes, dict[str, object]]]:
    """For each kind its file name, its content, and what `load` must be told."""
    motion = generate("walking", np.random.default_rng(0), duration_s=0.6)
    folder = tmp_path_factory.mktemp("whole")
    text = test_retarget.written(motion, folder / "whole.bvh").read_bytes()
    nymeria = test_formats_nymeria.arrays.__wrapped__(motion)
    amass = test_formats_amass.amass_arrays(motion)
    asf, amc = test_formats_acclaim.asf(), test_formats_acclaim.amc(test_formats_acclaim.REST * 3)
    (folder / "07.asf").write_text(asf)
    expmap = test_formats_expmap.written(folder / "e.txt", test_formats_expmap.standing())
    mvnx = test_formats_mvnx.mvnx(motion).encode()
    at_120 = {"rate_hz": 120.0}
    return {
        "bvh": ("a.bvh", text, {}),
        "bvh, packed": ("a.bvh.gz", gzip.compress(text), {}),
        "amc": ("07_01.amc", amc.encode(), at_120 | {"asf": folder / "07.asf"}),
        "asf": ("07.asf", asf.encode(), at_120 | {"asf": None}),
        "expmap": ("a.txt", expmap.read_bytes(), at_120),
        "mvnx": ("a.mvnx", mvnx, {}),
        "mvnx, packed": ("a.mvnx.gz", gzip.compress(mvnx), {}),
        "amass": ("a.npz", npz(amass), {}),
        "amass, packed": ("a.npz", npz(amass, packed=True), {}),
        "smplx": ("a.npz", npz(test_formats_amass.smplx_arrays(motion)), {}),
        "nymeria": ("a.npz", npz(nymeria), {}),
        "joints": ("a.npy", npy(humanml3d(motion)), {"skeleton": "segments", "up": "z", "unit_m": 1.0}
                   | {"rate_hz": 60.0}),
    }  # fmt: skip


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One to four places overwritten, cut out, doubled, filled with digits or words; or the end is cut."""
    raw = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        at, size = int(rng.integers(len(raw) + 1)), int(2 ** rng.uniform(0, 8))
        scraps = (
            rng.bytes(size),
            b"",
            bytes(raw[at : at + size]) * 2,
            b"9" * size,
            b" nan ",
            b" -2 ",
            b" -1e308 ",
            b"\n",
        )
        raw[at : at + size] = scraps[int(rng.integers(len(scraps)))]
    return bytes(raw[: int(rng.integers(len(raw) + 1))] if rng.random() < 0.1 else raw)


@contextmanager
def limits(where: str) -> Iterator[None]:
    """Fail instead of hanging, and if the process has grown by more than the bound."""

    def late(_signal: int, _frame: object) -> None:
        pytest.fail(f"{where}: still reading after {MAX_S} s")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(MAX_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MAX_MIB, f"{where}: took {grown:.0f} MiB"


def fuzz(kind: str, whole: dict, folder: Path, count: int) -> int:
    """Number of damaged files that were refused."""
    name, content, options = whole[kind]
    rng = np.random.default_rng([7, *kind.encode()])
    refused = 0
    for k in range(count):
        path = folder / name
        path.write_bytes(damaged(content, rng))
        if kind == "asf":
            options = options | {"asf": path}
            path = folder / "07_01.amc"
            path.write_bytes(whole["amc"][1])
        with limits(f"{kind} {k}"), warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                motion = load(path, **options)
            except ValueError:
                refused += 1
            else:
                assert np.isfinite(motion.root_position).all()
    return refused


KINDS = (
    "bvh", "bvh, packed", "amc", "asf", "expmap", "mvnx", "mvnx, packed", "amass", "amass, packed", "smplx",
    "nymeria", "joints",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_file_loads(whole: dict, kind: str, tmp_path: Path) -> None:
    name, content, options = whole[kind]
    path = tmp_path / name
    path.write_bytes(content)
    if kind == "asf":
        options, path = options | {"asf": path}, tmp_path / "07_01.amc"
        path.write_bytes(whole["amc"][1])
    assert load(path, **options).duration_s > 0


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_raise_the_documented_error(whole: dict, kind: str, tmp_path: Path) -> None:
    assert fuzz(kind, whole, tmp_path, 34) > 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_damaged_files(whole: dict, kind: str, tmp_path: Path) -> None:
    assert fuzz(kind, whole, tmp_path, 10_000 // len(KINDS) + 1) > 100
