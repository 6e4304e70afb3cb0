"""Sentences for generated motion."""

import numpy as np

from anymo.records import Caption

_WHO = ("a person", "someone", "the person", "an adult", "a human", "this person")
_SLOW = ("slowly", "at a slow pace", "unhurriedly")
_FAST = ("quickly", "at a fast pace", "briskly")
_LARGE = ("with large movements", "with a wide range of motion")
_SMALL = ("with small movements", "with little range of motion")


def describe(
    rng: np.random.Generator, phrase: str, verbs: tuple[str, ...], side: str, speed: float, amplitude: float
) -> tuple[Caption, ...]:
    """The activity's phrase, then three to five different sentences about the whole clip.

    Args:
        rng: draws words.
        phrase: activity, such as "walking".
        verbs: third-person ways to say it; `{side}` and `{other}` stand for left and right.
        side: "left" or "right".
        speed: factor on the usual speed; told when far from 1.
        amplitude: factor on the usual range; told when far from 1.
    """
    other = "right" if side == "left" else "left"
    extra = [""]
    if abs(np.log(speed)) > 0.18:
        extra = list(_SLOW if speed < 1 else _FAST)
    elif abs(np.log(amplitude)) > 0.15:
        extra = ["", *(_SMALL if amplitude < 1 else _LARGE)]
    sentences: dict[str, None] = {}
    for verb in rng.permutation(np.array(verbs))[: int(rng.integers(3, 6))]:
        said = str(verb).format(side=side, other=other)
        tail = str(rng.choice(extra))
        who = str(rng.choice(_WHO))
        sentences[f"{who} {said} {tail}".strip() + "."] = None
    return tuple(Caption(text=text) for text in (phrase, *(s[0].upper() + s[1:] for s in sentences)))
