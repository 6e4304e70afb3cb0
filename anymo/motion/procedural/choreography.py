"""What an activity is: words and a choreography, written for the right side where it has one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from anymo.motion.procedural import gait, keyposes, rhythms
from anymo.motion.procedural.grips import Grip
from anymo.motion.procedural.keyposes import Key, Pose, Routine
from anymo.motion.procedural.limbs import Curves, Facts
from anymo.motion.procedural.literature import Range
from anymo.motion.procedural.rhythms import Oscillation, Wave

Choreography = Callable[[Curves, np.random.Generator, float, float], Facts]


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity of daily life or sport.

    phrase        what it is called, the first caption
    verbs         ways to say what the person does; `{side}` and `{other}` stand for left and right
    choreography  fills curves, given a generator, a speed factor and an amplitude factor
    family        gait, stationary, posture, sport, exercise, task, gesture, fall, or ride
    ranges        what the literature says of it; at speed and amplitude 1 the motion is within
    flat_floor    feet meet a level floor that stands still: no stairs, ramps, belts, pedals, lifts
    """

    phrase: str
    verbs: tuple[str, ...]
    choreography: Choreography
    family: str
    ranges: tuple[Range, ...] = ()
    flat_floor: bool = True


def walking(kind: gait.Gait, curvature: float = 0.0, pose: Pose | None = None) -> Choreography:
    """Gait along a nearly straight path, or an arc; a pose is added throughout."""

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
        facts = gait.perform(c, rng, kind, speed, amplitude)
        c.add(pose or {})
        gait.curve_path(c, curvature or 0.015 * rng.uniform(0.2, 1.0) * rng.choice([-1.0, 1.0]))
        return facts

    return choreography


def on_belt(kind: gait.Gait) -> Choreography:
    """Gait on a treadmill: the ground goes back as fast as the person goes ahead."""

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
        facts = gait.perform(c, rng, kind, speed, amplitude)
        belt = facts["mps"] * c.t
        for name in ("x", "l.fx", "r.fx"):
            c[name] -= belt
        return facts

    return choreography


@dataclass(frozen=True, slots=True)
class Hold:
    """Something the hands hold on to that does not move: handlebars, a wheel, rails.

    at      the left wrist: forward, to the left, above the floor, m, for a body of scale 1; the right one
            mirrors it
    elbow   direction the elbow points to: forward, outward, up
    sides   hands that hold
    """

    at: tuple[float, float, float]
    elbow: tuple[float, float, float] = (-0.3, 0.5, -1.0)
    sides: str = "lr"


def hold_on(c: Curves, grip: Hold | None) -> None:
    """Lead the hands to what they hold, if anything."""
    if grip is not None:
        for side in grip.sides:
            at = c.body.scale * np.array(grip.at) * [1.0, 1.0 if side == "l" else -1.0, 1.0]
            c.grips[side] = Grip(np.broadcast_to(at, (len(c.t), 3)), grip.elbow)


def routine(*variants: list[Key], grip: Hold | None = None, **how: object) -> Choreography:
    """Key poses, over and over or once; `how` are fields of Routine."""
    spec = replace(Routine(variants), **how)  # type: ignore[arg-type]

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
        facts = keyposes.perform(c, rng, spec, speed, amplitude)
        hold_on(c, grip)
        return facts

    return choreography


def oscillation(period_s: float, *waves: Wave, grip: Hold | None = None, **how: object) -> Choreography:
    """Waves on a beat; `how` are fields of Oscillation."""
    spec = replace(Oscillation(waves, period_s), **how)  # type: ignore[arg-type]

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
        facts = rhythms.perform(c, rng, spec, speed, amplitude)
        hold_on(c, grip)
        return facts

    return choreography
