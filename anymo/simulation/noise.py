"""Random errors of a sensor's axes: filtered white noise, flicker and random walk of the bias, dropouts."""

from functools import lru_cache

import numpy as np
import torch
from scipy.optimize import nnls

from anymo.records import Array
from anymo.simulation.allan import FLOOR
from anymo.simulation.filters import butterworth, coloured, recursion

CORRELATION_S = 0.5 * 5.0 ** np.arange(8)  # of the Gauss-Markov processes: 0.5 s to 11 h
_KNOTS_HZ = 2.0  # at which the bias is drawn


def gauss_markov_variance(tau_s: Array, correlation_s: float) -> Array:
    """Allan variance of a first-order Gauss-Markov process of variance 1 (IEEE Std 952-1997, eq. C.14)."""
    x = tau_s / correlation_s
    return np.asarray((2 * x - 3 + 4 * np.exp(-x) - np.exp(-2 * x)) / x**2)


@lru_cache(maxsize=1)
def flicker_weights() -> Array:
    """(K,) variances of the processes whose sum has a flat Allan deviation, 0.664, from 2 s to 3 h.

    Solved by non-negative least squares; the sum stays within 0.5 % of the floor.
    """
    tau = np.geomspace(2.0, 1e4, 60)
    terms = np.stack([gauss_markov_variance(tau, t) for t in CORRELATION_S], axis=1)
    return np.asarray(nnls(terms, np.full(len(tau), FLOOR**2))[0])


class Draw:
    """Normal and exponential deviates of one type on one device, from one seed."""

    def __init__(self, rng: np.random.Generator, like: torch.Tensor) -> None:
        self.like = like
        self.generator = torch.Generator(like.device).manual_seed(int(rng.integers(2**63)))

    def normal(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Standard normal deviates.

        Args:
            shape: of the result, whose type and device are those of `like`.
        """
        return self.like.new_empty(shape).normal_(generator=self.generator)

    def exponential(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Exponential deviates of mean 1.

        Args:
            shape: of the result, whose type and device are those of `like`.
        """
        return self.like.new_empty(shape).exponential_(generator=self.generator)


def bias_knots(
    instability: float, walk: float, num: int, rate_hz: float, sensors: int, draw: Draw
) -> torch.Tensor:
    """Flicker and random walk of the biases of P triads at knots half a second apart, (3, P, knots).

    Between the knots their power above 1 Hz is lost, where white noise is stronger: at a cluster time of 1 s
    the Allan deviation of a preset is up to 1.5 % low, from 2 s on within 0.5 % (benchmarks/device.py).

    Args:
        instability: B, unit of the signal.
        walk: K, unit/√s.
        num: samples the knots are to reach over.
        rate_hz: of the samples.
        sensors: P.
        draw: where the normal deviates come from.

    Returns:
        The flicker stationary, the walk from 0.
    """
    every = _samples_per_knot(rate_hz)
    shape, step_s = (3, sensors, -(-num // every) + 1), every / rate_hz
    total = draw.normal(shape).mul_(walk * np.sqrt(step_s))
    total[..., 0] = 0
    total = total.cumsum(-1)
    for variance, correlation in zip(flicker_weights(), CORRELATION_S, strict=True):
        keep = np.exp(-step_s / correlation)
        deviates = draw.normal(shape).mul_(instability * np.sqrt(variance * (1 - keep**2)))
        deviates[..., 0] /= np.sqrt(1 - keep**2)
        total += recursion(keep).run(deviates, initial=torch.zeros_like(deviates[..., 0]))[0]
    return total


def between_knots(knots: torch.Tensor, num: int, rate_hz: float) -> torch.Tensor:
    """(..., T) linear interpolation of knots (..., M) half a second apart; a single one is left as it is.

    Args:
        knots: (..., M), or (..., 1) for a constant.
        num: T samples.
        rate_hz: of the samples, Hz.
    """
    if knots.shape[-1] == 1:
        return knots
    every = _samples_per_knot(rate_hz)
    fraction = torch.arange(every, dtype=knots.dtype, device=knots.device) / every
    between = torch.addcmul(knots[..., :-1, None], knots.diff(dim=-1)[..., None], fraction)
    return between.flatten(-2)[..., :num]


def _samples_per_knot(rate_hz: float) -> int:
    return max(round(rate_hz / _KNOTS_HZ), 1)


def white(density: float, rate_hz: float, taps: Array, shape: torch.Size, draw: Draw) -> torch.Tensor:
    """White noise of a one-sided density as it comes out of the part's filter.

    Args:
        density: m/s²/√Hz or rad/s/√Hz.
        rate_hz: of the readings, Hz.
        taps: (K,) of `shaping_taps`; one for no filter.
        shape: of the result, time last.
        draw: source of the noise.

    Returns:
        Noise of that shape, in the unit of the density times √Hz.
    """
    std = density * np.sqrt(rate_hz / 2)
    if len(taps) == 1:
        return draw.normal(shape).mul_(std * taps[0])
    return coloured(draw.normal, shape, std * taps)


@lru_cache(maxsize=32)
def shaping_taps(cutoff: float, decimation: int) -> Array:
    """Symmetric filter that gives white noise at the output rate the spectrum behind a decimated low-pass.

    The square root of the folded power spectrum; 1 where the signal passes whole.

    Args:
        cutoff: of the Butterworth low-pass, in output rates.
        decimation: samples before the low-pass to one after.

    Returns:
        (K,) symmetric, K odd.
    """
    low_pass, size = butterworth(cutoff, decimation), 2048 * decimation
    turn = np.exp(2j * np.pi * np.arange(size // 2 + 1) / size)[:, None, None]
    state = np.linalg.solve(turn * np.eye(len(low_pass.a)) - low_pass.a, low_pass.b[:, None])[..., 0]
    power = np.abs(state @ low_pass.c[0] + low_pass.d[0]) ** 2
    correlation = np.fft.irfft(power)[::decimation] * decimation
    taps = np.fft.irfft(np.sqrt(np.maximum(np.fft.rfft(correlation).real, 0)))
    half = int(np.flatnonzero(np.abs(taps[: len(taps) // 2]) > 1e-4 * taps[0])[-1])
    return np.asarray(np.concatenate([taps[-half:], taps[: half + 1]]) if half else taps[:1])


def received(
    share: float, burst_s: float, num: int, rate_hz: float, sensors: int, draw: Draw
) -> torch.Tensor:
    """(P, T) True where a sample arrives; bursts of losses and the gaps between are exponential in length.

    The two-state channel of Gilbert (1960) in continuous time.

    Args:
        share: of the samples that are lost, under 1.
        burst_s: mean length of a burst, s.
        num: samples T.
        rate_hz: of the samples.
        sensors: P.
        draw: where the exponential deviates come from.
    """
    duration, gap_s = num / rate_hz, burst_s * (1 - share) / share
    cycles = duration / (gap_s + burst_s)
    runs = 2 * int(cycles + 8 * np.sqrt(cycles) + 20)
    length = draw.exponential((sensors, runs))
    starts_lost = draw.exponential((sensors, 1)) < -np.log1p(-share)
    mean = torch.tensor([burst_s, gap_s]).to(length).repeat(runs // 2)
    length *= torch.where(starts_lost, mean, mean.flip(0))
    edges = (length.cumsum(1) * rate_hz).ceil().clamp(max=num).long()
    toggles = torch.zeros(sensors, num + 1, dtype=torch.int32, device=length.device)
    toggles.scatter_add_(1, edges, torch.ones_like(edges, dtype=torch.int32))
    arrived: torch.Tensor = ((toggles[:, :num].cumsum(1) + starts_lost) & 1) == 0
    return arrived
