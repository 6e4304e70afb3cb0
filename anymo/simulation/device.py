"""Errors of a real device on top of the ideal sensor."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from anymo.records import Array, Gravity
from anymo.simulation.fusion import Fusion
from anymo.simulation.noise import Draw, received
from anymo.simulation.triad import Clock, Triad
from anymo.simulation.wobble import Wobble

_BLOCK_VALUES = 600_000  # input values worked on at a time, to stay in the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout:
    """Samples lost on the way, in bursts.

    share      of the samples that are lost
    burst_s    mean length of a burst, s
    """

    share: float
    burst_s: float

    def __post_init__(self) -> None:
        if not (0 < self.share < 1 and self.burst_s > 0):
            raise ValueError(
                f"dropout: expected 0 < share < 1 and burst_s > 0, got {self.share}, {self.burst_s}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """What devices report; lost samples are NaN under valid=False.

    acc      specific force, or linear acceleration where gravity was removed, m/s²    (..., T, 3)
    gyro     angular velocity, rad/s; None for an accelerometer                        (..., T, 3)
    valid    True where a sample arrived                                               (..., T)
    """

    acc: torch.Tensor
    gyro: torch.Tensor | None
    valid: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceModel:
    """A device of one kind; every sensor it measures is another specimen, with errors of its own.

    The default is a consumer part's turn-on bias, scale error and white noise alone, rounded from the Bosch
    BMI270 data sheet (rev. 1.3): noise density 160 µg/√Hz and 0.007 °/s/√Hz, zero offset ±20 mg and ±0.5 °/s,
    sensitivity error ±0.4 %. `anymo.simulation.presets` has whole devices.

    acc, gyro    the parts; gyro is None for an accelerometer
    clock        when they sample
    wobble       mounting on soft tissue or a strap; None for a rigid one
    fusion       how gravity is removed, where it is
    dropout      samples lost; None for none
    """

    acc: Triad = field(
        default_factory=lambda: Triad(
            noise_density=160e-6 * 9.80665, turn_on_bias=0.02 * 9.80665, scale_error=0.004
        )
    )
    gyro: Triad | None = field(
        default_factory=lambda: Triad(
            noise_density=np.deg2rad(0.007), turn_on_bias=np.deg2rad(0.5), scale_error=0.004
        )
    )
    clock: Clock = field(default_factory=Clock)
    wobble: Wobble | None = None
    fusion: Fusion = field(default_factory=Fusion)
    dropout: Dropout | None = None

    @property
    def oversampling(self) -> int:
        """Ideal samples wanted for each reading."""
        return self.clock.oversampling

    def sample_times(self, duration_s: float, rate_hz: float, rng: np.random.Generator) -> Array:
        """When the ideal signal is wanted, by a clock that is off by one draw of the drift.

        Evaluate the motion at these times, and `measure` the result: that is exact. A uniform grid instead
        leaves the drift out.

        Args:
            duration_s: of the motion, s.
            rate_hz: nominal rate of the device, Hz.
            rng: where the clock's error comes from.

        Returns:
            (T · oversampling,) s from the start, all within the motion.

        Raises:
            ValueError: a rate that is not positive.
        """
        if not 0 < rate_hz < np.inf:
            raise ValueError(f"device: rate_hz must be positive, got {rate_hz}; give samples per second")
        step_s = (1 + self.clock.drift * rng.standard_normal()) / (rate_hz * self.oversampling)
        num = int(duration_s / step_s * (1 + 1e-12)) + 1
        return np.asarray(np.minimum(np.arange(num) * step_s, duration_s))

    def measure(
        self,
        ideal: torch.Tensor | Array,
        rate_hz: float,
        rng: np.random.Generator,
        *,
        gravity: Gravity = "included",
    ) -> Measurement:
        """Readings of devices, each a specimen of its own.

        The result depends on the arguments alone: give every clip the generator `clip_generator(seed, clip)`.

        Args:
            ideal: (..., T · oversampling, 6) specific force with gravity, m/s², and angular velocity, rad/s,
                in the axes of each sensor, at `oversampling` times the rate. The work is done in its type, on
                its device.
            rate_hz: of the readings, Hz.
            rng: where every error comes from.
            gravity: "removed" takes off what the device's own fusion believes to be gravity.

        Returns:
            T readings; the first at the first ideal sample, the next at the one `oversampling` on.

        Raises:
            ValueError: another shape, no sample, a rate that is not positive, or NaN or infinity.
        """
        signal = torch.as_tensor(ideal)
        _check(signal, rate_hz)
        lead, length = signal.shape[:-2], signal.shape[-2]
        planes = signal.reshape(-1, length, 6).permute(2, 0, 1)
        sensors, num = planes.shape[1], -(-length // self.oversampling)
        draw = Draw(rng, signal)
        parts = [part for part in (self.acc, self.gyro) if part is not None]
        specimens = [part.specimens(sensors, num, rate_hz, draw) for part in parts]
        out = signal.new_empty(3 * len(parts), sensors, num)
        for rows in _blocks(sensors, 6 * length):
            block = planes[:, rows].contiguous()
            if self.wobble is not None:
                block = self.wobble.shake(block, rate_hz * self.oversampling)
            late = self.clock.lateness(block.shape[1], num, draw)
            for i, (part, some) in enumerate(zip(parts, specimens, strict=True)):
                axes = slice(3 * i, 3 * i + 3)
                out[axes, rows] = part.sense(block[axes], rate_hz, self.clock, late, some.of(rows), draw)
            if gravity == "removed":
                gyro = out[3:, rows] if self.gyro else None
                out[:3, rows] -= self.fusion.gravity(out[:3, rows], gyro, rate_hz)
        valid = torch.ones(sensors, num, dtype=torch.bool, device=signal.device)
        if self.dropout is not None:
            valid = received(self.dropout.share, self.dropout.burst_s, num, rate_hz, sensors, draw)
            out.masked_fill_(~valid, torch.nan)
        readings = out.permute(1, 2, 0).reshape(*lead, num, -1)
        return Measurement(
            acc=readings[..., :3],
            gyro=readings[..., 3:] if self.gyro else None,
            valid=valid.reshape(*lead, num),
        )

    def apply(self, signal: Array, rate_hz: float, rng: np.random.Generator) -> Array:
        """Readings of a device that samples as the ideal one does and loses nothing; gravity stays in.

        Args:
            signal: (..., T, 6) ideal specific force with gravity, m/s², then angular velocity, rad/s, in the
                axes of each sensor.
            rate_hz: of signal and readings, Hz.
            rng: where every error comes from.

        Returns:
            (..., T, 6) the same quantities with the errors of the device, each sensor a specimen of its own.

        Raises:
            ValueError: a device with oversampling, without a gyroscope or with dropouts (see `measure`);
                another shape, no sample, a rate that is not positive, or NaN or infinity.
        """
        if self.oversampling == 1 and self.dropout is None:
            measured = self.measure(signal, rate_hz, rng)
            if measured.gyro is not None:
                return np.concatenate([measured.acc.numpy(), measured.gyro.numpy()], axis=-1)
        raise ValueError(
            "device: apply gives six channels for each ideal sample; call measure for a device with "
            "oversampling, without a gyroscope or with dropouts"
        )


def clip_generator(seed: int, clip: int) -> np.random.Generator:
    """Generator of one clip, whose errors then depend on no clip drawn before it or beside it."""
    return np.random.default_rng([seed, clip])


def _blocks(sensors: int, values: int) -> Iterator[slice]:
    """Slices of sensors of some `values` each that fit the cache together."""
    size = max(_BLOCK_VALUES // values, 1)
    for start in range(0, sensors, size):
        yield slice(start, start + size)


def _check(signal: torch.Tensor, rate_hz: float) -> None:
    if signal.ndim < 2 or signal.shape[-1] != 6 or signal.shape[-2] < 1 or not signal.is_floating_point():
        raise ValueError(
            "device: expected ideal signals (..., T, 6) of floats, specific force then angular velocity, got "
            f"{tuple(signal.shape)} of {signal.dtype}"
        )
    if not 0 < rate_hz < np.inf:
        raise ValueError(f"device: rate_hz must be positive, got {rate_hz}")
    if not torch.isfinite(signal.sum()):
        bad = (~torch.isfinite(signal)).any(-1).sum()
        raise ValueError(f"device: {int(bad)} ideal samples hold NaN or infinity; simulate the clip anew")
