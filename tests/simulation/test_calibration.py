"""Calibration: what was put in is found again, held-out data comes nearer, the undeterminable is refused."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import wasserstein_distance

from anymo.records import Placement
from anymo.simulation.alignment import FeaturesAt, align, find_lag, find_lever_arm, find_rotation
from anymo.simulation.imu import simulate
from anymo.simulation.kinematics import PoseSpline
from anymo.simulation.rank_transform import RankTransform
from anymo.simulation.smoothing import choose_cutoff

RATE_HZ = 100.0
MOUNTING = Rotation.from_euler("xyz", [170, -40, 65], degrees=True).as_matrix()
LEVER_M = np.array([0.05, -0.12, 0.21])
BIAS = np.array([0.2, -0.1, 0.3, 0.02, -0.03, 0.01])
LAG_S = 0.0237  # no whole number of samples


def body(turning: tuple[float, float, float] = (0.5, 0.4, 0.6), moving: float = 0.1) -> PoseSpline:
    """A body that swings about three axes and wanders for 20 s."""
    t = np.arange(0, 20, 0.01)
    angle = np.stack([a * np.sin(w * t + w) for a, w in zip(turning, (4.1, 5.3, 2.9), strict=True)], axis=1)
    place = moving * np.stack([np.sin(3 * t), np.cos(4 * t), np.sin(5 * t + 1)], axis=1)
    return PoseSpline(t, place[:, None], Rotation.from_rotvec(angle).as_matrix()[:, None])


def features_of(pose: PoseSpline) -> FeaturesAt:
    return lambda times_s: pose.at_times(times_s).features[:, 0]


def recording(pose: PoseSpline, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, acc and gyro of a sensor on that body, 24 ms late, by the equation rather than the matrix."""
    times = np.arange(1.0, 19.0, 1 / RATE_HZ)
    there = pose.at_times(times - LAG_S)
    A, u, B, w = np.split(there.features[:, 0], [3, 6, 15], axis=1)
    acc = (A + 9.80665 * u + B.reshape(-1, 3, 3) @ LEVER_M) @ MOUNTING
    signal = np.hstack([acc, w @ MOUNTING]) + BIAS
    signal += noise * np.random.default_rng(1).normal(size=signal.shape)
    return times, signal[:, :3], signal[:, 3:]


def test_alignment_finds_what_was_put_in() -> None:
    pose = body()
    times, acc, gyro = recording(pose)
    found = align(features_of(pose), times, acc, gyro)
    assert found.lag_s == pytest.approx(LAG_S, abs=5e-4), "the bias moves the norm a little"
    assert Rotation.from_matrix(found.rotation.T @ MOUNTING).magnitude() < 1e-3
    np.testing.assert_allclose(found.offset_m, LEVER_M, atol=1e-3)
    np.testing.assert_allclose(found.bias, BIAS, atol=5e-3)
    assert found.correlation > 0.99
    predicted = found.predict(features_of(pose)(times - found.lag_s))
    np.testing.assert_allclose(predicted, np.hstack([acc, gyro]), atol=0.05)


def test_alignment_says_how_sure_it_is() -> None:
    pose = body()
    quiet, loud = (align(features_of(pose), *recording(pose, noise)) for noise in (0.05, 0.5))
    for found, noise in ((quiet, 0.05), (loud, 0.5)):
        np.testing.assert_allclose(found.rmse, noise, rtol=0.15)
        assert (np.abs(found.offset_m - LEVER_M) < 5 * found.offset_std_m + 1e-3).all()
        error = Rotation.from_matrix(found.rotation @ MOUNTING.T).as_rotvec()
        assert (np.abs(error) < 5 * found.rotation_std_rad + 1e-3).all()
    assert (loud.offset_std_m > 5 * quiet.offset_std_m).all()
    assert (loud.rotation_std_rad > 5 * quiet.rotation_std_rad).all()


def test_alignment_leaves_gaps_out() -> None:
    pose = body()
    times, acc, gyro = recording(pose)
    acc[300:400], gyro[300:350] = np.nan, np.nan

    def with_gap(times_s: np.ndarray) -> np.ndarray:
        features = features_of(pose)(times_s)
        features[(times_s > 8) & (times_s < 9)] = np.nan
        return features

    found = align(with_gap, times, acc, gyro)
    np.testing.assert_allclose(found.offset_m, LEVER_M, atol=1e-3)
    assert found.num_samples == len(times) - 200


def test_an_alignment_is_a_placement_for_the_simulator(hand_motion: Callable) -> None:
    placed = Placement(segment="left wrist", offset_m=LEVER_M, rotation=MOUNTING)
    motion = hand_motion(2)
    stream = simulate(motion, [placed], rate_hz=RATE_HZ).sensors[0]
    from anymo.simulation.kinematics import MotionSpline
    from anymo.skeleton import INDEX

    spline = MotionSpline(motion)
    times = np.arange(len(stream.acc)) / RATE_HZ
    row = INDEX[placed.segment]
    inner = slice(20, -20)

    def features_at(times_s: np.ndarray) -> np.ndarray:
        return spline.at_times(times_s).features[:, row]

    assert stream.gyro is not None
    found = align(features_at, times[inner], stream.acc[inner], stream.gyro[inner])
    again = found.placement("left wrist", "found")
    np.testing.assert_allclose(again.offset_m, LEVER_M, atol=1e-3)
    assert again.segment == placed.segment


def test_lag_between_samples_and_of_either_sign() -> None:
    t = np.arange(0, 30, 0.01)
    wave = np.sin(t) * np.sin(2.3 * t + 1) + 2
    for lag in (-0.0333, 0.0, 0.0471):
        shifted = np.sin(t - lag) * np.sin(2.3 * (t - lag) + 1) + 2
        found, correlation = find_lag(shifted, wave, 100.0, 0.1)
        assert found == pytest.approx(lag, abs=1e-4)
        assert correlation > 0.999


def test_lag_that_cannot_be_told_is_refused() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(0, 20, 0.01)
    with pytest.raises(ValueError, match="correlate by"):
        find_lag(rng.normal(size=2000), np.sin(t), 100.0, 0.1)
    with pytest.raises(ValueError, match="correlate by nan"):
        find_lag(rng.normal(size=2000), np.zeros(2000), 100.0, 0.1)
    with pytest.raises(ValueError, match="raise max_lag_s"):
        find_lag(np.sin(t - 0.3), np.sin(t), 100.0, 0.1)


def test_rotation_that_cannot_be_told_is_refused() -> None:
    rng = np.random.default_rng(0)
    one_axis = np.outer(np.sin(np.arange(500)), [1.0, 2.0, 0.0])
    with pytest.raises(ValueError, match="two axes or more"):
        find_rotation(one_axis, one_axis @ MOUNTING)
    with pytest.raises(ValueError, match="two axes or more"):
        find_rotation(np.zeros((500, 3)), one_axis)
    with pytest.raises(ValueError, match="right sensor"):
        find_rotation(rng.normal(size=(500, 3)), rng.normal(size=(500, 3)))


def test_lever_arm_that_cannot_be_told_is_refused() -> None:
    pose = body(turning=(0.0, 0.0, 0.0))
    lever = features_of(pose)(np.arange(1, 19, 0.01))[:, 6:15].reshape(-1, 3, 3)
    with pytest.raises(ValueError, match=r"lever arm: .* turns faster"):
        find_lever_arm(np.random.default_rng(0).normal(size=(len(lever), 3)), lever)


def test_samples_that_do_not_fit_their_times_are_refused() -> None:
    pose = body()
    times, acc, gyro = recording(pose)
    with pytest.raises(ValueError, match=r"expected acc and gyro \(T, 3\) with T = 1800"):
        align(features_of(pose), times, acc[:-1], gyro)
    with pytest.raises(ValueError, match="evenly spaced"):
        align(features_of(pose), np.delete(times, 900), np.delete(acc, 900, 0), np.delete(gyro, 900, 0))


def test_a_still_body_is_refused() -> None:
    pose = body(turning=(0.0, 0.0, 0.0), moving=0.0)
    times = np.arange(1.0, 19.0, 0.01)
    rng = np.random.default_rng(3)
    acc, gyro = rng.normal(0, 0.02, (2, len(times), 3)) + np.array([[[0, 0, 9.8]], [[0, 0, 0]]])
    with pytest.raises(ValueError, match="give a stretch with rotation"):
        align(features_of(pose), times, acc, gyro)


def channels(seed: int, num: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Recorded and simulated samples of the same movement, by sensors whose scales and tails differ."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(num, 6))
    return np.sign(base) * np.abs(base) ** 1.4 * [1, 2, 3, 1, 1, 2] + 0.5, base


def test_rank_transform_makes_quantiles_equal_and_keeps_order() -> None:
    real, simulated = channels(0)
    transform = RankTransform.fit(real, simulated)
    mapped = transform.apply(simulated)
    levels = np.linspace(0, 1, 100)
    np.testing.assert_allclose(
        np.quantile(mapped, levels, axis=0), np.quantile(real, levels, axis=0), atol=1e-2
    )
    assert (np.argsort(mapped, axis=0) == np.argsort(simulated, axis=0)).all()


def test_rank_transform_is_the_formula_of_two_quantile_tables() -> None:
    real, simulated = channels(1)
    mapped = RankTransform.fit(real, simulated, num_levels=11).apply(simulated)
    p = np.linspace(0, 100, 11)
    for c in range(6):
        expected = np.interp(simulated[:, c], np.percentile(simulated[:, c], p), np.percentile(real[:, c], p))
        np.testing.assert_allclose(mapped[:, c], expected, atol=1e-12)


def test_rank_transform_brings_held_out_recordings_nearer() -> None:
    transform = RankTransform.fit(*channels(2))
    score = transform.score(*channels(3))
    assert (score.wasserstein[1] < 0.35 * score.wasserstein[0]).all()
    assert (score.ks[1] < 0.5 * score.ks[0]).all()
    real, simulated = channels(3)
    assert score.wasserstein[0, 2] == pytest.approx(wasserstein_distance(real[:, 2], simulated[:, 2]))


@pytest.mark.parametrize(("channel", "moved"), [("acc", slice(0, 3)), ("gyro", slice(3, 6))])
def test_rank_transform_leaves_the_other_sensor_alone(channel: str, moved: slice) -> None:
    real, simulated = channels(4)
    changed = (RankTransform.fit(real, simulated, channels=channel).apply(simulated) != simulated).any(axis=0)
    assert changed[moved].all()
    assert changed.sum() == 3


def test_beyond_the_fitted_range_the_outermost_shift_holds() -> None:
    real, simulated = channels(5)
    transform = RankTransform.fit(real, simulated)
    top, far = simulated.max(axis=0), simulated.max(axis=0) + 3
    ends = transform.apply(np.stack([top, far, simulated.min(axis=0) - 2]))
    np.testing.assert_allclose(ends[0], real.max(axis=0))
    np.testing.assert_allclose(ends[1], real.max(axis=0) + 3)
    np.testing.assert_allclose(ends[2], real.min(axis=0) - 2)


def test_a_channel_that_never_changes_takes_the_mean() -> None:
    real, simulated = channels(6)
    simulated[:, 0] = 7.0
    mapped = RankTransform.fit(real, simulated).apply(simulated)
    np.testing.assert_allclose(mapped[:, 0], np.quantile(real[:, 0], np.linspace(0, 1, 100)).mean())


def test_rank_transform_per_class() -> None:
    real, simulated = channels(7)
    labels = np.where(np.arange(len(real)) % 2 == 0, "walk", "sit")
    real[labels == "sit"] *= 0.1
    transform = RankTransform.fit(real, simulated, real_labels=labels, simulated_labels=labels)
    whole = transform.score(real[labels == "sit"], simulated[labels == "sit"])
    per_class = transform.score(real[labels == "sit"], simulated[labels == "sit"], labels[labels == "sit"])
    assert (per_class.ks[1] < 0.1 * whole.ks[1]).all()
    with pytest.raises(ValueError, match=r"no map for \['run'\], only for \['sit', 'walk'\]"):
        transform.apply(simulated, ["run"] * len(simulated))


def test_a_fraction_of_the_reference_keeps_its_extremes() -> None:
    real, simulated = channels(8)
    draws = [
        RankTransform.fit(real, simulated, fraction=0.05, rng=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(draws[0].real[""], draws[1].real[""])
    assert (draws[0].real[""] != draws[2].real[""]).any()
    np.testing.assert_array_equal(draws[0].real[""][[0, -1]], [real.min(axis=0), real.max(axis=0)])
    np.testing.assert_allclose(draws[0].real[""][50], np.median(real, axis=0), atol=0.5)


def test_bad_samples_are_refused() -> None:
    real, simulated = channels(9)
    with pytest.raises(ValueError, match=r"real: expected samples \(N, 6\)"):
        RankTransform.fit(real[:, :3], simulated)
    with pytest.raises(ValueError, match="simulated: expected finite"):
        RankTransform.fit(real, np.where(simulated > 2, np.nan, simulated))
    with pytest.raises(ValueError, match="on both sides or on neither"):
        RankTransform.fit(real, simulated, real_labels=["walk"] * len(real))
    with pytest.raises(ValueError, match=r"\['fly'\] were recorded but not simulated"):
        RankTransform.fit(
            real, simulated, real_labels=["fly"] * len(real), simulated_labels=["sit"] * len(simulated)
        )
    with pytest.raises(ValueError, match="one per sample"):
        RankTransform.fit(real, simulated, real_labels=["a"], simulated_labels=["a"])
    with pytest.raises(ValueError, match=r"fraction: expected a share in \(0, 1\]"):
        RankTransform.fit(real, simulated, fraction=0.0)
    with pytest.raises(ValueError, match=r"rng=np\.random"):
        RankTransform.fit(real, simulated, fraction=0.5)


def test_the_cutoff_follows_the_noise() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(0, 60, 1 / 120)
    path = np.stack([0.3 * np.sin(2 * np.pi * f * t + f) / f**2 for f in (0.7, 1.9, 4.3)], axis=1)
    found = [choose_cutoff([path + s * rng.normal(size=path.shape)], 120.0, 2) for s in (1e-5, 1e-4, 1e-3)]
    assert found[0] > found[1] > found[2] > 2


def test_the_cutoff_is_near_the_best_one() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(0, 60, 1 / 120)
    hz = np.arange(0.5, 12, 0.5)
    phase = rng.uniform(0, 6.28, (len(hz), 3))
    angle = 2 * np.pi * hz[:, None] * t[:, None, None] + phase
    size = 0.3 / (1 + hz[:, None] ** 3)
    path = (size * np.sin(angle)).sum(axis=1)
    truth = -((2 * np.pi * hz[:, None]) ** 2 * size * np.sin(angle)).sum(axis=1)
    noisy = path + 3e-5 * rng.normal(size=path.shape)

    def error(cutoff_hz: float) -> float:
        rotation = np.broadcast_to(np.eye(3), (len(t), 1, 3, 3))
        pose = PoseSpline(t, noisy[:, None], rotation, cutoff_hz=cutoff_hz)
        return float(np.sqrt(((pose.at_times(t).features[60:-60, 0, :3] - truth[60:-60]) ** 2).mean()))

    best = min(error(c) for c in np.arange(6.0, 40.0, 1.0))
    assert error(choose_cutoff([noisy], 120.0, 2)) < 1.15 * best


def test_a_cutoff_that_cannot_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match="256 frames or more without gaps, got 200"):
        choose_cutoff([np.zeros((200, 3))], 120.0, 2)
    with pytest.raises(ValueError, match="never changes"):
        choose_cutoff([np.zeros((600, 3))], 120.0, 2)


def test_a_fraction_is_drawn_from_every_class() -> None:
    rng = np.random.default_rng(0)
    labels = np.array(["walk"] * 1990 + ["fall"] * 10)
    real, simulated = rng.normal(size=(2, 2000, 6))
    real[labels == "fall"] *= 4
    for seed in range(5):
        transform = RankTransform.fit(
            real, simulated, real_labels=labels, simulated_labels=labels, fraction=0.05,
            rng=np.random.default_rng(seed),
        )  # fmt: skip
        span = np.ptp(transform.real["fall"], axis=0)
        np.testing.assert_allclose(span, np.ptp(real[labels == "fall"], axis=0))
