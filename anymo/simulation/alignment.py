"""Alignment of a worn sensor with a tracked body: lag, mounting rotation, lever arm and biases.

Fitted on training stretches of a paired recording, applied elsewhere. What the pose says is the 18 numbers of
anymo.simulation.kinematics; the sensor is then linear in all unknowns but the rotation and the lag:

    acc = Qᵀ(A + γu + Br) + b,    gyro = Qᵀw + c.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from anymo.records import GRAVITY_MPS2, Array, Placement
from anymo.simulation.imu import placement_matrix

FeaturesAt = Callable[[Array], Array]
"""Times (T,) in s to the body's features (T, 18), NaN where the pose is not known."""

_MIN_CORRELATION = 0.3  # of rates: under it lag and rotation would be those of noise
_MAX_ROTATION_STD_RAD = 0.1
_MAX_OFFSET_STD_M = 0.1
_ROUNDS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SensorAlignment:
    """How a sensor sits on a body, and how sure that is.

    Standard errors take the residuals as independent from sample to sample; they are lower bounds.

    lag_s             the recording shows at t + lag what the pose shows at t, s
    rotation          body from sensor, Q                              (3, 3)
    offset_m          sensor in the body's frame, r, m                 (3,)
    bias              acc m/s², gyro rad/s, sensor frame               (6,)
    correlation       of the norms of recorded and computed angular velocity at this lag
    rotation_std_rad  standard error of the mounting about each body axis    (3,)
    offset_std_m      standard error of the lever arm                  (3,)
    rmse              what is left on the fitted samples, acc m/s², gyro rad/s   (6,)
    num_samples       samples fitted
    """

    lag_s: float
    rotation: Array
    offset_m: Array
    bias: Array
    correlation: float
    rotation_std_rad: Array
    offset_std_m: Array
    rmse: Array
    num_samples: int

    def placement(self, segment: str, name: str = "") -> Placement:
        """The sensor as a placement, where the body is a segment."""
        return Placement(segment=segment, offset_m=self.offset_m, rotation=self.rotation, name=name)

    def predict(self, features: Array) -> Array:
        """(T, 18) features, taken at the recording's times less the lag, to (T, 6) acc m/s², gyro rad/s."""
        offset, rotation = (torch.from_numpy(a[None]) for a in (self.offset_m, self.rotation))
        return np.asarray(features @ placement_matrix(offset, rotation)[0].numpy() + self.bias)


def align(
    features_at: FeaturesAt, times_s: Array, acc: Array, gyro: Array, *, max_lag_s: float = 0.1
) -> SensorAlignment:
    """Lag from the norms of angular velocity, then rotation, lever arm and biases in turns.

    The rotation is that of both sensors, each weighted by the inverse of what it leaves unexplained.

    Args:
        features_at: the body's features at given times of the recording's clock.
        times_s: (T,) evenly spaced times of the samples, s.
        acc: (T, 3) specific force, m/s²; missing samples are NaN.
        gyro: (T, 3) angular velocity, rad/s; missing samples are NaN.
        max_lag_s: lags up to this one are searched, either way.

    Raises:
        ValueError: shapes that do not agree, times that are not even, or too little motion to tell the lag,
            the rotation or the lever arm.
    """
    rate_hz = _even_rate(times_s, acc, gyro)
    turning = np.linalg.norm(features_at(times_s)[:, 15:], axis=1)
    lag, correlation = find_lag(np.linalg.norm(gyro, axis=1), turning, rate_hz, max_lag_s)
    features = features_at(times_s - lag)
    known = np.isfinite(np.concatenate([features, acc, gyro], axis=1)).all(axis=1)
    return _mounted(features[known], acc[known], gyro[known], lag, correlation)


def _mounted(features: Array, acc: Array, gyro: Array, lag: float, correlation: float) -> SensorAlignment:
    rate, force = features[:, 15:], features[:, :3] + GRAVITY_MPS2 * features[:, 3:6]
    lever = features[:, 6:15].reshape(-1, 3, 3)
    body, sensor = _centred(rate), _centred(gyro)
    for _ in range(_ROUNDS):
        rotation, rotation_std = find_rotation(body, sensor)
        offset, offset_std, acc_bias = find_lever_arm(acc @ rotation.T - force, lever)
        left = acc @ rotation.T - force - lever @ offset - acc_bias, _centred(gyro @ rotation.T - rate)
        weight = [1 / np.sqrt((side**2).mean() + 1e-24) for side in left]
        body = np.concatenate([weight[0] * _centred(force + lever @ offset), weight[1] * _centred(rate)])
        sensor = np.concatenate([weight[0] * _centred(acc), weight[1] * _centred(gyro)])
    gyro_bias = (gyro @ rotation.T - rate).mean(axis=0)
    return SensorAlignment(
        lag_s=lag,
        rotation=rotation,
        offset_m=offset,
        bias=np.concatenate([acc_bias @ rotation, gyro_bias @ rotation]),
        correlation=correlation,
        rotation_std_rad=rotation_std,
        offset_std_m=offset_std,
        rmse=np.sqrt(np.concatenate([((side @ rotation) ** 2).mean(axis=0) for side in left])),
        num_samples=len(acc),
    )


def _even_rate(times_s: Array, acc: Array, gyro: Array) -> float:
    expected = (len(times_s), 3)
    if acc.shape != expected or gyro.shape != expected or len(times_s) < 3:
        raise ValueError(
            f"alignment: expected acc and gyro (T, 3) with T = {len(times_s)} times, three or more, got "
            f"{acc.shape} and {gyro.shape}"
        )
    steps = np.diff(times_s)
    period = float(steps.mean())
    if not np.abs(steps - period).max() < 0.01 * period:
        raise ValueError(
            f"alignment: expected evenly spaced times, got steps of {steps.min():.4g} to {steps.max():.4g} "
            "s; resample the recording, and make what was missing NaN"
        )
    return 1 / period


def find_lag(recorded: Array, computed: Array, rate_hz: float, max_lag_s: float) -> tuple[float, float]:
    """Lag at which two signals correlate most, between samples by a parabola through the three best.

    Args:
        recorded: (T,) signal, NaN where missing.
        computed: (T,) the same quantity from the pose, at the same times, NaN where unknown.
        rate_hz: samples per second of both.
        max_lag_s: lags up to this one are searched, either way.

    Returns:
        Lag in s, positive where the recording is late, and the Pearson correlation there.

    Raises:
        ValueError: no correlation to speak of, or it still grows at the longest lag.
    """
    most = int(np.ceil(max_lag_s * rate_hz))
    shifts = range(-most, most + 1)
    r = np.array([_overlap_correlation(recorded, computed, k) for k in shifts])
    best = int(np.nanargmax(r)) if np.isfinite(r).any() else 0
    if not r[best] > _MIN_CORRELATION:
        raise ValueError(
            f"lag: angular velocities correlate by {r[best]:.2f} at most within ±{max_lag_s:g} s, expected "
            f"over {_MIN_CORRELATION}; give a stretch with rotation, of the right sensor"
        )
    if best in (0, 2 * most):
        raise ValueError(
            f"lag: correlation still grows at {shifts[best] / rate_hz:g} s; raise max_lag_s, or synchronise "
            "the recordings first"
        )
    before, peak, after = r[best - 1 : best + 2]
    step = 0.5 * (before - after) / (before - 2 * peak + after)
    return (shifts[best] + float(step)) / rate_hz, float(peak)


def _overlap_correlation(recorded: Array, computed: Array, shift: int) -> float:
    """Pearson correlation of recorded[n + shift] and computed[n] over the samples known in both."""
    count = len(recorded) - abs(shift)
    x, y = recorded[max(shift, 0) :][:count], computed[max(-shift, 0) :][:count]
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 3:
        return np.nan
    x, y = _centred(x[both]), _centred(y[both])
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else np.nan


def find_rotation(body: Array, sensor: Array) -> tuple[Array, Array]:
    """Rotation Q, body from sensor, that brings vectors together: Kabsch's solution of Wahba's problem.

    Args:
        body: (N, 3) vectors in the body's axes.
        sensor: (N, 3) the same vectors as the sensor has them.

    Returns:
        Q (3, 3), and its standard error about each body axis (3,), rad: that of the linearised problem,
        σ²(Σ |v|²I − vvᵀ)⁻¹.

    Raises:
        ValueError: vectors that vanish, are all parallel, or do not resemble each other.
    """
    information = (body**2).sum() * np.eye(3) - body.T @ body
    if not np.linalg.eigvalsh(information)[0] > 1e-9 * (body**2).sum() > 0:
        raise ValueError(
            "rotation: expected motion about two axes or more, got none or one alone; give a stretch in "
            "which the body turns in several directions"
        )
    rotation = Rotation.align_vectors(body, sensor)[0].as_matrix()
    turned = sensor @ rotation.T
    correlation = (turned * body).sum() / np.sqrt((turned**2).sum() * (body**2).sum() + 1e-300)
    std = np.sqrt(((turned - body) ** 2).mean() * np.diag(np.linalg.inv(information)))
    if correlation < _MIN_CORRELATION or std.max() > _MAX_ROTATION_STD_RAD:
        raise ValueError(
            f"rotation: vectors correlate by {correlation:.2f} after the best rotation, standard error "
            f"{np.rad2deg(std.max()):.1f}°; expected over {_MIN_CORRELATION} and under "
            f"{np.rad2deg(_MAX_ROTATION_STD_RAD):.1f}°; give more motion, or the right sensor"
        )
    return rotation, std


def find_lever_arm(left_over: Array, lever: Array) -> tuple[Array, Array, Array]:
    """Lever arm r and bias b by least squares on left_over = B r + b.

    Args:
        left_over: (N, 3) specific force the body's origin does not explain, body frame, m/s².
        lever: (N, 3, 3) B of anymo.simulation.kinematics, 1/s².

    Returns:
        r (3,) m, its standard error (3,) m, and b (3,) body frame, m/s².

    Raises:
        ValueError: the body turns too little to tell the lever arm.
    """
    design = np.concatenate([lever, np.broadcast_to(np.eye(3), lever.shape)], axis=2).reshape(-1, 6)
    solution, _, rank, _ = np.linalg.lstsq(design, left_over.ravel())
    residual = left_over.ravel() - design @ solution
    covariance = (residual**2).mean() * np.linalg.pinv(design.T @ design)
    std = np.sqrt(np.diag(covariance)[:3])
    if rank < 6 or std.max() > _MAX_OFFSET_STD_M:
        raise ValueError(
            f"lever arm: its standard error is {std.max():.2g} m (rank {rank} of 6), expected under "
            f"{_MAX_OFFSET_STD_M:g} m; give a stretch in which the body turns faster, about two axes or more"
        )
    return solution[:3], std, solution[3:]


def _centred(vectors: Array) -> Array:
    return np.asarray(vectors - vectors.mean(axis=0))
