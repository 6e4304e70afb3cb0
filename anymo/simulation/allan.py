"""Allan deviation of a still sensor, and the noise coefficients behind it (IEEE Std 952-1997, annex C).

N, B and K are the random walk, bias instability and rate random walk of the standard: σ²(τ) is N²/τ for white
noise, (2 ln 2 / π) B² on the floor and K² τ / 3 for the random walk of the rate. A data sheet's noise density
is one-sided: N is 1/√2 of it.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from anymo.records import Array

FLOOR = np.sqrt(2 * np.log(2) / np.pi)  # of the Allan deviation, in units of B: 0.664


class Coefficients(NamedTuple):
    """Noise coefficients of a channel of unit u: N in u/√Hz, B in u, K in u/√s."""

    n: float
    b: float
    k: float


def deviation(signal: Array, rate_hz: float, samples: Array) -> Array:
    """Overlapping Allan deviation σ(τ) (El-Sheimy, Hou and Niu 2008, eq. 10).

    Args:
        signal: (T, C) readings of still sensors.
        rate_hz: sampling rate, Hz.
        samples: (M,) cluster sizes, τ · rate, whole and at most (T − 1) / 2.

    Returns:
        (M, C) in the unit of the signal.

    Raises:
        ValueError: a cluster size under one sample or over half of the record.
    """
    sizes = np.asarray(samples, dtype=np.int64)
    if sizes.min() < 1 or 2 * sizes.max() > len(signal):
        raise ValueError(
            f"allan: expected clusters of 1 to {len(signal) // 2} samples, got {sizes.min()} to "
            f"{sizes.max()}; record longer or take shorter clusters"
        )
    angle = np.vstack([np.zeros((1, signal.shape[1])), np.cumsum(signal, axis=0, dtype=np.float64)])
    rows = []
    for m in sizes:
        second = angle[2 * m :] - 2 * angle[m:-m] + angle[: -2 * m]
        rows.append(np.sqrt(np.mean(second**2, axis=0) / 2) / m)
    return np.stack(rows)


def model(tau_s: Array, coefficients: Coefficients) -> Array:
    """Allan deviation of the three processes together, at (M,) cluster times in s."""
    n, b, k = coefficients
    return np.asarray(np.sqrt(n**2 / tau_s + (FLOOR * b) ** 2 + k**2 * tau_s / 3))


def fit(tau_s: Array, deviations: Array) -> list[Coefficients]:
    """Coefficients of each channel by non-negative least squares on σ²(τ).

    A cluster time has about T / τ independent clusters, so the relative error of σ² goes with √τ: each is
    weighted by the model of a first fit and by 1/√τ.

    Args:
        tau_s: (M,) cluster times, s.
        deviations: (M, C).
    """
    terms = np.stack([1 / tau_s, np.full_like(tau_s, FLOOR**2), tau_s / 3], axis=1)
    found = []
    for sigma in deviations.T:
        expected = sigma**2
        for _ in range(3):
            weight = 1 / (expected * np.sqrt(tau_s))
            squares, _ = nnls(terms * weight[:, None], sigma**2 * weight)
            expected = terms @ squares
        found.append(Coefficients(*np.sqrt(squares)))
    return found
