"""Gestures of arm, hand and head; reaches are of minimum jerk (Flash and Hogan 1985)."""

from anymo.motion.procedural.choreography import Activity, oscillation, routine
from anymo.motion.procedural.keyposes import Key, Pose
from anymo.motion.procedural.rhythms import Wave

IN_FRONT: Pose = {"r.flex": 70, "r.elbow": 10, "r.out": 6, "r.pron": 50}

GESTURES: dict[str, Activity] = {
    "pointing": Activity(
        "pointing",
        ("points ahead with the {side} hand", "stretches out the {side} arm to point at something",
         "shows where something is", "points with the {side} index finger"),
        routine([Key({"r.flex": 84, "r.elbow": -8, "r.pron": 50, "turn": 6}, 0.7, 0.8), Key({}, 0.8, 0.2)],
                [Key({"r.flex": 60, "r.out": 44, "r.elbow": -8, "r.pron": 40, "look": -26}, 0.7, 0.8),
                 Key({}, 0.8)],
                pause_s=0.8),
        "gesture",
    ),
    "drawing a circle in the air": Activity(
        "drawing a circle in the air",
        ("draws a circle in the air", "draws circles with the outstretched {side} hand",
         "moves the {side} arm in circles in front of the body", "traces a round shape with the {side} hand"),
        oscillation(1.5, Wave({"r.flex": 24}), Wave({"r.out": 24, "r.twist": -10}, lag=0.25), base=IN_FRONT,
                    active=0.85),
        "gesture",
    ),
    "drawing a cross in the air": Activity(
        "drawing a cross in the air",
        ("draws a cross in the air", "draws an X with the {side} hand",
         "makes two crossing strokes with the {side} arm",
         "traces two diagonal lines in front of the body"),
        routine(
            [Key({"r.flex": 44, "r.twist": 34, "r.out": -8}, 0.6, 0.1), Key({"r.flex": -6, "r.out": 30}, 0.5,
                0.1),
             Key({"r.flex": 44, "r.out": 34}, 0.6, 0.1), Key({"r.flex": -8, "r.twist": 36, "r.out": -8}, 0.5,
                 0.15),
             Key({}, 0.6)],
            base=IN_FRONT | {"r.elbow": 34, "r.flex": 46}, pause_s=0.7,
        ),
        "gesture",
    ),
    "knocking": Activity(
        "knocking on a door",
        ("knocks on a door with the {side} hand", "raps with the knuckles", "stands at a door and knocks",
         "knocks several times"),
        oscillation(
            0.3, Wave({"r.elbow": 9, "r.wrist": -8, "r.flex": -3}, second=0.25), base={"r.flex": 52,
                "r.elbow": 92,
            "r.pron": 30, "r.out": 8}, active=0.45,
        ),
        "gesture",
    ),
    "swiping": Activity(
        "swiping with the hand",
        ("swipes sideways with the {side} hand", "moves the {side} hand across from one side to the other",
         "wipes through the air", "brushes something aside with the {side} hand"),
        routine([Key({"r.twist": 44, "r.flex": 8}, 0.5, 0.05), Key({"r.twist": -36, "r.out": 20,
            "r.elbow": -22}, 0.4, 0.1),
                 Key({}, 0.6, 0.1)], base={"r.flex": 46, "r.elbow": 56, "r.pron": 40}, pause_s=0.6),
        "gesture",
    ),
    "nodding": Activity(
        "nodding",
        ("nods the head", "says yes by nodding", "moves the head up and down", "agrees with nods"),
        oscillation(0.62, Wave({"nod": 12, "bend": 0.8}), active=0.6, jitter=0.1), "gesture",
    ),
    "shaking the head": Activity(
        "shaking the head",
        ("shakes the head", "says no by shaking the head", "turns the head from side to side",
         "disagrees, shaking the head"),
        oscillation(0.6, Wave({"look": 22, "turn": 1.5}), active=0.6, jitter=0.1), "gesture",
    ),
    "shrugging": Activity(
        "shrugging the shoulders",
        ("shrugs the shoulders", "lifts both shoulders and lets them drop", "shrugs",
         "raises the shoulders, palms out"),
        routine([Key({"b.shrug": 20, "b.elbow": 46, "b.twist": -26, "b.pron": -60, "tilt": 6}, 0.45, 0.35),
                 Key({}, 0.5, 0.3)], pause_s=0.8),
        "gesture",
    ),
    "shaking hands": Activity(
        "shaking hands",
        ("shakes hands with somebody", "greets a person with a handshake",
         "gives the {side} hand and shakes it",
         "offers the {side} hand"),
        routine(
            [Key({"r.flex": 36, "r.elbow": 40}, 0.7, 0.1), Key({"r.flex": 38, "r.elbow": 50}, 0.2),
             Key({"r.flex": 36, "r.elbow": 34}, 0.2), Key({"r.flex": 38, "r.elbow": 50}, 0.2),
             Key({"r.flex": 36, "r.elbow": 40}, 0.2, 0.2), Key({}, 0.7, 0.1)],
            base={"bend": 4}, pause_s=1.2,
        ),
        "gesture",
    ),
    "folding the arms": Activity(
        "folding the arms",
        ("folds the arms in front of the chest", "crosses the arms", "stands and crosses both arms",
         "folds the arms and opens them again"),
        routine([Key({"b.flex": 34, "b.elbow": 92, "b.twist": 62, "b.out": -2}, 0.9, 1.6), Key({}, 0.9, 0.5)],
                pause_s=1.0),
        "gesture",
    ),
}  # fmt: skip
