"""Strokes of racket, ball and fist, as key poses of a right-handed player."""

from anymo.motion.procedural.keyposes import Key, Pose

READY: Pose = {
    "z": -0.1,
    "pitch": 12,
    "bend": 10,
    "b.flex": 25,
    "b.elbow": 60,
    "b.twist": 20,
    "l.fy": 0.08,
    "r.fy": -0.08,
}
GUARD: Pose = {
    "z": -0.05,
    "b.flex": 38,
    "b.elbow": 112,
    "b.twist": 8,
    "l.fx": 0.16,
    "r.fx": -0.16,
    "turn": -14,
    "bend": 8,
}
SETTLE = Key({}, 0.5, -0.1)
FOREHAND = [
    Key(
        {"turn": -40, "yaw": -16, "r.out": 34, "r.flex": -28, "r.twist": -48, "r.elbow": 6, "l.flex": 20},
        0.5,
        -0.04,
    ),
    Key({"turn": 10, "yaw": 8, "r.out": 30, "r.flex": 46, "r.twist": 0, "r.elbow": -20}, 0.34, -0.15),
    Key(
        {"turn": 34, "yaw": 14, "r.out": 10, "r.flex": 70, "r.twist": 46, "r.elbow": 36, "r.pron": 40},
        0.34,
        0.0,
    ),
    SETTLE,
]
BACKHAND = [
    Key(
        {"turn": 42, "yaw": 18, "r.flex": 22, "r.twist": 52, "r.elbow": 24, "r.out": -6, "l.flex": 10},
        0.5,
        -0.04,
    ),
    Key({"turn": -6, "yaw": -4, "r.flex": 36, "r.twist": -8, "r.elbow": -26, "r.out": 24}, 0.34, -0.15),
    Key(
        {"turn": -30, "yaw": -12, "r.flex": 26, "r.twist": -44, "r.elbow": -30, "r.out": 66, "r.pron": -30},
        0.36,
        0.0,
    ),
    SETTLE,
]
SMASH = [
    Key(
        {
            "turn": -34,
            "bend": -18,
            "r.out": 78,
            "r.flex": -6,
            "r.twist": -86,
            "r.elbow": 40,
            "l.flex": 105,
            "z": -0.06,
        },
        0.7,
        -0.03,
    ),
    Key(
        {
            "turn": 4,
            "bend": -2,
            "r.out": 96,
            "r.flex": 88,
            "r.twist": -30,
            "r.elbow": -46,
            "l.flex": 50,
            "z": 0.03,
            "b.heel": 16,
        },
        0.33,
        -0.13,
    ),
    Key(
        {
            "turn": 30,
            "bend": 30,
            "r.flex": 34,
            "r.out": -6,
            "r.twist": 34,
            "r.elbow": -10,
            "r.pron": 60,
            "r.wrist": 30,
        },
        0.34,
        0.1,
    ),
    SETTLE,
]
VOLLEY = [
    Key({"r.flex": 30, "r.out": 24, "r.twist": -50, "r.elbow": 16, "turn": -16}, 0.26, 0.02),
    Key({"r.flex": 48, "r.out": 18, "r.twist": -24, "r.elbow": -26, "turn": 6, "x": 0.05}, 0.2, 0.04),
    SETTLE,
]
JAB = [
    Key({"l.flex": 44, "l.elbow": -108, "l.out": 10, "l.pron": 60, "turn": -14, "l.reach": 10}, 0.2, -0.02),
    Key({}, 0.26),
]
CROSS = [
    Key(
        {
            "r.flex": 46,
            "r.elbow": -108,
            "r.out": 10,
            "r.pron": 60,
            "turn": 42,
            "yaw": 12,
            "r.heel": 24,
            "r.reach": 12,
        },
        0.22,
        -0.02,
    ),
    Key({}, 0.3),
]
HOOK = [
    Key({"r.out": 62, "r.flex": 16, "r.twist": 20, "r.elbow": -22, "turn": -20}, 0.2, -0.04),
    Key({"r.out": 56, "r.flex": 40, "r.twist": 30, "r.elbow": -18, "turn": 44, "yaw": 14}, 0.2, -0.02),
    Key({}, 0.34),
]
