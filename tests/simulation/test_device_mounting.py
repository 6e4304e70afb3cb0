"""Wobble against a differentiated movement, and gravity removal against the estimator's equations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from anymo.records import GRAVITY_MPS2
from anymo.simulation.device import DeviceModel
from anymo.simulation.fusion import Fusion, heading, rotate
from anymo.simulation.triad import Triad
from anymo.simulation.wobble import Wobble

RATE = 100.0
WOBBLE = Wobble(frequency_hz=12.0)


def planes(force: np.ndarray, gyro: np.ndarray) -> torch.Tensor:
    """(6, 1, T) of (T, 3) each."""
    return torch.from_numpy(np.concatenate([force, gyro], axis=1).T[:, None].copy())


def test_wobble_is_nothing_at_rest_in_any_pose() -> None:
    up = Rotation.random(5, rng=np.random.default_rng(0)).inv().apply([0, 0, GRAVITY_MPS2])
    still = torch.zeros(6, 5, 300, dtype=torch.float64)
    still[:3] = torch.from_numpy(up.T)[:, :, None]
    np.testing.assert_allclose(WOBBLE.shake(still, RATE), still, atol=1e-9)


@pytest.mark.parametrize("frequency", [2.0, 12.0, 40.0])
def test_wobble_has_the_gain_of_a_base_driven_oscillator(frequency: float) -> None:
    """Along the normal there is no tilt: what is felt is f times (2ζωs + ω²) / (s² + 2ζωs + ω²)."""
    rate = 1000.0
    t = np.arange(0, 4, 1 / rate)
    force = np.zeros((len(t), 3))
    force[:, 2] = GRAVITY_MPS2 + np.sin(2 * np.pi * frequency * t)
    felt = WOBBLE.shake(planes(force, np.zeros_like(force)), rate)[2, 0, 2000:].numpy()
    s, w = 2j * np.pi * frequency, 2 * np.pi * 12.0
    gain = abs((2 * 0.3 * w * s + w * w) / (s * s + 2 * 0.3 * w * s + w * w))
    assert np.std(felt) * np.sqrt(2) == pytest.approx(gain, rel=0.02)


def test_wobble_is_one_movement_of_acc_and_gyro() -> None:
    """The readings are the second and first differences of the displaced and tilted pose."""
    rate = 4000.0
    t = np.arange(0, 1.0, 1 / rate)
    turn = np.stack([1.5 * np.sin(4 * t), 0.8 * np.sin(7 * t + 1), 1.1 * np.cos(5 * t)], axis=1)
    pose = Rotation.from_rotvec(turn)
    position = np.stack([0.1 * np.sin(20 * t), 0.05 * np.cos(25 * t), 0.08 * np.sin(15 * t + 2)], axis=1)
    gyro, force = _readings(pose, position, rate)
    signal = planes(force, gyro)
    moved = WOBBLE.displacement(signal[:3], rate)[0][:, 0].numpy().T
    tilt = np.stack([-moved[:, 1], moved[:, 0], np.zeros(len(t))], axis=1) / WOBBLE.tilt_radius_m
    expected_gyro, expected_force = _readings(
        pose * Rotation.from_rotvec(tilt), position + pose.apply(moved), rate
    )
    got = WOBBLE.shake(signal, rate)[:, 0].numpy().T
    inner = slice(200, -200)
    assert np.abs(tilt).max() > 0.05
    assert np.abs(expected_force - force)[inner].max() > 1
    np.testing.assert_allclose(got[inner, :3], expected_force[inner], atol=0.05)
    np.testing.assert_allclose(got[inner, 3:], expected_gyro[inner], atol=0.02)


def _readings(pose: Rotation, position: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Angular velocity and specific force of a pose over time, by central differences."""
    gyro = np.zeros((len(position), 3))
    gyro[1:-1] = (pose[:-2].inv() * pose[2:]).as_rotvec() * rate / 2
    linear = np.gradient(np.gradient(position, 1 / rate, axis=0), 1 / rate, axis=0)
    return gyro, pose.inv().apply(linear + np.array([0, 0, GRAVITY_MPS2]))


def test_rigid_mounting_is_the_limit_of_a_stiff_one() -> None:
    t = torch.arange(0, 4, 1 / RATE, dtype=torch.float64)
    signal = torch.sin(2 * torch.pi * torch.arange(1, 7)[:, None, None] * t)
    stiff = Wobble(frequency_hz=5000.0, tilt_radius_m=1.0).shake(signal, RATE)
    np.testing.assert_allclose(stiff, signal, atol=1e-3)
    with pytest.raises(ValueError, match="positive frequency_hz"):
        Wobble(frequency_hz=0.0)


def test_heading_is_the_product_of_the_turns() -> None:
    rng = np.random.default_rng(0)
    gyro = rng.normal(0, 5, (333, 3))
    steps = Rotation.from_rotvec((gyro[1:] + gyro[:-1]) / 2 / RATE)
    turned = [Rotation.identity()]
    for step in steps:
        turned.append(turned[-1] * step)
    got = heading(torch.from_numpy(gyro.T[:, None].copy()), RATE)
    vector = rng.normal(size=(3, 1, 333))
    expected = Rotation.concatenate(turned).apply(vector[:, 0].T)
    np.testing.assert_allclose(rotate(got, torch.from_numpy(vector))[:, 0].T, expected, atol=1e-9)


def test_fusion_is_the_complementary_filter_step_by_step() -> None:
    rng = np.random.default_rng(1)
    gyro, force = rng.normal(0, 2, (400, 3)), rng.normal([0, 0, 9.8], 2, (400, 3))
    fusion, keep = Fusion(time_constant_s=0.5), np.exp(-1 / 50)
    step = Rotation.from_rotvec((gyro[1:] + gyro[:-1]) / 2 / RATE)
    first = rotate(
        heading(torch.from_numpy(gyro.T[:, None]), RATE), torch.from_numpy(force.T[:, None].copy())
    )
    estimate, expected = first[:, 0, :100].mean(-1).numpy(), []
    for k in range(400):
        estimate = estimate if k == 0 else step[k - 1].inv().apply(estimate)
        estimate = keep * estimate + (1 - keep) * force[k]
        expected.append(GRAVITY_MPS2 * estimate / np.linalg.norm(estimate))
    got = fusion.gravity(*planes(force, gyro).split(3), RATE)
    np.testing.assert_allclose(got[:, 0].T, expected, atol=1e-6)


def _removed(device: DeviceModel, force: np.ndarray, gyro: np.ndarray) -> np.ndarray:
    ideal = np.concatenate([force, gyro], axis=1)
    return device.measure(ideal, RATE, np.random.default_rng(0), gravity="removed").acc.numpy()


IDEAL = DeviceModel(acc=Triad(), gyro=Triad())


def test_gravity_goes_at_rest_and_under_pure_rotation() -> None:
    t = np.arange(0, 20, 1 / RATE)
    pose = Rotation.from_rotvec(np.stack([2 * np.sin(t), np.zeros(len(t)), np.zeros(len(t))], axis=1))
    force = pose.inv().apply([0, 0, GRAVITY_MPS2])
    gyro = np.stack([2 * np.cos(t), np.zeros(len(t)), np.zeros(len(t))], axis=1)
    assert np.abs(_removed(IDEAL, force, gyro)).max() < 1e-3
    without = np.abs(_removed(replace(IDEAL, gyro=None), force, gyro)[500:])
    assert without.max() > 5  # a low-pass of acc takes turning for acceleration


def test_gyro_bias_tilts_the_gravity_that_is_removed() -> None:
    """At rest the filter settles where u × b + (f − u) / τ = 0: off by the angle atan(τ b)."""
    force = np.tile([0.0, 0.0, GRAVITY_MPS2], (1000, 1))
    gyro = np.tile([0.2, 0.0, 0.0], (1000, 1))
    left = _removed(IDEAL, force, gyro)[-1]
    angle = np.arctan(0.5 * 0.2)
    np.testing.assert_allclose(np.linalg.norm(left), 2 * GRAVITY_MPS2 * np.sin(angle / 2), rtol=0.01)


def test_movement_leaks_into_gravity_below_the_corner() -> None:
    t = np.arange(0, 40, 1 / RATE)
    for frequency in (0.1, 1.0, 5.0):
        force = np.tile([0.0, 0.0, GRAVITY_MPS2], (len(t), 1))
        force[:, 0] = 0.2 * np.sin(2 * np.pi * frequency * t)
        left = _removed(IDEAL, force, np.zeros_like(force))[1000:, 0]
        x = 2 * np.pi * frequency * 0.5
        assert np.std(left) * np.sqrt(2) == pytest.approx(0.2 * x / np.sqrt(1 + x * x), rel=0.03)


def test_fusion_refuses_no_time() -> None:
    with pytest.raises(ValueError, match="positive time_constant_s"):
        Fusion(time_constant_s=0.0)
