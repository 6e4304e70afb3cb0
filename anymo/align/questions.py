"""Questions about a window whose answers are known, and nothing else.

Placement, side worn and number of sensors are known of every window. Speed, and the hand or leg that moves,
are known where all captions of the window that speak of them agree. Rates and counts of movements are not
asked: a window is a part of its clip, played faster or slower, so what the clip's captions count is not what
the window holds.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anymo.align.prompts import worn_on

WHERE = "Where is the sensor?"
WHICH_SIDE = "Is the sensor on the left or the right side of the body?"
HOW_MANY = "How many sensors are there?"
HOW_FAST = "Is the movement slow or fast?"
WHICH_LIMB = "Which {part} is it, left or right?"

_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SLOW = re.compile(r"\b(?:slow(?:ly)?|unhurriedly|leisurely)\b", re.IGNORECASE)
_FAST = re.compile(r"\b(?:fast|quick(?:ly)?|briskly|rapid(?:ly)?)\b", re.IGNORECASE)
_PARTS = ("hand", "arm", "leg", "foot", "knee", "elbow", "shoulder", "wrist", "thigh")
_LIMB = re.compile(rf"\b(left|right) ({'|'.join(_PARTS)})\b", re.IGNORECASE)
TAUGHT = (WHERE, WHICH_SIDE, HOW_MANY, HOW_FAST, *(WHICH_LIMB.format(part=part) for part in _PARTS))


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its answer, a word or two.

    text     what is asked, to be put through `prompts.question`
    answer   to be put through `prompts.activity`
    is_told  the prompt itself tells it where it names the sensors' places
    """

    text: str
    answer: str
    is_told: bool = False


def questions(worn: Sequence[int], texts: Sequence[str]) -> list[Question]:
    """What may be asked of a window.

    Args:
        worn: segment of each sensor.
        texts: captions that hold for the window.
    """
    places = worn_on(worn)
    asked = [Question(WHERE, places, is_told=True)]
    if len(worn) < len(_NUMBERS):
        asked.append(Question(HOW_MANY, _NUMBERS[len(worn)], is_told=True))
    if (side := _only(place.split()[0] for place in places.split(" and "))) in ("left", "right"):
        asked.append(Question(WHICH_SIDE, side, is_told=True))
    slow, fast = (any(map(pattern.search, texts)) for pattern in (_SLOW, _FAST))
    if slow != fast:
        asked.append(Question(HOW_FAST, "slow" if slow else "fast"))
    limbs = [match.group().lower().split() for text in texts for match in _LIMB.finditer(text)]
    for part in dict.fromkeys(part for _, part in limbs):
        if side := _only(side for side, own in limbs if own == part):
            asked.append(Question(WHICH_LIMB.format(part=part), side))
    return asked


def check_taught(question: str) -> None:
    """Refuse a question that no language model was taught here: its words would come back as the answer.

    Raises:
        ValueError: it is none of `TAUGHT`, whatever its case and blanks.
    """
    if _plain(question) not in map(_plain, TAUGHT):
        raise ValueError(
            f"question: expected one that the language model was taught, got {question!r}; ask "
            f"{', '.join(map(repr, TAUGHT[:5]))}, or so of {', '.join(_PARTS[1:])}; for what the "
            "recording shows take classify. A model of your own that was taught others is asked with "
            "untaught=True (--untaught)"
        )


def _plain(question: str) -> str:
    return " ".join(question.split()).rstrip("? ").casefold()


def _only(words: Iterable[str]) -> str:
    """The word that all of them are, or none."""
    found = set(words)
    return found.pop() if len(found) == 1 else ""
