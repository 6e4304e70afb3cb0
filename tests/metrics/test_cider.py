"""CIDEr against coco-caption's own numbers and dense vectors, and by what must hold."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest

from anymo.metrics import cider

CAPTIONS = (
    "a person walks forward slowly",
    "somebody is jumping in place",
    "the person raises the left arm and then the left arm again",
    "a man sits",
    "walks walks walks walks walks",
)
REFERENCES = (
    ("a person walks forward quickly", "someone walks straight ahead slowly"),
    ("a person jumps in place", "somebody is jumping in place"),
    ("a person raises the left arm twice", "the left arm is raised and then lowered"),
    ("a man sits down on a chair", "someone takes a seat", "a person sits down"),
    ("a person walks in a circle",),
)
# pycocoevalcap 1.2, cider_scorer.CiderScorer().compute_score(), given these very words
COCO = (
    3.3299099478391176,
    5.929261424012747,
    2.2038698670660324,
    1.5166174722390973,
    0.21866766065995236,
)


def test_as_coco_caption() -> None:
    assert cider(CAPTIONS, REFERENCES).tolist() == pytest.approx(COCO, abs=1e-12)


def slow_cider(predictions: Sequence[str], references: Sequence[Sequence[str]], *, clipped: bool) -> list:
    """Dense vectors over every n-gram of captions and references."""

    def grams(text: str, n: int) -> list[str]:
        words = text.split()
        return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]

    scores = []
    for prediction, truths in zip(predictions, references, strict=True):
        found = []
        for n in (1, 2, 3, 4):
            every = sorted({g for t in chain(predictions, *references) for g in grams(t, n)})
            df = [sum(any(g in grams(t, n) for t in ts) for ts in references) for g in every]
            idf = np.log(len(references) / np.maximum(df, 1))
            c = np.array([grams(prediction, n).count(g) for g in every]) * idf
            for truth in truths:
                r = np.array([grams(truth, n).count(g) for g in every]) * idf
                size = np.linalg.norm(c) * np.linalg.norm(r)
                value = (np.minimum(c, r) if clipped else c) @ r / size if size else 0.0
                delta = len(grams(prediction, 2)) - len(grams(truth, 2))
                found.append(value * np.exp(-(delta**2) / 72) if clipped else value)
        scores.append(10 * np.mean(found))
    return scores


@pytest.mark.parametrize("variant", ["cider", "cider_d"])
def test_as_dense_vectors(variant: str) -> None:
    slow = slow_cider(CAPTIONS, REFERENCES, clipped=variant == "cider_d")
    np.testing.assert_allclose(cider(CAPTIONS, REFERENCES, variant=variant), slow, atol=1e-12)


@pytest.mark.parametrize("variant", ["cider", "cider_d"])
def test_ten_is_the_most_and_order_does_not_matter(variant: str) -> None:
    own = [[r[0]] for r in REFERENCES[:3]]
    np.testing.assert_allclose(cider([r[0] for r in own], own, variant=variant), 10.0)
    order = [3, 0, 4, 2, 1]
    moved = cider([CAPTIONS[k] for k in order], [REFERENCES[k][::-1] for k in order], variant=variant)
    np.testing.assert_allclose(moved, cider(CAPTIONS, REFERENCES, variant=variant)[order])


def test_repetition_pays_only_without_clipping() -> None:
    once, often = (
        cider([c, "x"], [["a person jumps high"], ["somebody sits"]], variant=variant)[0]
        for c, variant in (
            ("jumps jumps jumps jumps jumps", "cider_d"),
            ("jumps jumps jumps jumps jumps", "cider"),
        )
    )
    assert once < often


def test_nothing_said_is_nothing() -> None:
    assert cider(["", "a b c d"], [["a person walks"], ["a b c d"]]).tolist() == pytest.approx([0.0, 10.0])
    assert cider(["a b c d"], [["a b c d"]]).tolist() == [0.0]  # one item: no word is rarer than another
    with pytest.raises(ValueError, match=r"expected 'cider' or 'cider_d', got 'cider_r'"):
        cider(["a"], [["a"]], variant="cider_r")
    with pytest.raises(ValueError, match="1 predictions and 2 lists"):
        cider(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="a list of one sentence or more"):
        cider(["a", "b"], [["a"], []])
