"""Nymeria's Xsens arrays, frames without a pose, clocks that jump; Momentum through a stand-in."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.motion import load
from anymo.motion.momentum import _JOINTS
from anymo.records import Motion
from anymo.skeleton import forward_kinematics

Arrays = dict[str, np.ndarray]


@pytest.fixture
def motion(hand_motion: Callable[..., Motion]) -> Motion:
    return hand_motion(6, duration_s=0.5, rate_hz=240.0)


@pytest.fixture
def arrays(motion: Motion) -> Arrays:
    position, turn = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    quaternion = Rotation.from_matrix(turn.reshape(-1, 3, 3)).as_quat(scalar_first=True)
    frames = len(position)
    return {
        "timestamps_us": 1_700_000_000_000_000 + np.round(np.arange(frames) * 1e6 / 240).astype(np.int64),
        "frameCount": np.array([frames]),
        "frameRate": np.array([240]),
        "segment_tXYZ": position.reshape(frames, -1).astype(np.float32),
        "segment_qWXYZ": quaternion.reshape(frames, -1).astype(np.float32),
        "sensor_freeAcceleration": np.zeros((frames, 51)),
    }


def test_round_trip(arrays: Arrays, motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "xdata.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    back = load(path)
    np.testing.assert_allclose(back.rotations, motion.rotations, atol=2e-6)
    np.testing.assert_allclose(back.joint_offsets, motion.joint_offsets, atol=2e-6)
    assert back.rate_hz == 240.0
    assert "non-commercial" in back.licence


def test_frames_without_a_pose_are_refused_or_cut(arrays: Arrays) -> None:
    frames = len(arrays["timestamps_us"])
    arrays["segment_qWXYZ"][[20, 21]] = 0.0
    with pytest.raises(ValueError, match=r"2 of \d+ frames have no pose.*first at frame 20; .*pass cut=True"):
        load(arrays)
    assert len(load(arrays, cut=True).root_position) == frames - 22
    arrays["segment_tXYZ"][60, 5] = np.nan
    assert len(load(arrays, cut=True).root_position) == max(frames - 61, 38)
    arrays["segment_qWXYZ"][:] = 0.0
    with pytest.raises(ValueError, match="have no pose"):
        load(arrays, cut=True)


def test_odd_clock_steps_that_cancel_out_are_jitter(arrays: Arrays, caplog: pytest.LogCaptureFixture) -> None:
    arrays["timestamps_us"][30] += 3_000
    with caplog.at_level("INFO"):
        assert len(load(arrays).root_position) == len(arrays["timestamps_us"])
    assert "2 odd time steps cancel out" in caplog.text


def test_lost_time_is_refused_or_cut(arrays: Arrays) -> None:
    arrays["timestamps_us"][50:] += 25_000
    with pytest.raises(ValueError, match=r"time is lost after 1, first at frame 49"):
        load(arrays)
    assert len(load(arrays, cut=True).root_position) == len(arrays["timestamps_us"]) - 50


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("frameRate", np.array([60]), "60 frames per second are stated, but timestamps_us step by 416"),
        ("frameRate", np.array([0]), "must be positive"),
        ("frameRate", np.zeros(0), r"frameRate must be one number, got shape \(0,\)"),
        ("segment_qWXYZ", np.array(1.0), r"segment_qWXYZ must be \(T, 92\), got \(\)"),
        ("segment_qWXYZ", np.zeros((121, 92), dtype=complex), "must hold real numbers, got complex128"),
        ("timestamps_us", np.full(121, np.nan), "timestamps_us hold NaN or infinity"),
        ("timestamps_us", np.zeros(121, dtype="datetime64[us]"), "timestamps_us must hold real numbers"),
        ("segment_tXYZ", np.zeros((121, 66)), r"segment_tXYZ must be \(T, 69\), got \(121, 66\)"),
        ("segment_tXYZ", np.zeros((7, 69)), "121 orientations and 7 positions"),
        ("timestamps_us", np.zeros(5), "121 frames, but 5 timestamps"),
    ],
)
def test_wrong_arrays_say_what_is_wrong(arrays: Arrays, key: str, value: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(arrays | {key: value})


def test_momentum_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymomentum", None)
    path = tmp_path / "xdata_blueman.glb"
    path.write_bytes(b"glTF")
    with pytest.raises(ValueError, match="pymomentum, which is not installed; install it"):
        load(path)


def test_momentum_through_a_stand_in(motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Centimetres, y up, joints whose axes mean nothing by themselves."""
    ours = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    position, turn = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    rest = Rotation.random(23, rng=np.random.default_rng(1)).as_matrix()

    def state(place: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        flat = Rotation.from_matrix((ours.T @ rotation @ ours @ rest).reshape(-1, 3, 3)).as_quat()
        parts = (100 * place @ ours, flat.reshape(*place.shape[:2], 4), np.ones((*place.shape[:2], 1)))
        return np.concatenate(parts, axis=-1)

    def skeleton_state(character: object, motion_parameters: np.ndarray) -> np.ndarray:
        if motion_parameters.any():
            return state(position, turn)
        return state(position[:1], np.broadcast_to(np.eye(3), (1, 23, 3, 3)))

    character = SimpleNamespace(skeleton=SimpleNamespace(joint_names=list(_JOINTS)))
    loaded = (character, np.ones((len(position), 30)), None, 240.0)
    geometry = SimpleNamespace(
        Character=SimpleNamespace(load_gltf_with_motion=lambda path: loaded),
        model_parameters_to_skeleton_state=skeleton_state,
    )
    package = ModuleType("pymomentum")
    package.geometry = geometry  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pymomentum", package)
    path = tmp_path / "a.glb"
    path.write_bytes(b"glTF")
    back = load(path)
    np.testing.assert_allclose(back.rotations, motion.rotations, atol=1e-9)
    np.testing.assert_allclose(back.joint_offsets, motion.joint_offsets, atol=1e-9)
    character.skeleton.joint_names[3] = "tail"
    with pytest.raises(ValueError, match=r"expected Nymeria's joints, lacks b_spine2"):
        load(path)

    def cut_short(path: str) -> None:
        raise RuntimeError("unexpected end of buffer")

    geometry.Character.load_gltf_with_motion = cut_short
    with pytest.raises(ValueError, match=r"a\.glb: not a whole Momentum file \(unexpected end"):
        load(path)
