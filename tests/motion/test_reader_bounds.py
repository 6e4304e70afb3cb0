"""Files that state little and would take much: channels, frames, rows and words beyond what is read."""

import gzip
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from test_bvh import written
from test_formats_acclaim import REST, asf
from test_formats_acclaim import written as written_amc

from anymo.motion import load
from anymo.motion.bvh_file import _row_lengths
from anymo.motion.retarget import motion_from_poses
from anymo.records import Caption, Motion, SensorStream
from anymo.skeleton import INDEX, forward_kinematics


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "x.bvh", [[0, 17, 0, 0, 0, 0]] * 3)


@pytest.mark.parametrize("count", [-2, -6, 7])
def test_a_joint_has_no_fewer_than_0_channels(path: Path, count: int) -> None:
    path.write_text(path.read_text().replace("CHANNELS 3", f"CHANNELS {count}", 1))
    with pytest.raises(ValueError, match=f"{count} channels, a joint has 0 to 6"):
        load(path)


@pytest.mark.parametrize("time", ["1e-320", "1e999", "0"])
def test_a_frame_time_without_a_rate(path: Path, time: str) -> None:
    path.write_text(path.read_text().replace("Frame Time: 0.02", f"Frame Time: {time}"))
    with pytest.raises(ValueError, match="frame time must be positive seconds"):
        load(path)


def test_rates_are_finite(path: Path, hand_motion: "object") -> None:
    with pytest.raises(ValueError, match=r"x\.bvh: rate_hz must be positive and finite, got inf"):
        load(path, rate_hz=np.inf)
    motion: Motion = hand_motion(0, duration_s=0.5)  # type: ignore[operator]
    with pytest.raises(ValueError, match="rate_hz must be positive and finite, got inf"):
        replace(motion, rate_hz=np.inf)
    with pytest.raises(ValueError, match="rate_hz must be positive and finite, got inf"):
        SensorStream(
            acc=np.zeros((2, 3)), gyro=None, valid=np.ones(2, dtype=bool), rate_hz=np.inf,
            placement="Pelvis", gravity="included",
        )  # fmt: skip
    position, rotation = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    with pytest.raises(ValueError, match="here: rate_hz must be positive and finite, got inf"):
        motion_from_poses(position, rotation, rate_hz=np.inf, name="here", source="")


def test_more_frames_than_memory_is_set_aside_for(path: Path) -> None:
    path.write_text(path.read_text().replace("Frames: 3", "Frames: 999999999"))
    with pytest.raises(ValueError, match=r"999999999 frames of \d+ bones are more than is read at once"):
        load(path)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_rows_are_counted_in_little_memory(end: bytes) -> None:
    """Two words in each line, and a hundred in the last, without its line end."""
    body = (b"1 2" + end + end) * 1_000_000 + b"3 " * 100
    tracemalloc.start()
    lengths = _row_lengths(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(lengths, [2] * 1_000_000 + [100])
    assert peak < 9 * len(body)  # of which up to four are the result itself


def bomb(path: Path, mib: int) -> Path:
    path.write_bytes(gzip.compress(b"0 0 0 0 0 0 0\n0\n" * (1 << 16)) * mib)
    return path


def test_words_are_read_up_to_their_own_limits(tmp_path: Path) -> None:
    amc = written_amc(tmp_path, REST * 3)
    with pytest.raises(ValueError, match=r"b\.amc\.gz: holds more than 128 MiB unpacked"):
        load(bomb(tmp_path / "b.amc.gz", 130), asf=tmp_path / "07.asf", rate_hz=120.0)
    with pytest.raises(ValueError, match=r"b\.txt\.gz: holds more than 128 MiB unpacked"):
        load(bomb(tmp_path / "b.txt.gz", 130), rate_hz=120.0)
    with pytest.raises(ValueError, match=r"b\.asf\.gz: holds more than 4 MiB unpacked"):
        load(amc, asf=bomb(tmp_path / "b.asf.gz", 5), rate_hz=120.0)
    assert len(asf()) < 1 << 22


def test_captions_move_with_the_frames(hand_motion: "object") -> None:
    """A T-pose of one frame, from which both arms jump down: 1/60 s are gone from the start."""
    motion: Motion = hand_motion(1, duration_s=1.0)  # type: ignore[operator]
    local = np.tile(np.eye(3), (len(motion.rotations), 23, 1, 1))
    for side, sign in (("Left", -1), ("Right", 1)):
        turn = Rotation.from_euler("x", 80 * sign, degrees=True).as_matrix()
        local[1:, INDEX[f"{side}UpperArm"]] = turn
    position, rotation = forward_kinematics(motion.root_position, local, motion.joint_offsets)
    captions = (
        Caption(text="all"), Caption(text="pose", end_s=0.01), Caption(text="part", start_s=0.5, end_s=0.9)
    )  # fmt: skip

    def told(may_open: bool) -> list[tuple[str, float, float | None]]:
        made = motion_from_poses(
            position, rotation, rate_hz=60.0, name="x", source="", captions=captions,
            may_open_with_t_pose=may_open,
        )  # fmt: skip
        return [(c.text, c.start_s, c.end_s) for c in made.captions]

    lost = 1 / 60
    assert told(True) == [("all", 0.0, None), ("part", 0.5 - lost, 0.9 - lost)]
    assert told(False) == [(c.text, c.start_s, c.end_s) for c in captions]
