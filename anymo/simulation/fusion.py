"""Removal of gravity as devices do it: from an attitude they estimate themselves, late and a little off."""

from dataclasses import dataclass

import torch

from anymo.records import GRAVITY_MPS2
from anymo.simulation.filters import leaky_mean
from anymo.simulation.wobble import cross


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """Estimate of gravity from the device's own readings.

    With a gyroscope, a complementary filter of the direction of gravity (Mahony, Hamel and Pflimlin 2008,
    section III, without the bias): u' = u × ω + (f − u) / τ. Turned by the integrated gyro, that is a
    first-order low-pass of f in a frame which does not turn. The direction is scaled to standard gravity.
    Without a gyroscope, the low-pass of f itself, as Android documents for `SensorEvent`.

    time_constant_s    τ; a shorter one leaks more movement into gravity, a longer one keeps tilt longer
    """

    time_constant_s: float = 0.5

    def __post_init__(self) -> None:
        if not self.time_constant_s > 0:
            raise ValueError(f"fusion: expected a positive time_constant_s, got {self.time_constant_s}")

    def gravity(self, force: torch.Tensor, gyro: torch.Tensor | None, rate_hz: float) -> torch.Tensor:
        """The reaction to gravity that the device believes in, in its axes.

        The filter starts from the mean of the first two time constants: a device runs before a clip begins.

        Args:
            force: (3, P, T) measured specific force, m/s².
            gyro: (3, P, T) measured angular velocity, rad/s; None for an accelerometer.
            rate_hz: sampling rate, Hz.

        Returns:
            (3, P, T) m/s², to be subtracted from `force`.
        """
        still = force
        if gyro is not None:
            turned = heading(gyro, rate_hz)
            still = rotate(turned, force)
        first = still[..., : max(round(2 * self.time_constant_s * rate_hz), 1)].mean(-1)
        smooth = leaky_mean(self.time_constant_s, rate_hz).run(still, initial=first)[0]
        if gyro is None:
            return smooth
        turned[1:].neg_()
        gravity = rotate(turned, smooth)
        return gravity.mul_(GRAVITY_MPS2 / gravity.square().sum(0).sqrt_())


def heading(gyro: torch.Tensor, rate_hz: float) -> torch.Tensor:
    """Quaternions w, x, y, z (4, P, T) from the axes of each sample to those of the first."""
    angle = torch.zeros_like(gyro)
    angle[..., 1:] = (gyro[..., 1:] + gyro[..., :-1]) / (4 * rate_hz)  # half of the angle turned
    size = angle.square().sum(0).sqrt_().clamp_(min=torch.finfo(gyro.dtype).tiny)
    x, y, z = angle * (size.sin() / size)
    whole = _cumulated(torch.stack([torch.complex(size.cos(), x), torch.complex(y, z)]))
    turned = torch.view_as_real(whole).movedim(-1, 1).flatten(0, 1).contiguous()
    return turned.mul_(turned.square().sum(0).rsqrt_())


def _cumulated(q: torch.Tensor) -> torch.Tensor:
    """Running products of quaternions along the last axis, by halves (Blelloch 1990)."""
    length = q.shape[-1]
    if length == 1:
        return q
    even, odd = q[..., ::2].contiguous(), q[..., 1::2].contiguous()
    pairs = _cumulated(multiply(even[..., : length // 2], odd))
    out = torch.empty_like(q)
    out[..., 0] = q[..., 0]
    out[..., 1::2] = pairs
    out[..., 2::2] = multiply(pairs[..., : (length - 1) // 2], even[..., 1:])
    return out


def multiply(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Product of quaternions (w + xi) + (y + zi)j, the two complex numbers along the first axis.

    Args:
        p: (2, ...) complex.
        q: (2, ...) complex.

    Returns:
        (2, ...) complex, p q.
    """
    out, turned = p[:1] * q, q.conj().resolve_conj()
    out[0].addcmul_(p[1], turned[1], value=-1)
    out[1].addcmul_(p[1], turned[0])
    return out


def rotate(q: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Vectors (3, ...) turned by unit quaternions (4, ...)."""
    twice = cross(q[1:], vector).mul_(2)
    return torch.addcmul(vector, q[:1], twice).add_(cross(q[1:], twice))
