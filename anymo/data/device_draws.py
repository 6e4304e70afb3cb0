"""Devices drawn for training windows, and what they report at the model's rate.

Shapes: N sensors, M readings at the device's rate, T samples at the model's rate.
"""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from anymo.data.arrow import GRID_HZ
from anymo.data.corpus import MotionCorpus
from anymo.data.draws import SHORTEST_S, DrawConfig
from anymo.data.moments import IdealSignals, Sensors, ideal_signals
from anymo.data.window import resample, resample_valid
from anymo.simulation import DeviceModel
from anymo.simulation.noise import Draw, received
from anymo.simulation.presets import PRESETS
from anymo.simulation.triad import Triad

KINDS_PER_VIEW = 2  # of the devices that one draw's windows wear: each costs a call of the device model

_IDEAL, _CHEAP = DeviceModel(acc=Triad(), gyro=Triad()), DeviceModel()
_PARTS = tuple(PRESETS.values())


class Devices(NamedTuple):
    """Devices of N sensors, all of one rate.

    rate_hz   at which they sample, Hz
    kinds     of them
    kind      index into kinds                                            (N,) int64
    has_gyro  a gyroscope is there and read                               (N,) bool
    removed   gravity is removed, by the fusion of what the device reads  (N,) bool
    """

    rate_hz: float
    kinds: tuple[DeviceModel, ...]
    kind: torch.Tensor
    has_gyro: torch.Tensor
    removed: torch.Tensor


def draw_devices(num: int, config: DrawConfig, rng: np.random.Generator) -> Devices:
    """Devices for `num` sensors: one rate, and `KINDS_PER_VIEW` kinds that are mixed among them.

    Args:
        num: N sensors.
        config: rates, Hz, and shares.
        rng: source of the draws.
    """
    rate_hz = float(rng.choice(config.device_rates_hz))
    kinds = tuple(_draw_kind(config, rate_hz, rng) for _ in range(KINDS_PER_VIEW))
    kind = rng.integers(len(kinds), size=num)
    can_turn = np.array([k.gyro is not None for k in kinds])[kind]
    return Devices(
        rate_hz=rate_hz,
        kinds=kinds,
        kind=torch.from_numpy(kind),
        has_gyro=torch.from_numpy(can_turn & (rng.random(num) < config.gyro_share)),
        removed=torch.from_numpy(rng.random(num) < config.removed_share),
    )


def _draw_kind(config: DrawConfig, rate_hz: float, rng: np.random.Generator) -> DeviceModel:
    ideal, preset, wobbles = rng.random(3) < (config.ideal_share, config.preset_share, config.wobble_share)
    part = int(rng.integers(len(_PARTS)))
    if ideal:
        return _IDEAL
    return _for_windows(part, rate_hz, bool(wobbles)) if preset else _CHEAP


@lru_cache(maxsize=256)
def _for_windows(part: int, rate_hz: float, wobbles: bool) -> DeviceModel:
    """A preset for seconds: dense enough for its low-pass, and for its mount, at a low rate.

    Flicker and random walk of the bias are left out: over a window they are a few hundredths of the bias
    that a device starts with.
    """
    device = _PARTS[part]
    mount_hz = 2 * device.wobble.frequency_hz if wobbles and device.wobble is not None else 0.0
    dense = device.oversampling
    while dense * rate_hz < max(GRID_HZ, mount_hz) and dense < 16:
        dense *= 2
    return replace(
        device,
        acc=_steady(device.acc),
        gyro=None if device.gyro is None else _steady(device.gyro),
        clock=replace(device.clock, oversampling=dense),
        wobble=device.wobble if wobbles else None,
    )


def _steady(part: Triad) -> Triad:
    return replace(part, bias_instability=0.0, random_walk=0.0)


def read(
    corpus: MotionCorpus,
    sensors: Sensors,
    devices: Devices,
    config: DrawConfig,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the devices report of their moments, brought to the model's rate as recordings are.

    Args:
        corpus: its frames may lie on any torch device; the work is done there.
        sensors: N of them, with gravity in their matrices.
        devices: one for each sensor.
        config: length of the window and the model's rate.
        rng: where the devices' errors come from.

    Returns:
        Signal (N, T, 6), m/s² and rad/s, and where it was received (N, T) bool, on the corpus's device.
    """
    num = int(np.ceil(config.window_s * devices.rate_hz)) + 1
    ideal = ideal_signals(corpus, sensors, num / devices.rate_hz)
    order, parts = [], []
    for k, kind in enumerate(devices.kinds):
        rows = (devices.kind == k).nonzero().flatten()
        if len(rows):
            order.append(rows)
            parts.append(_measured(ideal.of(rows.to(ideal.on_grid.device)), kind, devices.rate_hz, num, rng))
    place = torch.argsort(torch.cat(order)).to(parts[0][0].device)
    signal = torch.cat([some for some, _ in parts], dim=1)[:, place]
    valid = torch.cat([some for _, some in parts])[place]
    valid[_silent(valid, devices.rate_hz, config)] = True  # a window has to have something to read
    _remove_gravity(signal, devices)
    return at_model_rate(_bridged(signal, valid), valid, devices.rate_hz, config)


def _measured(
    ideal: IdealSignals, kind: DeviceModel, rate_hz: float, num: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Readings (6, N, M) of devices of one kind, gravity included, and what of them arrives (N, M)."""
    clock = 1 + kind.clock.drift * torch.from_numpy(rng.standard_normal(len(ideal.start))).to(ideal.start)
    dense = ideal.at(rate_hz * kind.oversampling, (num - 1) * kind.oversampling + 1, clock)
    # Losses come after the device has removed gravity.
    measured = replace(kind, dropout=None).measure(dense, rate_hz, rng)
    signal = dense.new_zeros(6, *measured.valid.shape)
    signal[:3] = measured.acc.permute(2, 0, 1)
    if measured.gyro is not None:
        signal[3:] = measured.gyro.permute(2, 0, 1)
    if (lost := kind.dropout) is None:
        return signal, measured.valid
    draw = Draw(rng, dense)
    return signal, received(lost.share, lost.burst_s, num, rate_hz, len(dense), draw)


def _remove_gravity(signal: torch.Tensor, devices: Devices) -> None:
    """Take off what the fusion of each of the devices that do so believes in, in place; (6, N, M)."""
    fusions = [kind.fusion for kind in devices.kinds]
    for fusion in dict.fromkeys(fusions):
        own = torch.tensor([f == fusion for f in fusions])[devices.kind] & devices.removed
        for has_gyro in (True, False):
            rows = (own & (devices.has_gyro == has_gyro)).nonzero().flatten().to(signal.device)
            if len(rows):
                force, gyro = signal[:3, rows], signal[3:, rows] if has_gyro else None
                signal[:3, rows] = force - fusion.gravity(force, gyro, devices.rate_hz)


def _bridged(signal: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Straight lines across what was lost, held at the ends, as `anymo.data.window` does; (6, N, M)."""
    rows = (~valid.all(dim=1)).nonzero().flatten()
    if len(rows) == 0:
        return signal
    here, last = valid[rows], valid.shape[1] - 1
    time = torch.arange(last + 1, device=signal.device).expand_as(here)
    before = torch.where(here, time, -1).cummax(dim=1).values
    after = torch.where(here, time, last + 1).flip(1).cummin(dim=1).values.flip(1)
    before, after = torch.where(before < 0, after, before), torch.where(after > last, before, after)
    share = ((time - before) / (after - before).clamp(min=1)).to(signal)
    some = signal[:, rows]
    low, high = (some.gather(2, t.clamp(0, last).expand_as(some)) for t in (before, after))
    signal[:, rows] = low + (high - low) * share
    return signal


def at_model_rate(
    signal: torch.Tensor, valid: torch.Tensor, rate_hz: float, config: DrawConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signals and their masks at the model's rate.

    Args:
        signal: (C, N, M) at the device's rate, acc m/s² and gyro rad/s.
        valid: (N, M) bool, samples that arrived.
        rate_hz: of the device, Hz.
        config: the model's rate and the length of a window.

    Returns:
        (N, T, C) and (N, T) bool.
    """
    matrix = _resample_matrix(signal.shape[-1], rate_hz, config.rate_hz, config.num_samples)
    resampled = signal @ matrix.T.to(signal.device)
    return resampled.permute(1, 2, 0), _received_at_model_rate(valid, rate_hz, config)


def _received_at_model_rate(valid: torch.Tensor, rate_hz: float, config: DrawConfig) -> torch.Tensor:
    here = resample_valid(valid.T.numpy(force=True), rate_hz, config.rate_hz)[: config.num_samples].T
    return torch.from_numpy(here).to(valid.device)


def _silent(valid: torch.Tensor, rate_hz: float, config: DrawConfig) -> torch.Tensor:
    """(N,) bool: sensors of which nothing is received in the shortest window."""
    shortest = int(SHORTEST_S * config.rate_hz)
    return ~_received_at_model_rate(valid, rate_hz, config)[:, :shortest].any(dim=1)


@lru_cache(maxsize=64)
def _resample_matrix(num_in: int, rate_in: float, rate_out: float, num_out: int) -> torch.Tensor:
    """(num_out, num_in): `anymo.data.window.resample` written as the matrix it is."""
    return torch.from_numpy(resample(np.eye(num_in), rate_in, rate_out)[:num_out]).float()
