"""Balls thrown, hit and rolled.

A throw of everyday life leaves the hand at 7 to 18 m/s, of trained handball players at about 21 m/s (van den
Tillaar and Ettema 2007) and of professional pitchers at 35 to 40 m/s (Fleisig 1996), which nobody here is.
"""

from anymo.motion.procedural.choreography import Activity, routine
from anymo.motion.procedural.keyposes import Key, Pose
from anymo.motion.procedural.literature import Range

SERVE_STANCE: Pose = {"l.fx": 0.15, "r.fx": -0.15, "z": -0.05, "r.elbow": 50}
OVERARM = [
    Key({"turn": -32, "yaw": -10, "bend": -8, "x": -0.05, "r.out": 76, "r.flex": -8, "r.twist": -78,
         "r.elbow": 36,
         "l.flex": 70, "l.elbow": -6}, 0.75, -0.08),
    Key({"turn": 6, "yaw": 6, "x": 0.03, "r.out": 84, "r.flex": 46, "r.twist": -48, "r.elbow": 6,
         "l.flex": 30}, 0.3,
        -0.17),
    Key({"turn": 28, "yaw": 14, "bend": 22, "x": 0.08, "r.flex": 62, "r.out": 6, "r.twist": 10,
         "r.elbow": -30,
         "r.pron": 40, "r.wrist": 20, "r.heel": 26}, 0.34, 0.1),
    Key({}, 0.8, 0.1),
]  # fmt: skip
PITCHING = (Range("hand_speed_mps", 5.0, 16.0, "m/s", "vandentillaar2007"),)

BALL_GAMES: dict[str, Activity] = {
    "throwing": Activity(
        "throwing",
        ("throws a ball with the {side} hand", "hurls something overhand", "throws with the {side} arm",
         "winds up and throws a ball far"),
        routine(OVERARM, base=SERVE_STANCE, pause_s=1.3, step_m=0.1), "sport", PITCHING,
    ),
    "basketball shot": Activity(
        "shooting a basketball",
        ("shoots a basketball", "throws a ball at the hoop with the {side} hand", "takes a jump shot",
         "plays basketball and shoots"),
        routine(
            [Key({"z": -0.16, "pitch": 14, "bend": 10, "b.flex": 26, "b.elbow": 40}, 0.6, 0.0),
             Key({"z": 0.035, "b.heel": 22, "x": 0.03, "r.flex": 108, "r.elbow": -30, "l.flex": 92,
                  "l.elbow": 8,
                  "r.wrist": -40, "bend": -6}, 0.5, -0.12),
             Key({"z": 0.02, "b.heel": 14, "x": 0.03, "r.flex": 112, "r.elbow": -60, "l.flex": 80,
                  "r.wrist": 50,
                  "bend": -4}, 0.3, 0.3),
             Key({}, 0.9, 0.2)],
            base={"b.flex": 22, "b.elbow": 64, "b.twist": 20, "b.pron": 30, "z": -0.05}, pause_s=1.0,
            step_m=0.3,
        ),
        "sport",
    ),
    "playing volleyball": Activity(
        "playing volleyball",
        ("plays volleyball", "passes a volleyball with both hands", "digs and sets a ball over the net",
         "hits a volleyball and gets ready again"),
        routine(
            [Key({"z": -0.1, "b.flex": 34, "b.elbow": -50, "b.twist": 26, "pitch": 8}, 0.4, 0.0),
             Key({"z": 0.0, "b.flex": 52, "b.elbow": -52, "b.twist": 26}, 0.3, 0.05), Key({}, 0.5)],
            [Key({"z": -0.04, "b.flex": 96, "b.elbow": 48, "b.out": 20, "nod": -20}, 0.5, 0.0),
             Key({"z": 0.1, "b.flex": 120, "b.elbow": -32, "b.heel": 14, "nod": -24}, 0.28, 0.1), Key({},
                 0.6)],
            [Key({"turn": -26, "r.out": 78, "r.twist": -70, "r.elbow": 34, "l.flex": 80}, 0.55, -0.05),
             Key({"turn": 22, "z": 0.06, "r.out": 40, "r.flex": 92, "r.elbow": -36, "l.flex": 20}, 0.38,
                 -0.05),
             Key({}, 0.6)],
            base={"z": -0.12, "pitch": 12, "bend": 10, "b.flex": 24, "b.elbow": 52, "l.fy": 0.1,
                  "r.fy": -0.1},
            pause_s=0.5, step_m=0.5,
        ),
        "sport",
    ),
    "bowling": Activity(
        "bowling",
        ("bowls", "rolls a ball with the {side} hand", "swings the {side} arm low and lets a bowling ball go",
         "plays a game of bowling"),
        routine(
            [Key({"r.flex": -80, "r.elbow": -58, "pitch": 20, "bend": 16, "l.out": 26, "l.flex": -10,
                  "z": -0.06}, 0.9,
                 -0.1),
             Key({"l.fx": 0.36, "x": 0.2, "z": -0.2, "pitch": 24, "bend": 14, "r.flex": 2, "r.elbow": -60,
                  "l.out": 40,
                  "r.heel": 44}, 0.42, -0.14),
             Key({"l.fx": 0.36, "x": 0.22, "z": -0.16, "pitch": 18, "r.flex": 72, "r.elbow": -30, "l.out": 40,
                  "r.heel": 44}, 0.42, 0.4),
             Key({}, 1.0, 0.2)],
            base={"r.flex": 24, "r.elbow": 62, "l.flex": 20, "l.elbow": 50, "z": -0.04}, pause_s=1.2,
        ),
        "sport",
    ),
    "baseball swing": Activity(
        "swinging a baseball bat",
        ("swings a baseball bat", "hits a ball with a bat", "stands at the plate and bats",
         "practises batting with both hands on the bat"),
        routine(
            [Key({"turn": -14, "yaw": -14, "x": -0.06, "r.out": 10, "l.fx": 0.06}, 0.6, -0.05),
             Key({"turn": 34, "yaw": 34, "x": 0.08, "l.fx": 0.12, "b.elbow": -56, "r.heel": 30, "b.flex": 6},
                 0.36,
                 -0.08),
             Key({"turn": 50, "yaw": 62, "x": 0.08, "l.fx": 0.12, "l.out": 30, "b.elbow": -10, "r.heel": 44},
                 0.36,
                 0.5),
             Key({}, 1.0, 0.3)],
            base={"turn": -18, "yaw": -8, "b.flex": 52, "b.elbow": 76, "r.out": 26, "l.twist": 40, "z": -0.1,
                  "pitch": 10,
                  "bend": 10, "l.fx": 0.14, "r.fx": -0.14, "l.fy": 0.08, "r.fy": -0.08, "look": 20},
            pause_s=1.2,
        ),
        "sport",
    ),
    "table tennis": Activity(
        "playing table tennis",
        ("plays table tennis", "hits a small ball with a bat in the {side} hand", "plays ping-pong",
         "strikes quick short shots over a table"),
        routine(
            [Key({"turn": -16, "r.out": 26, "r.twist": -40, "r.flex": -4}, 0.3, 0.0),
             Key({"turn": 10, "r.flex": 34, "r.twist": 16, "r.elbow": 18}, 0.22, 0.0), Key({}, 0.3)],
            [Key({"turn": 12, "r.twist": 34, "r.flex": 12, "r.elbow": 16}, 0.3, 0.0),
             Key({"turn": -4, "r.twist": -26, "r.flex": 26, "r.elbow": -20}, 0.22, 0.0), Key({}, 0.3)],
            base={"z": -0.1, "pitch": 16, "bend": 14, "r.flex": 24, "r.elbow": 72, "r.out": 10, "l.flex": 18,
                  "l.elbow": 60, "l.fy": 0.1, "r.fy": -0.1, "nod": -10},
            pause_s=0.25, step_m=0.3,
        ),
        "sport",
    ),
}  # fmt: skip
