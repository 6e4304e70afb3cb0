"""The two ways from a tracked pose to what a sensor on it reads, for benchmarks/paired.py."""

from collections.abc import Callable

import numpy as np
import torch
from conventional import conventional as readings

from anymo.data.paired import PairedSensor
from anymo.records import GRAVITY_MPS2, Array
from anymo.simulation.alignment import FeaturesAt
from anymo.simulation.kinematics import PoseSpline
from anymo.simulation.smoothing import choose_cutoff

MARGIN_S = 0.15  # left out next to a gap, where splines and differences rest on one side
MIN_STRETCH_S = 0.5


def halves(sensor: PairedSensor) -> tuple[slice, slice]:
    """Samples of the first and the second half of the moving part."""
    first, last = np.flatnonzero(sensor.moving)[[0, -1]]
    middle = (first + last) // 2
    return slice(first, middle), slice(middle, last + 1)


def stretches(sensor: PairedSensor) -> list[slice]:
    """Frames between gaps of the pose."""
    known = np.isfinite(sensor.rotation).all(axis=(1, 2))
    if sensor.position is not None:
        known &= np.isfinite(sensor.position).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]]))).reshape(-1, 2)
    times = sensor.frame_times_s
    return [slice(a, b) for a, b in edges if times[b - 1] - times[a] >= MIN_STRETCH_S]


def positions(sensor: PairedSensor) -> Array:
    """Positions of the frames; the origin where they are not known, which leaves gravity and rates."""
    return np.zeros((len(sensor.rotation), 3)) if sensor.position is None else sensor.position


def between_gaps(sensor: PairedSensor, features_of: Callable[[slice], FeaturesAt]) -> FeaturesAt:
    """Features from each stretch of frames, NaN in and next to gaps."""
    pieces = [
        (sensor.frame_times_s[s][[0, -1]] + (MARGIN_S, -MARGIN_S), features_of(s)) for s in stretches(sensor)
    ]

    def at(times_s: Array) -> Array:
        features = np.full((len(times_s), 18), np.nan)
        for (start, end), piece in pieces:
            rows = (times_s >= start) & (times_s <= end)
            if rows.any():
                features[rows] = piece(times_s[rows])
        return features

    return at


def cutoffs_hz(sensor: PairedSensor) -> tuple[float, float]:
    """Cutoffs for position and rotation by `choose_cutoff`, from the poses of the first half alone."""
    times = sensor.frame_times_s
    low, high = np.searchsorted(times, sensor.times_s[halves(sensor)[0]][[0, -1]])
    train = [slice(max(s.start, low), min(s.stop, high)) for s in stretches(sensor)]
    rate_hz = (len(times) - 1) / (times[-1] - times[0])
    turn = choose_cutoff([sensor.rotation[s].reshape(-1, 9) for s in train], rate_hz, derivative=1)
    if sensor.position is None:
        return turn, turn
    return choose_cutoff([sensor.position[s] for s in train], rate_hz, derivative=2), turn


def spline(sensor: PairedSensor, cutoffs: tuple[float, float]) -> FeaturesAt:
    """AnyMo: quintic splines smoothed at these cutoffs, evaluated at the sensor's own times."""

    def piece(frames: slice) -> FeaturesAt:
        pose = sensor.frame_times_s[frames], positions(sensor)[frames, None], sensor.rotation[frames, None]
        moved, turned = (PoseSpline(*pose, cutoff_hz=c) for c in cutoffs)
        return lambda t: np.hstack(
            [moved.at_times(t).features[:, 0, :3], turned.at_times(t).features[:, 0, 3:]]
        )

    return between_gaps(sensor, piece)


def conventional(sensor: PairedSensor) -> FeaturesAt:
    """The readings of benchmarks/conventional.py, at the frame nearest to each sample, as 18 numbers.

    They are linear in the lever arm: B is what a metre along each axis adds.
    """

    def piece(frames: slice) -> FeaturesAt:
        times = sensor.frame_times_s[frames]
        pose = (torch.from_numpy(x[frames, None]) for x in (positions(sensor), sensor.rotation))
        unit = torch.eye(3, dtype=torch.float64)
        arms, own = torch.cat([0 * unit[:1], unit]), torch.arange(2, len(times) - 2)
        on_body = torch.zeros(4, dtype=torch.int64)
        rate_hz = (len(times) - 1) / (times[-1] - times[0])
        force, w = (x.numpy() for x in readings(*pose, arms, unit.expand(4, 3, 3), on_body, rate_hz, own))
        up = sensor.rotation[frames][2:-2, 2]
        B = np.swapaxes(force[:, 1:] - force[:, :1], 1, 2)
        features = np.hstack([force[:, 0] - GRAVITY_MPS2 * up, up, B.reshape(-1, 9), w[:, 0]])
        last = len(features) - 1
        return lambda t: features[np.clip(np.round((t - times[0]) * rate_hz).astype(int) - 2, 0, last)]

    return between_gaps(sensor, piece)


def methods(sensor: PairedSensor, chosen_on: PairedSensor | None = None) -> tuple[FeaturesAt, FeaturesAt]:
    """Features by the spline, its cutoffs chosen on another recording if there is one, and conventionally."""
    return spline(sensor, cutoffs_hz(chosen_on or sensor)), conventional(sensor)
