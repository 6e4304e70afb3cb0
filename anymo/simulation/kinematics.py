"""Motion to segment kinematics: derivatives from quintic splines, and the 18 numbers per frame.

For a segment with rotation R (world from segment), acceleration a, angular velocity ω and angular
acceleration α, every ideal sensor on it is linear in

    A = Rᵀa (3)   u = Rᵀẑ (3)   B = Rᵀ([α]× + [ω]×[ω]×)R (9, row-major)   w = Rᵀω (3)

(the design note's derivation: f = Qᵀ(A + γu + Br), gyro = Qᵀw for offset r and mounting Q).
"""

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

from anymo.records import Array, Motion, SegmentKinematics
from anymo.skeleton import NUM_SEGMENTS, forward_kinematics

_DEGREE = 5


class MotionSpline:
    """Quintic splines through the world pose of every segment of a motion.

    Positions are splined as they are; rotations as sign-continuous quaternions s(t) that are normalised on
    evaluation: with N = |s|², ω = 2 Im(ṡ s̄)/N and α = 2 Im(s̈ s̄)/N − ω Ṅ/N, both world frame.
    At the two ends the spline is not-a-knot: the third frame from an end is the first whose second
    derivative is supported from both sides.

    Args:
        motion: the movement; needs 6 frames or more.
        cutoff_hz: zero-phase fourth-order low-pass of the pose before the spline, for captured motion
            whose jitter would be differentiated twice; None for noise-free motion.
    """

    def __init__(self, motion: Motion, cutoff_hz: float | None = None) -> None:
        frames = len(motion.root_position)
        if frames <= _DEGREE:
            raise ValueError(
                f"motion {motion.name!r}: expected at least {_DEGREE + 1} frames for a quintic spline, "
                f"got {frames}; use a longer clip"
            )
        position, rotation = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
        quaternion = _continuous_quaternions(rotation)
        if cutoff_hz is not None:
            position = _low_pass(position, cutoff_hz, motion)
            quaternion = _low_pass(quaternion, cutoff_hz, motion)
        times = np.arange(frames) / motion.rate_hz
        self.duration_s = motion.duration_s
        self._position: BSpline = make_interp_spline(times, position, k=_DEGREE)
        self._quaternion: BSpline = make_interp_spline(times, quaternion, k=_DEGREE)

    def at(self, rate_hz: float, start_s: float = 0.0, end_s: float | None = None) -> SegmentKinematics:
        """Kinematics at a sensor's own sampling times start + k / rate.

        Args:
            rate_hz: samples per second.
            start_s: first sample, s from the first frame.
            end_s: no sample after this, s; None for the last frame.

        Raises:
            ValueError: the interval is not inside the motion.
        """
        end_s = self.duration_s if end_s is None else end_s
        if not 0 <= start_s < end_s <= self.duration_s + 1e-9:
            raise ValueError(
                f"kinematics: expected 0 <= start < end <= {self.duration_s:.3f} s, got {start_s} to {end_s}"
            )
        times = start_s + np.arange(int(np.floor((end_s - start_s) * rate_hz + 1e-9)) + 1) / rate_hz
        rotation, omega, alpha = _rotation_derivatives(*(self._quaternion(times, nu) for nu in range(3)))
        acceleration = self._position(times, 2)
        return SegmentKinematics(
            position=self._position(times),
            rotation=rotation,
            features=_features(rotation, acceleration, omega, alpha),
            rate_hz=rate_hz,
        )


def _continuous_quaternions(rotation: Array) -> Array:
    """(T, S, 3, 3) to (T, S, 4) x, y, z, w without sign jumps along time."""
    quaternion = Rotation.from_matrix(rotation.reshape(-1, 3, 3)).as_quat().reshape(*rotation.shape[:2], 4)
    dots = (quaternion[1:] * quaternion[:-1]).sum(-1)
    signs = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    quaternion[1:] *= signs[..., None]
    return quaternion


def _low_pass(signal: Array, cutoff_hz: float, motion: Motion) -> Array:
    if cutoff_hz >= motion.rate_hz / 2:
        raise ValueError(
            f"motion {motion.name!r}: cutoff_hz must be under half the frame rate "
            f"({motion.rate_hz / 2:g} Hz), got {cutoff_hz:g}"
        )
    sos = butter(4, cutoff_hz, fs=motion.rate_hz, output="sos")
    filtered: Array = sosfiltfilt(sos, signal, axis=0, padlen=min(3 * 9, len(signal) - 1))
    return filtered


def _imaginary_of_product_with_conjugate(a: Array, b: Array) -> Array:
    """Vector part of a b̄ for quaternions in x, y, z, w order."""
    return -a[..., 3:] * b[..., :3] + b[..., 3:] * a[..., :3] - np.cross(a[..., :3], b[..., :3])


def _rotation_derivatives(s: Array, ds: Array, dds: Array) -> tuple[Array, Array, Array]:
    norm2 = (s * s).sum(-1, keepdims=True)
    omega = 2 * _imaginary_of_product_with_conjugate(ds, s) / norm2
    alpha = 2 * _imaginary_of_product_with_conjugate(dds, s) / norm2 - omega * (
        2 * (s * ds).sum(-1, keepdims=True) / norm2
    )
    rotation = Rotation.from_quat(s.reshape(-1, 4)).as_matrix().reshape(*s.shape[:2], 3, 3)
    return rotation, omega, alpha


def cross_matrix(v: Array) -> Array:
    """[v]× of (..., 3): the matrix whose product with x is v × x."""
    x, y, z = np.moveaxis(v, -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*v.shape, 3)


def _features(rotation: Array, acceleration: Array, omega: Array, alpha: Array) -> Array:
    to_segment = np.swapaxes(rotation, -1, -2)
    w = (to_segment @ omega[..., None])[..., 0]
    spin = cross_matrix(w)
    B = cross_matrix((to_segment @ alpha[..., None])[..., 0]) + spin @ spin
    A = (to_segment @ acceleration[..., None])[..., 0]
    u = to_segment[..., :, 2]
    return np.concatenate([A, u, B.reshape(len(B), NUM_SEGMENTS, 9), w], axis=-1)
