"""Penalised quintic B-splines: one banded system shared by all channels of a motion."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse
from scipy.interpolate import BSpline
from scipy.linalg import cho_solve_banded, cholesky_banded

from anymo.records import Array

DEGREE = 5
_PENALTY_ORDER = 4
_KNOTS_PER_CYCLE = 10.0  # of the cutoff; many more would spoil the condition of the normal equations


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuinticSpline:
    """Channels over time as quintic B-splines on common knots.

    knots         s                              (K + 6,)
    coefficients  of each channel, in its unit   (C, K)
    """

    knots: Array
    coefficients: Array

    @classmethod
    def fit(cls, times_s: Array, values: Array, cutoff_hz: float | None) -> Self:
        """Interpolate, or smooth with half amplitude at a cutoff and no phase.

        Minimises Σ (y − s)² + λ Σ (s⁗)² over the B-spline coefficients (P-splines: Eilers and Marx 1996,
        eqs. 8 to 10, here with the fourth derivative). On a uniform grid that is the filter
        1 / (1 + λ(2 sin(ω/2))⁸ / b(ω)²), b the frequency response of the sampled quintic B-spline; λ makes it
        one half at the cutoff, and well below half the frame rate it is 1 / (1 + (f / cutoff)⁸), which is
        what a fourth-order Butterworth filter run forward and backward does. Cubics pass unchanged, up to
        the ends. Knots are the frames but for the third and the second from either end (not-a-knot), or,
        for a cutoff under a tenth of the frame rate, ten to a cycle of the cutoff.

        Args:
            times_s: (T,) ascending, six or more, s.
            values: (C, T) channels; overwritten by the coefficients where there are as many.
            cutoff_hz: under half the frame rate; None interpolates.
        """
        frames, duration = len(times_s), times_s[-1] - times_s[0]
        wanted = np.inf if cutoff_hz is None else np.ceil(duration * _KNOTS_PER_CYCLE * cutoff_hz) + 1
        num = int(min(frames, max(wanted, DEGREE + 1)))
        sites = np.interp(np.linspace(0, frames - 1, num), np.arange(frames), times_s)
        knots = np.concatenate([np.repeat(sites[:1], 6), sites[3:-3], np.repeat(sites[-1:], 6)])
        basis = BSpline.design_matrix(times_s, knots, DEGREE)
        normal = basis.T @ basis
        if cutoff_hz is not None:
            normal = normal + _penalty(knots, duration / (num - 1), frames / num, cutoff_hz)
        band = np.zeros((DEGREE + 1, num))
        for k in range(DEGREE + 1):
            band[k, : num - k] = normal.diagonal(-k)
        factor = cholesky_banded(band, lower=True), True
        transposed = basis.T.tocsr()
        coefficients = values if num == frames else np.empty((len(values), num))
        for rows in range(0, len(values), 32):  # few at a time, to save memory
            block = slice(rows, rows + 32)
            projected = np.asfortranarray(transposed @ values[block].T)
            coefficients[block] = cho_solve_banded(factor, projected, overwrite_b=True).T
        return cls(knots=knots, coefficients=coefficients)

    def derivatives(self, times_s: Array, highest: int) -> list[Array]:
        """Values and derivatives of every channel.

        Args:
            times_s: (N,) ascending, within the knots, s.
            highest: order of the last derivative.

        Returns:
            (N, C) values, first derivatives in unit/s, and so on.
        """
        span = np.searchsorted(self.knots[DEGREE : -DEGREE - 1], times_s[[0, -1]], side="right") - 1
        low, high = span[0], span[1] + DEGREE + 1
        knots = self.knots[low : high + DEGREE + 1]
        local = np.ascontiguousarray(self.coefficients[:, low:high].T)
        out: list[Array] = []
        for degree in range(DEGREE, DEGREE - highest - 1, -1):
            out.append(np.asarray(BSpline.design_matrix(times_s, knots, degree) @ local))
            local = np.diff(local, axis=0) * _slope_weights(knots, degree)[:, None]
            knots = knots[1:-1]
        return out


def _slope_weights(knots: Array, degree: int) -> Array:
    """(K − 1,) times the differences of coefficients gives those of the derivative (de Boor 1978, X.15)."""
    weights: Array = degree / (knots[degree + 1 : -1] - knots[1 : -degree - 1])
    return weights


def _penalty(knots: Array, spacing_s: float, samples_per_knot: float, cutoff_hz: float) -> sparse.csr_array:
    """λ D₄ᵀD₄, with λ such that the response at the cutoff is one half on a uniform grid."""
    half = np.pi * cutoff_hz * spacing_s
    sampled = (33 + 26 * np.cos(2 * half) + np.cos(4 * half)) / 60
    weight = samples_per_knot * sampled**2 * (spacing_s / (2 * np.sin(half))) ** (2 * _PENALTY_ORDER)
    roughness = sparse.csr_array(sparse.eye_array(len(knots) - DEGREE - 1))
    for order in range(_PENALTY_ORDER):
        scale = sparse.diags_array(_slope_weights(knots[order : len(knots) - order], DEGREE - order))
        roughness = sparse.csr_array(scale @ (roughness[1:] - roughness[:-1]))
    return sparse.csr_array(weight * (roughness.T @ roughness))
