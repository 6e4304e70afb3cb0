"""Ways to rest, and the ways between them.

Rising from a chair takes about 1.3 to 2.5 s (Schenkman 1990); standing, sitting and lying bodies sway and
breathe (Winter 1995), which `procedural` adds to all of them.
"""

from anymo.motion.procedural.choreography import Activity, oscillation, routine
from anymo.motion.procedural.everyday import RISING, SEAT, SIT_DOWN
from anymo.motion.procedural.keyposes import Key, Pose
from anymo.motion.procedural.literature import Range
from anymo.motion.procedural.rhythms import Wave

SUPINE: Pose = {"pitch": -88, "b.out": 6, "b.hip": 2, "b.knee": 5, "b.spread": 5, "b.ankle": 25}
LONG_SIT: Pose = {
    "pitch": -12,
    "bend": 16,
    "b.hip": 75,
    "b.knee": 6,
    "b.ankle": 12,
    "b.flex": 10,
    "b.elbow": 20,
}
CROUCH: Pose = {
    "pitch": 24,
    "bend": 26,
    "b.hip": 112,
    "b.knee": 128,
    "b.ankle": -22,
    "b.flex": 44,
    "b.elbow": 20,
}
FLOOR_SEAT: Pose = {"pitch": -14, "bend": 22, "b.hip": 115, "b.knee": 88, "b.ankle": 41, "b.flex": -22,
                    "b.elbow": 10, "b.out": 10}  # fmt: skip
BREATH = Wave({"bend": 1.0, "b.out": 0.8})

_RISE = (Range("seconds", 1.2, 2.6, "s", "schenkman1990"),)

POSTURES: dict[str, Activity] = {
    "lying on the side": Activity(
        "lying on the side",
        ("lies on the {side} side", "rests on the {side} side with bent knees", "sleeps on the {side} side",
         "is curled up on the {side} side"),
        oscillation(
            4.2, BREATH, Wave({"l.elbow": 10, "look": 6, "l.knee": 5}, ratio=0.21),
            base={"lean": -86, "r.flex": 84, "r.elbow": 60, "l.flex": 38, "l.elbow": 56, "l.out": -6,
                  "b.hip": 38, "b.knee": 54, "bend": 14, "b.ankle": 12, "tilt": 8},
            free_legs=True, jitter=0.12,
        ),
        "stationary",
    ),
    "lying on the stomach": Activity(
        "lying on the stomach",
        ("lies on the stomach", "rests face down", "lies prone on the floor",
         "is stretched out on the belly"),
        oscillation(
            4.2, BREATH, Wave({"l.elbow": 8, "look": 8, "l.knee": 6}, ratio=0.21),
            base={"pitch": 88, "b.flex": 140, "b.elbow": 86, "b.out": 20, "b.ankle": 42, "b.knee": 3,
                  "look": 36,
                  "nod": -14, "bend": -4},
            free_legs=True, jitter=0.12,
        ),
        "stationary",
    ),
    "sitting on the floor": Activity(
        "sitting on the floor",
        ("sits on the floor", "sits on the ground leaning back on the hands",
         "rests on the floor, knees bent",
         "is seated on a mat"),
        oscillation(
            4.5, BREATH, Wave({"turn": 6, "look": 14}, ratio=0.23), Wave({"r.elbow": 8, "nod": 5},
                ratio=0.41),
            base=FLOOR_SEAT, free_legs=True, jitter=0.12,
        ),
        "stationary",
    ),
    "kneeling": Activity(
        "kneeling",
        ("kneels on the floor", "is on both knees", "stays upright on the knees", "rests on the knees"),
        oscillation(
            3.8, BREATH, Wave({"pitch": 3, "bend": 3, "b.hip": 3}, ratio=0.31),
            Wave({"look": 14, "turn": 4}, ratio=0.19),
            base={"b.knee": 92, "b.ankle": 48, "b.spread": 4, "b.flex": 14, "b.elbow": 20}, free_legs=True,
            jitter=0.12,
        ),
        "stationary",
    ),
    "crouching": Activity(
        "crouching",
        ("crouches", "stays low with bent knees", "squats and keeps still", "waits in a deep crouch"),
        oscillation(
            3.6, BREATH, Wave({"x": 0.012, "z": 0.012}, ratio=0.37), Wave({"look": 16, "turn": 4},
                ratio=0.21),
            base={"z": -0.52, "x": -0.02, "pitch": 26, "bend": 20, "b.heel": 34, "b.flex": 52, "b.elbow": 46,
                  "b.fy": 0.0, "b.toe_out": 14, "nod": -20},
            jitter=0.12,
        ),
        "stationary",
    ),
    "standing on one leg": Activity(
        "standing on one leg",
        ("stands on the {side} leg", "balances on one foot", "keeps balance on the {side} foot",
         "lifts the {other} foot and stands still"),
        oscillation(
            2.1, BREATH, Wave({"lean": 1.5, "side": -3, "y": 0.006}), Wave({"b.out": 8}, ratio=0.37, lag=0.2),
            Wave({"l.lift": 0.015, "l.fx": 0.02, "turn": 3}, ratio=0.6),
            base={"l.lift": 0.2, "l.fx": -0.12, "l.heel": 40, "y": -0.075, "lean": -3, "b.out": 22,
                  "b.elbow": 10},
            jitter=0.12,
        ),
        "stationary",
    ),
    "sitting down": Activity(
        "sitting down",
        ("sits down on a chair", "takes a seat", "lowers the body onto a seat",
         "sinks into a chair"),
        routine([Key(RISING, 0.95, -0.3), Key(SIT_DOWN, 0.85, -0.1), Key(SEAT, 0.7)], once=True), "posture",
        _RISE,
    ),
    "standing up": Activity(
        "standing up",
        ("stands up from a chair", "gets up from a seat", "rises to the feet",
         "leaves a chair"),
        routine([Key(RISING, 0.85, -0.3), Key({}, 1.05)], before=SEAT, once=True), "posture", _RISE,
    ),
    "lying back": Activity(
        "lying back from sitting",
        ("lies back from sitting", "sits and then lies down", "lowers the upper body until lying",
         "goes from sitting to lying on the back"),
        routine([Key(SUPINE, 1.9)], before=LONG_SIT, once=True, free=True), "posture",
    ),
    "sitting up": Activity(
        "sitting up from lying",
        ("sits up from lying", "raises the upper body to sit", "lies on the back and then sits up",
         "goes from lying to sitting"),
        routine([Key({"pitch": -50, "bend": 40, "b.flex": 30, "nod": 20, "b.hip": 30}, 0.9, -0.3),
                 Key(LONG_SIT, 1.1)], before=SUPINE, once=True, free=True), "posture",
    ),
    "lying down from standing": Activity(
        "lying down from standing",
        ("lies down on the floor", "goes down to lie on the back",
         "lowers the body to the ground and lies back",
         "crouches, sits and lies down on the back"),
        routine([Key(CROUCH, 1.3, -0.2), Key(FLOOR_SEAT, 1.2, -0.1), Key(SUPINE, 1.6)], once=True, free=True),
        "posture",
    ),
    "getting up from the floor": Activity(
        "getting up from the floor",
        ("gets up from the floor", "scrambles to the feet", "sits up, gathers the feet and stands up",
         "rises from the ground"),
        routine([Key(FLOOR_SEAT, 1.2, -0.1), Key(CROUCH, 1.2, -0.1), Key({}, 1.3)], before=SUPINE, once=True,
                free=True),
        "posture",
    ),
    "bowing": Activity(
        "bowing",
        ("bows", "bends forward to greet", "makes a deep bow", "leans forward politely and straightens up"),
        routine([Key({"pitch": 22, "bend": 26, "x": -0.05, "nod": 8, "b.flex": 8}, 1.0, 0.5), Key({}, 1.1,
            0.3)],
                pause_s=0.9),
        "gesture",
    ),
}  # fmt: skip
