"""Work with the hands: tools, laundry, a table, shoes, an instrument."""

from anymo.motion.procedural.choreography import Activity, oscillation, routine
from anymo.motion.procedural.everyday import COUNTER, SEAT
from anymo.motion.procedural.keyposes import Key, Pose
from anymo.motion.procedural.rhythms import Wave

_AT_BOTTLE: Pose = {"r.flex": 14, "r.elbow": -22}
_LIFTED: Pose = {"r.flex": 24, "r.elbow": 4, "r.out": 10}

CHORES: dict[str, Activity] = {
    "wiping a table": Activity(
        "wiping a table",
        ("wipes a table with the {side} hand", "cleans a surface with a cloth",
         "wipes the counter in circles", "rubs a table top clean"),
        oscillation(
            1.0, Wave({"r.twist": 20, "r.out": 8, "turn": 3}), Wave({"r.flex": 13, "r.elbow": -16}, lag=0.25),
            Wave({"turn": 9, "x": 0.02, "side": 4}, ratio=0.14),
            base=COUNTER | {"r.flex": 56, "r.elbow": 36, "r.pron": 70, "bend": 18, "pitch": 14, "x": -0.04},
            active=0.85, jitter=0.1,
        ),
        "task",
    ),
    "hanging up laundry": Activity(
        "hanging up laundry",
        ("hangs up laundry", "takes clothes from a basket and hangs them on a line",
         "bends down for the washing and reaches up to a line", "puts up wet clothes to dry"),
        routine(
            [Key({"z": -0.2, "x": -0.1, "pitch": 42, "bend": 44, "b.flex": 62, "nod": -10}, 1.0, 0.3),
             Key({"b.flex": 56, "b.elbow": 60}, 0.9, 0.1),
             Key({"b.flex": 124, "b.elbow": 16, "b.out": 4, "nod": -22, "bend": -4}, 0.8, 0.5),
             Key({"b.flex": 118, "b.elbow": 26, "b.out": 20, "nod": -22}, 0.45, 0.4), Key({}, 0.9, 0.2)],
            pause_s=0.4, step_m=0.22,
        ),
        "task",
    ),
    "pouring a drink": Activity(
        "pouring a drink",
        ("pours a drink with the {side} hand", "fills a glass from a bottle", "lifts a jug and pours",
         "tilts a bottle over a cup"),
        routine(
            [Key(_AT_BOTTLE, 0.7, 0.25), Key(_LIFTED, 0.7, 0.1),
             Key(_LIFTED | {"r.out": 30, "r.pron": 72, "r.dev": -10, "nod": 6}, 0.6, 1.5),
             Key(_LIFTED, 0.5, 0.1), Key(_AT_BOTTLE, 0.7, 0.25), Key({}, 0.7, 0.5)],
            base=COUNTER, pause_s=0.7,
        ),
        "task",
    ),
    "tying shoelaces": Activity(
        "tying shoelaces",
        ("ties the shoelaces", "sits and bends down to tie a shoe", "laces up the shoes with both hands",
         "makes a bow in a shoelace"),
        oscillation(
            0.62, Wave({"r.elbow": 9, "r.twist": 8, "r.wrist": 8}),
            Wave({"l.elbow": 9, "l.twist": 8, "l.wrist": 8}, lag=0.4, ratio=0.83),
            Wave({"b.elbow": 8, "b.out": 8, "bend": -3}, ratio=0.2),
            base=SEAT | {"pitch": 28, "bend": 46, "b.flex": 88, "b.elbow": 14, "b.twist": 18, "nod": 2},
            active=0.75, jitter=0.12,
        ),
        "task",
    ),
    "digging": Activity(
        "digging",
        ("digs with a spade", "shovels earth", "drives a shovel into the ground and throws the soil aside",
         "digs a hole in the garden"),
        routine(
            [Key({"z": -0.08, "x": 0.05, "pitch": 12, "bend": 10, "b.flex": 10, "b.elbow": -14}, 0.5, 0.05),
             Key({"z": -0.02, "pitch": -2, "bend": -2, "b.flex": 14, "b.elbow": 20}, 0.75, -0.05),
             Key({"turn": -34, "yaw": -8, "b.flex": 26, "b.elbow": 10, "pitch": -6, "bend": -8}, 0.5, 0.05),
             Key({}, 0.8, 0.15)],
            base={"pitch": 16, "bend": 18, "b.flex": 36, "r.elbow": 50, "l.elbow": 26, "b.twist": 20,
                  "l.fx": 0.12, "r.fx": -0.12, "z": -0.06, "nod": 10},
            pause_s=0.4,
        ),
        "task",
    ),
    "hammering": Activity(
        "hammering",
        ("hammers with the {side} hand", "hits a nail with a hammer", "drives in a nail blow by blow",
         "swings a hammer with the {side} arm"),
        oscillation(
            0.66, Wave({"r.elbow": 24, "r.flex": 8, "r.dev": 12}, second=0.25), Wave({"turn": 4}, ratio=0.2),
            base={"r.flex": 44, "r.elbow": 72, "r.twist": 14, "l.flex": 40, "l.elbow": 60, "l.twist": 30,
                  "bend": 12, "nod": 20},
            active=0.75, jitter=0.1,
        ),
        "task",
    ),
    "playing the guitar": Activity(
        "playing the guitar",
        ("plays the guitar", "sits and strums a guitar", "strums the strings with the {side} hand",
         "plays chords on a guitar"),
        oscillation(
            0.5, Wave({"r.twist": 11, "r.elbow": 6, "r.wrist": 9}),
            Wave({"l.elbow": 6, "l.twist": 5, "l.wrist": 6}, ratio=0.13), Wave({"nod": 4, "bend": 1},
                ratio=0.5),
            base=SEAT | {"r.flex": 18, "r.elbow": 84, "r.twist": 40, "r.out": 26, "r.pron": 40, "l.flex": 32,
                         "l.elbow": 94, "l.out": 24, "l.twist": 2, "l.pron": -60, "nod": 14},
            active=0.9,
        ),
        "task",
    ),
}  # fmt: skip
