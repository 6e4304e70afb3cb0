"""Sentences for generated motion."""

from collections.abc import Mapping

import numpy as np

from anymo.records import Caption

_WHO = ("a person", "someone", "the person", "an adult", "a human", "this person")
_SLOW = ("slowly", "at a slow pace", "unhurriedly")
_FAST = ("quickly", "at a fast pace", "briskly")
_LARGE = ("with large movements", "with a wide range of motion")
_SMALL = ("with small movements", "with little range of motion")


_TELLS = 0.3  # share of sentences that state a number


def describe(
    rng: np.random.Generator,
    phrase: str,
    verbs: tuple[str, ...],
    side: str,
    speed: float,
    amplitude: float,
    facts: Mapping[str, float],
) -> tuple[Caption, ...]:
    """The activity's phrase, then three to five different sentences about the whole clip.

    Args:
        rng: draws words.
        phrase: activity, such as "walking".
        verbs: third-person ways to say it; `{side}` and `{other}` stand for left and right.
        side: "left" or "right".
        speed: factor on the usual speed; told when far from 1.
        amplitude: factor on the usual range; told when far from 1.
        facts: what came out of the draw; some sentences state one.
    """
    other = "right" if side == "left" else "left"
    extra = [""]
    if abs(np.log(speed)) > 0.18:
        extra = list(_SLOW if speed < 1 else _FAST)
    elif abs(np.log(amplitude)) > 0.15:
        extra = ["", *(_SMALL if amplitude < 1 else _LARGE)]
    numbers = _numbers(facts)
    sentences: dict[str, None] = {}
    for verb in rng.permutation(np.array(verbs))[: int(rng.integers(3, 6))]:
        said = str(verb).format(side=side, other=other)
        tells = numbers and rng.uniform() < _TELLS
        tail = str(rng.choice(numbers if tells else extra))
        who = str(rng.choice(_WHO))
        sentences[f"{who} {said} {tail}".strip() + "."] = None
    return tuple(Caption(text=text) for text in (phrase, *(s[0].upper() + s[1:] for s in sentences)))


def _numbers(facts: Mapping[str, float]) -> list[str]:
    """Ways to state the facts that hold for any part of the motion: speed and cadence, no counts."""
    said = []
    if "mps" in facts:
        mps, steps = facts["mps"], 5 * round(facts["per_minute"] / 5)
        said += (
            [f"at about {mps:.1f} meters per second", f"at roughly {3.6 * mps:.0f} km/h"] if mps > 0.2 else []
        )
        said += [f"with about {steps} steps per minute", f"at a cadence of {steps}"]
    elif "per_minute" in facts:
        beats = facts["per_minute"]
        said += [f"about {5 * round(beats / 5)} times a minute"] if beats >= 8 else []
    return said
