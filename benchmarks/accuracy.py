"""Ideal readings against the closed form of benchmarks/truth.py."""

import numpy as np
import torch
from conventional import conventional
from truth import swinging_body

from anymo.data.prepare import REAL_CUTOFF_HZ
from anymo.records import GRAVITY_MPS2, Array
from anymo.simulation import MotionSpline, PoseSpline, SensorArray
from anymo.skeleton import NUM_SEGMENTS

DURATION_S, LEFT_OUT_S = 60.0, 0.5
_SENSOR_HZ = 100.0
_LEVER_M = 0.05


def errors_pct(
    frame_rate_hz: float, *, cutoff_hz: float | None = None, as_motion: bool = True
) -> tuple[float, float]:
    """Specific force and gyro error of the spline, % of the rms of linear acceleration and of the gyro.

    Sensors sample at 100 Hz, between the frames too. The spline is a motion's, or one of separate bodies
    whose world poses are known.
    """
    pose = swinging_body(_times(frame_rate_hz))
    if as_motion:
        spline: PoseSpline = MotionSpline(pose.motion(), cutoff_hz)
    else:
        spline = PoseSpline(pose.times_s, pose.position, pose.rotation, cutoff_hz=cutoff_hz)
    times = _times(_SENSOR_HZ)
    sensors = SensorArray.of(
        torch.arange(NUM_SEGMENTS), torch.from_numpy(offsets_m()), _unturned(), GRAVITY_MPS2
    )
    features = torch.from_numpy(spline.at_times(times).features)
    return _compare(torch.cat(sensors.read(features), -1).numpy(), times)


def conventional_errors_pct(frame_rate_hz: float) -> tuple[float, float]:
    """Likewise of the conventional method, at the frames themselves, where it is best."""
    times = _times(frame_rate_hz)
    pose = swinging_body(times)
    arrays = (torch.from_numpy(a) for a in (pose.position, pose.rotation, offsets_m()))
    own = torch.arange(2, len(times) - 2)
    simulated = conventional(*arrays, _unturned(), torch.arange(NUM_SEGMENTS), frame_rate_hz, own)
    return _compare(torch.cat(simulated, -1).numpy(), times[2:-2])


def offsets_m() -> Array:
    """(23, 3) lever arms of 5 cm."""
    direction = np.random.default_rng(1).standard_normal((NUM_SEGMENTS, 3))
    return _LEVER_M * direction / np.linalg.norm(direction, axis=1, keepdims=True)


def figures() -> dict[str, float]:
    """Everything the table says about accuracy.

    Smoothed is at the default cutoff of captured clips, which is refused at 20 frames per second; there it is
    at the highest that `choose_cutoff` would give.
    """
    pairs = {
        "pct_60": errors_pct(60),
        "pct_20": errors_pct(20),
        "pct_60_smoothed": errors_pct(60, cutoff_hz=REAL_CUTOFF_HZ),
        "pct_20_smoothed": errors_pct(20, cutoff_hz=0.95 * 20 / 2),
        "pct_60_bodies": errors_pct(60, as_motion=False),
        "pct_20_bodies": errors_pct(20, as_motion=False),
    }
    found = {
        f"{kind}_error_{key}": e for key, pair in pairs.items() for kind, e in zip(_KINDS, pair, strict=True)
    }
    for rate in (60, 20):
        pair = conventional_errors_pct(rate)
        found |= {f"conventional_{kind}_error_pct_{rate}": e for kind, e in zip(_KINDS, pair, strict=True)}
    return found


_KINDS = ("force", "gyro")


def _times(rate_hz: float) -> Array:
    return np.arange(round(DURATION_S * rate_hz) + 1) / rate_hz


def _compare(simulated: Array, times_s: Array) -> tuple[float, float]:
    inner = (times_s >= LEFT_OUT_S) & (times_s <= DURATION_S - LEFT_OUT_S)
    truth = swinging_body(times_s[inner])
    error = simulated[inner] - truth.readings(offsets_m(), GRAVITY_MPS2)
    linear = truth.readings(offsets_m(), 0.0)
    return tuple(100 * _rms(error[..., k]) / _rms(linear[..., k]) for k in (slice(3), slice(3, 6)))  # type: ignore[return-value]


def _rms(vectors: Array) -> float:
    return float(np.sqrt((vectors**2).sum(axis=-1).mean()))


def _unturned() -> torch.Tensor:
    return torch.eye(3, dtype=torch.float64).expand(NUM_SEGMENTS, 3, 3)
