"""Everyday activities: resting, household and desk."""

from anymo.motion.procedural.choreography import Activity, oscillation, routine
from anymo.motion.procedural.keyposes import Key, Pose
from anymo.motion.procedural.literature import Range
from anymo.motion.procedural.rhythms import Wave

# The seated pelvis is turned back by some 20° against standing, which the spine makes up for (Endo et al.
# 2012, J Orthop Sci 17, from memory).
SEAT: Pose = {"z": -0.43, "x": -0.4, "b.flex": 28, "b.elbow": 45, "b.twist": 14, "pitch": -20, "bend": 24}
DESK: Pose = SEAT | {"b.flex": 24, "b.elbow": 68, "b.pron": 70, "b.twist": 10}
COUNTER: Pose = {
    "r.flex": 28,
    "r.elbow": 66,
    "r.pron": 40,
    "l.flex": 20,
    "l.elbow": 62,
    "l.twist": 15,
    "bend": 8,
    "nod": 18,
}
MOUTH: Pose = {"r.flex": 68, "r.out": 10, "r.elbow": 116, "r.twist": 30, "r.pron": -30, "nod": 6}
FIDGETS = (
    [Key({"lean": 3, "y": 0.035, "side": -3}, 1.3, 1.8), Key({}, 1.2, 0.8)],
    [Key({"r.elbow": 70, "r.flex": 18, "r.twist": 25, "nod": 14}, 1.0, 1.2), Key({}, 1.0, 1.0)],
    [Key({"look": 28}, 0.7, 0.9), Key({"look": -18}, 0.9, 0.6), Key({}, 0.7, 1.5)],
    [Key({"l.shrug": 5, "r.shrug": 5, "bend": -3}, 0.9, 0.6), Key({}, 1.0, 2.0)],
)
SEATED_FIDGETS = (
    [Key({"pitch": -12, "bend": 12, "nod": 4}, 1.6, 4.0), Key({}, 1.4, 1.0)],
    [Key({"bend": 9, "b.flex": 6}, 1.0, 2.2), Key({}, 1.2, 1.5)],
    [Key({"r.elbow": 50, "r.flex": 18, "nod": 8}, 0.9, 1.4), Key({}, 1.0, 1.5)],
    [Key({"look": 30, "turn": 10}, 0.8, 1.0), Key({}, 0.9, 2.0)],
    [Key({"r.heel": 24, "r.fx": -0.05}, 0.7, 1.0), Key({}, 0.7, 2.0)],
)
SIT_DOWN: Pose = {"z": -0.43, "x": -0.36, "b.flex": 26, "b.elbow": 40, "pitch": -12, "bend": 16}
RISING: Pose = {"z": -0.38, "x": -0.26, "pitch": 26, "bend": 20, "b.flex": 42, "b.elbow": 22}

EVERYDAY: dict[str, Activity] = {
    "standing still": Activity(
        "standing still",
        ("stands still", "remains standing in place", "is on their feet without going anywhere",
         "stays upright and hardly moves", "waits while standing"),
        routine(*FIDGETS, pause_s=2.5), "stationary",
    ),
    "sitting": Activity(
        "sitting",
        ("sits on a chair", "is seated", "rests on a seat", "stays sitting and moves little",
            "keeps sitting down"),
        routine(*SEATED_FIDGETS, base=SEAT, pause_s=2.5), "stationary",
    ),
    "lying down": Activity(
        "lying down",
        ("lies on the back", "is lying down", "rests flat on the floor", "stays stretched out on the back"),
        oscillation(
            4.2, Wave({"bend": 1.0, "b.out": 1.0}), Wave({"r.elbow": 14, "look": 14, "l.hip": 6}, ratio=0.21),
            base={"pitch": -88, "b.out": 10, "b.spread": 5, "b.ankle": 25, "b.knee": 4, "b.hip": 3},
            free_legs=True, jitter=0.12,
        ),
        "stationary",
    ),
    "standing up and sitting down": Activity(
        "standing up and sitting down",
        ("gets up from a chair and sits down again", "rises from a seat and sits back down, over and over",
         "stands up and sits down repeatedly", "keeps changing between sitting and standing"),
        routine(
            [Key(SIT_DOWN | RISING, 0.9, -0.25), Key(SIT_DOWN, 0.8, 0.9), Key(RISING, 0.8, -0.3), Key({},
                0.9, 0.6)],
            pause_s=0.6,
        ),
        "posture",
    ),
    "picking something up": Activity(
        "picking something up",
        ("bends down to pick something up with the {side} hand",
            "picks an object off the floor and stands up",
         "stoops and lifts a thing from the ground", "reaches down to the floor with the {side} hand"),
        routine(
            [Key({"z": -0.26, "x": -0.1, "pitch": 46, "bend": 50, "r.flex": 66, "r.elbow": -6, "l.flex": 20,
                "nod": -14},
                 1.1, 0.25),
             Key({"r.elbow": 70, "r.flex": 26}, 1.1, 0.7), Key({}, 0.9, 0.3)],
            pause_s=0.6, step_m=0.25,
        ),
        "posture",
    ),
    "waving": Activity(
        "waving",
        ("waves with the {side} hand", "waves hello", "greets somebody by waving the {side} hand",
         "raises the {side} arm and waves"),
        oscillation(
            0.52, Wave({"r.twist": 17, "r.dev": 10, "r.out": 4}), Wave({"r.elbow": 8}, lag=0.3),
            base={"r.out": 62, "r.flex": 30, "r.elbow": 86, "r.twist": -70, "look": -6}, active=0.85,
        ),
        "task",
    ),
    "clapping": Activity(
        "clapping",
        ("claps the hands", "applauds", "keeps clapping", "brings both palms together again and again"),
        oscillation(
            0.34, Wave({"b.twist": 12, "b.out": -3, "b.elbow": 3}, second=0.2),
            base={"b.flex": 34, "b.elbow": 72, "b.twist": 24}, active=0.9,
        ),
        "task",
    ),
    "typing": Activity(
        "typing",
        ("types on a keyboard", "works at a computer", "sits at a desk and types",
            "writes on a computer with both hands"),
        oscillation(
            0.26, Wave({"r.wrist": 4, "r.pron": 2}), Wave({"l.wrist": 4, "l.pron": 2}, lag=0.5, ratio=0.83),
            Wave({"r.twist": -6, "r.elbow": -4, "nod": 4}, ratio=0.06), base=DESK, active=0.75, jitter=0.1,
        ),
        "task",
    ),
    "eating": Activity(
        "eating",
        ("eats a meal with the {side} hand", "brings food to the mouth", "sits and eats",
            "has something to eat at a table"),
        routine(
            [Key({"r.flex": -6, "r.elbow": 20, "nod": 14}, 0.8, 0.7), Key(MOUTH | {"r.flex": 18,
                "r.elbow": 72}, 0.9, 0.4),
             Key({"r.elbow": 15}, 0.8, 0.9)],
            base=SEAT, pause_s=1.0,
        ),
        "task", (Range("elbow_peak_deg", 110, 150, "°", "magermans2005"),),
    ),
    "drinking": Activity(
        "drinking",
        ("drinks from a cup in the {side} hand", "takes sips of a drink",
            "lifts a glass to the mouth and drinks",
         "has a drink with the {side} hand"),
        routine(
            [Key({"r.flex": 40, "r.elbow": 40}, 0.8, 0.3), Key(MOUTH, 1.0, 0.3),
             Key(MOUTH | {"r.out": 32, "r.pron": -55, "nod": -16}, 0.6, 1.2), Key({"r.flex": 40,
                 "r.elbow": 40}, 1.1, 0.3),
             Key({}, 0.8, 0.6)],
            pause_s=1.2,
        ),
        "task", (Range("elbow_peak_deg", 110, 150, "°", "magermans2005"),),
    ),
    "brushing teeth": Activity(
        "brushing teeth",
        ("brushes the teeth", "cleans the teeth with a brush in the {side} hand",
            "moves a toothbrush to and fro",
         "stands and brushes their teeth"),
        oscillation(
            0.27, Wave({"r.elbow": 4, "r.twist": 5, "r.dev": 5}), Wave({"r.out": 9, "r.pron": 16},
                ratio=0.07),
            base=MOUTH | {"bend": 8, "r.out": 30}, active=0.9, jitter=0.08,
        ),
        "task",
    ),
    "vacuuming": Activity(
        "vacuuming",
        ("vacuums the floor", "pushes a vacuum cleaner back and forth with the {side} hand",
            "cleans a carpet",
         "moves a hoover to and fro"),
        oscillation(
            1.7, Wave({"r.flex": 24, "r.elbow": -24, "x": 0.08, "pitch": 5, "turn": 8}), Wave({"turn": 10,
                "look": 8}, ratio=0.2),
            base={"r.flex": 26, "r.elbow": 40, "bend": 16, "pitch": 12, "nod": 12, "r.fx": -0.16,
                "l.fx": 0.16, "z": -0.05},
        ),
        "task",
    ),
    "sweeping": Activity(
        "sweeping",
        ("sweeps the floor with a broom", "holds a broom in both hands and sweeps",
            "cleans the ground with a broom",
         "brushes dirt across the floor"),
        oscillation(
            1.25, Wave({"turn": 16, "r.flex": 12, "r.out": 10, "l.flex": -10}), Wave({"b.elbow": 9,
                "side": 4}, lag=0.2),
            base={"r.flex": 28, "r.elbow": 34, "l.flex": 40, "l.elbow": 60, "l.twist": 30, "bend": 16,
                "nod": 16, "z": -0.03},
            active=0.9,
        ),
        "task",
    ),
    "ironing": Activity(
        "ironing",
        ("irons clothes with the {side} hand", "moves an iron over cloth", "presses a shirt on a board",
         "slides an iron from side to side"),
        oscillation(
            1.5, Wave({"r.twist": 26, "r.elbow": -10, "turn": 4}), Wave({"r.flex": 10, "r.elbow": -12},
                ratio=0.4),
            base=COUNTER | {"bend": 14}, active=0.8, jitter=0.12,
        ),
        "task",
    ),
    "stirring": Activity(
        "stirring",
        ("stirs a pot with the {side} hand", "stirs food in circles", "mixes something in a bowl",
            "keeps stirring with a spoon"),
        oscillation(
            0.85, Wave({"r.twist": 12, "r.dev": 6}), Wave({"r.flex": 8, "r.elbow": -8}, lag=0.25),
                base=COUNTER, active=0.9,
        ),
        "task",
    ),
}  # fmt: skip
