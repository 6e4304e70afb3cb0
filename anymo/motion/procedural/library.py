"""Procedural motion: everyday and sport activities drawn from a generator, with captions."""

from difflib import get_close_matches
from typing import NamedTuple

import numpy as np

from anymo.motion.procedural.ball_games import BALL_GAMES
from anymo.motion.procedural.choreography import Activity
from anymo.motion.procedural.chores import CHORES
from anymo.motion.procedural.curves import smooth_noise
from anymo.motion.procedural.everyday import EVERYDAY
from anymo.motion.procedural.falls import FALLS
from anymo.motion.procedural.floor_moves import FLOOR
from anymo.motion.procedural.gestures import GESTURES
from anymo.motion.procedural.gym import GYM
from anymo.motion.procedural.household import HOUSEHOLD
from anymo.motion.procedural.limbs import CHANNEL, Body, Curves, mirrored, pose_body
from anymo.motion.procedural.locomotion import LOCOMOTION
from anymo.motion.procedural.postures import POSTURES
from anymo.motion.procedural.rides import RIDES
from anymo.motion.procedural.sport import SPORT
from anymo.motion.procedural.training_moves import TRAINING
from anymo.motion.procedural.words import describe
from anymo.motion.rotations import rotation_of
from anymo.records import Array, Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS

ACTIVITIES: dict[str, Activity] = (
    LOCOMOTION | POSTURES | EVERYDAY | HOUSEHOLD | CHORES | GESTURES | SPORT | BALL_GAMES | GYM | FLOOR
    | TRAINING | FALLS | RIDES
)  # fmt: skip
# Common ones, few enough for the minutes of the demo: the library as it was before postures and falls.
CORE: tuple[str, ...] = (
    "standing still", "sitting", "lying down", "walking slowly", "walking", "walking briskly",
    "walking in a circle", "climbing stairs", "descending stairs", "turning around", "crawling",
    "standing up and sitting down", "picking something up", "waving", "clapping", "typing", "eating",
    "drinking", "brushing teeth", "vacuuming", "sweeping", "ironing", "stirring", "running", "jogging",
    "jumping", "hopping", "jumping jacks", "squatting", "lunges", "push-ups", "cycling", "rowing", "boxing",
    "kicking a ball", "throwing", "playing tennis", "playing badminton", "golf swing", "dribbling",
    "dancing", "swinging arms", "arm circles", "raising arm forward", "raising arm sideways",
    "turning forearm outward", "turning forearm inward", "pulling elbows up", "arm pendulum",
    "bent-over pull",
)  # fmt: skip
# What people do most of the day and every set of everyday activities asks for; only the way up tells one from
# another, which contrasts of other motion teach slowly (docs/encoders.md).
REST: tuple[str, ...] = (
    "standing still", "sitting", "lying down", "lying on the side", "lying on the stomach",
)  # fmt: skip
LICENCE = "Apache-2.0"
_COUNTED = {"gait", "exercise", "posture", "gesture"}  # families whose speed or rate is worth saying

# Standard deviations of the logarithms of speed and amplitude, where the name tells the speed or physics sets
# it; people take everything else at their own pace.
_SPREAD = dict.fromkeys(("gait", "sport", "stationary", "fall", "ride"), (0.16, 0.12))

# Sway that nobody can suppress, one standard deviation: slow drift, and tremor around 6 Hz.
_SWAY: dict[str, float] = {
    "x": 0.004, "y": 0.003, "lean": 0.4, "pitch": 0.5, "yaw": 0.5, "bend": 0.9, "side": 0.6, "turn": 0.9,
    "nod": 1.5, "tilt": 1.0, "look": 2.0,
    **{f"{s}.{n}": v for s in "lr" for n, v in
       {"flex": 1.6, "out": 1.1, "twist": 2.0, "elbow": 2.0, "pron": 2.5, "wrist": 2.5, "dev": 1.2,
        "shrug": 0.6, "reach": 0.6}.items()},
}  # fmt: skip
_TREMOR_SHARE, _TREMOR_HZ, _SWAY_HZ = 0.012, 7.0, 0.6
_RESTLESS = 0.5  # standard deviation between persons of the logarithm of how much they sway
# How persons hold themselves, one standard deviation between them, degrees: pelvic tilt alone has 5 to 7
# among healthy adults (Endo et al. 2012, from memory).
_HABIT: dict[str, float] = {
    "lean": 1, "pitch": 5, "bend": 4, "side": 2, "turn": 3, "nod": 6, "tilt": 2.5, "look": 5,
    **{f"{s}.{n}": v for s in "lr" for n, v in
       {"flex": 4, "out": 3, "twist": 5, "elbow": 5, "pron": 6, "wrist": 4, "dev": 3, "shrug": 2,
        "reach": 2}.items()},
}  # fmt: skip


class _Style(NamedTuple):
    side: str
    speed: float
    amplitude: float


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
        ValueError: unknown activity or side, a factor outside 0.4 to 2, or fewer than two frames.
    """
    name = str(rng.choice(list(ACTIVITIES))) if activity is None else activity
    spec = _activity(name)
    spread = _SPREAD.get(spec.family, (0.22, 0.15))
    style = _Style(
        side or str(rng.choice(["left", "right"], p=[0.3, 0.7])),
        _factor(rng, spread[0]) if speed is None else speed,
        _factor(rng, spread[1]) if amplitude is None else amplitude,
    )
    heading = float(rng.uniform(-np.pi, np.pi)) if heading_rad is None else heading_rad
    _check(style, duration_s, rate_hz)
    curves = Curves(np.arange(round(duration_s * rate_hz)) / rate_hz, Body(joint_offsets))
    facts = spec.choreography(curves, rng, style.speed, style.amplitude)
    _sway(curves, rng)
    root, rotations = pose_body(curves)
    root, rotations = _face(
        *(mirrored(root, rotations) if style.side == "left" else (root, rotations)), heading
    )
    return Motion(
        root_position=root,
        rotations=rotations,
        joint_offsets=joint_offsets,
        rate_hz=rate_hz,
        captions=describe(rng, spec.phrase, spec.verbs, *style, facts if spec.family in _COUNTED else {}),
        name=f"{name}-{style.side}-speed{style.speed:.2f}-range{style.amplitude:.2f}",
        source="procedural",
        licence=LICENCE,
    )


def _activity(name: str) -> Activity:
    if name not in ACTIVITIES:
        near = get_close_matches(name, ACTIVITIES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"activity: got {name!r}; {hint}Known: {', '.join(ACTIVITIES)}")
    return ACTIVITIES[name]


def _factor(rng: np.random.Generator, spread: float) -> float:
    return float(np.exp(spread * np.clip(rng.standard_normal(), -2.4, 2.4)))


def _check(style: _Style, duration_s: float, rate_hz: float) -> None:
    if style.side not in ("left", "right"):
        raise ValueError(f"side: expected 'left' or 'right', got {style.side!r}")
    for name in ("speed", "amplitude"):
        if not 0.4 <= getattr(style, name) <= 2.0:
            raise ValueError(
                f"{name}: expected a factor on the usual one within 0.4 to 2, got {getattr(style, name)}"
            )
    if not (rate_hz > 0 and duration_s * rate_hz >= 2):
        raise ValueError(f"duration: expected 2 frames or more, got {duration_s} s at {rate_hz} Hz")


def _face(root: Array, rotations: Array, heading: float) -> tuple[Array, Array]:
    """Start over the origin and turn everything to a heading."""
    turn = rotation_of(np.array([0.0, 0.0, heading]))
    rotations[:, 0] = turn @ rotations[:, 0]
    return np.asarray((root - [*root[0, :2], 0.0]) @ turn.T), rotations


def _sway(curves: Curves, rng: np.random.Generator) -> None:
    columns = [CHANNEL[n] for n in _SWAY]
    size = np.array([v if n in ("x", "y") else np.radians(v) for n, v in _SWAY.items()])
    drift = smooth_noise(rng, curves.t, len(columns), _SWAY_HZ)
    tremor = smooth_noise(rng, curves.t, len(columns), _TREMOR_HZ)
    restless = np.exp(_RESTLESS * rng.standard_normal())
    curves.value[:, columns] += size * restless * (drift + _TREMOR_SHARE * tremor)
    habit = np.radians([*_HABIT.values()]) * np.clip(rng.standard_normal(len(_HABIT)), -2.4, 2.4)
    upright = np.cos(curves["pitch"]) * np.cos(curves["lean"])  # the floor straightens the lying
    curves.value[:, [CHANNEL[n] for n in _HABIT]] += upright[:, None] * habit


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
        for name in activities:
            _activity(name)
        self.activities = activities or tuple(ACTIVITIES)
        self.duration_s, self.rate_hz = duration_s, rate_hz

    def generate(self, seed: int) -> Motion:
        """A motion; the same seed gives the same motion."""
        rng = np.random.default_rng(seed)
        activity = self.activities[int(rng.integers(len(self.activities)))]
        return generate(activity, rng, duration_s=self.duration_s, rate_hz=self.rate_hz)
