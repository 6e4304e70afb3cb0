"""A body that swings at every joint, whose accelerations are known in closed form."""

from dataclasses import dataclass

import numpy as np

from anymo.records import Array, Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, NUM_SEGMENTS, PARENTS

HIGHEST_HZ = 1.8
_SINES = 3
_ANGLE_RAD = 0.18  # makes the conventional error at 20 frames per second the usual 23 %
_REACH_M = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """Poses of the S segments at T times and their exact derivatives, world frame.

    times_s                                                  (T,)
    position m, acceleration m/s², omega rad/s, alpha rad/s² (T, S, 3)
    rotation, world from segment, and local, from parent     (T, S, 3, 3)
    """

    times_s: Array
    position: Array
    rotation: Array
    local: Array
    acceleration: Array
    omega: Array
    alpha: Array

    def motion(self) -> Motion:
        """What a reader would have made of it."""
        return Motion(
            root_position=self.position[:, 0],
            rotations=self.local,
            joint_offsets=np.array(DEFAULT_JOINT_OFFSETS),
            rate_hz=(len(self.times_s) - 1) / (self.times_s[-1] - self.times_s[0]),
            name="swinging body",
        )

    def readings(self, offset_m: Array, gravity_mps2: float) -> Array:
        """(T, S, 6) of a sensor on each segment, offset (S, 3) m and turned as the segment is."""
        arm = (self.rotation @ offset_m[..., None])[..., 0]
        force = self.acceleration + np.cross(self.alpha, arm)
        force += np.cross(self.omega, np.cross(self.omega, arm))
        force[..., 2] += gravity_mps2
        to_body = np.swapaxes(self.rotation, -1, -2)
        return (to_body @ np.stack([force, self.omega], axis=-1)).swapaxes(-1, -2).reshape(*arm.shape[:2], 6)


def swinging_body(times_s: Array, seed: int = 0) -> Truth:
    """Joints of three hinges (z, y, x) each, angles and root position sums of sines up to 1.8 Hz.

    Down the tree, for a hinge of axis n (world) and angle θ: ω' = ω + nθ̇ and α' = α + nθ̈ + ω × nθ̇; for a
    joint at o (world, from its parent) a' = a + α × o + ω × (ω × o).
    """
    rng = np.random.default_rng(seed)
    shape = (len(times_s), NUM_SEGMENTS, 3)
    rotation, local = np.empty((2, *shape, 3))
    position, acceleration, omega, alpha = (np.empty(shape) for _ in range(4))
    for body, parent in enumerate(PARENTS):
        if parent < 0:
            x, _, ddx = _sines(times_s, _REACH_M, rng)
            R = np.tile(np.eye(3), (len(x), 1, 1))
            frame = [x, ddx, R, 0 * x, 0 * x]
        else:
            R, w, dw = rotation[:, parent], omega[:, parent], alpha[:, parent]
            arm = R @ DEFAULT_JOINT_OFFSETS[body]
            a = acceleration[:, parent] + np.cross(dw, arm) + np.cross(w, np.cross(w, arm))
            frame = [position[:, parent] + arm, a, R, w, dw]
        angles = _sines(times_s, _ANGLE_RAD, rng)
        for axis in (2, 1, 0):
            frame = _hinge(frame, axis, *(a[:, axis] for a in angles))
        position[:, body], acceleration[:, body], rotation[:, body], omega[:, body], alpha[:, body] = frame
        local[:, body] = np.swapaxes(R, 1, 2) @ rotation[:, body]
    return Truth(
        times_s=times_s,
        position=position,
        rotation=rotation,
        local=local,
        acceleration=acceleration,
        omega=omega,
        alpha=alpha,
    )


def _sines(times_s: Array, size: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """(T, 3) sums of sines and their first two derivatives."""
    rate = 2 * np.pi * rng.uniform(0.1, HIGHEST_HZ, (_SINES, 3))
    size_phase = size * rng.uniform(0.5, 1.5, (_SINES, 3)), rng.uniform(0, 2 * np.pi, (_SINES, 3))
    angle = times_s[:, None, None] * rate + size_phase[1]
    value, slope = size_phase[0] * np.sin(angle), size_phase[0] * np.cos(angle)
    return value.sum(1), (rate * slope).sum(1), (-(rate**2) * value).sum(1)


def _hinge(frame: list[Array], axis: int, angle: Array, rate: Array, slope: Array) -> list[Array]:
    position, acceleration, rotation, omega, alpha = frame
    n = rotation[..., axis]
    spin = n * rate[:, None]
    turn = np.zeros((len(angle), 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turn[:, axis, axis] = 1
    turn[:, i, i] = turn[:, j, j] = np.cos(angle)
    turn[:, j, i], turn[:, i, j] = np.sin(angle), -np.sin(angle)
    slope_of_spin = n * slope[:, None] + np.cross(omega, spin)
    return [position, acceleration, rotation @ turn, omega + spin, alpha + slope_of_spin]
