"""On hands, knees and back: the body is planned from what stays where it is on the floor."""

import numpy as np

from anymo.motion.procedural.choreography import Activity, Choreography, routine
from anymo.motion.procedural.contact import FLESH_M
from anymo.motion.procedural.curves import Rhythm, lifts, moves, rhythm, smooth_noise
from anymo.motion.procedural.grips import Grip
from anymo.motion.procedural.keyposes import Key
from anymo.motion.procedural.limbs import Curves, Facts
from anymo.motion.procedural.literature import Range
from anymo.records import Array
from anymo.skeleton import INDEX

_HAND_M = float(FLESH_M[INDEX["LeftHand"]])
_KNEE_M = float(FLESH_M[INDEX["LeftLowerLeg"]])
_TIPTOE = np.radians(80.0)


def push_up(period_s: float, dip_deg: float) -> Choreography:
    """A straight body that turns about the toes over planted hands; no dip is a plank on straight arms."""

    def choreography(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
        beat = rhythm(rng, c.t, period_s / speed, 0.06)
        dip = dip_deg * amplitude * (0.5 - 0.5 * np.cos(2 * np.pi * beat.phase)) * rng.uniform(0.85, 1.1)
        rise = np.radians(17.5 - np.minimum(dip, 14.5) + 0.3 * smooth_noise(rng, c.t, 1, 0.6)[:, 0])
        body, toe = c.body, c.body.joint_offsets[INDEX["LeftToe"], 0]
        ankle_x = toe + body.ankle_height * np.sin(_TIPTOE) - toe * np.cos(_TIPTOE)
        ankle_z = toe * np.sin(_TIPTOE) + body.ankle_height * np.cos(_TIPTOE)
        pelvis_m = 0.992 * body.leg + body.hip_drop
        c["x"] = ankle_x + pelvis_m * np.cos(rise)
        c["z"] = ankle_z + pelvis_m * np.sin(rise) - body.standing_height
        c["pitch"] = np.pi / 2 - rise
        c["l.heel"] = c["r.heel"] = _TIPTOE
        c.add({"nod": -22, "b.toe_out": -7})
        wrist_x = ankle_x + (pelvis_m + body.trunk) * 0.965
        for side, sign in (("l", 1.0), ("r", -1.0)):
            at = [wrist_x, sign * 0.25 * body.scale, _HAND_M]
            c.grips[side] = Grip(np.broadcast_to(at, (len(c.t), 3)), (-1.0, 0.7, 0.3), flat=True)
        return {"per_minute": 60.0 * speed / period_s} if dip_deg else {}

    return choreography


def crawl(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
    """Hands and knees in diagonal pairs, each down for three fifths of the cycle (Patrick et al. 2009)."""
    scale = c.body.scale
    beat = rhythm(rng, c.t, 1.15 / speed, 0.04)
    stride_m = 0.44 * scale * np.sqrt(amplitude)
    c.on_floor, c.settles = False, "never"
    c["x"] = stride_m * beat.phase
    swing = np.cos(2 * np.pi * (beat.phase - 0.1))
    c.add({"pitch": 84, "bend": 3, "nod": -34, "b.ankle": 54, "b.knee": 2})
    c.add({"side": 4, "yaw": 3.5, "turn": -5}, swing)
    c.add({"lean": 6, "side": -6}, np.cos(2 * np.pi * (beat.phase - 0.3)))
    hip_up = c.body.hip_half_width * np.sin(c["lean"])
    hip_x = c["x"] - np.sin(np.radians(84)) * c.body.hip_drop
    height, weight = np.zeros_like(c.t), np.zeros_like(c.t)
    for side, sign, lag in (("l", 1.0, 0.0), ("r", -1.0, 0.5)):
        knee, hand = _steps(c.t, beat, lag, 0.0), _steps(c.t, beat, lag + 0.5, 0.06)
        x, z = stride_m * knee[0], _KNEE_M + 0.045 * knee[1]
        c.knees[side] = np.stack([x, np.full_like(x, sign * 0.1 * scale), z], axis=-1)
        planted = (1.0 - knee[1]) ** 6 + 1e-3
        height += planted * (np.sqrt(c.body.thigh**2 - (x - hip_x) ** 2) + sign * hip_up)
        weight += planted
        x, z = stride_m * hand[0] + c.body.trunk + 0.01, _HAND_M + 0.05 * hand[1]
        path = np.stack([x, np.full_like(x, sign * 0.2 * scale), z], axis=-1)
        c.grips[side] = Grip(path, (-1.0, 0.5, 0.2), flat=True)
    c["z"] = _KNEE_M + height / weight - c.body.standing_height
    return {"mps": stride_m * speed / 1.15, "per_minute": 120.0 * speed / 1.15}


def _steps(t: Array, beat: Rhythm, lag: float, late: float, stance: float = 0.6) -> tuple[Array, Array]:
    """Place in strides and height, of 1, of a limb that lands at every beat plus `lag` periods."""
    period = np.gradient(beat.beats)
    land = beat.beats + (lag + late) * period
    off, swing = land + stance * period, (1.0 - stance) * period
    first = lag + late + 0.5 * stance
    return first + moves(t, off, swing).sum(axis=1), lifts(t, off, swing).sum(axis=1)


FLOOR: dict[str, Activity] = {
    "crawling": Activity(
        "crawling",
        ("crawls on hands and knees", "moves over the floor on all fours", "goes forward on hands and knees",
         "creeps ahead on all fours"),
        crawl, "gait", (Range("mps", 0.2, 0.9, "m/s", "patrick2009"),),
    ),
    "push-ups": Activity(
        "doing push-ups",
        ("does push-ups", "lowers the chest to the floor and pushes up again", "performs press-ups",
         "bends and stretches the arms in a plank"),
        push_up(1.8, 12.0), "exercise",
    ),
    "plank": Activity(
        "holding a plank",
        ("holds a plank", "stays in push-up position with straight arms", "keeps the body straight on hands"
         " and toes", "does a static plank"),
        push_up(3.0, 0.0), "exercise",
    ),
    "sit-ups": Activity(
        "doing sit-ups",
        ("does sit-ups", "lies on the back and raises the upper body",
         "curls up from the floor again and again",
         "trains the belly with crunches"),
        routine(
            [Key({"pitch": 52, "bend": 44, "nod": 20}, 0.9, 0.1), Key({}, 1.0, 0.15)],
            base={"z": -0.845, "x": -0.56, "pitch": -86, "bend": 4, "nod": 8, "b.flex": 62, "b.out": 22,
                  "b.twist": 10, "b.elbow": 128, "b.heel": 0},
            pause_s=0.25,
        ),
        "exercise",
    ),
}  # fmt: skip
