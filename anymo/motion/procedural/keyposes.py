"""Movement through key poses, each reached by a minimum-jerk step; no two repetitions are alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from anymo.motion.procedural.curves import lifts, moves
from anymo.motion.procedural.limbs import LENGTH_COLUMNS, NAMES, Curves, Facts, channels_of
from anymo.records import Array

Pose = dict[
    str, float
]  # channel of anymo.motion.procedural.limbs -> degrees or metres; what is left out is at rest


@dataclass(frozen=True, slots=True)
class Key:
    """A pose, the time to reach it, and the rest in it; a negative rest lets the next move start early."""

    pose: Pose
    move_s: float
    rest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Routine:
    """Key poses played over and over.

    base     pose held all the time, added to neutral standing
    keys     one repetition; several variants are drawn from in turn
    pause_s  mean rest between repetitions
    step_m   how far the feet wander between repetitions; 0 leaves them planted
    once     a single repetition about the middle of the clip, so that most windows cut from it show it; its
             last pose is kept
    before   pose until then
    free     legs follow their angles, and the body rests on whatever is lowest, frame by frame
    """

    keys: Sequence[Sequence[Key]]
    base: Pose = field(default_factory=dict)
    pause_s: float = 0.4
    step_m: float = 0.0
    once: bool = False
    before: Pose = field(default_factory=dict)
    free: bool = False


def perform(c: Curves, rng: np.random.Generator, routine: Routine, speed: float, amplitude: float) -> Facts:
    """Add a routine to the curves.

    Times vary by about 12 % and amplitudes by 10 % from one repetition to the next; lengths go with the body.
    """
    c.add(routine.base)
    if routine.free:
        c.on_floor, c.settles = False, "always"
    starts, durations, poses = [-9.0], [1.0], [_row(routine.before, 1.0, 0.015, rng)]
    now = _begin_of_one(routine, c.t[-1], speed, rng) if routine.once else -float(rng.uniform(0.0, 1.5))
    begins: list[float] = []
    lengths: list[float] = []
    place, shuffles = np.zeros(2), []
    while now < c.t[-1] and not (routine.once and begins):
        begins.append(now)
        gain = 1.0 if routine.once else amplitude * (1.0 + 0.1 * rng.standard_normal())
        stretch = np.exp(0.12 * rng.standard_normal()) / speed
        for key in routine.keys[int(rng.integers(len(routine.keys)))]:
            starts.append(now)
            durations.append(key.move_s * stretch * np.exp(0.06 * rng.standard_normal()))
            poses.append(_row(key.pose, gain, 0.015 if routine.once else 0.04, rng))
            now += durations[-1] + key.rest_s * stretch
        lengths.append(now - begins[-1])
        pause = routine.pause_s * rng.gamma(2.0, 0.5) / speed
        if routine.step_m > 0:
            target = np.clip(place + routine.step_m * rng.standard_normal(2), -2.0, 2.0)
            shuffles.append((now - 0.2, place, target))
            now, place = now + _shuffle_s(target - place, speed), target
        now += pause
    table = np.array(poses)
    table[:, LENGTH_COLUMNS] *= c.body.scale
    steps = np.diff(table, axis=0, prepend=np.zeros((1, len(NAMES))))
    c.value += moves(c.t, starts, durations) @ steps
    for start, here, there in shuffles:
        shuffle(c, start, here, there, _shuffle_s(there - here, speed))
    return {"seconds": float(np.mean(lengths))}


def _begin_of_one(routine: Routine, end_s: float, speed: float, rng: np.random.Generator) -> float:
    """When a single repetition begins, s."""
    length = sum(key.move_s + key.rest_s for key in routine.keys[0]) / speed
    return max(float(rng.uniform(0.45, 0.55) * end_s - length / 2), 0.05 * end_s)


def _row(pose: Pose, gain: float, scatter: float, rng: np.random.Generator) -> Array:
    row = np.zeros(len(NAMES))
    for column, value in channels_of(pose).items():
        row[column] = value * gain * (1.0 + scatter * rng.standard_normal())
    return row


def _shuffle_s(way: Array, speed: float) -> float:
    return _num_steps(way) * 0.28 / speed


def _num_steps(way: Array) -> int:
    return 2 * int(np.ceil(np.linalg.norm(way) / 0.7) + 1)


def shuffle(c: Curves, start_s: float, here: Array, there: Array, duration_s: float) -> None:
    """Side steps that carry both feet and the pelvis from one place on the floor to another, m.

    Args:
        c: the curves, added to in place.
        start_s: s.
        here: (2,) x and y, m.
        there: (2,) x and y, m.
        duration_s: s.
    """
    count = _num_steps(there - here)
    step_s = duration_s / count
    begins = start_s + step_s * np.arange(count)
    hop = (there - here) / (count / 2)
    first = "l" if there[1] > here[1] else "r"
    one_swing = np.full(count // 2, 1.1 * step_s)
    for parity, side in enumerate((first, "r" if first == "l" else "l")):
        swing = moves(c.t, begins[parity::2], one_swing).sum(axis=1)
        c[f"{side}.fx"] += hop[0] * swing
        c[f"{side}.fy"] += hop[1] * swing
        height = 0.06 * lifts(c.t, begins[parity::2], one_swing).sum(axis=1)
        c[f"{side}.lift"] += height
        c[f"{side}.heel"] += 2.5 * height
    travel = moves(c.t, begins, np.full(count, 2.2 * step_s)).mean(axis=1)
    c["x"] += (there[0] - here[0]) * travel
    c["y"] += (there[1] - here[1]) * travel
    c["z"] -= (0.05 * lifts(c.t, [start_s - 0.1], [duration_s + 0.4]) @ np.ones(1)) + 0.012 * lifts(
        c.t, begins, np.full(count, step_s)
    ).sum(axis=1)
