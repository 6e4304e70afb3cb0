"""Household, desk and care of the body.

Reaches are of minimum jerk (Flash and Hogan 1985); shoulder and elbow go as far as in daily tasks (Magermans
2005: combing the hair raises the arm by 70 to 100 degrees, eating flexes the elbow by 115 to 140).
"""

from anymo.motion.procedural.choreography import Activity, oscillation, routine
from anymo.motion.procedural.everyday import COUNTER, DESK, MOUTH, SEAT
from anymo.motion.procedural.keyposes import Key
from anymo.motion.procedural.literature import Range
from anymo.motion.procedural.rhythms import Wave

HOUSEHOLD: dict[str, Activity] = {
    "washing dishes": Activity(
        "washing dishes",
        ("washes dishes", "scrubs a plate at the sink", "does the dishes", "cleans pots in the kitchen sink"),
        oscillation(
            0.7, Wave({"r.twist": 10, "r.pron": 14, "r.dev": 8}), Wave({"r.elbow": 8, "r.flex": 5}, lag=0.25),
            Wave({"l.pron": 16, "l.elbow": 6, "turn": 5}, ratio=0.22), Wave({"r.flex": 14, "r.out": 10},
                ratio=0.11),
            base=COUNTER | {"l.twist": 24, "r.twist": 22, "nod": 26, "bend": 14}, active=0.75, jitter=0.12,
        ),
        "task",
    ),
    "washing hands": Activity(
        "washing the hands",
        ("washes the hands", "rubs both hands with soap", "stands at a basin and washes the hands",
         "rubs the palms together under water"),
        oscillation(
            0.42, Wave({"r.elbow": 5, "l.elbow": -5, "r.flex": -2, "l.flex": 2}), Wave({"b.pron": 16},
                ratio=0.23),
            base={"b.flex": 30, "b.elbow": 62, "b.twist": 38, "b.pron": 20, "bend": 14, "nod": 22,
                  "pitch": 4},
            active=0.85, jitter=0.1,
        ),
        "task",
    ),
    "folding laundry": Activity(
        "folding laundry",
        ("folds laundry", "folds a towel", "lays clothes together on a table",
         "folds shirts and stacks them"),
        routine(
            [Key({"b.out": 34, "b.elbow": -26, "b.flex": 12}, 0.7, 0.2),
             Key({"b.twist": 36, "b.flex": 14, "b.elbow": 10}, 0.6, 0.2),
             Key({"b.flex": 30, "b.elbow": -30, "bend": 10, "pitch": 5}, 0.7, 0.3), Key({}, 0.6, 0.1)],
            [Key({"r.out": 36, "r.elbow": -20}, 0.5, 0.15), Key({"r.twist": 44, "r.flex": 10}, 0.6, 0.1),
             Key({"r.flex": -4, "r.elbow": -14}, 0.4, 0.1), Key({}, 0.5, 0.1)],
            base=COUNTER, pause_s=0.3,
        ),
        "task",
    ),
    "cleaning windows": Activity(
        "cleaning windows",
        ("cleans a window with the {side} hand", "wipes a window pane", "rubs glass in wide circles",
         "wipes a wall with the {side} arm"),
        oscillation(
            1.15, Wave({"r.twist": 20, "r.out": 14, "turn": 3}), Wave({"r.flex": 16, "r.elbow": -18},
                lag=0.25),
            Wave({"r.flex": 22, "x": 0.03, "z": -0.03, "side": 6}, ratio=0.13),
            base={"r.flex": 84, "r.elbow": 42, "r.out": 20, "r.pron": 60, "nod": -8, "z": -0.01}, active=0.85,
        ),
        "task",
    ),
    "chopping vegetables": Activity(
        "chopping vegetables",
        ("chops vegetables", "cuts food on a board with the {side} hand", "slices something with a knife",
         "stands in the kitchen and cuts vegetables"),
        oscillation(
            0.36, Wave({"r.elbow": 6, "r.dev": -8, "r.flex": -2}, second=0.2), Wave({"l.twist": 5,
                "r.twist": 5},
            ratio=0.08), base=COUNTER | {"l.twist": 34, "nod": 26}, active=0.7, jitter=0.08,
        ),
        "task",
    ),
    "opening a door": Activity(
        "opening a door",
        ("opens a door with the {side} hand", "turns a handle and pulls a door open",
         "opens and closes a door", "reaches for the handle and pulls"),
        routine(
            [Key({"r.flex": 44, "r.elbow": 20, "r.pron": 60, "x": 0.04}, 0.8, 0.15),
             Key({"r.flex": 44, "r.elbow": 20, "r.pron": 10, "r.dev": -16, "x": 0.04}, 0.35, 0.05),
             Key({"r.flex": -12, "r.elbow": 66, "r.pron": 10, "turn": -24, "yaw": -6, "x": -0.04}, 0.9, 0.2),
             Key({"r.flex": 40, "r.elbow": 22, "r.pron": 60, "x": 0.03}, 0.9, 0.2), Key({}, 0.8)],
            pause_s=1.0,
        ),
        "task",
    ),
    "putting on a jacket": Activity(
        "putting on a jacket",
        ("puts on a jacket", "gets dressed", "slips both arms into a coat",
         "pulls a coat over the shoulders"),
        routine(
            [Key({"r.flex": -36, "r.out": 26, "r.elbow": 46, "l.flex": 30, "l.elbow": 90, "l.twist": 50,
                  "turn": 16},
                 0.8, 0.1),
             Key({"r.flex": 30, "r.out": 40, "r.elbow": -4, "turn": 4}, 0.8, 0.1),
             Key({"l.flex": -40, "l.out": 34, "l.elbow": 62, "turn": -18, "r.elbow": 60, "r.flex": 16}, 0.8,
                 0.1),
             Key({"l.flex": 30, "l.out": 40, "l.elbow": -4}, 0.8, 0.1),
             Key({"b.flex": 40, "b.elbow": 100, "b.twist": 40, "b.shrug": 6}, 0.7, 0.6), Key({}, 0.8, 0.2)],
            pause_s=1.0,
        ),
        "task",
    ),
    "writing": Activity(
        "writing",
        ("writes on paper with the {side} hand", "sits at a desk and writes", "takes notes with a pen",
         "writes a letter"),
        oscillation(
            0.38, Wave({"r.wrist": 3, "r.dev": 4}), Wave({"r.pron": 3, "r.elbow": 1}, ratio=1.7, lag=0.3),
            Wave({"r.twist": 9, "r.elbow": -3}, ratio=0.05), base=DESK | {"nod": 24, "bend": 16}, active=0.8,
            jitter=0.15,
        ),
        "task",
    ),
    "using a computer mouse": Activity(
        "using a computer mouse",
        ("uses a computer mouse with the {side} hand", "clicks around on a computer",
         "moves a mouse on the desk",
         "works at a screen with the mouse"),
        oscillation(
            1.3, Wave({"r.twist": 4, "r.dev": 5}), Wave({"r.flex": 2, "r.elbow": -3}, ratio=0.7),
            Wave({"look": 5}, ratio=0.2), base=DESK | {"r.twist": -6, "r.flex": 30}, active=0.5, jitter=0.2,
        ),
        "task",
    ),
    "talking on the phone": Activity(
        "talking on the phone",
        ("talks on the phone", "holds a phone to the {side} ear", "makes a phone call while standing",
         "listens to somebody on the phone"),
        routine(
            [Key({"lean": 3, "y": 0.03, "side": -3}, 1.2, 1.2), Key({}, 1.2, 0.6)],
            [Key({"l.elbow": 60, "l.flex": 24, "l.pron": -40}, 0.6, 0.3), Key({"l.elbow": 30, "l.flex": 10},
                0.5, 0.2),
             Key({}, 0.8)],
            [Key({"nod": 10}, 0.4, 0.1), Key({}, 0.4, 0.1), Key({"look": 20, "turn": 8}, 0.9, 0.6), Key({},
                0.9)],
            base={"r.flex": 76, "r.out": 58, "r.elbow": 122, "r.twist": -20, "r.pron": -20, "tilt": -6},
            pause_s=0.8,
        ),
        "task",
    ),
    "using a phone": Activity(
        "using a phone",
        ("looks at a phone", "types on a phone with both thumbs", "scrolls on a phone",
         "reads messages on a phone"),
        oscillation(
            0.9, Wave({"r.dev": 4, "r.wrist": 3}), Wave({"l.wrist": 2}, ratio=1.3), Wave({"y": 0.012,
                "lean": 1},
            ratio=0.13), base={"b.flex": 24, "b.elbow": 82, "b.twist": 26, "b.pron": -40, "nod": 30,
                               "bend": 6},
            active=0.5, jitter=0.2,
        ),
        "task",
    ),
    "reading a book": Activity(
        "reading a book",
        ("sits and reads a book", "reads and turns a page now and then", "holds a book and reads",
         "looks into an open book"),
        routine(
            [Key({"r.elbow": 8, "r.twist": 22, "r.pron": 30}, 0.5, 0.1), Key({"r.twist": -10, "r.pron": -10},
                0.5, 0.1),
             Key({}, 0.5, 2.0)],
            [Key({"look": 6, "nod": -4}, 0.9, 1.5), Key({}, 0.9, 1.0)],
            base=SEAT | {"b.flex": 32, "b.elbow": 80, "b.twist": 16, "b.pron": -50, "nod": 24}, pause_s=1.6,
        ),
        "task",
    ),
    "combing hair": Activity(
        "combing the hair",
        ("combs the hair with the {side} hand", "brushes the hair", "runs a comb through the hair",
         "does their hair in front of a mirror"),
        oscillation(
            1.1, Wave({"r.flex": 14, "r.elbow": -16, "r.twist": 8}), Wave({"r.out": 12, "tilt": 5},
                ratio=0.25),
            base={"r.flex": 62, "r.out": 56, "r.elbow": 112, "r.twist": -16, "r.pron": 20, "tilt": 4},
            active=0.85,
            jitter=0.1,
        ),
        "task", (Range("elbow_peak_deg", 100, 150, "°", "magermans2005"),),
    ),
    "washing the face": Activity(
        "washing the face",
        ("washes the face", "rubs the face with both hands", "bends over a basin and washes the face",
         "splashes water on the face"),
        oscillation(
            0.5, Wave({"b.elbow": 7, "b.flex": -4}), Wave({"b.twist": 6}, lag=0.3),
            Wave({"b.elbow": -22, "b.flex": -8, "bend": 4}, ratio=0.12),
            base={"b.flex": 56, "b.elbow": 112, "b.twist": 26, "pitch": 18, "bend": 22, "nod": 12,
                  "x": -0.06}, active=0.85,
        ),
        "task",
    ),
    "scratching the head": Activity(
        "scratching the head",
        ("scratches the head", "scratches behind the {side} ear", "rubs the back of the head",
         "raises the {side} hand to scratch the head"),
        oscillation(
            0.3, Wave({"r.wrist": 10, "r.elbow": 4}), base=MOUTH | {"r.flex": 66, "r.out": 50, "r.elbow": 120,
            "r.twist": -20}, active=0.7, jitter=0.1,
        ),
        "task",
    ),
}  # fmt: skip
