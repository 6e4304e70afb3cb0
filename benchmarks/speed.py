"""Speed of the ideal sensor, of the conventional method, of the splines and of the BVH parser; peak memory.

All of it runs on one thread, or on one thread of a process on each core, and is timed by that thread's
processor time, which on a quiet machine is the time on the wall, and which other work does not lengthen but
for the caches it takes. Rates are the best of several rounds, of which the first warms up.
"""

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from conventional import conventional
from truth import swinging_body

from anymo.motion.bvh_file import parse_bvh
from anymo.records import Array, Motion, Placement, SegmentKinematics
from anymo.simulation import MotionSpline, SensorArray, simulate_stream
from anymo.skeleton import INDEX, SEGMENTS

CORES, ROUNDS = 2, 15
_KEPT = {f"MALLOC_{name}_THRESHOLD_": str(2**30) for name in ("TRIM", "MMAP")}  # glibc keeps what is freed
PLACEMENTS = 2000
_PIECE, _CONVENTIONAL_PIECE = 96, 512  # frames; each method's fastest
_BVH_JOINTS, _BVH_FRAMES = 31, 20_000

Readings = tuple[torch.Tensor, torch.Tensor]


def processor_s(work: Callable[[], object]) -> float:
    """Processor time of this thread, s."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def best_s(work: Callable[[], object]) -> float:
    """Fastest of several rounds, s."""
    return min(processor_s(work) for _ in range(ROUNDS))


def on_every_core(work: Callable[[int], Array]) -> Array:
    """What a process on each core gives at once, one row each, as corpora are made.

    They keep memory that is freed, for every method alike: page faults cost by the sizes of buffers.
    """
    before = {name: os.environ.get(name) for name in _KEPT}
    os.environ.update(_KEPT)
    try:
        with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn"), _on_one_thread) as pool:
            return np.stack(list(pool.map(work, range(CORES))))
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _on_one_thread() -> None:
    torch.set_num_threads(1)


def placements() -> list[Placement]:
    """Sorted by segment, anywhere within a decimetre, turned anyhow."""
    rng = np.random.default_rng(0)
    turns = np.linalg.qr(rng.standard_normal((PLACEMENTS, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    offsets = rng.uniform(-0.1, 0.1, (PLACEMENTS, 3))
    return [
        Placement(segment=SEGMENTS[k * len(SEGMENTS) // PLACEMENTS], offset_m=offsets[k], rotation=turns[k])
        for k in range(PLACEMENTS)
    ]


def sensor_frames_per_s() -> Array:
    """(ROUNDS, 2) rates of the ideal sensor and of the conventional method, of all cores together.

    Kinematics given, float32, in pieces of time.
    """
    total: Array = on_every_core(_both_methods).sum(axis=0)
    return total


def _both_methods(_: int) -> Array:
    """Both take turns, so that other work on the machine takes the caches of both alike."""
    kinematics, worn = MotionSpline(swinging_body(np.arange(60 * 60) / 60).motion()).at(60.0), placements()
    ways = [_ideal(kinematics, worn), _conventional(kinematics, worn)]
    with torch.inference_mode():
        seconds = [[processor_s(lambda p=p: [len(r()) for r in p]) for p in ways] for _ in range(ROUNDS)]
    return np.asarray(len(kinematics.position) * PLACEMENTS / np.array(seconds))


def _ideal(kinematics: SegmentKinematics, worn: list[Placement]) -> list[Callable[[], Readings]]:
    sensors = SensorArray.at(worn).to("cpu", torch.float32)
    time_last = torch.from_numpy(kinematics.features).float().permute(1, 2, 0).contiguous()
    pieces = time_last.permute(2, 0, 1).split(_PIECE)
    out = {n: tuple(torch.empty(2, len(worn), 3, n)) for n in {len(piece) for piece in pieces}}
    return [lambda p=piece: sensors.read(p, out[len(p)]) for piece in pieces]


def _conventional(kinematics: SegmentKinematics, worn: list[Placement]) -> list[Callable[[], Readings]]:
    position, rotation = (torch.from_numpy(a).float() for a in (kinematics.position, kinematics.rotation))
    offset = torch.from_numpy(np.stack([p.offset_m for p in worn])).float()
    mounting = torch.from_numpy(np.stack([p.rotation for p in worn])).float()
    segment = torch.tensor([INDEX[p.segment] for p in worn])

    def piece(first: int) -> Readings:
        near = slice(max(first - 2, 0), first + _CONVENTIONAL_PIECE + 2)
        nearest = torch.arange(2, len(position[near]) - 2)
        return conventional(
            position[near], rotation[near], offset, mounting, segment, kinematics.rate_hz, nearest
        )

    return [lambda k=first: piece(k) for first in range(0, len(position), _CONVENTIONAL_PIECE)]


def kinematics_per_s(motion: Motion) -> float:
    """Segment-frames per second from a loaded motion to its kinematics at the frame rate."""
    seconds = best_s(lambda: MotionSpline(motion).at(motion.rate_hz))
    return motion.rotations.shape[0] * motion.rotations.shape[1] / seconds


def bvh_mb_per_s() -> float:
    """10⁶ bytes of text per second, of a file with the joints and channels of CMU's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.bvh"
        path.write_text(_bvh_text())
        return path.stat().st_size / 1e6 / best_s(lambda: parse_bvh(path))


def _bvh_text() -> str:
    rotation = "Zrotation Yrotation Xrotation"
    lines = [
        "HIERARCHY",
        "ROOT joint0",
        "{",
        "OFFSET 0 0 0",
        f"CHANNELS 6 Xposition Yposition Zposition {rotation}",
    ]
    for k in range(1, _BVH_JOINTS):
        lines += [f"JOINT joint{k}", "{", "OFFSET 0 1 0", f"CHANNELS 3 {rotation}"]
    lines += ["End Site", "{", "OFFSET 0 1 0", "}"] + ["}"] * _BVH_JOINTS
    lines += ["MOTION", f"Frames: {_BVH_FRAMES}", "Frame Time: 0.0083333"]
    values = np.random.default_rng(0).uniform(-90, 90, (_BVH_FRAMES, 3 * _BVH_JOINTS + 3))
    return "\n".join([*lines, *(" ".join(f"{v:.4f}" for v in row) for row in values), ""])


def peak_gib() -> float:
    """Peak resident memory of a process that streams an hour at 2,000 placements, its motion included."""
    done = subprocess.run([sys.executable, __file__], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _stream_an_hour() -> float:
    torch.set_num_threads(1)  # memory is what counts; on a busy machine threads wait for each other
    minute = swinging_body(np.arange(3600) / 60).motion()
    hour = Motion(
        root_position=np.tile(minute.root_position, (60, 1)),
        rotations=np.tile(minute.rotations, (60, 1, 1, 1)),
        joint_offsets=minute.joint_offsets,
        rate_hz=60.0,
    )
    frames = sum(len(piece) for piece, _ in simulate_stream(hour, placements(), rate_hz=60.0))
    if frames != len(hour.root_position):
        raise RuntimeError(f"expected {len(hour.root_position)} frames, got {frames}")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def figures() -> dict[str, float]:
    """All of it."""
    motion = swinging_body(np.arange(60 * 60) / 60).motion()
    rates = sensor_frames_per_s()
    return {
        "ideal_per_s": float(rates[:, 0].max()),
        "conventional_per_s": float(rates[:, 1].max()),
        "ideal_ratio": float(np.median(rates[:, 0] / rates[:, 1])),
        "kinematics_per_s": kinematics_per_s(motion),
        "bvh_mb_per_s": bvh_mb_per_s(),
        "peak_gib": peak_gib(),
    }


if __name__ == "__main__":
    sys.stdout.write(f"{_stream_an_hour()}\n")
