"""What is said to the language model, and how its answers read."""

from collections.abc import Sequence
from typing import Literal

from transformers import PreTrainedTokenizerBase

from anymo.skeleton import SEGMENTS

Question = Literal["activity", "caption"]

MOTION_SLOT = "<motion>"
QUESTIONS: dict[Question, str] = {
    "activity": "Name the activity.",
    "caption": "Describe what the person does.",
}
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


def prompt(
    tokenizer: PreTrainedTokenizerBase, question: Question, segments: Sequence[int]
) -> tuple[str, str]:
    """Chat text before and after the motion tokens, up to where the answer begins."""
    content = f"Motion sensor on the {worn_on(segments)}: {MOTION_SLOT} {QUESTIONS[question]}"
    text: str = tokenizer.apply_chat_template(
        [{"role": "system", "content": "You read motion."}, {"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=False,
    )
    before, after = text.split(MOTION_SLOT)
    return before, after
