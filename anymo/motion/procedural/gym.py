"""Weights and machines."""

from anymo.motion.procedural.choreography import Activity, Hold, oscillation, routine
from anymo.motion.procedural.keyposes import Key, Pose
from anymo.motion.procedural.rhythms import Wave

ON_BENCH: Pose = {"z": -0.43, "x": -0.42, "pitch": -86, "b.fy": 0.06}
RAILS = Hold((0.22, 0.24, 1.12), (-0.6, 0.5, -1.0))

GYM: dict[str, Activity] = {
    "biceps curls": Activity(
        "doing biceps curls",
        ("does biceps curls", "lifts dumbbells by bending the elbows", "curls weights with both arms",
         "bends and stretches both elbows with weights"),
        routine([Key({"b.elbow": 112, "b.flex": 8, "b.wrist": 8}, 1.1, 0.15), Key({}, 1.3, 0.15)],
                base={"b.pron": -60, "b.elbow": -4, "b.out": -2}, pause_s=0.15),
        "exercise",
    ),
    "lateral raises": Activity(
        "doing lateral raises",
        ("does lateral raises", "lifts dumbbells out to both sides", "raises both arms sideways with weights",
         "spreads both arms to shoulder height and lowers them"),
        routine([Key({"b.out": 78, "b.elbow": 4, "b.shrug": 6}, 1.1, 0.15), Key({}, 1.2, 0.15)], pause_s=0.2),
        "exercise",
    ),
    "overhead press": Activity(
        "doing overhead presses",
        ("presses weights overhead", "does shoulder presses", "pushes a bar up above the head",
         "stretches both arms upward with weights"),
        routine([Key({"b.out": 82, "b.elbow": -100, "b.shrug": 8, "bend": -3}, 1.1, 0.15), Key({}, 1.2, 0.2)],
                base={"b.out": 60, "b.flex": 24, "b.twist": -76, "b.elbow": 104, "b.pron": 50}, pause_s=0.2),
        "exercise",
    ),
    "bench press": Activity(
        "doing bench presses",
        ("does bench presses", "lies on a bench and pushes a bar up", "presses weights up from the chest",
         "lowers a bar to the chest and pushes it away"),
        routine([Key({"b.flex": 60, "b.elbow": -92, "b.out": -28}, 1.0, 0.1), Key({}, 1.2, 0.1)],
                base=ON_BENCH | {"b.flex": 26, "b.out": 50, "b.elbow": 92, "b.pron": 60}, pause_s=0.2),
        "exercise", flat_floor=False,
    ),
    "deadlift": Activity(
        "doing deadlifts",
        ("does deadlifts", "lifts a bar from the floor to the hips", "bends at the hips and lifts a weight",
         "picks up a heavy bar and sets it down"),
        routine([Key({"z": -0.24, "x": -0.12, "pitch": 42, "bend": 18, "b.flex": 54, "nod": -22}, 1.2, 0.2),
                 Key({}, 1.1, 0.3)], base={"b.elbow": -12, "b.pron": 50}, pause_s=0.3),
        "exercise",
    ),
    "stepping machine": Activity(
        "using a stepper",
        ("exercises on a stepping machine", "trains on a stepper",
         "pushes the pedals of a stepper down in turn",
         "steps up and down on a machine, hands on the rails"),
        oscillation(
            1.05, Wave({"r.lift": 0.1, "l.lift": -0.1, "r.heel": 5, "l.heel": -5}),
            Wave({"lean": 3, "side": -3, "y": 0.02, "yaw": 3}, lag=0.45), Wave({"z": 0.01}, ratio=2.0),
            base={"b.lift": 0.16, "z": 0.1, "bend": 10, "pitch": 6, "b.heel": 8, "nod": -4}, jitter=0.03,
            grip=RAILS,
        ),
        "exercise", flat_floor=False,
    ),
    "cross trainer": Activity(
        "using an elliptical trainer",
        ("trains on a cross trainer", "moves arms and legs on an elliptical machine",
         "strides on an elliptical trainer", "pushes and pulls the handles of a cross trainer"),
        oscillation(
            1.1, Wave({"r.fx": 0.22, "l.fx": -0.22, "r.heel": -7, "l.heel": 7}),
            Wave({"r.lift": 0.07, "l.lift": -0.07, "r.heel": 9, "l.heel": -9}, lag=0.25),
            Wave({"r.flex": -22, "l.flex": 22, "r.elbow": 20, "l.elbow": -20, "turn": 7, "yaw": -4},
                 lag=0.02),
            Wave({"z": 0.014, "lean": 0.4}, ratio=2.0, lag=0.2),
            base={"b.lift": 0.16, "z": 0.08, "b.heel": 14, "b.flex": 52, "b.elbow": 46, "b.pron": 60,
                  "bend": 6,
                  "b.out": 4},
            jitter=0.03,
        ),
        "exercise", flat_floor=False,
    ),
    "rope skipping": Activity(
        "skipping rope",
        ("skips rope", "jumps over a rope", "does rope skipping", "jumps lightly while turning a rope"),
        oscillation(
            0.46, Wave({"b.dev": 12, "b.twist": 7, "b.elbow": 5}), Wave({"b.wrist": 14}, lag=0.25),
            base={"b.elbow": 66, "b.out": 10, "b.twist": -32, "b.pron": 10, "bend": 3}, bounce=0.66,
            jitter=0.03,
        ),
        "exercise",
    ),
    "calf raises": Activity(
        "doing calf raises",
        ("does calf raises", "rises on the toes again and again", "goes up on tiptoe and down",
         "lifts both heels and lowers them"),
        routine([Key({"b.heel": 32, "z": 0.062, "x": 0.055}, 0.8, 0.25), Key({}, 0.9, 0.1)], pause_s=0.2),
        "exercise",
    ),
    "touching the toes": Activity(
        "touching the toes",
        ("touches the toes", "bends down with straight knees and comes up again",
         "folds forward to reach the toes", "stretches down to the feet with both hands"),
        routine([Key({"pitch": 78, "bend": 72, "x": 0.02, "z": -0.035, "b.flex": 126, "b.elbow": -8,
                      "b.reach": 10, "nod": 8}, 1.5, 0.7), Key({}, 1.4, 0.3)], pause_s=0.3),
        "exercise",
    ),
    "torso twists": Activity(
        "twisting the torso",
        ("twists the torso to and fro", "turns the upper body left and right", "rotates the trunk to warm up",
         "swings the shoulders round from side to side"),
        oscillation(
            1.7, Wave({"turn": 34, "look": 14, "yaw": 8}), Wave({"b.out": 5}, ratio=2.0, lag=0.1),
            base={"b.out": 52, "b.elbow": 76, "b.flex": 30, "b.twist": 30, "l.fy": 0.08, "r.fy": -0.08,
                  "z": -0.03},
        ),
        "exercise",
    ),
    "side bends": Activity(
        "bending to the side",
        ("bends the upper body to the left and right", "does side bends", "stretches the flanks",
         "leans over to either side and comes back"),
        oscillation(
            2.6, Wave({"side": 24, "tilt": 8, "lean": 2, "y": -0.02}),
            base={"b.out": 28, "b.elbow": 70, "b.twist": 40, "l.fy": 0.08, "r.fy": -0.08, "z": -0.03},
        ),
        "exercise",
    ),
}  # fmt: skip
