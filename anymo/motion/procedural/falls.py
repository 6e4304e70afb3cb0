"""Falls: the body tips over its feet as an inverted pendulum, gives way, and lies still."""

import numpy as np

from anymo.motion.procedural.choreography import Activity, Choreography
from anymo.motion.procedural.curves import lifts, moves, soft_positive
from anymo.motion.procedural.keyposes import Pose
from anymo.motion.procedural.limbs import Curves, Facts
from anymo.motion.procedural.literature import Range

_IMPACT = 0.03  # share of the fall over which the floor stops it


def fall(tipping: Pose, giving_way: Pose, landed: Pose) -> Choreography:
    """Fall once, then lie.

    Deflection grows as exp(t/τ), the escape of an inverted pendulum; a rigid rod of 1.75 m has τ = √(2L/3g) =
    0.34 s, legs that give way and hands that reach out take longer. The hip meets the floor at 2 to 3.5 m/s
    (Hsiao and Robinovitch 1998).

    Args:
        tipping: pose at the end of tipping.
        giving_way: added halfway down and gone again at the end.
        landed: pose reached while lying, a second later.
    """

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
        tau = rng.uniform(0.34, 0.42) / np.sqrt(speed)
        hit = rng.uniform(0.4, 0.55) * c.t[-1]
        down = 1.0 - soft_positive(1.0 - np.exp(np.minimum((c.t - hit) / tau, 3.0)), _IMPACT)
        c.on_floor, c.settles, c.give_m = False, "always", 0.026
        size = 0.6 + 0.4 * amplitude
        c.add({"bend": 4, "b.flex": 4})
        c.add(tipping, down)
        c.add(giving_way, size * lifts(c.t, [hit - 1.5 * tau], [2.6 * tau])[:, 0])
        c.add(landed, moves(c.t, [hit - 0.1], [1.1 / speed])[:, 0])
        return {"seconds": 2.3 * tau}

    return choreography


_SECONDS = (
    Range("seconds", 0.6, 1.4, "s", "hsiao1998"),
    Range("pelvis_peak_mps2", 20, 120, "m/s²", "bourke2007"),
)

FALLS: dict[str, Activity] = {
    "falling forward": Activity(
        "falling forward",
        ("falls forward", "trips and lands on the hands and chest", "tumbles to the front and stays down",
         "falls flat on the face"),
        fall(
            {"pitch": 86, "b.flex": 118, "b.elbow": 70, "b.out": 24, "b.ankle": 40},
            {"b.hip": 26, "b.knee": 52, "bend": 12},
            {"b.flex": 16, "b.elbow": 20, "nod": -12, "look": 30},
        ),
        "fall", _SECONDS,
    ),
    "falling backward": Activity(
        "falling backward",
        ("falls backward", "slips and lands on the back", "tumbles onto the seat and back",
         "falls over backwards and stays down"),
        fall(
            {"pitch": -84, "b.hip": 12, "b.knee": 22, "b.flex": -14, "b.elbow": 30, "b.out": 30, "nod": 14},
            {"b.hip": 62, "b.knee": 84, "bend": 30, "b.flex": 50},
            {"b.flex": 14, "b.out": 10, "nod": -10},
        ),
        "fall", _SECONDS,
    ),
    "falling sideways": Activity(
        "falling to the side",
        ("falls to the {side}", "falls over sideways", "slips and lands on the {side} hip",
         "tumbles onto the {side} side and stays down"),
        fall(
            {"lean": -84, "r.out": 60, "r.flex": 62, "r.elbow": 40, "l.flex": 30, "l.elbow": 40, "b.hip": 16,
             "b.knee": 24},
            {"b.hip": 34, "b.knee": 70, "side": -8, "l.out": 30},
            {"r.out": -20, "r.flex": 20, "l.elbow": 20, "b.hip": 12, "b.knee": 16},
        ),
        "fall", _SECONDS,
    ),
}  # fmt: skip
