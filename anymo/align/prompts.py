"""What is said to the language model around the motion tokens, and how its answers are written.

One line per window: `Sensor on the left wrist:<motion> Activity: walking. Description: A person walks.`
Short on purpose: every token is run for every window, and the activity and the sentence are learned at once.
Other tasks put an instruction in the place of `Activity:`, and are answered in a word or two.
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


def prompt(segments: Sequence[int], instruction: str | None = None) -> tuple[str, str]:
    """Text before and after the motion tokens, up to where the answer begins.

    Args:
        segments: that wear the sensors; none where that is not told.
        instruction: of a task below; None asks for the activity, then the description.
    """
    return opening(segments), " Activity:" if instruction is None else f" {instruction} Answer:"


def opening(segments: Sequence[int], text: str = "") -> str:
    """What comes before the motion tokens; a text is what they are to be written from."""
    place = f"Sensor on the {worn_on(segments)}:" if segments else "Sensor:"
    return f"{text} {place}" if text else place


def choice(labels: Sequence[str]) -> str:
    """Instruction that asks for one of these labels; the answer to it is `activity(label)`."""
    return f"Which of these is it: {'; '.join(labels)}?"


def question(text: str) -> str:
    """Instruction that asks a question in plain words; those trained are in `anymo.align.questions`."""
    asked = " ".join(text.split()).rstrip("?")
    return f"Question: {asked[:1].upper()}{asked[1:]}?"


def activity(phrase: str) -> str:
    """How an answer begins when the activity is this phrase; one that is no more than a phrase is this."""
    return f" {phrase.rstrip('.')}."


def beginning(phrase: str) -> str:
    """How an answer with a description begins when the activity is this phrase."""
    return f"{activity(phrase)} {_DESCRIPTION}"


def answer(phrase: str, sentence: str) -> str:
    """The activity and the description of a window."""
    return f"{beginning(phrase)} {sentence}"


def description_in(text: str) -> str:
    """The sentence of an answer; all of it where it has no description."""
    _, mark, sentence = text.partition(_DESCRIPTION)
    return (sentence if mark else text).strip()
