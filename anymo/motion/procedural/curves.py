"""Smooth curves that movement is made of: minimum-jerk steps, jittered rhythm, noise, vertical force."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline
from scipy.special import betainc

from anymo.records import GRAVITY_MPS2, Array

_TABLE = np.linspace(0.0, 1.0, 257)  # one cycle, both ends


def minimum_jerk(s: Array) -> Array:
    """Step from 0 to 1 on s in [0, 1]: 10 s³ - 15 s⁴ + 6 s⁵ (Flash and Hogan 1985, eq. 4); C² everywhere."""
    s = np.clip(s, 0.0, 1.0)
    return np.asarray(s**3 * (10.0 + s * (6.0 * s - 15.0)))


def bump(s: Array) -> Array:
    """Lift from 0 to 1 and back on s in [0, 1]: 64 s³ (1-s)³; C² everywhere."""
    s = np.clip(s, 0.0, 1.0)
    return np.asarray(64.0 * (s * (1.0 - s)) ** 3)


def soft_positive(x: Array, width: float) -> Array:
    """max(x, 0) rounded off over `width`: softplus."""
    return np.asarray(width * np.logaddexp(0.0, x / width))


def moves(t: Array, starts_s: npt.ArrayLike, durations_s: npt.ArrayLike) -> Array:
    """(T, K) minimum-jerk steps; sums of overlapping steps flow through without stopping.

    Args:
        t: (T,) s.
        starts_s: (K,) when each begins, s.
        durations_s: (K,) how long each takes, s; or one for all.
    """
    starts, durations = np.asarray(starts_s, np.float64), np.asarray(durations_s, np.float64)
    return minimum_jerk((t[:, None] - starts) / durations)


def swings(t: Array, starts_s: npt.ArrayLike, durations_s: npt.ArrayLike) -> Array:
    """(T, K) steps of a swinging foot: speed ∝ (s (1-s))^1.3, whose peak is 1.6 times its mean.

    A minimum-jerk step peaks at 1.9 times its mean; ankles in walking stay below that (Winter 1992).

    Args:
        t: (T,) s.
        starts_s: (K,) when each begins, s.
        durations_s: (K,) how long each takes, s; or one for all.
    """
    s = (t[:, None] - np.asarray(starts_s, np.float64)) / np.asarray(durations_s, np.float64)
    return np.asarray(betainc(2.3, 2.3, np.clip(s, 0.0, 1.0)))


def lifts(t: Array, starts_s: npt.ArrayLike, durations_s: npt.ArrayLike) -> Array:
    """(T, K) bumps from 0 to 1 and back.

    Args:
        t: (T,) s.
        starts_s: (K,) when each begins, s.
        durations_s: (K,) how long each takes, s; or one for all.
    """
    return bump((t[:, None] - np.asarray(starts_s, np.float64)) / np.asarray(durations_s, np.float64))


def smooth_noise(rng: np.random.Generator, t: Array, columns: int, top_hz: float) -> Array:
    """(T, columns) unit-variance random curves without content far above `top_hz`: splines through noise.

    Args:
        rng: draws the knots.
        t: (T,) s.
        columns: how many curves.
        top_hz: Hz.
    """
    spacing = 0.5 / top_hz
    knots = np.arange(t[0] - 3 * spacing, t[-1] + 4 * spacing, spacing)
    curve = CubicSpline(knots, rng.standard_normal((len(knots), columns)))(t)
    return np.asarray(curve)


@dataclass(frozen=True, slots=True, eq=False)
class Rhythm:
    """A beat whose periods vary a little.

    beats   times of beat 0, 1, 2, ... s; they reach beyond both ends of the clip   (K,)
    phase   beats passed, a C² curve                                                (T,)
    period  local period, s                                                         (T,)
    """

    beats: Array
    phase: Array
    period: Array


def rhythm(
    rng: np.random.Generator,
    t: Array,
    period_s: float,
    jitter: float = 0.04,
    limp: float = 0.0,
    longest_s: float = np.inf,
) -> Rhythm:
    """Beats every `period_s` seconds on average, each period off by `jitter` of itself.

    The period after an even beat is longer by the share `limp`, that after an odd beat shorter; none is
    longer than `longest_s`.

    Args:
        rng: draws the periods.
        t: (T,) s.
        period_s: of a beat, on average, s.
        jitter: standard deviation of the logarithm of a period.
        limp: share by which periods are longer and shorter in turn.
        longest_s: of any period, s.
    """
    count = int(np.ceil((t[-1] - t[0]) / (period_s * (1 - 2 * jitter)))) + 8
    periods = period_s * np.exp(np.clip(jitter * rng.standard_normal(count), -2 * jitter, 2 * jitter))
    periods *= 1.0 - limp * (-1.0) ** np.arange(count)  # period k ends at beat k
    periods = np.minimum(periods, longest_s)
    beats = t[0] - period_s * (3.0 + rng.uniform()) + np.cumsum(periods)
    spline = CubicSpline(beats, np.arange(count))
    return Rhythm(beats, np.asarray(spline(t)), np.asarray(1.0 / spline(t, 1)))


def force_table(stance_share: float) -> Array:
    """Height over one step of period 1 s from the ground force, zero mean; scales with the period squared.

    Force is a sine-squared arch over the stance share of the step; the rest is free fall.

    Returns:
        (257,) height, m, both ends of the step.
    """
    s = _TABLE[:-1] / stance_share
    force = np.where(s < 1.0, np.sin(np.pi * np.minimum(s, 1.0)) ** 2, 0.0)
    return _double_integral(force / force.mean() - 1.0)


def impact_table(strength: float) -> Array:
    """Height, as force_table, of the jolt alone: a peak of `strength` g shortly after the step begins.

    Returns:
        (257,) height, m, of a step of 1 s, both ends.
    """
    pulse = np.exp(-0.5 * ((_TABLE[:-1] - 0.09) / 0.032) ** 2)
    return strength * _double_integral(pulse - pulse.mean())


def _double_integral(excess: Array) -> Array:
    """Periodic solution of z'' = g excess over one second."""
    spectrum = np.fft.rfft(GRAVITY_MPS2 * excess)
    omega = 2.0 * np.pi * np.arange(1, len(spectrum))
    spectrum[1:] /= -(omega**2)
    spectrum[0] = 0.0
    height = np.fft.irfft(spectrum, len(excess))
    return np.asarray(np.append(height, height[0]))


def sample_table(table: Array, phase: Array) -> Array:
    """Periodic cubic interpolation of a one-cycle table.

    Args:
        table: (257,) both ends of the cycle.
        phase: (...) cycles, of any size.

    Returns:
        As `phase`, of the unit of the table.
    """
    return np.asarray(CubicSpline(_TABLE, table, bc_type="periodic")(phase % 1.0))


def vibration(rng: np.random.Generator, t: Array, centre_hz: float, rms_mps2: float) -> Array:
    """(T,) displacement, m, of a shaking with a given root mean square acceleration around a frequency.

    Args:
        rng: draws frequencies and phases.
        t: (T,) s.
        centre_hz: Hz; eight waves from 0.7 to 1.3 times this.
        rms_mps2: of the acceleration, m/s².
    """
    omega = 2 * np.pi * centre_hz * rng.uniform(0.7, 1.3, 8)
    phase = rng.uniform(0, 2 * np.pi, 8)
    return np.asarray(np.sin(omega * t[:, None] + phase) @ (rms_mps2 * np.sqrt(2.0 / 8) / omega**2))
