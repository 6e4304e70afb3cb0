"""Each effect of a device alone, against what it must do; and that a clip's errors are its own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from anymo.simulation import presets
from anymo.simulation.device import DeviceModel, Dropout, clip_generator
from anymo.simulation.triad import Clock, Triad

IDEAL = Triad()
RATE = 50.0


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def device(acc: Triad = IDEAL, gyro: Triad | None = IDEAL, clock: Clock | None = None) -> DeviceModel:
    return DeviceModel(acc=acc, gyro=gyro, clock=clock or Clock())


def random_signal(*shape: int) -> torch.Tensor:
    return torch.from_numpy(rng(9).normal(0, 3, (*shape, 6)))


def test_ideal_device_changes_nothing() -> None:
    signal = random_signal(2, 3, 40)
    measured = device().measure(signal, RATE, rng())
    assert measured.gyro is not None
    assert torch.equal(torch.cat([measured.acc, measured.gyro], -1), signal)
    assert measured.valid.shape == (2, 3, 40)
    assert measured.valid.all()


def test_default_device_is_bias_scale_and_white_noise() -> None:
    got = DeviceModel().apply(np.zeros((3000, 50, 6)), RATE, rng())
    assert got.shape == (3000, 50, 6)
    bias, noise = got.mean(axis=1).std(axis=0), got.std(axis=1, ddof=1).mean(axis=0)
    np.testing.assert_allclose(bias[:3], 0.02 * 9.80665, rtol=0.05)
    np.testing.assert_allclose(bias[3:], np.deg2rad(0.5), rtol=0.05)
    np.testing.assert_allclose(noise[:3], 160e-6 * 9.80665 * 5, rtol=0.01)
    np.testing.assert_allclose(noise[3:], np.deg2rad(0.007) * 5, rtol=0.01)
    steep = DeviceModel().apply(np.full((3000, 1, 6), 1e6), RATE, rng())
    np.testing.assert_allclose(steep[:, 0].std(axis=0), 0.004 * 1e6, rtol=0.05)
    single = DeviceModel().apply(np.zeros((7, 6), dtype=np.float32), RATE, rng())
    assert single.shape == (7, 6)
    assert single.dtype == np.float32


def test_a_clips_errors_depend_on_seed_and_clip_alone() -> None:
    model, signal = presets.device("watch"), random_signal(3, 200)
    alone = model.measure(signal, RATE, clip_generator(7, 5), gravity="removed")
    for clip in (0, 1, 2):
        model.measure(random_signal(5, 90), RATE, clip_generator(7, clip))
    after = model.measure(signal, RATE, clip_generator(7, 5), gravity="removed")
    other = model.measure(signal, RATE, clip_generator(7, 6), gravity="removed")
    assert torch.equal(alone.acc, after.acc)
    assert not torch.allclose(alone.acc, other.acc)


def test_every_sensor_is_another_specimen_in_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = torch.zeros(6, 30, 6)
    biased = device(acc=Triad(turn_on_bias=1.0))
    whole = biased.measure(signal, RATE, rng()).acc
    monkeypatch.setattr("anymo.simulation.device._BLOCK_VALUES", 2 * 6 * 30)
    assert torch.equal(whole, biased.measure(signal, RATE, rng()).acc)
    assert len(torch.unique(whole)) == 18


def test_readings_saturate_at_the_range() -> None:
    got = device(acc=Triad(full_scale=20.0)).measure(10 * random_signal(100), RATE, rng()).acc
    assert got.max() == 20
    assert got.min() == -20


def test_readings_are_whole_steps() -> None:
    signal = torch.linspace(-3, 3, 1000, dtype=torch.float64)[:, None].expand(-1, 6)
    got = device(acc=Triad(full_scale=2.0, bits=8)).measure(signal, RATE, rng()).acc
    steps = got / (2.0 / 128)
    assert torch.equal(steps, steps.round())
    assert (steps.min(), steps.max()) == (-128, 127)
    inside = signal[:, :3].abs() < 1.9
    assert (got - signal[:, :3])[inside].abs().max() <= 1 / 128 + 1e-12


def test_scale_cross_axis_and_misalignment_are_one_matrix() -> None:
    axes = torch.eye(3, dtype=torch.float64).repeat(1, 2)[None].expand(4000, -1, -1)

    def matrices(**errors: float) -> np.ndarray:
        return device(acc=Triad(**errors)).measure(axes, RATE, rng()).acc.transpose(1, 2).numpy()

    scale = matrices(scale_error=0.03) - np.eye(3)
    np.testing.assert_allclose(scale.std(axis=0), 0.03 * np.eye(3), atol=0.002)
    cross = matrices(cross_axis=0.02) - np.eye(3)
    np.testing.assert_allclose(cross.std(axis=0), 0.02 * (1 - np.eye(3)), atol=0.002)
    turn = matrices(misalignment_rad=0.01) - np.eye(3)
    np.testing.assert_allclose(turn, -np.swapaxes(turn, 1, 2), atol=1e-12)
    np.testing.assert_allclose(turn.std(axis=0), 0.01 * (1 - np.eye(3)), atol=0.001)


def sine(frequency_hz: float, rate_hz: float, seconds: float = 20.0) -> torch.Tensor:
    t = torch.arange(0, seconds, 1 / rate_hz, dtype=torch.float64)
    return torch.sin(2 * torch.pi * frequency_hz * t)[:, None].expand(-1, 6)


def test_low_pass_acts_before_sampling() -> None:
    part = device(acc=Triad(bandwidth=0.4), clock=Clock(oversampling=16))
    for frequency, gain in ((2.0, 1.0), (20.0, np.sqrt(0.5)), (60.0, 1 / np.sqrt(1 + 3.0**4))):
        got = part.measure(sine(frequency, 16 * RATE), RATE, rng()).acc[100:, 0]
        assert got.std() * np.sqrt(2) == pytest.approx(gain, rel=0.06)
    unfiltered = device(clock=Clock(oversampling=8)).measure(sine(60.0, 8 * RATE), RATE, rng()).acc
    np.testing.assert_allclose(unfiltered[:, 0], sine(10.0, RATE)[:, 0], atol=1e-9)  # 60 Hz folds to 10 Hz


@pytest.mark.parametrize("bandwidth", [None, 0.45])
def test_jitter_acts_through_the_slope(bandwidth: float | None) -> None:
    clock = Clock(oversampling=4, jitter_s=1e-3)
    signal = sine(5.0, 4 * RATE, 60.0)[None].expand(20, -1, -1)
    part = Triad(bandwidth=bandwidth)
    moved = device(acc=part, clock=clock).measure(signal, RATE, rng()).acc
    still = device(acc=part, clock=replace(clock, jitter_s=0)).measure(signal, RATE, rng()).acc
    assert (moved - still).std() == pytest.approx(1e-3 * 2 * np.pi * 5 / np.sqrt(2), rel=0.03)
    assert torch.allclose((moved - still)[..., 0], (moved - still)[..., 1])  # one clock for the three axes


def test_sample_times_drift_with_the_clock() -> None:
    model = device(clock=Clock(oversampling=2, drift=1e-3))
    steps = np.array([np.diff(model.sample_times(2.0, RATE, rng(s))[:2])[0] for s in range(2000)])
    assert (steps * 2 * RATE).std() == pytest.approx(1e-3, rel=0.05)
    times = model.sample_times(2.0, RATE, rng())
    assert times.min() >= 0
    assert times.max() <= 2.0
    assert len(device().sample_times(2.0, RATE, rng())) == 101
    measured = model.measure(torch.sin(torch.from_numpy(times))[:, None].expand(-1, 6), RATE, rng())
    np.testing.assert_allclose(measured.acc[:, 0], np.sin(times[::2]), atol=1e-12)


def test_lost_samples_are_invalid_and_never_zero() -> None:
    model = replace(device(), dropout=Dropout(share=0.2, burst_s=0.3))
    measured = model.measure(torch.ones(30, 500, 6), RATE, rng())
    assert 0.1 < (~measured.valid).double().mean() < 0.3
    assert measured.acc[~measured.valid].isnan().all()
    assert (measured.acc[measured.valid] == 1).all()


def test_accelerometer_has_no_gyro() -> None:
    measured = device(gyro=None).measure(random_signal(10), RATE, rng())
    assert measured.gyro is None
    assert measured.acc.shape == (10, 3)


@pytest.mark.parametrize(
    ("signal", "rate", "match"),
    [
        (torch.zeros(4, 3), RATE, r"\(\.\.\., T, 6\) of floats"),
        (torch.zeros(0, 6), RATE, r"got \(0, 6\)"),
        (torch.zeros(4, 6, dtype=torch.int64), RATE, "int64"),
        (torch.zeros(4, 6), 0.0, "rate_hz must be positive"),
        (torch.tensor([[np.nan] * 6, [0.0] * 6]), RATE, "1 ideal samples hold NaN"),
    ],
)
def test_bad_input_says_what_is_wrong(signal: torch.Tensor, rate: float, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        DeviceModel().measure(signal, rate, rng())


def test_bad_parts_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="noise_density must not be negative"):
        Triad(noise_density=-1.0)
    with pytest.raises(ValueError, match="finite full_scale"):
        Triad(bits=16)
    with pytest.raises(ValueError, match="oversampling of 1, 2, 4"):
        Clock(oversampling=3)
    with pytest.raises(ValueError, match="0 < share < 1"):
        Dropout(share=0.0, burst_s=1.0)
    with pytest.raises(ValueError, match="call measure"):
        presets.device("tag").apply(np.zeros((10, 6)), RATE, rng())
    with pytest.raises(ValueError, match="unknown 'toaster'; choose one of phone, watch"):
        presets.device("toaster")


@pytest.mark.parametrize("name", presets.PRESETS)
@pytest.mark.parametrize("gravity", ["included", "removed"])
def test_presets_lie_still_within_their_data_sheets(name: str, gravity: str) -> None:
    model = presets.device(name)
    still = torch.zeros(300, 200 * model.oversampling, 6)
    still[..., 2] = 9.80665
    measured = model.measure(still, 100.0, rng(), gravity=gravity)  # type: ignore[arg-type]
    level = torch.tensor([0.0, 0.0, 9.80665 if gravity == "included" else 0.0])
    mean = (measured.acc - level).nanmean(dim=1)
    expected = np.hypot(model.acc.turn_on_bias, 9.80665 * model.acc.scale_error)
    assert mean[:, 2].std() < 1.3 * expected
    assert torch.isfinite(measured.acc[measured.valid]).all()
    if gravity == "included":
        assert mean[:, 2].std() == pytest.approx(expected, rel=0.15)
    if model.gyro is not None:
        assert measured.gyro is not None
        assert measured.gyro.nanmean(dim=1).std() == pytest.approx(model.gyro.turn_on_bias, rel=0.15)


def test_one_clock_samples_both_parts() -> None:
    """Late by the same time, acceleration and rate of one sine stay equal."""
    part = Triad(noise_density=0, turn_on_bias=0, scale_error=0)
    both = DeviceModel(acc=part, gyro=part, clock=Clock(jitter_s=1e-3))
    sine = np.sin(2 * np.pi * 5 * np.arange(2000) / 100.0)[:, None] * np.ones(6)
    measured = both.measure(sine, 100.0, np.random.default_rng(0))
    assert measured.gyro is not None
    assert np.abs(measured.acc.numpy() - sine[:, :3]).max() > 0.01
    np.testing.assert_array_equal(measured.acc.numpy(), measured.gyro.numpy())
