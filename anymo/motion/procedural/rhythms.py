"""Movement that repeats by nature: bouncing, pedalling, strokes of the hand, moving on the floor."""

from dataclasses import dataclass, field

import numpy as np

from anymo.motion.procedural.curves import (
    force_table,
    impact_table,
    rhythm,
    sample_table,
    smooth_noise,
    soft_positive,
)
from anymo.motion.procedural.keyposes import Pose
from anymo.motion.procedural.limbs import Curves, Facts
from anymo.records import Array

_IMPACT = 0.5  # of landing, g
_DEEPEST_M = 0.55  # dip of an adult's pelvis, of 0.84 m of leg, from tiptoe into a squat to jump from, m


@dataclass(frozen=True, slots=True)
class Wave:
    """A pose swung to and fro: cos(2π (beats · ratio - lag)), sharpened or not by a second harmonic."""

    pose: Pose
    lag: float = 0.0
    ratio: float = 1.0
    second: float = 0.0


@dataclass(frozen=True, slots=True)
class Oscillation:
    """Waves on a common beat around a base pose.

    period_s   of the beat
    bounce     share of the beat on the ground (jumps); 0 keeps the feet down
    free_legs  legs follow their angles, and the body lies or kneels on the floor
    active     mean share of the time in motion; below 1 the waves come in bouts
    travel_mps mean progress forward
    """

    waves: tuple[Wave, ...]
    period_s: float
    base: Pose = field(default_factory=dict)
    bounce: float = 0.0
    free_legs: bool = False
    active: float = 1.0
    jitter: float = 0.05
    travel_mps: float = 0.0


def perform(c: Curves, rng: np.random.Generator, spec: Oscillation, speed: float, amplitude: float) -> Facts:
    """Add an oscillation to the curves; amplitude and lag drift, and every person has other ones."""
    longest_s = _longest_bounce_s(spec.bounce, c.body.scale) if spec.bounce else np.inf
    beat = rhythm(rng, c.t, spec.period_s / speed, spec.jitter, longest_s=longest_s)
    c.add(spec.base)
    c.on_floor, c.settles = not spec.free_legs, "once" if spec.free_legs else "never"
    strength = amplitude * _bouts(rng, c.t, spec.active)
    drift = smooth_noise(rng, c.t, 2 * len(spec.waves), 0.4)
    for i, wave in enumerate(spec.waves):
        angle = 2 * np.pi * (beat.phase * wave.ratio - wave.lag - 0.02 * rng.standard_normal())
        angle += 0.12 * drift[:, 2 * i]
        curve = np.cos(angle) + wave.second * np.cos(2 * angle)
        c.add(wave.pose, curve * strength * rng.uniform(0.85, 1.15) * (1 + 0.12 * drift[:, 2 * i + 1]))
    c["x"] += spec.travel_mps * spec.period_s * beat.phase * c.body.scale
    if spec.bounce:
        _bounce(c, beat.phase, beat.period, spec.bounce)
    return {"per_minute": 60.0 / min(spec.period_s / speed, longest_s)}


def _bouts(rng: np.random.Generator, t: Array, active: float) -> Array:
    if active >= 1.0:
        return np.ones_like(t)
    level = smooth_noise(rng, t, 1, 0.25)[:, 0] + 2.5 * (active - 0.5)
    return np.asarray(1.0 / (1.0 + np.exp(-5.0 * level)))


def _longest_bounce_s(ground_share: float, scale: float) -> float:
    """The period whose jumps begin in a deep squat: the body dips with its square."""
    table = force_table(ground_share) + impact_table(_IMPACT)
    dip = sample_table(table, np.array([ground_share]))[0] - table.min()
    return float(np.sqrt(_DEEPEST_M * scale / dip))


def _bounce(c: Curves, phase: Array, period: Array, ground_share: float) -> None:
    """Jump at every beat: force on the ground, then free fall; the feet leave when the legs are stretched."""
    table = force_table(ground_share) + impact_table(_IMPACT)
    take_off = sample_table(table, np.array([ground_share]))[0]
    height = period**2 * (sample_table(table, phase) - take_off)
    c["z"] += height + 0.05 * c.body.scale
    lift = soft_positive(height, 0.008)
    for side in "lr":
        c[f"{side}.lift"] += lift
        c[f"{side}.heel"] += np.radians(38.0) / (1.0 + np.exp(-(height + 0.02) / 0.012))
