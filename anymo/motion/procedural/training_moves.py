"""Arm and shoulder training."""

from anymo.motion.procedural.choreography import Activity, oscillation, routine
from anymo.motion.procedural.keyposes import Key, Pose
from anymo.motion.procedural.rhythms import Wave

BENT_OVER: Pose = {"pitch": 34, "bend": 38, "z": -0.06, "x": -0.1, "nod": -10, "l.flex": 30, "l.elbow": 10}

TRAINING: dict[str, Activity] = {
    "swinging arms": Activity(
        "swinging the arms",
        ("swings both arms back and forth", "lets the arms swing loosely", "stands and swings the arms",
            "swings the arms to warm up"),
        oscillation(1.15, Wave({"b.flex": 46, "b.elbow": 6}), Wave({"bend": 4, "z": 0.012}, ratio=2.0),
            base={"b.flex": 8}),
        "exercise",
    ),
    "arm circles": Activity(
        "circling the arms",
        ("makes big circles with the arms", "circles both arms", "rotates the outstretched arms round",
            "draws circles in the air"),
        oscillation(
            1.4, Wave({"b.flex": 62}), Wave({"b.out": 62}, lag=0.25), base={"b.out": 76, "b.flex": 12,
                "b.elbow": -8},
        ),
        "exercise",
    ),
    "raising arm forward": Activity(
        "raising the arm forward",
        ("raises the {side} arm to the front", "lifts the straight {side} arm forward and lowers it",
         "brings the {side} arm up in front of the body", "does front raises with the {side} arm"),
        routine([Key({"r.flex": 118, "r.elbow": -8, "bend": -4}, 1.3, 0.3), Key({}, 1.3, 0.2)],
            pause_s=0.3), "exercise",
    ),
    "raising arm sideways": Activity(
        "raising the arm to the side",
        ("raises the {side} arm out to the side", "lifts the {side} arm sideways and lowers it",
         "spreads the {side} arm away from the body", "does side raises with the {side} arm"),
        routine([Key({"r.out": 92, "r.elbow": -8, "r.shrug": 8, "side": 4}, 1.3, 0.3), Key({}, 1.3, 0.2)],
            pause_s=0.3), "exercise",
    ),
    "turning forearm outward": Activity(
        "pulling a band outward",
        ("pulls a band outward with the {side} forearm", "turns the {side} forearm out, elbow at the side",
         "rotates the bent {side} arm away from the belly",
         "keeps the {side} elbow in and moves the hand outward"),
        routine([Key({"r.twist": -62}, 1.1, 0.3), Key({}, 1.2, 0.15)], base={"r.elbow": 76, "r.twist": 30},
            pause_s=0.3), "exercise",
    ),
    "turning forearm inward": Activity(
        "pulling a band inward",
        ("pulls a band inward with the {side} forearm", "turns the {side} forearm in, elbow at the side",
         "rotates the bent {side} arm toward the belly",
         "keeps the {side} elbow in and moves the hand across the body"),
        routine([Key({"r.twist": 70}, 1.1, 0.3), Key({}, 1.2, 0.15)], base={"r.elbow": 76, "r.twist": -22},
            pause_s=0.3), "exercise",
    ),
    "pulling elbows up": Activity(
        "pulling both elbows up",
        ("pulls both hands up along the body", "lifts the elbows high to the sides",
            "raises a bar to the chin",
         "draws the hands up to the chest, elbows out"),
        routine([Key({"b.out": 68, "b.twist": 74, "b.elbow": 92, "b.shrug": 14}, 1.1, 0.25), Key({}, 1.2,
            0.15)], pause_s=0.3),
        "exercise",
    ),
    "arm pendulum": Activity(
        "swinging a hanging arm",
        ("bends forward and lets the {side} arm swing", "leans over with the {side} arm hanging and swinging",
         "swings the loose {side} arm like a pendulum",
         "stoops and moves the hanging {side} arm in small circles"),
        oscillation(
            1.35, Wave({"r.flex": 17, "pitch": 1}), Wave({"r.out": 9}, lag=0.25),
            base=BENT_OVER | {"r.flex": 66, "r.elbow": -8}, jitter=0.08,
        ),
        "exercise",
    ),
    "bent-over pull": Activity(
        "pulling the shoulder blade back",
        ("leans forward and pulls the {side} elbow back", "bends over and rows with the {side} arm",
         "draws the {side} shoulder blade back while bent over",
         "pulls a weight up to the ribs with the {side} arm"),
        routine(
            [Key({"r.flex": -66, "r.elbow": 78, "r.reach": -14, "turn": -8}, 1.0, 0.3), Key({}, 1.1, 0.15)],
            base=BENT_OVER | {"r.flex": 66, "r.elbow": -8}, pause_s=0.3,
        ),
        "exercise",
    ),
}  # fmt: skip
