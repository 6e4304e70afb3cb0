"""A device that is not bolted to the bone: displacement and tilt on soft tissue or a strap."""

import logging
from dataclasses import dataclass
from functools import lru_cache
from math import factorial

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
        relative.add_(torch.gradient(carried, spacing=1 / rate_hz, dim=-1)[0] if signal.shape[-1] > 1 else 0)
        tilt, square = self._tilt(moved), moved[:2].square().sum(0).div_(self.tilt_radius_m**2)
        sine, cosine, third = (_series(square, k) for k in (1, 2, 3))
        out = torch.empty_like(signal)
        out[:3] = _turned(relative, tilt, sine, cosine)
        out[3:] = _turned(gyro, tilt, sine, cosine).add_(_turned(self._tilt(speed), tilt, cosine, third))
        return out

    def _tilt(self, moved: torch.Tensor) -> torch.Tensor:
        x, y, _ = moved / self.tilt_radius_m
        return torch.stack([-y, x, torch.zeros_like(x)])


@lru_cache(maxsize=64)
def _oscillator(frequency_hz: float, damping: float, rate_hz: float) -> StateSpace:
    w = 2 * np.pi * frequency_hz
    a = np.array([[0, 1, 0], [-w * w, -2 * damping * w, 1], [0, 0, -1 / _SETTLE_S]])
    b, d = np.array([0, -1, 1 / _SETTLE_S]), np.array([0.0, 0.0, -1.0])
    return StateSpace.bilinear(a, b, np.vstack([np.eye(3)[:2], a[1]]), d, rate_hz, frequency_hz)


def cross(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Vector product a × b along the first axis."""
    out = torch.empty_like(b)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        torch.mul(a[j], b[k], out=out[i])
        out[i].addcmul_(a[k], b[j], value=-1)
    return out


def _turned(
    vector: torch.Tensor, angle: torch.Tensor, once: torch.Tensor, twice: torch.Tensor
) -> torch.Tensor:
    """Sum v − once θ × v + twice θ × (θ × v): Rᵀ v with the sine and cosine, J v with the next two."""
    across = cross(angle, vector)
    return torch.addcmul(vector, once, across, value=-1).addcmul_(twice, cross(angle, across))


def _series(square: torch.Tensor, k: int) -> torch.Tensor:
    """Terms 0 to 2 of Σ (−θ²)ⁿ / (2n + k)!: sin θ / θ, (1 − cos θ) / θ², (θ − sin θ) / θ³; 2e-4 off at 1."""
    return (square / factorial(k + 4) - 1 / factorial(k + 2)).mul_(square).add_(1 / factorial(k))
