"""Sport."""

from anymo.motion.procedural.choreography import Activity, oscillation, routine
from anymo.motion.procedural.keyposes import Key
from anymo.motion.procedural.literature import Range
from anymo.motion.procedural.rhythms import Wave
from anymo.motion.procedural.strokes import BACKHAND, CROSS, FOREHAND, GUARD, HOOK, JAB, READY, SMASH, VOLLEY

SPORT: dict[str, Activity] = {
    "jumping": Activity(
        "jumping", ("jumps up and down", "keeps jumping on the spot", "does small jumps with both feet",
        "bounces in place"),
        oscillation(
            0.62, Wave({"b.flex": 12, "b.elbow": 6}, lag=0.7), Wave({"bend": 6, "pitch": 4}, lag=0.3),
            base={"b.elbow": 30, "bend": 6}, bounce=0.58, active=1.0,
        ),
        "exercise",
    ),
    "hopping": Activity(
        "hopping on one foot",
        ("hops on the {side} foot", "hops on one leg", "bounces on the {side} leg only",
            "jumps on one foot in place"),
        oscillation(
            0.5, Wave({"b.flex": 10, "b.out": 8}, lag=0.7), Wave({"l.heel": 6, "bend": 3}, lag=0.3),
            base={"l.lift": 0.2, "l.fx": -0.14, "l.heel": 44, "y": -0.07, "lean": -4, "b.elbow": 40,
                "b.out": 12},
            bounce=0.6,
        ),
        "exercise",
    ),
    "jumping jacks": Activity(
        "jumping jacks",
        ("does jumping jacks", "jumps while spreading arms and legs",
        "hops the feet apart and together, arms overhead",
         "performs star jumps"),
        oscillation(
            0.5, Wave({"b.out": 72, "b.elbow": 4, "l.fy": 0.15, "r.fy": -0.15}, ratio=0.5, lag=0.1),
            base={"b.out": 74, "l.fy": 0.13, "r.fy": -0.13, "b.pron": -20}, bounce=0.62,
        ),
        "exercise",
    ),
    "squatting": Activity(
        "doing squats",
        ("does squats", "bends the knees deeply and rises again", "squats down and stands up",
            "performs knee bends"),
        routine(
            [Key({"z": -0.38, "x": -0.15, "pitch": 24, "bend": 20, "b.flex": 74, "nod": -20}, 1.1, 0.15),
                Key({}, 0.95, 0.1)],
            base={"l.fy": 0.07, "r.fy": -0.07, "b.toe_out": 8}, pause_s=0.2,
        ),
        "exercise", (Range("knee_peak_deg", 80, 150, "°", "escamilla2001"),),
    ),
    "lunges": Activity(
        "doing lunges",
        ("does lunges with the {side} leg", "steps far forward and lowers the body",
            "lunges onto the {side} foot and back",
         "takes deep steps forward and returns"),
        routine(
            [Key({"r.fx": 0.34, "r.lift": 0.1, "x": 0.1, "l.heel": 10}, 0.45, -0.15),
             Key({"r.fx": 0.68, "x": 0.32, "z": -0.26, "l.heel": 46, "pitch": 6}, 0.6, 0.25),
             Key({"r.fx": 0.34, "r.lift": 0.1, "x": 0.1, "l.heel": 10}, 0.5, -0.15), Key({}, 0.5, 0.2)],
            base={"b.elbow": 40, "b.twist": 30, "b.out": 18}, pause_s=0.4,
        ),
        "exercise",
    ),
    "cycling": Activity(
        "cycling", ("rides a bicycle", "is cycling", "pedals on a bike", "turns the pedals round and round"),
        oscillation(
            0.8, Wave({"r.fx": 0.165, "l.fx": -0.165, "r.heel": 8, "l.heel": -8}),
            Wave({"r.lift": 0.165, "l.lift": -0.165, "lean": 1.5, "yaw": 1.2}, lag=0.25),
            Wave({"side": 2, "b.elbow": 4, "z": 0.004}, ratio=2.0, lag=0.1),
            base={"b.fx": 0.16, "b.lift": 0.27, "z": 0.07, "pitch": 30, "bend": 26, "b.flex": 82,
                "b.elbow": 8, "b.pron": 60,
                  "nod": -34, "b.heel": 10, "x": -0.06},
            jitter=0.03,
        ),
        "exercise", (Range("per_minute", 60, 100, "turns/min", "faria2005"),), flat_floor=False,
    ),
    "rowing": Activity(
        "rowing", ("rows a boat", "is rowing", "pulls the oars with both arms", "trains on a rowing machine"),
        oscillation(
            2.3, Wave({"x": -0.19}), Wave({"pitch": -16, "bend": -14}, lag=0.06),
            Wave({"b.flex": -32, "b.elbow": 46, "b.out": 10, "b.reach": -8}, lag=0.13, second=-0.12),
            base={"z": -0.52, "x": -0.3, "b.fx": 0.3, "b.lift": 0.07, "b.heel": -22, "pitch": -4,
                "bend": 24, "b.flex": 48,
                  "b.elbow": 34, "b.pron": 70, "nod": -8},
            jitter=0.03,
        ),
        "exercise", (Range("per_minute", 18, 36, "strokes/min", "kleshnev2016"),), flat_floor=False,
    ),
    "boxing": Activity(
        "boxing", ("throws punches", "boxes", "punches the air with both fists", "practises boxing strikes"),
        routine(JAB, CROSS, HOOK, JAB + CROSS, base=GUARD, pause_s=0.35, step_m=0.2), "sport",
    ),
    "kicking a ball": Activity(
        "kicking a ball",
        ("kicks a ball with the {side} foot", "shoots a ball with the {side} leg",
            "swings the {side} leg to kick",
         "plays football and kicks"),
        routine(
            [Key({"r.fx": -0.34, "r.lift": 0.3, "r.heel": 62, "l.flex": 40, "l.out": 24, "turn": -16,
                "yaw": -10, "x": -0.03},
                 0.45, -0.08),
             Key({"r.fx": 0.5, "r.lift": 0.22, "r.heel": 12, "r.flex": 34, "turn": 18, "yaw": 12,
                 "pitch": -10, "z": -0.03}, 0.36, 0.05),
             Key({"r.fx": 0.2, "r.lift": 0.08}, 0.4, -0.1), Key({}, 0.4, 0.1)],
            base={"z": -0.04}, pause_s=1.0, step_m=0.35,
        ),
        "sport",
    ),
    "playing tennis": Activity(
        "playing tennis",
        ("plays tennis with a racket in the {side} hand", "hits balls with a racket",
            "swings a racket and moves between shots",
         "plays a rally on the court", "strikes with the {side} arm and steps to the next ball"),
        routine(FOREHAND, FOREHAND, BACKHAND, SMASH, VOLLEY, base=READY, pause_s=0.5, step_m=0.55), "sport",
    ),
    "playing badminton": Activity(
        "playing badminton",
        ("plays badminton holding the racket in the {side} hand", "hits a shuttlecock",
            "smashes and moves on the court",
         "plays shots overhead with the {side} arm", "rallies with light quick steps"),
        routine(SMASH, SMASH, VOLLEY, BACKHAND, FOREHAND, base=READY, pause_s=0.35, step_m=0.7), "sport",
    ),
    "golf swing": Activity(
        "swinging a golf club",
        ("swings a golf club", "hits a golf ball", "practises a golf swing",
            "winds up and plays a golf shot"),
        routine(
            [Key({"turn": -38, "yaw": -42, "r.flex": 36, "r.out": 26, "r.elbow": 80, "l.flex": 34,
                "l.twist": 40}, 0.9, 0.08),
             Key({"turn": 12, "yaw": 16, "b.elbow": -6, "r.heel": 10}, 0.38, -0.16),
             Key({"turn": 38, "yaw": 58, "l.flex": 36, "l.out": 26, "l.elbow": 80, "r.flex": 40,
                 "r.heel": 46, "bend": -20}, 0.46, 0.9),
             Key({}, 1.2, 0.3)],
            base={"pitch": 20, "bend": 16, "z": -0.05, "b.flex": 42, "b.twist": 22, "b.elbow": -6,
                "l.fy": 0.1, "r.fy": -0.1, "nod": 16},
            pause_s=1.0,
        ),
        "sport",
    ),
    "dribbling": Activity(
        "dribbling a basketball",
        ("dribbles a basketball with the {side} hand", "bounces a ball",
            "keeps a ball bouncing with the {side} hand",
         "plays basketball and dribbles"),
        oscillation(
            0.56, Wave({"r.elbow": 22, "r.wrist": -18, "r.flex": 5, "r.shrug": 3}, second=0.15),
                Wave({"z": 0.012, "bend": 2}, lag=0.1),
            base={"r.flex": 18, "r.elbow": 60, "r.pron": 80, "r.out": 10, "z": -0.12, "pitch": 12,
                "bend": 14, "l.flex": 20, "l.elbow": 50,
                  "l.fx": 0.12, "r.fx": -0.1, "l.fy": 0.06, "r.fy": -0.06},
        ),
        "sport",
    ),
    "dancing": Activity(
        "dancing", ("dances", "moves to music", "dances on the spot with swaying hips",
        "steps and swings to a beat"),
        oscillation(
            0.52, Wave({"z": 0.022}, lag=0.1), Wave({"y": 0.06, "lean": 6, "side": -8, "l.heel": 14,
                "r.heel": -14}, ratio=0.5),
            Wave({"r.flex": 26, "l.flex": -26, "turn": 14}, ratio=0.5, lag=0.2), Wave({"b.out": 24,
                "b.elbow": 24}, ratio=0.25),
            Wave({"r.lift": 0.02, "l.lift": -0.02}, ratio=0.5), Wave({"yaw": 12, "r.twist": 26,
                "l.twist": -26}, ratio=0.125),
            base={"b.flex": 24, "b.elbow": 56, "b.out": 28, "z": -0.07, "b.lift": 0.025, "b.heel": 16},
        ),
        "sport",
    ),
}  # fmt: skip
