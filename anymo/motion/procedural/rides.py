"""Being carried: lifts, cars, buses.

Lifts speed up by 0.8 to 1.5 m/s² to 1 to 2.5 m/s with limited jerk (ISO 18738-1; CIBSE Guide D). Seats of
cars and buses shake by 0.2 to 0.7 m/s² around 1 to 2 Hz of the body on its springs, and less around 8 to
14 Hz of the wheels (Griffin 1990); drivers pull away, brake and corner by up to 2 m/s² (Hoberock 1977).
"""

import numpy as np

from anymo.motion.procedural import keyposes
from anymo.motion.procedural.choreography import Activity, Choreography, Hold, hold_on
from anymo.motion.procedural.curves import smooth_noise, vibration
from anymo.motion.procedural.everyday import FIDGETS, SEAT, SEATED_FIDGETS
from anymo.motion.procedural.keyposes import Key, Pose, Routine
from anymo.motion.procedural.limbs import Curves, Facts
from anymo.motion.procedural.literature import Range
from anymo.records import Array


def lift(sign: float, fidgets: tuple[list[Key], ...], base: Pose) -> Choreography:
    """Stand or sit in a cabin that starts, travels and stops."""

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
        keyposes.perform(c, rng, Routine(fidgets, base, 2.5), 1.0, 0.6 * amplitude)
        ramp_s, mps = rng.uniform(1.8, 2.6), rng.uniform(1.0, 1.7) * speed
        start = rng.uniform(0.0, 0.15) * c.t[-1]
        stop = start + ramp_s + rng.uniform(0.25, 0.5) * c.t[-1]
        height = mps * (_ran_up(c.t - start, ramp_s) - _ran_up(c.t - stop, ramp_s))
        height += vibration(rng, c.t, 9.0, 0.06) + vibration(rng, c.t, 3.0, 0.05)
        nothing = np.zeros_like(height)
        c.carried = np.stack([nothing, nothing, sign * height], axis=-1)
        return {"cabin_mps2": 1.875 * mps / ramp_s}

    return choreography


def _ran_up(t: Array, ramp_s: float) -> Array:
    """Way after a minimum-jerk rise of speed from 0 to 1 over `ramp_s`: its integral, s."""
    s = np.clip(t / ramp_s, 0.0, 1.0)
    return np.asarray(ramp_s * s**4 * (2.5 - 3.0 * s + s * s) + np.maximum(t - ramp_s, 0.0))


def vehicle(
    shake_mps2: float, fidgets: tuple[list[Key], ...], base: Pose, sway: Pose, hold: Hold | None = None
) -> Choreography:
    """Sit or stand in something on wheels; the body sways against what the driver does."""

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
        keyposes.perform(c, rng, Routine(fidgets, base, 2.5), 1.0, 0.6 * amplitude)
        rough = shake_mps2 * speed * rng.uniform(0.7, 1.3)
        driven = smooth_noise(rng, c.t, 2, 0.12) * [1.6 * speed, 0.5 * speed]
        way = 9.0 * c.t[:, None] * [1.0, 0.0] + driven
        up = vibration(rng, c.t, 1.5, 0.8 * rough) + vibration(rng, c.t, 11.0, 0.4 * rough)
        side = vibration(rng, c.t, 1.2, 0.4 * rough) + vibration(rng, c.t, 11.0, 0.15 * rough)
        c.carried = np.stack([way[:, 0], way[:, 1] + side, up], axis=-1)
        c.add(sway, smooth_noise(rng, c.t, 1, 0.5)[:, 0] * amplitude)
        c.add({"nod": 0.8, "bend": 0.4}, smooth_noise(rng, c.t, 1, 2.0)[:, 0] * rough)
        hold_on(c, hold)
        return {"shake_mps2": float(rough)}

    return choreography


_CABIN = (Range("cabin_mps2", 0.6, 1.8, "m/s²", "iso18738"),)
_SEAT = (Range("shake_mps2", 0.2, 0.9, "m/s²", "griffin1990"),)
_STEADY: tuple[list[Key], ...] = (
    [Key({"look": 20}, 0.8, 0.8), Key({"look": -15}, 1.0, 1.0), Key({}, 0.8, 1.0)],
)

RIDES: dict[str, Activity] = {
    "riding a lift up": Activity(
        "going up in a lift",
        ("rides a lift up", "goes up in an elevator", "stands in a lift that rises",
         "takes the elevator to a higher floor"),
        lift(1.0, FIDGETS, {}), "ride", _CABIN, flat_floor=False,
    ),
    "riding a lift down": Activity(
        "going down in a lift",
        ("rides a lift down", "goes down in an elevator", "stands in a lift that sinks",
         "takes the elevator to a lower floor"),
        lift(-1.0, FIDGETS, {}), "ride", _CABIN, flat_floor=False,
    ),
    "driving a car": Activity(
        "driving a car",
        ("drives a car", "sits at the steering wheel", "steers a car with both hands",
         "is at the wheel of a moving car"),
        vehicle(
            0.35, _STEADY, SEAT | {"pitch": -30, "bend": 20}, {"turn": 2, "side": 2, "look": 6},
            Hold((0.02, 0.17, 0.82), (-0.3, 0.6, -1.0)),
        ),
        "ride", _SEAT, flat_floor=False,
    ),
    "riding in a car": Activity(
        "riding in a car",
        ("rides in a car", "sits in a moving car", "is a passenger in a car", "is driven somewhere, seated"),
        vehicle(0.35, SEATED_FIDGETS, SEAT | {"pitch": -28}, {"side": 3, "lean": 1.5}), "ride", _SEAT,
        flat_floor=False,
    ),
    "riding a motorcycle": Activity(
        "riding a motorcycle",
        ("rides a motorcycle", "sits on a motorbike and holds the handlebar", "travels on a motor scooter",
         "steers a motorcycle with both hands"),
        vehicle(
            0.55, _STEADY, SEAT | {"pitch": 8, "bend": 10, "b.fy": 0.12}, {"lean": 3, "side": -1, "look": 6},
            Hold((0.12, 0.32, 0.86), (-0.2, 0.8, -0.8)),
        ),
        "ride", _SEAT, flat_floor=False,
    ),
    "standing on a bus": Activity(
        "standing on a bus",
        ("stands on a moving bus and holds on with the {side} hand", "rides a bus standing up",
         "holds a strap on a bus", "stands in a tram that rattles along"),
        vehicle(
            0.55, _STEADY, {"l.fy": 0.06, "r.fy": -0.06, "z": -0.02},
            {"y": 0.02, "x": 0.015, "lean": 2, "side": -3, "pitch": 1.5},
            Hold((0.15, 0.28, 1.72), (0.2, 1.0, -0.4), sides="r"),
        ),
        "ride", _SEAT, flat_floor=False,
    ),
}  # fmt: skip
