"""Noise of a device against its analytic spectrum, variance and Allan deviation."""

import numpy as np
import pytest
import torch
from scipy.signal import butter, lfilter, lfilter_zi

from anymo.simulation import allan
from anymo.simulation.device import DeviceModel
from anymo.simulation.filters import butterworth, leaky_mean, recursion
from anymo.simulation.noise import (
    CORRELATION_S,
    Draw,
    bias_knots,
    flicker_weights,
    gauss_markov_variance,
    received,
    shaping_taps,
    white,
)
from anymo.simulation.triad import Triad


def draw(seed: int = 0) -> Draw:
    return Draw(np.random.default_rng(seed), torch.empty(0, dtype=torch.float64))


@pytest.mark.parametrize("length", [1, 31, 32, 1000])
@pytest.mark.parametrize("stride", [1, 2, 16])
def test_block_filter_is_the_sample_by_sample_filter(length: int, stride: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, length))
    b, a = butter(2, 40, fs=200)
    expected = lfilter(b, a, x, zi=lfilter_zi(b, a) * x[..., :1])[0]
    got, _ = butterworth(40, 200).run(torch.from_numpy(x), stride)
    np.testing.assert_allclose(got, expected[..., ::stride], atol=1e-12)


def test_long_memory_passes_between_blocks() -> None:
    x = np.random.default_rng(1).standard_normal((4, 3000))
    kappa = 1 - np.exp(-1 / (2.0 * 100))
    expected = lfilter([kappa], [1, kappa - 1], x, zi=(1 - kappa) * x[:, :1])[0]
    got = leaky_mean(2.0, 100).run(torch.from_numpy(x))[0]
    np.testing.assert_allclose(got, expected, atol=1e-9)
    walk = recursion(1 - 1e-6).run(torch.from_numpy(x), initial=torch.zeros(4))[0]
    np.testing.assert_allclose(walk, lfilter([1], [1, 1e-6 - 1], x), atol=1e-6)


def test_butterworth_gives_the_derivative_too() -> None:
    t = torch.arange(0, 4, 1 / 400, dtype=torch.float64)
    low, slope = butterworth(40, 400).run(torch.sin(2 * torch.pi * 3 * t)[None])
    np.testing.assert_allclose(
        slope[0, 200:-1], torch.gradient(low[0], spacing=1 / 400)[0][200:-1], atol=0.03
    )


def test_white_noise_has_the_density_of_the_data_sheet() -> None:
    noise = white(0.01, 50.0, np.ones(1), torch.Size((40, 5000)), draw())
    assert noise.std() == pytest.approx(0.01 * np.sqrt(25), rel=0.01)


@pytest.mark.parametrize(("cutoff", "decimation"), [(0.4, 2), (0.32, 4), (1 / 9, 2)])
def test_filtered_noise_is_what_comes_out_of_the_decimated_filter(cutoff: float, decimation: int) -> None:
    """Two ways to one autocorrelation: colour at the output rate, or filter the dense noise and decimate."""
    rng = np.random.default_rng(0)
    b, a = butter(2, 2 * cutoff / decimation)
    dense = lfilter(b, a, rng.standard_normal(2_000_000) * np.sqrt(decimation / 2))[1000::decimation]
    quick = white(1.0, 1.0, shaping_taps(cutoff, decimation), torch.Size((1, 1_000_000)), draw())[0].numpy()
    for lag in range(6):
        expected, got = (np.mean(s[lag:] * s[: len(s) - lag]) for s in (dense, quick))
        assert got == pytest.approx(expected, abs=0.004)
    assert shaping_taps(cutoff, decimation).sum() == pytest.approx(1, abs=0.01)


def test_flicker_is_flat_on_the_floor() -> None:
    tau = np.geomspace(2, 1e4, 200)
    processes = zip(flicker_weights(), CORRELATION_S, strict=True)
    sigma = np.sqrt(sum(v * gauss_markov_variance(tau, t) for v, t in processes))
    np.testing.assert_allclose(sigma, allan.FLOOR, rtol=0.05)
    np.testing.assert_allclose(sigma[tau > 4], allan.FLOOR, rtol=0.01)


def test_gauss_markov_allan_variance_against_a_simulated_one() -> None:
    x = recursion(np.exp(-1 / 50)).run(
        draw().normal((200, 8000)).mul_(np.sqrt(1 - np.exp(-2 / 50))), initial=torch.zeros(200)
    )[0]
    sizes = np.array([10, 95, 400])
    got = (allan.deviation(x[:, 1000:].T.numpy(), 1.0, sizes) ** 2).mean(axis=1)
    np.testing.assert_allclose(got, gauss_markov_variance(sizes.astype(float), 50.0), rtol=0.06)


def test_random_walk_spreads_with_the_root_of_time() -> None:
    knots = bias_knots(0.0, 0.02, 401, 1.0, 2000, draw())
    assert knots[..., 0].abs().max() == 0
    assert knots[..., 400].std() == pytest.approx(0.02 * np.sqrt(400), rel=0.03)


def test_allan_deviation_of_white_noise_and_of_a_ramp() -> None:
    x = np.random.default_rng(0).standard_normal((20_000, 30))
    sizes = np.array([1, 10, 100])
    got = np.sqrt((allan.deviation(x, 25.0, sizes) ** 2).mean(axis=1))
    np.testing.assert_allclose(got, 1 / np.sqrt(sizes), rtol=0.04)
    ramp = np.arange(1000.0)[:, None]
    np.testing.assert_allclose(allan.deviation(ramp, 1.0, np.array([7]))[0], 7 / np.sqrt(2))
    with pytest.raises(ValueError, match="clusters of 1 to 500 samples, got 1 to 600"):
        allan.deviation(ramp, 1.0, np.array([1, 600]))


def test_fit_finds_the_coefficients_of_the_model() -> None:
    tau = np.geomspace(0.1, 1000, 40)
    wanted = allan.Coefficients(n=0.003, b=0.001, k=1e-4)
    found = allan.fit(tau, allan.model(tau, wanted)[:, None])[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_still_device_has_the_allan_deviation_asked_for() -> None:
    rate = 20.0
    part = Triad(noise_density=0.004, bias_instability=0.001, random_walk=2e-4, bandwidth=0.4)
    device = DeviceModel(acc=part, gyro=part)
    measured = device.measure(torch.zeros(40, 12_000, 6), rate, np.random.default_rng(0))
    sizes = np.array([20, 60, 200, 600])
    wanted = allan.model(sizes / rate, allan.Coefficients(0.004 / np.sqrt(2), 0.001, 2e-4))
    assert measured.gyro is not None
    for signal in (measured.acc, measured.gyro):
        sigma = allan.deviation(signal.permute(1, 0, 2).flatten(1).numpy(), rate, sizes)
        np.testing.assert_allclose(np.sqrt((sigma**2).mean(axis=1)), wanted, rtol=0.06)


def test_losses_have_the_share_and_the_bursts_asked_for() -> None:
    arrived = received(0.1, 0.2, 60_000, 100.0, 20, draw()).numpy()
    assert (~arrived).mean() == pytest.approx(0.1, rel=0.05)
    starts = (arrived[:, :-1] & ~arrived[:, 1:]).sum()
    assert (~arrived).sum() / starts / 100 == pytest.approx(0.2, rel=0.08)
    assert (~arrived[:, 0]).mean() < 0.5
    short = received(0.3, 5.0, 1, 100.0, 4000, draw())
    assert (~short).double().mean() == pytest.approx(0.3, abs=0.03)
