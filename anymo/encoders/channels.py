"""What the encoder reads of a sensor: its axes, what no mounting changes, or the axes of a frame of its own.

Shapes: N worn sensors over the batch, T samples, C channels. Signals are acc m/s² and gyro rad/s, (N, T, 6).

What is missing is told by channels of its own, one for each group that is missing together, whose
weights in the first layer are what that layer reads instead: a learned value. Written so, no gradient is
needed for the input.
"""

from typing import NamedTuple

import torch

from anymo.encoders.configuration import RotationHandling
from anymo.encoders.layers import masked_mean
from anymo.records import GRAVITY_MPS2

# asinh is linear below and logarithmic above: keeps quiet and wild.
_ACC_KNEE_MPS2, _GYRO_KNEE_RADPS = 0.5, 0.2
_GYRO_UNIT_RADPS = 3.0
_LAGS_S = (0.05, 0.15)

# With those that tell what is missing: of acc and gyro, and in "invariant" of four products of two times.
NUM_CHANNELS: dict[RotationHandling, int] = {
    "augmented": 19 + 2,
    "levelled": 19 + 2,
    "both": 19 + 12 + 2,
    "invariant": 22 + 6,
}


class _Sensor(NamedTuple):
    """Signal and masks of N sensors."""

    acc: torch.Tensor
    gyro: torch.Tensor
    valid: torch.Tensor
    has_gyro: torch.Tensor
    has_gravity: torch.Tensor

    @property
    def dynamic(self) -> torch.Tensor:
        """Acceleration around its mean over the window: reads nearly alike with gravity in or out."""
        return self.acc - masked_mean(self.acc, self.valid, dim=1)[:, None]


def sensor_channels(
    signal_NTC: torch.Tensor,
    valid_NT: torch.Tensor,
    has_gyro_N: torch.Tensor,
    has_gravity_N: torch.Tensor,
    rotation: RotationHandling,
    rate_hz: float,
) -> torch.Tensor:
    """Channels of each sensor as `AnymoEncoderConfig.rotation` asks for them.

    Args:
        signal_NTC: (N, T, 6), finite also where it is missing.
        valid_NT: (N, T) bool.
        has_gyro_N: (N,) bool.
        has_gravity_N: (N,) bool.
        rotation: how the unknown mounting is met.
        rate_hz: Hz.

    Returns:
        (N, T, `NUM_CHANNELS[rotation]`): channels of order one, 0 where missing; then 1 where a group is.
    """
    sensor = _Sensor(signal_NTC[..., :3], signal_NTC[..., 3:], valid_NT, has_gyro_N, has_gravity_N)
    # Frames and products want full precision, whatever the model is trained in; nothing here has weights.
    with torch.no_grad(), torch.autocast(signal_NTC.device.type, enabled=False):
        if rotation == "invariant":
            return _invariant(sensor, [max(1, round(lag * rate_hz)) for lag in _LAGS_S])
        return _axes(
            sensor if rotation == "augmented" else _levelled(sensor), sensor if rotation == "both" else None
        )


def _axes(sensor: _Sensor, beside: _Sensor | None = None) -> torch.Tensor:
    """The axes as they are and compressed, and those of `beside`; norms, which no mounting changes."""
    acc, gyro, dynamic = sensor.acc, sensor.gyro, sensor.dynamic
    acc_norm = _norm(acc) / GRAVITY_MPS2
    acc_channels = [
        acc / GRAVITY_MPS2,
        acc_norm,
        dynamic / GRAVITY_MPS2,
        torch.asinh(dynamic / _ACC_KNEE_MPS2),
        torch.asinh(_norm(dynamic) / _ACC_KNEE_MPS2),
        acc_norm - masked_mean(acc_norm, sensor.valid, dim=1)[:, None],
    ]
    gyro_channels = [
        gyro / _GYRO_UNIT_RADPS,
        torch.asinh(gyro / _GYRO_KNEE_RADPS),
        torch.asinh(_norm(gyro) / _GYRO_KNEE_RADPS),
    ]
    if beside is not None:
        acc_channels += [beside.acc / GRAVITY_MPS2, torch.asinh(beside.dynamic / _ACC_KNEE_MPS2)]
        gyro_channels += [beside.gyro / _GYRO_UNIT_RADPS, torch.asinh(beside.gyro / _GYRO_KNEE_RADPS)]
    seen = sensor.valid, sensor.valid & sensor.has_gyro[:, None]
    return _joined((torch.cat(acc_channels, -1), seen[0]), (torch.cat(gyro_channels, -1), seen[1]))


def _invariant(sensor: _Sensor, lags: list[int]) -> torch.Tensor:
    """Norms, parts along and across the vertical, and products of two times and of acc and gyro.

    The products of vectors across the vertical u are the inner one, a·b, and the turn from b to a, u·(b × a):
    with the lengths they give the horizontal path up to a heading.
    """
    up = _up(sensor)[:, None]
    acc_norm, dynamic, gyro = _norm(sensor.acc) / GRAVITY_MPS2, sensor.dynamic, sensor.gyro
    rise, spin = _inner(dynamic, up), _inner(gyro, up)
    level, tumble = dynamic - rise * up, gyro - spin * up
    both = sensor.valid & sensor.has_gyro[:, None]
    acc_channels = [
        acc_norm,
        acc_norm - masked_mean(acc_norm, sensor.valid, dim=1)[:, None],
        _inner(sensor.acc, up) / GRAVITY_MPS2,
        rise / GRAVITY_MPS2,
        torch.asinh(torch.cat([rise, _norm(dynamic), _norm(level)], -1) / _ACC_KNEE_MPS2),
    ]
    gyro_channels = [
        _norm(gyro) / _GYRO_UNIT_RADPS,
        spin / _GYRO_UNIT_RADPS,
        torch.asinh(torch.cat([spin, _norm(gyro), _norm(tumble)], -1) / _GYRO_KNEE_RADPS),
        _products(level, tumble, up, _ACC_KNEE_MPS2 * _GYRO_KNEE_RADPS),
    ]
    parts = [(torch.cat(acc_channels, -1), sensor.valid), (torch.cat(gyro_channels, -1), both)]
    for lag in lags:
        for vector, knee, seen in ((level, _ACC_KNEE_MPS2, sensor.valid), (tumble, _GYRO_KNEE_RADPS, both)):
            before, seen_before = vector.roll(lag, 1), seen.roll(lag, 1)
            seen_before[:, :lag] = False
            parts.append((_products(vector, before, up, knee**2), seen & seen_before))
    return _joined(*parts)


def _levelled(sensor: _Sensor) -> _Sensor:
    """The same signals in a frame with z up and x along the principal horizontal acceleration."""
    up = _up(sensor)
    ahead = _principal_axis(sensor.dynamic, sensor.valid, across=up)
    frame = torch.stack([ahead, torch.linalg.cross(up, ahead), up], dim=1)
    acc, gyro = (v @ frame.transpose(1, 2) for v in (sensor.acc, sensor.gyro))
    return sensor._replace(acc=acc, gyro=gyro)


def _up(sensor: _Sensor) -> torch.Tensor:
    """(N, 3) direction of the mean specific force; where gravity is removed, of most acceleration."""
    mean = masked_mean(sensor.acc, sensor.valid, dim=1)
    upward: torch.Tensor = mean / mean.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    if bool(sensor.has_gravity.all()):
        return upward
    most = _principal_axis(sensor.dynamic, sensor.valid, across=torch.zeros_like(upward))
    return torch.where(sensor.has_gravity[:, None], upward, most)


def _principal_axis(x_NTC: torch.Tensor, valid_NT: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    """(N, 3) axis of most variance across a direction, to the side on which the third moment is positive."""
    x = x_NTC.masked_fill(~valid_NT[..., None], 0.0).double()
    across = across.double()
    x = x - (x @ across[..., None]) * across[:, None]
    spread = x.transpose(1, 2) @ x
    # Pushed to the lowest eigenvalue, so that the axis stays across it even where nothing moves.
    total = spread.diagonal(dim1=1, dim2=2).sum(-1) + 1.0
    spread = spread - total[:, None, None] * across[:, :, None] * across[:, None, :]
    axis = torch.linalg.eigh(spread).eigenvectors[..., -1]
    skew = (x @ axis[..., None]).pow(3).sum(1)
    side: torch.Tensor = torch.where(skew < 0, -axis, axis)
    return side.to(x_NTC.dtype)


def _products(a: torch.Tensor, b: torch.Tensor, up: torch.Tensor, knee: float) -> torch.Tensor:
    turn = _inner(torch.linalg.cross(b, a), up)
    return torch.asinh(torch.cat([_inner(a, b), turn], dim=-1) / knee)


def _inner(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a * b).sum(dim=-1, keepdim=True)


def _norm(x: torch.Tensor) -> torch.Tensor:
    length: torch.Tensor = x.norm(dim=-1, keepdim=True)
    return length


def _joined(*groups: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Channels (N, T, C) of groups, each with its mask (N, T), and what is missing of each group."""
    values = [x.masked_fill(~seen[..., None], 0.0) for x, seen in groups]
    missing = [~seen[..., None] for _, seen in groups]
    return torch.cat([*values, *(m.to(values[0].dtype) for m in missing)], dim=-1)
