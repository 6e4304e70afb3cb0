"""What is said to the language model around the motion tokens, up to where its answer begins."""

from collections.abc import Sequence
from typing import Literal

from anymo.skeleton import SEGMENTS

Question = Literal["activity", "caption"]

# Short on purpose: every token of a prompt is run for every window; the adapter learns what is asked.
_CUES: dict[Question, str] = {"activity": " Activity:", "caption": " Description:"}
_BODY_WORDS = {
    "T8": "chest", "T12": "ribs", "L3": "waist", "L5": "lower back", "Pelvis": "hip",
    "UpperArm": "upper arm", "ForeArm": "wrist", "UpperLeg": "thigh", "LowerLeg": "shank",
}  # fmt: skip


def worn_on(segments: Sequence[int]) -> str:
    """Segment indices as people name them: "left wrist and head"."""
    names = []
    for name in (SEGMENTS[s] for s in segments):
        side = next((w for w in ("Left", "Right") if name.startswith(w)), "")
        part = name.removeprefix(side)
        names.append(f"{side.lower()} {_BODY_WORDS.get(part, part.lower())}".strip())
    return " and ".join(dict.fromkeys(names))


def prompt(question: Question, segments: Sequence[int]) -> tuple[str, str]:
    """Text before and after the motion tokens; an answer begins with a space."""
    return f"Sensor on the {worn_on(segments)}:", _CUES[question]
