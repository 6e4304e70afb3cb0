"""What an activity is: words and a choreography, written for the right side where it has one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from anymo.motion import gait, keyposes, rhythms
from anymo.motion.keyposes import Key, Pose, Routine
from anymo.motion.limbs import Curves
from anymo.motion.rhythms import Oscillation, Wave

Choreography = Callable[[Curves, np.random.Generator, float, float], None]


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity of daily life or sport.

    phrase        what it is called, the first caption
    verbs         ways to say what the person does; `{side}` and `{other}` stand for left and right
    choreography  fills curves, given a generator, a speed factor and an amplitude factor
    family        gait, stationary, posture, sport, exercise, or task
    """

    phrase: str
    verbs: tuple[str, ...]
    choreography: Choreography
    family: str


def walking(kind: gait.Gait, curvature: float = 0.0) -> Choreography:
    """Gait along a nearly straight path, or an arc."""

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> None:
        gait.perform(c, rng, kind, speed, amplitude)
        gait.curve_path(c, curvature or 0.015 * rng.uniform(0.2, 1.0) * rng.choice([-1.0, 1.0]))

    return choreography


def routine(
    *variants: list[Key], base: Pose | None = None, pause_s: float = 0.4, step_m: float = 0.0
) -> Choreography:
    """Key poses, over and over."""
    spec = Routine(variants, base or {}, pause_s, step_m)

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> None:
        keyposes.perform(c, rng, spec, speed, amplitude)

    return choreography


def oscillation(period_s: float, *waves: Wave, **how: object) -> Choreography:
    """Waves on a beat."""
    spec = replace(Oscillation(waves, period_s), **how)  # type: ignore[arg-type]

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> None:
        rhythms.perform(c, rng, spec, speed, amplitude)

    return choreography
