"""A device that is not bolted to the bone: displacement and tilt on soft tissue or a strap."""

import logging
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from anymo.simulation.filters import StateSpace

_log = logging.getLogger(__name__)
_SEEN = 1.5  # ideal samples to a cycle of the mount, under which its ringing folds
_SETTLE_S = 1.0  # in which a strap gives way to a constant pull, so that rest is the pose it was mounted in


@dataclass(frozen=True, slots=True, kw_only=True)
class Wobble:
    """Skin or strap as a spring and damper under the device, the same along its three axes.

    The displacement d in the sensor's frame obeys d'' = −ω² d − 2ζω d' − (f − m), f the specific force of the
    place on the body and m its running mean over a second: at rest there is none. A displacement sideways
    tilts the device about the skin, θ = z × d / h, z the sensor's axis that points out of the skin
    (docs/conventions.md).

    frequency_hz     ω / 2π; for a mass m on skin of stiffness k it is √(k / m) / 2π
    damping          ζ
    tilt_radius_m    h: sideways displacement over the angle it tilts by
    """

    frequency_hz: float
    damping: float = 0.3
    tilt_radius_m: float = 0.02

    def __post_init__(self) -> None:
        if not min(self.frequency_hz, self.damping, self.tilt_radius_m) > 0:
            raise ValueError(
                "wobble: expected positive frequency_hz, damping and tilt_radius_m, got "
                f"{self.frequency_hz}, {self.damping}, {self.tilt_radius_m}; a rigid mounting is wobble=None"
            )

    def displacement(self, force: torch.Tensor, rate_hz: float) -> list[torch.Tensor]:
        """Displacement, speed and acceleration, m and s, like the specific force (3, ..., T), m/s²."""
        return _oscillator(self.frequency_hz, self.damping, rate_hz).run(force)

    def shake(self, signal: torch.Tensor, rate_hz: float) -> torch.Tensor:
        """Readings of the device from those of the place it is worn on.

        With R = exp([θ]×) it feels Rᵀ (f + d'' + 2ω × d' + ω' × d + ω × (ω × d)) and turns at Rᵀ ω + J θ', J
        the right Jacobian (Forster, Carlone, Dellaert and Scaramuzza 2017, eq. 8), so that both come from one
        movement. That the turning frame also acts on the spring is left out: it is of the order of d.

        Args:
            signal: (6, ..., T) specific force, m/s², and angular velocity, rad/s.
            rate_hz: sampling rate, several times `frequency_hz` to see it ring, Hz.
        """
        if rate_hz < _SEEN * self.frequency_hz:
            _log.warning(
                "wobble: ideal samples at %g Hz show a mount of %g Hz ringing too low; raise "
                "Clock.oversampling, or sample faster",
                rate_hz,
                self.frequency_hz,
            )
        force, gyro = signal[:3], signal[3:]
        moved, speed, acceleration = self.displacement(force, rate_hz)
        carried = cross(gyro, moved)
        relative = acceleration.add_(force).add_(cross(gyro, speed + carried))
        _add_slope(relative, carried, rate_hz)
        return self._tilted(moved, speed, relative, gyro)

    def _tilted(
        self, moved: torch.Tensor, speed: torch.Tensor, force: torch.Tensor, gyro: torch.Tensor
    ) -> torch.Tensor:
        """Rᵀ f and Rᵀ ω + J θ' of the tilt θ = (−y, x, 0) / h of a displacement (x, y, z), (6, ..., T).

        Of sin θ / θ and (1 − cos θ) / θ² two terms of the series are taken, of (θ − sin θ) / θ³ one: 6e-5 off
        at 0.3 rad, 1 % at 1 rad. With these s, c, t over powers of h, and m = x y' − y x',
        Rᵀ v = v − s (x, y, 0) v_z + s ẑ (x v_x + y v_y) − c (x, y, 0) (x v_x + y v_y) − c ẑ (x² + y²) v_z and
        J θ' = (−y' / h + t x m, x' / h + t y m, −c m).
        """
        h = self.tilt_radius_m
        (x, y, _), (dx, dy, _) = moved, speed
        square = (x * x).addcmul_(y, y)
        s, c = (square * (-1 / (k * h**n)) for k, n in ((6, 3), (24, 4)))
        s.add_(1 / h)
        c.add_(1 / (2 * h * h))
        sx, sy, cx, cy = s * x, s * y, c * x, c * y
        square.mul_(c)
        out = force.new_empty(6, *force.shape[1:])
        for given, target in ((force, out[:3]), (gyro, out[3:])):
            (vx, vy, vz), (tx, ty, tz) = given, target
            along = (cx * vx).addcmul_(cy, vy)
            torch.addcmul(vx, x, along, value=-1, out=tx).addcmul_(sx, vz, value=-1)
            torch.addcmul(vy, y, along, value=-1, out=ty).addcmul_(sy, vz, value=-1)
            torch.addcmul(vz, sx, vx, out=tz).addcmul_(sy, vy).addcmul_(square, vz, value=-1)
        m = (x * dy).addcmul_(y, dx, value=-1)
        out[3].add_(dy, alpha=-1 / h).addcmul_(x, m, value=1 / (6 * h**3))
        out[4].add_(dx, alpha=1 / h).addcmul_(y, m, value=1 / (6 * h**3))
        out[5].addcmul_(c, m, value=-1)
        return out


@lru_cache(maxsize=64)
def _oscillator(frequency_hz: float, damping: float, rate_hz: float) -> StateSpace:
    w = 2 * np.pi * frequency_hz
    a = np.array([[0, 1, 0], [-w * w, -2 * damping * w, 1], [0, 0, -1 / _SETTLE_S]])
    b, d = np.array([0, -1, 1 / _SETTLE_S]), np.array([0.0, 0.0, -1.0])
    return StateSpace.bilinear(a, b, np.vstack([np.eye(3)[:2], a[1]]), d, rate_hz, frequency_hz)


def cross(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Vector product a × b along the first axis.

    Args:
        a: (3, ...).
        b: (3, ...).

    Returns:
        (3, ...).
    """
    out = torch.empty_like(b)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        torch.mul(a[j], b[k], out=out[i])
        out[i].addcmul_(a[k], b[j], value=-1)
    return out


def _add_slope(total: torch.Tensor, signal: torch.Tensor, rate_hz: float) -> None:
    """Add the derivative along the last axis: central differences, one-sided at the ends."""
    if signal.shape[-1] < 2:
        return
    total[..., 1:-1].add_(signal[..., 2:] - signal[..., :-2], alpha=rate_hz / 2)
    total[..., 0].add_(signal[..., 1] - signal[..., 0], alpha=rate_hz)
    total[..., -1].add_(signal[..., -1] - signal[..., -2], alpha=rate_hz)
