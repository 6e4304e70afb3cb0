"""CMU exponential maps: against ASF/AMC with the same angles, the T-pose first, and CMU's own sequences."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.motion import find_clips, load
from anymo.motion.acclaim import Bone, Skeleton, parse_asf
from anymo.motion.expmap import _BONES, world_pose
from anymo.motion.source import read_text
from anymo.skeleton import INDEX


def standing(frames: int = 4) -> np.ndarray:
    values = np.zeros((frames, 117))
    values[:, 1] = 17.0
    values[:, 2] = 0.1 * np.arange(frames)
    return values


def written(path: Path, values: np.ndarray, separator: str = ",") -> Path:
    path.write_text("\n".join(separator.join(f"{v:.6f}" for v in row) for row in values) + "\n")
    return path


def test_the_same_angles_as_acclaim_give_the_same_body() -> None:
    """Two implementations: rows times exp(v) here, fixed-axis Euler angles of exp(-v) there."""
    rng = np.random.default_rng(3)
    values = rng.normal(0, 0.6, (5, 117))
    start, turn = world_pose(values, "x")
    names = [name for name, _, _ in _BONES]
    reach = {above: np.array(offset) for _, above, offset in _BONES[1:] if above}
    same_start = [  # Acclaim's bones hang from the end of their parent; these two branch at another place
        name for name, above, offset in _BONES[1:] if np.allclose(reach[above], offset)
    ]
    bones = [
        Bone(name, names.index(above) if above else -1, reach.get(name, np.zeros(3)), np.eye(3),
             ("tx", "ty", "tz", "rx", "ry", "rz") if not above else ("rx", "ry", "rz"))
        for name, above, _ in _BONES
    ]  # fmt: skip
    local = Rotation.from_rotvec(-values[:, 3:].reshape(-1, 3)).as_euler("xyz").reshape(5, -1)
    other, others = Skeleton(tuple(bones), 0.45, False).world_pose(
        np.concatenate([values[:, :3], local], axis=1), degrees=False
    )
    np.testing.assert_allclose(turn, others, atol=1e-9)
    below_hips = [names.index(n) for n in same_start if n.startswith("l") and n in names[:7]]
    assert len(below_hips) >= 4
    hip = names.index("lhipjoint")
    np.testing.assert_allclose(
        start[:, below_hips] - start[:, [hip]], other[:, below_hips] - other[:, [hip]], atol=1e-9
    )


@pytest.mark.parametrize(("ending", "separator"), [("txt", ","), ("csv", ","), ("txt", " ")])
def test_text_and_units(tmp_path: Path, ending: str, separator: str) -> None:
    motion = load(written(tmp_path / f"a.{ending}", standing(), separator), rate_hz=120.0)
    step = motion.root_position[1] - motion.root_position[0]
    np.testing.assert_allclose(step, [0.1 * 0.0254 / 0.45, 0, 0], atol=1e-9)
    np.testing.assert_allclose(motion.rotations[0, 0], np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (standing()[:, :116], "expected 117 numbers a line, got 116 in line 1"),
        (np.where(np.arange(117) == 40, 90.0, standing()), "longest is 90 rad; are the angles in degrees"),
        (np.where(np.arange(117) == 40, np.nan, standing()), "finite"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path: Path, values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(written(tmp_path / "a.txt", values), rate_hz=120.0)


def test_rate_numbers_and_keys(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", standing())
    with pytest.raises(ValueError, match="state no frame rate; pass rate_hz"):
        load(path)
    path.write_text(path.read_text().replace("17.0", "high", 1))
    with pytest.raises(ValueError, match="no number"):
        load(path, rate_hz=120.0)


def test_an_archive_is_read_by_key(tmp_path: Path) -> None:
    path = tmp_path / "clips.npz"
    np.savez(path, walk=standing(6), dates=np.zeros((2, 117), dtype="datetime64[s]"))
    motion = load(path, key="walk", rate_hz=120.0)
    assert motion.name == "walk"
    assert len(motion.root_position) == 6
    with pytest.raises(ValueError, match=r"holds no array 'run'"):
        load(path, key="run", rate_hz=120.0)
    with pytest.raises(ValueError, match=r"dates must hold real numbers, got datetime64\[s\]"):
        load(path, key="dates", rate_hz=120.0)


@pytest.mark.data
def test_lengths_put_back_are_those_of_the_skeleton(data_root: Path) -> None:
    """Offsets of the published tree, and the thorax and wrists it lost, against CMU's own 02.asf."""
    skeleton = parse_asf(read_text(data_root / "motion" / "cmu_asfamc" / "02.asf.gz"), "02.asf")
    reach = {bone.name: bone.reach for bone in skeleton.bones}
    for _, above, offset in _BONES:
        if above in reach and above != "root":
            np.testing.assert_allclose(offset, reach[above], atol=2e-4)


@pytest.mark.data
def test_real_sequences(data_root: Path) -> None:
    clips = find_clips(data_root, ("cmu_expmap",))
    assert len(clips) == 96
    walks = [clip for clip in clips if clip.captions[0].text == "walking"][::4]
    speeds, facing = [], []
    for clip in walks:
        motion = clip.load()
        way = np.diff(motion.root_position[:, :2], axis=0)
        step = np.linalg.norm(way, axis=1)
        arms = motion.rotations[:, [INDEX["LeftUpperArm"], INDEX["RightUpperArm"]]]
        turn = Rotation.from_matrix(np.swapaxes(arms[0], -1, -2) @ arms[1]).magnitude()
        assert turn.max() < 0.1, motion.name  # the T-pose is gone
        speeds.append(step.mean() * motion.rate_hz)
        facing.append((way * motion.rotations[:-1, 0, :2, 0]).sum() / step.sum())
    assert 1.0 < np.median(speeds) < 1.7  # so 120 frames a second is right
    assert np.median(facing) > 0.95


def test_more_frames_than_memory_is_set_aside_for() -> None:
    endless = np.broadcast_to(standing(1), (1_000_000, 117))
    with pytest.raises(ValueError, match="1000000 frames of 38 bones are more than is read at once"):
        world_pose(endless, "x")
