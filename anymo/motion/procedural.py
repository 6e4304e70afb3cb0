"""Procedural motion: everyday and sport activities drawn from a generator, with captions."""

from difflib import get_close_matches

import numpy as np

from anymo.motion.choreography import Activity
from anymo.motion.curves import smooth_noise
from anymo.motion.everyday import EVERYDAY
from anymo.motion.limbs import CHANNEL, Body, Curves, mirrored, pose_body, rotation_of
from anymo.motion.sport import SPORT
from anymo.motion.training_moves import TRAINING
from anymo.motion.words import describe
from anymo.records import Array, Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS

ACTIVITIES: dict[str, Activity] = EVERYDAY | SPORT | TRAINING
LICENCE = "Apache-2.0"

# Sway that nobody can suppress, one standard deviation: slow drift, and tremor around 6 Hz.
_SWAY: dict[str, float] = {
    "x": 0.004, "y": 0.003, "lean": 0.4, "pitch": 0.5, "yaw": 0.5, "bend": 0.9, "side": 0.6, "turn": 0.9,
    "nod": 1.5, "tilt": 1.0, "look": 2.0,
    **{f"{s}.{n}": v for s in "lr" for n, v in
       {"flex": 1.6, "out": 1.1, "twist": 2.0, "elbow": 2.0, "pron": 2.5, "wrist": 2.5, "dev": 1.2,
        "shrug": 0.6, "reach": 0.6}.items()},
}  # fmt: skip
_TREMOR_SHARE, _TREMOR_HZ, _SWAY_HZ = 0.012, 7.0, 0.6


def generate(
    activity: str | None,
    rng: np.random.Generator,
    *,
    duration_s: float = 8.0,
    rate_hz: float = 60.0,
    joint_offsets: Array = DEFAULT_JOINT_OFFSETS,
    side: str | None = None,
    speed: float | None = None,
    amplitude: float | None = None,
    heading_rad: float | None = None,
) -> Motion:
    """Make up a motion; whatever is None is drawn. The same generator state gives the same motion.

    Args:
        activity: key of ACTIVITIES.
        rng: draws everything.
        duration_s: length, s.
        rate_hz: frames per second.
        joint_offsets: (23, 3) skeleton, m, legs hanging along -z in T-pose.
        side: "left" or "right": the hand or foot that acts.
        speed: factor on the usual speed.
        amplitude: factor on the usual range of motion.
        heading_rad: direction the person faces at first, from +x to the left.

    Raises:
        ValueError: unknown activity or side, or a factor or length that is not positive.
    """
    name = str(rng.choice(list(ACTIVITIES))) if activity is None else activity
    spec = _activity(name)
    side = str(rng.choice(["left", "right"], p=[0.3, 0.7])) if side is None else side
    speed = float(np.exp(np.clip(0.16 * rng.standard_normal(), -0.4, 0.4))) if speed is None else speed
    amplitude = (
        float(np.exp(np.clip(0.12 * rng.standard_normal(), -0.3, 0.25))) if amplitude is None else amplitude
    )
    heading = float(rng.uniform(-np.pi, np.pi)) if heading_rad is None else heading_rad
    _check(side, {"speed": speed, "amplitude": amplitude, "duration_s": duration_s, "rate_hz": rate_hz})
    curves = Curves(np.arange(max(2, round(duration_s * rate_hz))) / rate_hz, Body(joint_offsets))
    spec.choreography(curves, rng, speed, amplitude)
    _sway(curves, rng)
    root, rotations = pose_body(curves)
    if side == "left":
        root, rotations = mirrored(root, rotations)
    turn = rotation_of(np.array([0.0, 0.0, heading]))
    rotations[:, 0] = turn @ rotations[:, 0]
    root = (root - [*root[0, :2], 0.0]) @ turn.T
    return Motion(
        root_position=root,
        rotations=rotations,
        joint_offsets=joint_offsets,
        rate_hz=rate_hz,
        captions=describe(rng, spec.phrase, spec.verbs, side, speed, amplitude),
        name=f"{name}-{side}-speed{speed:.2f}-range{amplitude:.2f}",
        source="procedural",
        licence=LICENCE,
    )


def _activity(name: str) -> Activity:
    if name not in ACTIVITIES:
        near = get_close_matches(name, ACTIVITIES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"activity: got {name!r}; {hint}Known: {', '.join(ACTIVITIES)}")
    return ACTIVITIES[name]


def _check(side: str, positive: dict[str, float]) -> None:
    if side not in ("left", "right"):
        raise ValueError(f"side: expected 'left' or 'right', got {side!r}")
    for name, value in positive.items():
        if not value > 0:
            raise ValueError(f"{name}: expected a positive number, got {value}")


def _sway(curves: Curves, rng: np.random.Generator) -> None:
    columns = [CHANNEL[n] for n in _SWAY]
    size = np.array([v if n in ("x", "y") else np.radians(v) for n, v in _SWAY.items()])
    drift = smooth_noise(rng, curves.t, len(columns), _SWAY_HZ)
    tremor = smooth_noise(rng, curves.t, len(columns), _TREMOR_HZ)
    curves.value[:, columns] += size * (drift + _TREMOR_SHARE * tremor)


class ProceduralSource:
    """Endless supply of procedural motion; a MotionGenerator.

    Args:
        activities: keys of ACTIVITIES to draw from; empty draws from all.
        duration_s: length of each motion, s.
        rate_hz: frames per second.
    """

    def __init__(
        self, activities: tuple[str, ...] = (), duration_s: float = 8.0, rate_hz: float = 60.0
    ) -> None:
        self.activities = tuple(_activity(a) and a for a in activities or ACTIVITIES)
        self.duration_s, self.rate_hz = duration_s, rate_hz

    def generate(self, seed: int) -> Motion:
        """A motion; the same seed gives the same motion."""
        rng = np.random.default_rng(seed)
        activity = self.activities[int(rng.integers(len(self.activities)))]
        return generate(activity, rng, duration_s=self.duration_s, rate_hz=self.rate_hz)
