"""What is said to the language model around the motion tokens, and how its answers are written.

One line per window: `Sensor on the left wrist:<motion> Activity: walking. Description: A person walks.`
Short on purpose: every token is run for every window, and the activity and the sentence are learned at once.
"""

from collections.abc import Sequence

from anymo.skeleton import SEGMENTS

_BODY_WORDS = {
    "T8": "chest", "T12": "ribs", "L3": "waist", "L5": "lower back", "Pelvis": "hip",
    "UpperArm": "upper arm", "ForeArm": "wrist", "UpperLeg": "thigh", "LowerLeg": "shank",
}  # fmt: skip
_DESCRIPTION = "Description:"


def worn_on(segments: Sequence[int]) -> str:
    """Segment indices as people name them: "left wrist and head"."""
    names = []
    for name in (SEGMENTS[s] for s in segments):
        side = next((w for w in ("Left", "Right") if name.startswith(w)), "")
        part = name.removeprefix(side)
        names.append(f"{side.lower()} {_BODY_WORDS.get(part, part.lower())}".strip())
    return " and ".join(dict.fromkeys(names))


def prompt(segments: Sequence[int]) -> tuple[str, str]:
    """Text before and after the motion tokens, up to where the answer begins."""
    return f"Sensor on the {worn_on(segments)}:", " Activity:"


def activity(phrase: str) -> str:
    """How an answer begins when the activity is this phrase."""
    return f" {phrase.rstrip('.')}."


def answer(phrase: str, sentence: str) -> str:
    """The whole answer for a window."""
    return f"{activity(phrase)} {_DESCRIPTION} {sentence}"


def description_in(text: str) -> str:
    """The sentence of an answer; all of it where it has no description."""
    return text.partition(_DESCRIPTION)[2].strip() or text.strip()
