"""Write docs/activities.md from the library: `python docs/activities.py`."""

from itertools import groupby
from pathlib import Path

from anymo.motion import ACTIVITIES, Activity
from anymo.motion.procedural import SYNONYMS
from anymo.motion.procedural.literature import QUANTITIES, SOURCES

FAMILIES = {
    "gait": "Getting about on foot", "stationary": "Staying", "posture": "Changing posture",
    "task": "Household, desk, care", "gesture": "Gestures", "sport": "Ball games, rackets, combat, dance",
    "exercise": "Exercise and machines", "fall": "Falls", "ride": "Lifts and vehicles",
}  # fmt: skip
HEAD = """# Activities

**TL;DR.** The {count} activities that `anymo.motion.generate` can make up, with what the literature says of
people and the motion keeps to at its usual speed and amplitude:
`tests/motion/test_procedural_plausibility.py` checks each range. Made by `python docs/activities.py`; do not
edit.

Every motion also draws a factor on the usual speed and one on the usual range of motion, the acting side
(right in 7 of 10), heading, sway, tremor, and how the person holds trunk, head and arms. The factors are
log-normal, cut off at 2.4 standard deviations, with a median of 1. What has its speed in its name or from
physics is spread less than what people do at their own pace:

| activities | speed, 5 to 95 % | extremes | range of motion, 5 to 95 % | extremes |
|---|---|---|---|---|
| on foot, staying, ball games to dance, falls, lifts and vehicles | 0.77 to 1.30 | 0.68 to 1.47 | 0.82 to 1.22 | 0.75 to 1.33 |
| changing posture, household to care, gestures, exercise and machines | 0.70 to 1.44 | 0.59 to 1.70 | 0.78 to 1.28 | 0.70 to 1.43 |

`speed=` and `amplitude=` of `generate` take factors from 0.4 to 2. Known ranges in the tables below are rounded
and were written from general knowledge of the sources, not checked against their text; where none is given,
times and angles were chosen by eye.
"""  # noqa: E501

ABSENT = """## Not there

What general vocabularies of activity name and the library cannot make: swimming and diving; climbing ladders
and rocks, pull-ups and hanging; skating, skiing, surfing; riding a horse, a kick scooter, a wheelchair, an
escalator; burpees, gymnastics, kicks and throws of martial arts, yoga sequences; sawing, painting, washing a
car; piano, drums, violin; shaving, make-up, coughing, sneezing, smoking, turning over in bed; and whatever
takes two, such as hugging, dancing in pairs or lifting a child.
"""


def ranges(activity: Activity) -> str:
    """A cell of what is known."""
    return "; ".join(
        f"{QUANTITIES[r.what]} {r.low:g} to {r.high:g} {r.unit} [{r.source}]" for r in activity.ranges
    )


def page() -> str:
    """The whole document."""
    lines = [HEAD.format(count=len(ACTIVITIES))]
    order = list(FAMILIES)
    rows = sorted(ACTIVITIES.items(), key=lambda item: order.index(item[1].family))
    for family, members in groupby(rows, key=lambda item: item[1].family):
        lines += [
            f"## {FAMILIES[family]}\n",
            "| activity | also called | for example, a person | known ranges |",
            "|---|---|---|---|",
        ]
        for name, activity in members:
            example = activity.verbs[0].format(side="right", other="left")
            others = ", ".join(n for n in (activity.phrase, *SYNONYMS[name]) if n != name)
            lines.append(f"| {name} | {others} | {example} | {ranges(activity)} |")
        lines.append("")
    lines += [ABSENT, "## Sources\n", *(f"- [{key}] {text}" for key, text in SOURCES.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
