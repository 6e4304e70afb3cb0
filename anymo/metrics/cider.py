"""CIDEr and CIDEr-D: consensus of a caption with its references, n-grams weighted by tf-idf.

Vedantam, Zitnick & Parikh 2015 (arXiv:1411.5726), eqs. 1-4, as coco-caption computes them: words are not
stemmed, n-grams of n = 1..4 count alike, the document frequency of an n-gram is the number of items that
have it in any reference, and scores are multiplied by 10.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp, log

import numpy as np
import numpy.typing as npt

from anymo.metrics.words import check_pairs, ngrams, tokenize, tokenized

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0  # of the penalty on a difference in length, words
SCALE = 10.0
Weights = dict[tuple[str, ...], float]
Floats = npt.NDArray[np.float64]


def cider(
    predictions: Sequence[str], references: Sequence[Sequence[str]], *, variant: str = "cider_d"
) -> Floats:
    """CIDEr of each caption, in [0, 10]; the mean over them is what is reported.

    Only a caption that equals all its references reaches 10, and only if it has four words or more, of
    which not all n-grams of a length occur in every item. An n-gram of every item weighs nothing, so where
    there is one item alone its score is 0.

    Args:
        predictions: N captions; an empty one scores 0.
        references: N lists of one reference or more; these are the corpus of the document frequencies, so a
            score holds beside others of the same references only.
        variant: "cider" is the mean cosine of the tf-idf vectors; "cider_d", which coco-caption and most
            papers report, clips a caption's counts to the reference's and multiplies by
            exp(-(difference in length)² / (2 · 6²)), so that neither repetition nor length pays.

    Returns:
        (N,) scores.

    Raises:
        ValueError: no captions, different lengths, a caption without references, or an unknown variant.
    """
    check_pairs(predictions, references)
    if variant not in ("cider", "cider_d"):
        raise ValueError(f"variant: expected 'cider' or 'cider_d', got {variant!r}")
    truths = [tokenized(sentences) for sentences in references]
    rarity = _rarity(truths)
    scores = []
    for prediction, sentences in zip(predictions, truths, strict=True):
        words = tokenize(prediction)
        found = [
            _similarity(_weights(words, n, rarity), _weights(truth, n, rarity), variant)
            * (_length_penalty(words, truth) if variant == "cider_d" else 1.0)
            for truth in sentences
            for n in ORDERS
        ]
        scores.append(SCALE * sum(found) / len(found))
    return np.array(scores)


def _rarity(truths: Sequence[Sequence[Sequence[str]]]) -> Mapping[tuple[str, ...], float]:
    """Inverse document frequency log(N / df) of each n-gram; of one that is nowhere it is log N."""
    frequency: Counter[tuple[str, ...]] = Counter()
    for sentences in truths:
        frequency.update({gram for words in sentences for n in ORDERS for gram in ngrams(words, n)})
    rarity = {gram: log(len(truths) / count) for gram, count in frequency.items()}
    return _Rarity(rarity, unseen=log(len(truths)))


class _Rarity(dict[tuple[str, ...], float]):
    def __init__(self, known: Weights, *, unseen: float) -> None:
        super().__init__(known)
        self.unseen = unseen

    def __missing__(self, _: tuple[str, ...]) -> float:
        return self.unseen


def _weights(words: Sequence[str], n: int, rarity: Mapping[tuple[str, ...], float]) -> Weights:
    return {gram: count * rarity[gram] for gram, count in ngrams(words, n).items()}


def _similarity(caption: Weights, truth: Weights, variant: str) -> float:
    """Cosine of two tf-idf vectors; clipped, each weight of the caption is at most that of the reference."""
    norm = sum(w * w for w in caption.values()) * sum(w * w for w in truth.values())
    if not norm:
        return 0.0
    shared = caption.keys() & truth.keys()
    clipped = (min(caption[g], truth[g]) if variant == "cider_d" else caption[g] for g in shared)
    return float(sum(c * truth[g] for c, g in zip(clipped, shared, strict=True)) / norm**0.5)


def _length_penalty(words: Sequence[str], truth: Sequence[str]) -> float:
    # coco-caption takes the number of bigrams for the length
    difference = max(len(words) - 1, 0) - max(len(truth) - 1, 0)
    return exp(-(difference**2) / (2 * SIGMA**2))
