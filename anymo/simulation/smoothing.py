"""How much to smooth a captured pose: the cutoff of the low-pass, read off the capture's own spectrum."""

from collections.abc import Sequence

import numpy as np
from scipy.signal import detrend, welch

from anymo.records import Array

_WINDOW = 256  # frames of a Welch window
_NOISE_BAND = (0.5, 0.9)  # of half the frame rate
_NOISE_SLOPES = (-2.0, 0.0)  # of the power in a log-log spectrum: between a random walk and white noise


def choose_cutoff(runs: Sequence[Array], rate_hz: float, derivative: int) -> float:
    """Cutoff whose low-passed derivative has the least expected error, judged by the capture alone.

    Stein's unbiased estimate of the risk of a linear filter (Stein 1981; Mallows' C_L of 1973): with power P,
    noise N and gain H at each frequency, E|HX − S|² = (1 − H)²P + 2HN − N. Here every frequency is weighted
    by (2πf)²ᵐ for the m-th derivative, H = 1 / (1 + (f / cutoff)⁸) as in anymo.simulation.spline, and N is
    the power law fitted to the upper half of the band, where a body does not move; its slope is held between
    those of white noise and of a random walk.

    Args:
        runs: stretches without gaps, each (T, C) of one unit: positions in m, or continuous quaternions.
        rate_hz: frames per second; the upper half of the band must be noise, so 100 or more for limbs.
        derivative: m, of what is wanted: 2 for acceleration from positions, 1 for rates from rotations.

    Returns:
        Cutoff, Hz.

    Raises:
        ValueError: no run of 256 frames or more, or a pose that never changes.
    """
    long = [run for run in runs if len(run) >= _WINDOW]
    if not long:
        longest = max((len(run) for run in runs), default=0)
        raise ValueError(
            f"cutoff: expected a stretch of {_WINDOW} frames or more without gaps, got {longest}; "
            "state cutoff_hz instead"
        )
    spectra = [welch(run, rate_hz, nperseg=_WINDOW, detrend=detrend, axis=0) for run in long]
    frequency = spectra[0][0][1:]
    weights = np.array([len(run) for run in long], dtype=np.float64)
    power = np.average([p.sum(axis=-1)[1:] for _, p in spectra], axis=0, weights=weights)
    if not (power > 0).all():
        raise ValueError("cutoff: the pose has no spectrum, it never changes; nothing needs smoothing")
    noise = np.minimum(_noise(frequency, power, rate_hz), power)
    cutoffs = np.arange(2.0, 0.95 * rate_hz / 2, 0.25)
    gain = 1 / (1 + (frequency / cutoffs[:, None]) ** 8)
    risk = (frequency ** (2 * derivative) * ((1 - gain) ** 2 * power + 2 * gain * noise)).sum(axis=1)
    return float(cutoffs[risk.argmin()])


def _noise(frequency: Array, power: Array, rate_hz: float) -> Array:
    low, high = (share * rate_hz / 2 for share in _NOISE_BAND)
    top = (frequency > low) & (frequency < high)
    x, y = np.log(frequency), np.log(power)
    slope = np.clip(np.polyfit(x[top], y[top], 1)[0], *_NOISE_SLOPES)
    return np.asarray(np.exp(y[top].mean() + slope * (x - x[top].mean())))
