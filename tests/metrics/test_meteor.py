"""METEOR (exact, stem) against the authors' program, and against alignments found by trying all."""

from functools import cache

import numpy as np
import pytest

from anymo.metrics.meteor import ALPHA, BETA, GAMMA, meteor

# java -jar meteor-1.5.jar hypothesis reference -l en -m "exact stem" -w "1.0 0.6" -p "0.85 0.2 0.6 0.5"
AUTHORS = [
    ("a person walks forward slowly", "a person walks forward quickly", 0.4362280240375045),
    ("a person is walking forward", "a person walks forwards slowly", 0.3057085836942883),
    ("a man jumps in place", "someone is jumping up and down in place", 0.1538426037203318),
    (
        "the person raises the left arm and then lowers it",
        "a man raised his left arm then lowered it",
        0.27146254016569316,
    ),
    ("a person walks in a circle", "in a circle a person walks", 0.5183550629438616),
    ("somebody runs", "a cat sleeps on the mat", 0.0),
    ("the the the cat", "the cat the dog", 0.33505143983322255),
    ("forward walks a person slowly", "a person slowly walks forward", 0.45827172913153946),
    ("he swung his arms while walking", "the man swings his arm as he walks", 0.1801755815991933),
    ("a man walking walks and a man walked", "the man walks and walked walking a man", 0.3841670650220532),
    ("walking", "walks walking", 0.2162162162162162),  # the exact match, though the other stands nearer
    ("x walking", "x walks walking", 0.28070175438596484),  # the exact match, though it breaks the chunk
    ("a walks b", "walking a walked b walks", 0.2553191489361702),
]


@pytest.mark.parametrize(("prediction", "reference", "expected"), AUTHORS)
def test_as_the_authors_program(prediction: str, reference: str, expected: float) -> None:
    assert meteor(prediction, [reference]) == pytest.approx(expected, abs=1e-12)


def slow_meteor(words: str, truth: str) -> float:
    """Letters as words, exact matches alone: every alignment is tried."""

    @cache
    def best(i: int, used: int, last: tuple[int, int]) -> tuple[int, int]:
        if i == len(words):
            return 0, 0
        options = [best(i + 1, used, last)]
        for j, other in enumerate(truth):
            if other == words[i] and not used >> j & 1:
                matches, fewer = best(i + 1, used | 1 << j, (i, j))
                options.append((matches + 1, fewer - (last != (i - 1, j - 1))))
        return max(options)

    matches, fewer = best(0, 0, (-2, -2))
    if not matches:
        return 0.0
    if (matches, fewer) == (len(words), -1) and len(words) == len(truth):
        return 1.0
    p, r = matches / len(words), matches / len(truth)
    return p * r / (ALPHA * p + (1 - ALPHA) * r) * (1 - GAMMA * (-fewer / matches) ** BETA)


def test_the_beam_finds_the_best_alignment() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        words, truth = ("".join(rng.choice(list("abcd"), rng.integers(1, 8))) for _ in range(2))
        found = meteor(" ".join(words), [" ".join(truth)])
        assert found == pytest.approx(slow_meteor(words, truth)), (words, truth)


def test_one_is_the_most_and_nothing_is_nothing() -> None:
    assert meteor("A person walks.", ["someone runs", "a person walks"]) == 1.0
    assert meteor("walks", ["walks"]) == 1.0
    assert meteor("", ["a person walks"]) == meteor("?!", ["a person walks"]) == 0.0
    assert meteor("a person walks", [""]) == 0.0
    with pytest.raises(ValueError, match="one sentence or more, got 'walks'"):
        meteor("walks", "walks")
