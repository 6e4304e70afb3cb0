"""Speed of the full device model on two cores, and its noise against the coefficients asked for.

python benchmarks/device.py prints the figures as JSON.
"""

import json
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from speed import ROUNDS, on_every_core, processor_s

from anymo.records import Array, Gravity
from anymo.simulation import allan, presets
from anymo.simulation.device import DeviceModel, Dropout, clip_generator
from anymo.simulation.triad import Clock, Triad

SENSORS, SECONDS, RATE_HZ = 64, 60, 100.0
HOUR_S, STILL_HZ, STILL_SENSORS = 3600, 20.0, 34  # 34 sensors of six axes: 204 channels
UPTURN_S = 25.0  # cluster time at which K reaches the floor, so that an hour shows N, B and K


def frames_per_s(device: DeviceModel) -> tuple[float, float]:
    """Readings of six axes per second on all cores, every effect on, gravity included and removed."""
    included, removed = on_every_core(partial(_on_one_core, device)).max(axis=1).sum(axis=0)
    return float(included), float(removed)


def _on_one_core(device: DeviceModel, core: int) -> Array:
    """(ROUNDS, 2) rates, gravity included and removed in turns."""
    samples = round(SECONDS * RATE_HZ)
    ideal = torch.randn(SENSORS, samples * device.oversampling, 6)
    ideal[..., 2] += 9.81

    def seconds(clip: int, gravity: Gravity) -> float:
        rng = clip_generator(core, clip)
        return processor_s(lambda: device.measure(ideal, RATE_HZ, rng, gravity=gravity))

    taken = [(seconds(clip, "included"), seconds(clip, "removed")) for clip in range(ROUNDS)]
    return np.asarray(SENSORS * samples / np.array(taken))


def coefficients(part: Triad) -> allan.Coefficients:
    """N, B and K of a part."""
    return allan.Coefficients(part.noise_density / np.sqrt(2), part.bias_instability, part.random_walk)


def still_deviation(device: DeviceModel, rate_hz: float = STILL_HZ) -> tuple[np.ndarray, list[np.ndarray]]:
    """Cluster times (M,) from 1 s to a ninth of an hour, and deviations (M, C) of the parts lying still."""
    ideal = torch.zeros(STILL_SENSORS, round(HOUR_S * rate_hz) * device.oversampling, 6)
    ideal[..., 2] = 9.80665
    measured = device.measure(ideal, rate_hz, clip_generator(0, 0))
    sizes = np.unique(np.geomspace(rate_hz, HOUR_S * rate_hz / 9, 25).astype(int))
    signals = [s for s in (measured.acc, measured.gyro) if s is not None]
    flat = (s.permute(1, 0, 2).flatten(1).numpy() for s in signals)
    return sizes / rate_hz, [allan.deviation(s, rate_hz, sizes) for s in flat]


def visible(part: Triad) -> Triad:
    """The part with a random walk strong enough to be seen within an hour, and without steps."""
    walk = allan.FLOOR * part.bias_instability * np.sqrt(3 / UPTURN_S)
    return replace(part, random_walk=float(walk), bits=None)


def allan_error_pct() -> float:
    """Worst error of N, B and K of acc and gyro, each the median over channels of a fit to σ²(τ), percent."""
    watch = presets.device("watch")
    parts = [visible(part) for part in (watch.acc, watch.gyro) if part is not None]
    tau, deviations = still_deviation(replace(watch, acc=parts[0], gyro=parts[1], wobble=None))
    worst = 0.0
    for part, sigma in zip(parts, deviations, strict=True):
        found = np.median(np.array(allan.fit(tau, sigma)), axis=0)
        worst = max(worst, float(np.abs(found / coefficients(part) - 1).max()))
    return 100 * worst


def allan_curve_error_pct() -> float:
    """Worst error of σ(τ) itself, root mean square over channels, of every preset without steps, percent."""
    worst = 0.0
    for preset in presets.PRESETS.values():
        parts = [replace(part, bits=None, bandwidth=None) for part in (preset.acc, preset.gyro) if part]
        gyro = parts[1] if preset.gyro else None
        device = DeviceModel(acc=parts[0], gyro=gyro, clock=Clock())
        tau, deviations = still_deviation(device)
        for part, sigma in zip(parts, deviations, strict=True):
            got = np.sqrt((sigma**2).mean(axis=1))
            worst = max(worst, float(np.abs(got / allan.model(tau, coefficients(part)) - 1).max()))
    return 100 * worst


def figures() -> dict[str, float]:
    """Figures of the device model; `device_per_s` and `allan_error_pct` are the issue's."""
    watch = replace(presets.device("watch"), dropout=Dropout(share=0.005, burst_s=0.1))
    included, removed = frames_per_s(watch)
    return {
        "device_per_s": included,
        "device_removed_per_s": removed,
        "allan_error_pct": allan_error_pct(),
        "allan_curve_error_pct": allan_curve_error_pct(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(figures(), indent=2) + "\n")
