"""Splines of poses: against closed forms, against scipy, against each other, and what they refuse."""

import importlib.util
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

from anymo.records import GRAVITY_MPS2
from anymo.simulation import MotionSpline, PoseSpline, SensorArray
from anymo.simulation.spline import QuinticSpline
from anymo.skeleton import NUM_SEGMENTS, forward_kinematics

TRUTH = Path(__file__).resolve().parents[2] / "benchmarks" / "truth.py"


@pytest.fixture(scope="module")
def truth():
    spec = importlib.util.spec_from_file_location("truth", TRUTH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["truth"] = module  # where dataclasses look up annotations
    spec.loader.exec_module(module)
    yield module
    del sys.modules["truth"]


def rms(x):
    return np.sqrt((x**2).sum(-1).mean())


def error_pct(truth, spline, offsets, seconds):
    """Specific force and gyro error at 100 Hz, half a second at each end left out, %."""
    times = np.arange(50, round(seconds * 100) - 49) / 100
    upright = torch.eye(3, dtype=torch.float64).expand(len(offsets), 3, 3)
    sensors = SensorArray.of(torch.arange(len(offsets)), torch.from_numpy(offsets), upright, GRAVITY_MPS2)
    found = torch.cat(sensors.read(torch.from_numpy(spline.at_times(times).features)), -1).numpy()
    exact = truth.swinging_body(times)
    error, linear = found - exact.readings(offsets, GRAVITY_MPS2), exact.readings(offsets, 0.0)
    return [100 * rms(error[..., k]) / rms(linear[..., k]) for k in (slice(3), slice(3, 6))]


# Floors a little under what benchmarks/simulation.py reaches.
@pytest.mark.parametrize(
    ("rate", "as_motion", "cutoff_hz", "force_pct", "gyro_pct"),
    [
        (60, True, None, 0.001, 0.0001),
        (20, True, None, 0.04, 0.006),
        (60, False, None, 0.006, 0.0002),
        (20, False, None, 1.0, 0.05),
        (60, True, 12.0, 0.003, 0.001),
    ],
)
def test_force_and_gyro_are_those_of_the_closed_form(truth, rate, as_motion, cutoff_hz, force_pct, gyro_pct):
    seconds = 12.0
    pose = truth.swinging_body(np.arange(round(seconds * rate) + 1) / rate)
    offsets = np.random.default_rng(1).uniform(-0.05, 0.05, (NUM_SEGMENTS, 3))
    if as_motion:
        spline = MotionSpline(pose.motion(), cutoff_hz)
    else:
        spline = PoseSpline(pose.times_s, pose.position, pose.rotation, cutoff_hz=cutoff_hz)
    force, gyro = error_pct(truth, spline, offsets, seconds)
    assert force < force_pct
    assert gyro < gyro_pct


def test_the_closed_form_is_a_motion_of_the_skeleton(truth):
    pose = truth.swinging_body(np.arange(30) / 10)
    motion = pose.motion()
    position, rotation = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    np.testing.assert_allclose(position, pose.position, atol=1e-12)
    np.testing.assert_allclose(rotation, pose.rotation, atol=1e-12)


def test_the_spline_passes_through_every_frame(truth):
    pose = truth.swinging_body(np.arange(61) / 20)
    for spline in (MotionSpline(pose.motion()), PoseSpline(pose.times_s, pose.position, pose.rotation)):
        found = spline.at(20.0)
        np.testing.assert_allclose(found.position, pose.position, atol=1e-12)
        np.testing.assert_allclose(found.rotation, pose.rotation, atol=1e-12)
        np.testing.assert_allclose(found.features[..., 3:6], pose.rotation[..., 2, :], atol=1e-12)


def test_blocks_do_not_show(truth):
    spline = MotionSpline(truth.swinging_body(np.arange(601) / 60).motion())
    whole = spline.at(150.0)
    pieces = [spline.at_times(np.arange(1501)[k : k + 100] / 150.0) for k in range(0, 1500, 100)]
    np.testing.assert_allclose(
        whole.features[:1500], np.concatenate([p.features for p in pieces]), rtol=1e-9, atol=1e-9
    )


def test_interpolation_is_that_of_scipy_on_uneven_frames():
    rng = np.random.default_rng(0)
    frames = np.cumsum(rng.uniform(0.5, 1.5, 200)) / 60
    values = rng.standard_normal((3, 200))
    expected = make_interp_spline(frames, values.T, k=5)
    times = np.sort(rng.uniform(frames[0], frames[-1], 300))
    for order, found in enumerate(QuinticSpline.fit(frames, values.copy(), None).derivatives(times, 2)):
        exact = expected(times, order)
        np.testing.assert_allclose(found, exact, atol=1e-9 * np.abs(exact).max())


@pytest.mark.parametrize(("rate", "cutoff"), [(60, 20), (60, 6), (60, 1), (240, 20), (240, 3), (1000, 5)])
def test_half_amplitude_at_the_cutoff_no_phase_and_cubics_unchanged(rate, cutoff):
    times = np.arange(round(16 * rate)) / rate
    inner = (times > 5) & (times < 11)
    for share, gain, slack in ((0.1, 1.0, 1e-4), (0.5, 1 / (1 + 0.5**8), 2e-3), (1.0, 0.5, 2e-3)):
        angle = 2 * np.pi * share * cutoff * times
        found = QuinticSpline.fit(times, np.sin(angle)[None], cutoff).derivatives(times, 0)[0][inner, 0]
        wave = np.stack([np.sin(angle), np.cos(angle)])[:, inner]
        along, across = np.linalg.lstsq(wave.T, found)[0]
        assert along == pytest.approx(gain, abs=slack)
        assert across == pytest.approx(0, abs=1e-3)
    cubic = (times - 3) ** 3 / 100 + times
    value, _, second = QuinticSpline.fit(times, cubic[None].copy(), cutoff).derivatives(times, 2)
    np.testing.assert_allclose(value[:, 0], cubic, atol=1e-7)
    np.testing.assert_allclose(second[:, 0], 6 * (times - 3) / 100, atol=1e-4)


def test_smoothing_takes_most_of_the_jitter_out_of_the_acceleration(truth):
    pose = truth.swinging_body(np.arange(1201) / 120)
    jitter = 3e-4 * np.random.default_rng(0).standard_normal(pose.position.shape)
    times = np.arange(100, 1100) / 120
    exact = np.swapaxes(pose.rotation, -1, -2) @ pose.acceleration[..., None]
    errors = []
    for cutoff in (None, 12.0):
        spline = PoseSpline(pose.times_s, pose.position + jitter, pose.rotation, cutoff_hz=cutoff)
        errors.append(rms(spline.at_times(times).features[..., :3] - exact[100:1100, ..., 0]))
    assert errors[0] > 10 * errors[1]


def test_a_clock_of_its_own_and_uneven_frames():
    rng = np.random.default_rng(2)
    times = 100 + np.cumsum(rng.uniform(0.8, 1.2, 400)) / 100
    angle = 1.2 * np.sin(2 * times)
    rotation = Rotation.from_rotvec(angle[:, None] * [0, 0, 1.0]).as_matrix()[:, None]
    spline = PoseSpline(times, np.zeros((400, 1, 3)), rotation)
    wanted = np.linspace(times[0] + 0.3, times[-1] - 0.3, 77)
    found = spline.at_times(wanted)
    np.testing.assert_allclose(found.features[:, 0, 17], 2.4 * np.cos(2 * wanted), atol=1e-6)
    np.testing.assert_allclose(
        spline.at(50.0, start_s=0.5).position.shape[0], int((times[-1] - times[0] - 0.5) * 50) + 1
    )


@pytest.mark.parametrize(
    ("frames_hz", "cutoff_hz", "sensor_hz", "warned"),
    [
        (20, None, 20.0, False),
        (20, None, 100.0, True),
        (25, None, 26.0, True),
        (30, None, 100.0, False),  # a watch on video motion: what is missing is impacts
        (120, 6.0, 100.0, False),  # stated by the caller
    ],
)
def test_a_sensor_that_sees_more_than_the_frames_hold(truth, caplog, frames_hz, cutoff_hz, sensor_hz, warned):
    motion = truth.swinging_body(np.arange(2 * frames_hz + 1) / frames_hz).motion()
    with caplog.at_level(logging.WARNING):
        MotionSpline(motion, cutoff_hz).at(sensor_hz)
    assert (f"nothing above {frames_hz / 2:g} Hz" in caplog.text) == warned
    assert bool(caplog.records) == warned


def test_refusals_name_the_remedy(truth):
    pose = truth.swinging_body(np.arange(41) / 20)
    args = (pose.times_s, pose.position, pose.rotation)
    spline = MotionSpline(pose.motion())
    for rate in (0.0, -5.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="rate_hz must be positive"):
            spline.at(rate)
    for start, end in ((-0.1, 1.0), (1.0, 1.0), (0.0, 2.1), (np.nan, 1.0)):
        with pytest.raises(ValueError, match=r"expected 0 <= start < end <= 2.000 s"):
            spline.at(50.0, start, end)
    for times in (np.array([-0.1, 0.5]), np.array([0.5, 2.1]), np.array([])):
        with pytest.raises(ValueError, match=r"expected times from 0.000 to 2.000"):
            spline.at_times(times)
    with pytest.raises(ValueError, match="ascending"):
        spline.at_times(np.array([0.5, 0.4, 0.6]))
    with pytest.raises(ValueError, match="at least 6 frames"):
        PoseSpline(*(a[:5] for a in args))
    with pytest.raises(ValueError, match="ascending"):
        PoseSpline(np.zeros(41), *args[1:])
    for cutoff in (0.0, -1.0, 10.0, np.nan):
        with pytest.raises(ValueError, match="cutoff_hz must be under half"):
            PoseSpline(*args, cutoff_hz=cutoff)
    with pytest.raises(ValueError, match=r"expected position \(T, S, 3\)"):
        PoseSpline(pose.times_s, pose.position[:, :5], pose.rotation)
    with pytest.raises(ValueError, match="reflection"):
        PoseSpline(pose.times_s, pose.position, -pose.rotation)
    broken = pose.position.copy()
    broken[7, 3, 1] = np.nan
    with pytest.raises(ValueError, match="first in frame 7"):
        PoseSpline(pose.times_s, broken, pose.rotation)
    turned = pose.rotation.copy()
    turned[9] = np.nan
    with pytest.raises(ValueError, match="first in frame 9"):
        PoseSpline(pose.times_s, pose.position, turned)
