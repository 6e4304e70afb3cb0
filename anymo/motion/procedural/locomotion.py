"""Getting about on foot: walking and its variants, stairs, ramps, belts, running.

Speeds and cadences are those of healthy adults (Bohannon 1997; Tudor-Locke 2018; Novacheck 1998), stairs are
17 cm high and 29 cm deep (Riener 2002), ramps rise by 8 degrees (McIntosh 2006), walking backwards is short
and slow and lands on the toes (Winter 1989), and a limp shortens the stance of the leg that hurts.
"""

from dataclasses import replace

import numpy as np

from anymo.motion.procedural.choreography import Activity, on_belt, walking
from anymo.motion.procedural.gait import RUN, STAIRS_DOWN, STAIRS_UP, WALK, turn_around
from anymo.motion.procedural.keyposes import Pose, shuffle
from anymo.motion.procedural.limbs import Curves, Facts
from anymo.motion.procedural.literature import Range

SLOW_WALK = replace(WALK, step_s=0.68, step_m=0.5, clearance_m=0.03, push_off_deg=43, arm_deg=9, impact=0.28)
BRISK_WALK = replace(
    WALK, step_s=0.47, step_m=0.8, clearance_m=0.05, push_off_deg=50, arm_deg=14, elbow_deg=32, lean_deg=5,
    impact=0.55,
)  # fmt: skip
BACKWARD = replace(
    WALK, step_s=0.6, step_m=-0.45, push_off_deg=12, strike_deg=-20, arm_deg=6, lean_deg=0, impact=0.2
)
LIMP = replace(
    WALK, step_s=0.64, step_m=0.48, limp=0.2, clearance_m=0.035, push_off_deg=34, strike_deg=8, arm_deg=8
)
MARCH = replace(
    WALK, step_s=0.5, step_m=0.0, clearance_m=0.32, push_off_deg=20, strike_deg=-10, arm_deg=30,
    elbow_deg=70, lean_deg=0, impact=0.4,
)  # fmt: skip
RAMP_UP = replace(
    WALK, step_s=0.57, step_m=0.63, rise_m=0.088, slope_deg=8, lean_deg=9, push_off_deg=52, strike_deg=10
)
RAMP_DOWN = replace(
    WALK, step_s=0.53, step_m=0.6, rise_m=-0.084, slope_deg=-8, lean_deg=-2, push_off_deg=42, impact=0.7
)
FAST_RUN = replace(RUN, step_m=1.15, step_s=0.355, push_off_deg=54, arm_deg=25)
IN_PLACE = replace(RUN, step_m=0.0, step_s=0.37, stance=0.44, clearance_m=0.16, push_off_deg=36, lean_deg=2)
JOG = replace(RUN, step_m=0.85, step_s=0.375, clearance_m=0.12, arm_deg=20)
LOAD: Pose = {"b.flex": 20, "b.elbow": 66, "b.out": -4, "b.pron": -40, "pitch": -3, "bend": -4}
CART: Pose = {"b.flex": 42, "b.elbow": 40, "b.out": -2, "b.pron": 60, "pitch": 3, "bend": 4}
PHONE: Pose = {"r.flex": 74, "r.out": 56, "r.elbow": 110, "r.twist": -22, "r.pron": -20, "tilt": -6}

_WALKS = (
    Range("mps", 1.1, 1.6, "m/s", "bohannon1997"),
    Range("per_minute", 100, 130, "steps/min", "tudorlocke2018"),
    Range("foot_speed_mps", 3.5, 5.6, "m/s", "winter1992"),
)
_BRISK = (
    Range("mps", 1.5, 2.2, "m/s", "bohannon1997"),
    Range("per_minute", 120, 145, "steps/min", "tudorlocke2018"),
)
_STROLL = (
    Range("mps", 0.5, 1.0, "m/s", "grieve1966"),
    Range("per_minute", 70, 100, "steps/min", "grieve1966"),
)
_RUNS = (
    Range("mps", 2.6, 4.5, "m/s", "novacheck1998"),
    Range("per_minute", 155, 190, "steps/min", "cavanagh1982"),
)
_JOGS = (
    Range("mps", 1.8, 2.9, "m/s", "novacheck1998"),
    Range("per_minute", 145, 180, "steps/min", "cavanagh1982"),
)
_STAIRS = (Range("per_minute", 80, 115, "steps/min", "riener2002"),)


def side_steps(c: Curves, rng: np.random.Generator, speed: float, amplitude: float) -> Facts:
    """Steps to the right, foot to foot; the same length sideways every 0.7 s or so."""
    mps = 0.5 * speed * np.sqrt(amplitude) * c.body.scale
    begin, end = -0.6, c.t[-1] + 0.6
    way = np.array([0.0, -mps * (end - begin)])
    c.add({"b.flex": 8, "b.elbow": 24, "bend": 4})
    shuffle(c, begin, np.zeros(2), way, end - begin)
    return {"mps": mps, "per_minute": 60.0 * mps / 0.35}


LOCOMOTION: dict[str, Activity] = {
    "walking slowly": Activity(
        "walking slowly",
        ("walks slowly", "strolls along", "takes slow steps forward", "moves ahead at an easy walk"),
        walking(SLOW_WALK), "gait", _STROLL,
    ),
    "walking": Activity(
        "walking",
        ("walks forward", "is walking", "goes ahead on foot", "walks along with swinging arms",
         "takes steps forward"),
        walking(WALK), "gait", _WALKS,
    ),
    "walking briskly": Activity(
        "walking briskly",
        ("walks briskly", "strides ahead in a hurry", "goes at a fast walk",
         "marches along with quick steps"),
        walking(BRISK_WALK), "gait", _BRISK,
    ),
    "walking in a circle": Activity(
        "walking in a circle",
        ("walks in a circle to the {other}", "goes round in a ring, turning {other}",
         "follows a round path on foot", "walks a curve to the {other}"),
        walking(WALK, 0.45), "gait", _WALKS,
    ),
    "walking backwards": Activity(
        "walking backwards",
        ("walks backwards", "goes backward step by step", "retreats with small steps",
         "moves away without turning round"),
        walking(BACKWARD), "gait", (Range("mps", 0.5, 1.2, "m/s", "winter1989"),),
    ),
    "walking sideways": Activity(
        "walking sideways",
        ("walks sideways to the {side}", "sidesteps to the {side}", "takes steps to the {side} side",
         "moves {side} without turning"),
        side_steps, "gait",
    ),
    "limping": Activity(
        "limping",
        ("limps on the {side} leg", "walks with a limp", "walks unevenly and spares the {side} leg",
         "hobbles along"),
        walking(LIMP), "gait", (Range("mps", 0.4, 1.1, "m/s", "patterson2008"),),
    ),
    "carrying a box": Activity(
        "carrying a box",
        ("carries a box in both arms", "walks with a load held in front of the belly",
         "brings a heavy parcel somewhere", "walks along holding something large"),
        walking(replace(WALK, step_m=0.62, arm_deg=1.5), pose=LOAD), "gait",
    ),
    "pushing a cart": Activity(
        "pushing a cart",
        ("pushes a cart", "walks and pushes a trolley with both hands", "pushes a stroller along",
         "walks behind a shopping cart"),
        walking(replace(WALK, step_m=0.6, step_s=0.57, arm_deg=1.0), pose=CART), "gait",
    ),
    "walking while phoning": Activity(
        "walking with a phone at the ear",
        ("walks while talking on the phone", "is on a call and walks about", "walks with a phone at the ear",
         "makes a call while walking"),
        walking(replace(WALK, step_m=0.6, step_s=0.57, arm_deg=4), pose=PHONE), "gait",
    ),
    "marching in place": Activity(
        "marching in place",
        ("marches in place", "lifts the knees high one after the other", "walks on the spot",
         "steps up and down without moving ahead"),
        walking(MARCH), "gait",
    ),
    "walking up a ramp": Activity(
        "walking up a ramp",
        ("walks up a ramp", "goes uphill", "climbs a slope on foot", "walks up an incline"),
        walking(RAMP_UP), "gait", (Range("mps", 0.9, 1.5, "m/s", "mcintosh2006"),), flat_floor=False,
    ),
    "walking down a ramp": Activity(
        "walking down a ramp",
        ("walks down a ramp", "goes downhill", "descends a slope on foot", "walks down an incline"),
        walking(RAMP_DOWN), "gait", (Range("mps", 0.9, 1.5, "m/s", "mcintosh2006"),), flat_floor=False,
    ),
    "walking on a treadmill": Activity(
        "walking on a treadmill",
        ("walks on a treadmill", "exercises by walking on a moving belt", "walks on a machine",
         "keeps walking on a running belt"),
        on_belt(WALK), "gait", _WALKS[:2], flat_floor=False,
    ),
    "running on a treadmill": Activity(
        "running on a treadmill",
        ("runs on a treadmill", "jogs on a moving belt", "runs on a machine at the gym",
         "keeps running on the belt"),
        on_belt(JOG), "gait", _JOGS, flat_floor=False,
    ),
    "climbing stairs": Activity(
        "climbing stairs",
        ("climbs stairs", "goes up a flight of stairs", "walks upstairs", "steps up stair by stair"),
        walking(STAIRS_UP), "gait", _STAIRS, flat_floor=False,
    ),
    "descending stairs": Activity(
        "descending stairs",
        ("goes down stairs", "walks downstairs", "descends a staircase", "steps down stair by stair"),
        walking(STAIRS_DOWN), "gait", _STAIRS, flat_floor=False,
    ),
    "turning around": Activity(
        "turning around",
        ("turns around on the spot", "rotates the whole body with small steps", "turns to face other ways",
         "keeps turning in place"),
        turn_around, "stationary",
    ),
    "running": Activity(
        "running",
        ("runs forward", "is running", "goes for a run", "races ahead with bent arms", "runs along"),
        walking(FAST_RUN), "gait", _RUNS,
    ),
    "running in place": Activity(
        "running in place",
        ("runs in place", "runs on the spot", "jogs without moving ahead", "lifts the feet quickly in place"),
        walking(IN_PLACE), "gait",
    ),
    "jogging": Activity(
        "jogging", ("jogs", "runs at an easy pace", "goes for a jog", "jogs along a path"),
        walking(JOG), "gait", _JOGS,
    ),
}  # fmt: skip
