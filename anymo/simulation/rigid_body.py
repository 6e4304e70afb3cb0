"""Kinematics of rigid bodies in their own axes, and of bodies that hang on one another.

Arrays are laid out components first, (3, S, N) or (3, 3, S, N) for S bodies at N times, so that operations
run along time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anymo.records import Array
from anymo.skeleton import NUM_SEGMENTS, PARENTS

_PARENTS = np.array(PARENTS)
_LEVELS: list[npt.NDArray[np.intp]] = []  # segments by their number of joints to the pelvis, from one
while sum(map(len, _LEVELS)) < NUM_SEGMENTS - 1:
    _LEVELS.append(np.flatnonzero(np.isin(_PARENTS, _LEVELS[-1] if _LEVELS else [0])))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BodyMotion:
    """Where bodies are and how they move.

    position      origin, world frame, m                  (3, S, N)
    rotation      world from body                         (3, 3, S, N)
    acceleration  A, of the origin, own axes, m/s²        (3, S, N)
    rate          w, angular velocity, own axes, rad/s    (3, S, N)
    slope         dw/dt, rad/s²                           (3, S, N)
    """

    position: Array
    rotation: Array
    acceleration: Array
    rate: Array
    slope: Array

    def features(self) -> tuple[Array, ...]:
        """The 18 numbers A, u, B, w, each (S, N); B = [dw/dt]× + [w]×[w]×, for in own axes α is dw/dt."""
        (x, y, z), (dx, dy, dz) = self.rate, self.slope
        xx, yy, zz, xy, xz, yz = x * x, y * y, z * z, x * y, x * z, y * z
        B = (-yy - zz, xy - dz, xz + dy, xy + dz, -xx - zz, yz - dx, xz - dy, yz + dx, -xx - yy)
        return (*self.acceleration, *self.rotation[2], *B, *self.rate)


def own_rates(s: Array, ds: Array, dds: Array) -> tuple[Array, Array, Array]:
    """Rotation, angular velocity and its slope of unnormalised quaternions s(t), x, y, z, w.

    With N = |s|²: w = 2 Im(s̄ ṡ)/N and dw/dt = 2 Im(s̄ s̈)/N − w Ṅ/N, both in the turned axes.

    Args:
        s: (4, S, N) quaternions.
        ds: their first derivatives, 1/s.
        dds: their second derivatives, 1/s².

    Returns:
        Rotation (3, 3, S, N), angular velocity (3, S, N) rad/s and slope (3, S, N) rad/s².
    """
    double = 2.0 / (s * s).sum(0)
    rate = _imaginary(s, ds) * double
    slope = (_imaginary(s, dds) - rate * (s * ds).sum(0)) * double
    x, y, z, w = s
    xs, ys, zs = s[:3] * double
    xx, yy, zz, xy, xz, yz = x * xs, y * ys, z * zs, x * ys, x * zs, y * zs
    wx, wy, wz = w * xs, w * ys, w * zs
    rows = ((1 - yy - zz, xy - wz, xz + wy), (xy + wz, 1 - xx - zz, yz - wx), (xz - wy, yz + wx, 1 - xx - yy))
    return np.array(rows), rate, slope


def free_bodies(position: Array, acceleration: Array, s: Array, ds: Array, dds: Array) -> BodyMotion:
    """Bodies whose world poses are known: (3, S, N) position and acceleration, (4, S, N) quaternions.

    Args:
        position: (3, S, N) of S bodies at N times, world, m.
        acceleration: (3, S, N) world, m/s².
        s: (4, S, N) quaternion path.
        ds: (4, S, N) its derivative, 1/s.
        dds: (4, S, N) its second derivative, 1/s².
    """
    rotation, rate, slope = own_rates(s, ds, dds)
    return BodyMotion(
        position=position,
        rotation=rotation,
        acceleration=_turn_back(rotation, acceleration),
        rate=rate,
        slope=slope,
    )


def segment_tree(
    position: Array, acceleration: Array, s: Array, ds: Array, dds: Array, joint_offsets: Array
) -> BodyMotion:
    """The 23 segments from the pelvis' path and every segment's rotation against its parent.

    Down the tree, for a joint at o in the parent's frame and a rotation L of relative rate l, in own axes:
    w = Lᵀw_p + l, dw/dt = Lᵀ dw_p/dt + dl/dt + Lᵀw_p × l, A = Lᵀ(A_p + dw_p/dt × o + w_p × (w_p × o))
    (recursive Newton-Euler, outward pass: Luh, Walker and Paul 1980).

    Args:
        position: (3, 1, N) of the pelvis, m.
        acceleration: (3, 1, N) of the pelvis, world frame, m/s².
        s: (4, 23, N) quaternions, parent from segment.
        ds: their first derivatives, 1/s.
        dds: their second derivatives, 1/s².
        joint_offsets: (23, 3) m.
    """
    local, turn, turn_slope = own_rates(s, ds, dds)
    p, A, w, dw = (np.empty_like(turn) for _ in range(4))
    R = np.empty_like(local)
    p[:, :1], R[:, :, 0], w[:, 0], dw[:, 0] = position, local[:, :, 0], turn[:, 0], turn_slope[:, 0]
    A[:, :1] = _turn_back(local[:, :, :1], acceleration)
    for child in _LEVELS:
        parent = _PARENTS[child]
        L, bend, Rp, wp, dwp = (
            local[:, :, child],
            turn[:, child],
            R[:, :, parent],
            w[:, parent],
            dw[:, parent],
        )
        o = joint_offsets[child].T[..., None]
        p[:, child] = p[:, parent] + (Rp * o).sum(1)
        A[:, child] = _turn_back(L, A[:, parent] + _cross(dwp, o) + _cross(wp, _cross(wp, o)))
        carried = _turn_back(L, wp)
        w[:, child] = carried + bend
        dw[:, child] = _turn_back(L, dwp) + turn_slope[:, child] + _cross(carried, bend)
        R[:, :, child] = (Rp[:, :, None] * L).sum(1)
    return BodyMotion(position=p, rotation=R, acceleration=A, rate=w, slope=dw)


def _turn_back(rotation: Array, vector: Array) -> Array:
    """Rᵀ v, (3, S, N)."""
    turned: Array = (rotation * vector[:, None]).sum(0)
    return turned


def _cross(a: Array, b: Array) -> Array:
    return np.stack((a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]))


def _imaginary(quaternion: Array, derivative: Array) -> Array:
    """Im(q̄ d) of quaternions x, y, z, w: (3, S, N)."""
    x, y, z, w = quaternion
    dx, dy, dz, dw = derivative
    return np.stack(
        (
            w * dx - x * dw - y * dz + z * dy,
            w * dy - y * dw - z * dx + x * dz,
            w * dz - z * dw - x * dy + y * dx,
        )
    )
