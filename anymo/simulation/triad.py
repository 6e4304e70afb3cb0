"""Three axes of an inertial part, the clock that samples them, and how each specimen is off."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from anymo.simulation.filters import butterworth
from anymo.simulation.noise import Draw, between_knots, bias_knots, shaping_taps, white


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """When a device samples.

    oversampling    ideal samples wanted for each reading; 2 or more for a low-pass to act before sampling
    jitter_s        standard deviation of a sample's time, s; acts through the slope of the signal, so that at
                    f Hz an error (2π f jitter)² / 2 of the amplitude stays: 0.2 % at 10 Hz and 1 ms
    drift           standard deviation of the clock's relative error; acts in `DeviceModel.sample_times`
    """

    oversampling: int = 1
    jitter_s: float = 0.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        if self.oversampling not in (1, 2, 4, 8, 16) or not (self.jitter_s >= 0 and self.drift >= 0):
            raise ValueError(
                "clock: expected oversampling of 1, 2, 4, 8 or 16, jitter_s and drift not negative, got "
                f"{self.oversampling}, {self.jitter_s}, {self.drift}"
            )

    def lateness(self, sensors: int, num: int, draw: Draw) -> torch.Tensor | None:
        """How late each of T samples of P devices is, (P, T) s, on all axes alike; None for never."""
        return draw.normal((sensors, num)).mul_(self.jitter_s) if self.jitter_s else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Triad:
    """Three orthogonal axes of one part, in the unit u of its signal: m/s² or rad/s.

    noise_density       white noise as data sheets state it, one-sided, u/√Hz; the Allan deviation's N is
                        1/√2 of it
    bias_instability    B: the Allan deviation's floor over 0.664, u
    random_walk         K: random walk of the bias, u/√s
    turn_on_bias        standard deviation per axis of the bias a device starts with, u
    scale_error         standard deviation per axis
    cross_axis          standard deviation of each other axis' share in an axis
    misalignment_rad    standard deviation per axis of the rotation of the part in its case, rad
    full_scale          largest reading, u
    bits                of a reading; None where it is not quantised
    bandwidth           −3 dB frequency of the second-order low-pass, in sampling rates; None for no filter
    """

    noise_density: float = 0.0
    bias_instability: float = 0.0
    random_walk: float = 0.0
    turn_on_bias: float = 0.0
    scale_error: float = 0.0
    cross_axis: float = 0.0
    misalignment_rad: float = 0.0
    full_scale: float = np.inf
    bits: int | None = None
    bandwidth: float | None = None

    def __post_init__(self) -> None:
        if self.bandwidth == 0 or self.full_scale == 0:
            raise ValueError(
                "device: bandwidth and full_scale must be positive; None or inf is without limit"
            )
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"device: {name} must not be negative, got {value}")
        if self.bits is not None and (self.bits < 2 or not np.isfinite(self.full_scale)):
            raise ValueError(
                f"device: {self.bits} bits over ±{self.full_scale}: expected 2 bits or more and a finite "
                "full_scale to spread them over"
            )

    def specimens(self, sensors: int, num: int, rate_hz: float, draw: Draw) -> "Specimens":
        """What sets each of some sensors apart from the ideal, over T samples."""
        gain = torch.diag_embed(draw.normal((sensors, 3)).mul_(self.scale_error).add_(1))
        if self.cross_axis or self.misalignment_rad:
            x, y, z = draw.normal((3, sensors)).mul_(self.misalignment_rad)
            gain += draw.normal((sensors, 3, 3)).mul_(self.cross_axis) * (1 - torch.eye(3).to(gain))
            for (i, j), angle in {(0, 1): -z, (0, 2): y, (1, 2): -x}.items():
                gain[:, i, j] += angle
                gain[:, j, i] -= angle
        bias = draw.normal((3, sensors, 1)).mul_(self.turn_on_bias)
        if self.bias_instability or self.random_walk:
            bias = bias + bias_knots(self.bias_instability, self.random_walk, num, rate_hz, sensors, draw)
        return Specimens(gain=gain.permute(1, 2, 0), bias=bias)

    def sense(
        self,
        ideal: torch.Tensor,
        rate_hz: float,
        clock: Clock,
        late: torch.Tensor | None,
        specimens: "Specimens",
        draw: Draw,
    ) -> torch.Tensor:
        """Readings (3, P, T) from the ideal signal (3, P, T · oversampling) of `clock`, (P, T) s late."""
        signal, slope = self._filtered(ideal, rate_hz, clock)
        if late is not None:
            signal = torch.addcmul(signal, slope, late)
        signal = specimens.mixed(signal, across=bool(self.cross_axis or self.misalignment_rad))
        signal += between_knots(specimens.bias, signal.shape[-1], rate_hz)
        if self.noise_density:
            taps = np.ones(1) if self.bandwidth is None else shaping_taps(self.bandwidth, clock.oversampling)
            signal += white(self.noise_density, rate_hz, taps, signal.shape, draw)
        return self._converted(signal)

    def _filtered(
        self, ideal: torch.Tensor, rate_hz: float, clock: Clock
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Low-passed signal at the output rate, and its derivative per s."""
        dense_hz, every = rate_hz * clock.oversampling, clock.oversampling
        if self.bandwidth is not None:
            low_pass = butterworth(self.bandwidth * rate_hz, dense_hz)
            outputs = low_pass.run(ideal, every, num=2 if clock.jitter_s else 1)
            return outputs[0], outputs[-1]
        if not clock.jitter_s or ideal.shape[-1] < 2:
            return ideal[..., ::every], torch.zeros((), dtype=ideal.dtype, device=ideal.device)
        return ideal[..., ::every], torch.gradient(ideal, spacing=1 / dense_hz, dim=-1)[0][..., ::every]

    def _converted(self, signal: torch.Tensor) -> torch.Tensor:
        """Clipped to the range and rounded to the nearest step, in place."""
        if self.bits is not None:
            levels = 2 ** (self.bits - 1)
            step = self.full_scale / levels
            return signal.mul_(1 / step).round_().clamp_(-levels, levels - 1).mul_(step)
        return signal.clamp_(-self.full_scale, self.full_scale) if np.isfinite(self.full_scale) else signal


class Specimens(NamedTuple):
    """Systematic errors of P triads.

    gain    I + S + X + [ψ]×: scale, cross-axis and misalignment    (3, 3, P)
    bias    at knots half a second apart, or one constant           (3, P, M)
    """

    gain: torch.Tensor
    bias: torch.Tensor

    def of(self, rows: slice) -> "Specimens":
        """Some of them."""
        return Specimens(gain=self.gain[..., rows], bias=self.bias[:, rows])

    def mixed(self, signal: torch.Tensor, *, across: bool) -> torch.Tensor:
        """Gain times (3, P, T) signal; its diagonal alone where nothing goes `across`."""
        gain, given, mixed = self.gain[..., None], signal.unbind(), torch.empty_like(signal)
        for i, out in enumerate(mixed.unbind()):
            torch.mul(given[i], gain[i, i], out=out)
            for j in {0, 1, 2} - {i} if across else ():
                out.addcmul_(given[j], gain[i, j])
        return mixed
