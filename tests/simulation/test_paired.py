"""Simulated against recorded sensors: floors a little under what benchmarks/paired.py reaches."""

import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.io import savemat
from scipy.spatial.transform import Rotation, Slerp

from anymo.data.paired import (
    PairedSensor,
    native_frames,
    read_broad,
    read_neura_sparse,
    read_opensense,
    read_qmt,
)
from anymo.simulation.rank_transform import RankTransform

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
BROAD = {"slow": "10_undisturbed_slow_translation_A.mat", "fast": "21_undisturbed_fast_combined.mat"}


@pytest.fixture(scope="module")
def paired() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import paired

        yield paired
        for name in ("paired", "paired_methods"):
            sys.modules.pop(name, None)


@lru_cache
def trial(data_root: Path, name: str) -> PairedSensor:
    return read_broad(data_root / "paired" / "broad_rigid_body" / BROAD[name])


def path_of_pose(times_s: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth wandering pose: positions (T, 3) and rotations (T, 3, 3)."""
    rng = np.random.default_rng(seed)
    size, hz = rng.normal(size=(2, 4, 6)), rng.uniform(0.3, 3, (4, 6))
    waves = (size[0] * np.sin(2 * np.pi * hz * times_s[:, None, None] + 9 * size[1])).sum(axis=1)
    return 0.2 * waves[:, :3], Rotation.from_rotvec(0.4 * waves[:, 3:]).as_matrix()


def upsampled(first: float, spacing: float, num: int) -> tuple[np.ndarray, ...]:
    """Frames every `spacing` samples and the pose of lines and arcs between them, as BROAD was made."""
    frames = first + spacing * np.arange(-1, int(num / spacing) + 2)
    position, rotation = path_of_pose(frames / 286)
    samples = np.arange(num)
    lines = np.stack([np.interp(samples, frames, p) for p in position.T], axis=1)
    arcs = Slerp(frames, Rotation.from_matrix(rotation))(samples).as_matrix()
    return frames, position, rotation, lines, arcs


def test_native_frames_are_found_in_an_upsampled_pose() -> None:
    frames, position, rotation, lines, arcs = upsampled(1.37, 2.38065, 3000)
    times, at, turned = native_frames(lines, arcs)
    index = np.round((times - frames[0]) / 2.38065).astype(int)
    np.testing.assert_allclose(times, frames[index], atol=1e-6)
    np.testing.assert_allclose(at, position[index], atol=1e-9)
    np.testing.assert_allclose(turned, rotation[index], atol=1e-7)
    assert len(times) > 1255


def test_gaps_stay_gaps() -> None:
    _, _, _, lines, arcs = upsampled(0.4, 2.38065, 3000)
    lines[1000:1040], arcs[1000:1040] = np.nan, np.nan
    times, at, turned = native_frames(lines, arcs)
    inside = (times > 1000) & (times < 1039)
    assert np.isnan(at[inside]).all()
    assert np.isnan(turned[inside]).all()
    assert np.isfinite(at[(times < 999) | (times > 1041)]).all()


def test_a_pose_that_was_not_upsampled_is_refused() -> None:
    lines, arcs = path_of_pose(np.arange(3000) / 286)
    with pytest.raises(ValueError, match="corners"):
        native_frames(lines, arcs)


def test_a_file_that_is_no_trial_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "other.mat", {"imu_acc": np.zeros((9, 3))})
    with pytest.raises(ValueError, match="lacks imu_gyr, opt_pos"):
        read_broad(tmp_path / "other.mat")
    np.savez(tmp_path / "other.npz", imu=np.zeros((9, 1, 6)))
    with pytest.raises(ValueError, match=r"other\.npz: expected .* lacks"):
        read_qmt(tmp_path / "other.npz")


@pytest.mark.data
@pytest.mark.parametrize(("name", "gap_s"), [("slow", 0.15), ("fast", 0.8)])
def test_broad_is_brought_back_to_120_hz(data_root: Path, name: str, gap_s: float) -> None:
    sensor = trial(data_root, name)
    assert sensor.position is not None
    spacing = np.diff(sensor.frame_times_s)
    assert 1 / spacing.mean() == pytest.approx(120, abs=0.02)
    assert np.ptp(spacing) < 1e-9
    missing = np.isnan(sensor.position).any(axis=1).sum() * spacing.mean()
    assert missing == pytest.approx(gap_s, rel=0.2)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "acc_r", "gyro_r", "ratio"), [("slow", 0.97, 0.995, 0.70), ("fast", 0.993, 0.999, 0.42)]
)
def test_broad_floors(
    data_root: Path, paired: ModuleType, name: str, acc_r: float, gyro_r: float, ratio: float
) -> None:
    sensor, other = (trial(data_root, n) for n in (name, "fast" if name == "slow" else "slow"))
    ours, theirs = (paired.score(sensor, features) for features in paired.methods(sensor, other))
    assert ours.r[:3].min() > acc_r
    assert ours.r[3:].min() > gyro_r
    assert paired.acc_ratio(ours, theirs) < ratio
    assert theirs.r.min() > 0.96, "the conventional method is given a fair chance"
    assert ours.lag_s == pytest.approx(0.0042, abs=0.0005), "the same device in both trials"
    assert np.linalg.norm(ours.offset_m) < 0.03


@pytest.mark.data
def test_neura_walk_is_not_worse_than_conventional(data_root: Path, paired: ModuleType) -> None:
    both = [
        [paired.score(sensor, features).r for features in paired.methods(sensor)]
        for sensor in read_neura_sparse(data_root / "paired" / "neura_sparse" / "S02_walk.npz")
    ]
    assert len(both) == 9
    ours, theirs = np.mean(both, axis=(0, 2))
    assert ours > 0.745
    assert ours > theirs - 0.01


@pytest.mark.data
def test_rank_transform_on_real_held_out_samples(data_root: Path, paired: ModuleType) -> None:
    foot = read_neura_sparse(data_root / "paired" / "neura_sparse" / "S02_walk.npz")[0]
    one = paired.score(foot, paired.methods(foot)[0])
    known = np.isfinite(one.simulated).all(axis=1)
    real, simulated = one.recorded[known], one.simulated[known]
    half = len(real) // 2
    found = RankTransform.fit(real[:half], simulated[:half]).score(real[half:], simulated[half:])
    assert found.ks[1, :3].mean() < 0.8 * found.ks[0, :3].mean()


@pytest.mark.data
def test_rates_from_orientation_alone(data_root: Path, paired: ModuleType) -> None:
    sensors = {s.name: s for s in read_qmt(data_root / "paired" / "qmt_full_body" / "full_body.npz")}
    for name in ("forearm_right", "upper_leg_right", "lower_back"):
        ours, theirs = (
            paired.score_orientation(sensors[name], features) for features in paired.methods(sensors[name])
        )
        assert ours.r[3:].min() > 0.98
        assert ours.r[3:].mean() > theirs.r[3:].mean()
        assert paired.tilt_deg(ours) < 5


@pytest.mark.data
def test_gravity_from_orientation_alone(data_root: Path, paired: ModuleType) -> None:
    walk = read_opensense(data_root / "paired" / "opensense_walk" / "MT_012005D6_009.npz")
    for sensor in [s for s in walk if s.name in ("pelvis_imu", "femur_l_imu", "tibia_l_imu")]:
        found = paired.score_orientation(sensor, paired.methods(sensor)[0])
        assert paired.tilt_deg(found) < 4, sensor.name
        assert np.isnan(found.r[3:]).all(), "no gyroscope in the file"
