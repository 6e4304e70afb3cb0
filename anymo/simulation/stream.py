"""Hours of motion at thousands of placements, a piece at a time."""

from collections.abc import Iterator, Sequence

import torch
from tqdm import tqdm

from anymo.records import GRAVITY_MPS2, Gravity, Motion, Placement
from anymo.simulation.imu import SensorArray
from anymo.simulation.kinematics import MotionSpline

_BLOCK = 4096  # samples whose kinematics are held at a time
_PIECE_BYTES = 2**24  # of readings: larger pieces fall out of the cache and cost page faults


def simulate_stream(
    motion: Motion | MotionSpline,
    placements: Sequence[Placement],
    *,
    rate_hz: float = 60.0,
    gravity: Gravity = "included",
    gravity_mps2: float = GRAVITY_MPS2,
    cutoff_hz: float | None = None,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Ideal readings of many sensors, float32, in pieces of time: the memory does not grow with placements.

    Args:
        motion: the movement, or its spline (then `cutoff_hz` is the spline's own).
        placements: where the sensors sit; fastest when sorted by segment, as in `skeleton.SEGMENTS`.
        rate_hz: sampling rate, Hz.
        gravity: "included" gives specific force, "removed" linear acceleration.
        gravity_mps2: magnitude of gravity, m/s².
        cutoff_hz: smoothing of captured motion, Hz; see `PoseSpline`.
        device: where torch multiplies, and where the pieces are.
        progress: show a bar, where there is a terminal.

    Returns:
        Pieces, one after the other: specific force (N, P, 3) m/s² and angular velocity (N, P, 3) rad/s in
        the sensor frame. The samples are those of `simulate`.

    Raises:
        ValueError: as `simulate` and `MotionSpline.at`.
    """
    sensors = SensorArray.at(placements, gravity=gravity, gravity_mps2=gravity_mps2).to(device, torch.float32)
    spline = motion if isinstance(motion, MotionSpline) else MotionSpline(motion, cutoff_hz)
    times = spline.sample_times(rate_hz)

    def pieces() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        size = max(1, _PIECE_BYTES // (24 * len(placements)))
        with tqdm(total=len(times), unit="frames", disable=None if progress else True) as bar:
            for first in range(0, len(times), _BLOCK):
                kinematics = spline.at_times(times[first : first + _BLOCK], rate_hz=rate_hz)
                features = torch.from_numpy(kinematics.features).to(device, torch.float32)
                for piece in features.split(size):
                    yield sensors.read(piece)
                    bar.update(len(piece))

    return pieces()
