"""METEOR of the stages "exact" and "stem": words aligned with a reference, precision, recall, fragmentation.

Denkowski & Lavie 2014 (METEOR 1.5), eqs. 1-5, with its tuning for English. Its stages "synonym" and
"paraphrase" need WordNet and a paraphrase table, which cannot be had without a download, and its discount of
function words a list; they are left out, so numbers are lower than those of the full metric and are to be
named METEOR (exact, stem). They are what the authors' meteor-1.5.jar prints with
`-m "exact stem" -w "1.0 0.6" -p "0.85 0.2 0.6 0.5"`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from anymo.metrics.words import tokenize, tokenized

ALPHA, BETA, GAMMA = 0.85, 0.2, 0.6  # weight of recall, shape and size of the fragmentation penalty
EXACT, STEM = 1.0, 0.6  # weight of a match
_BEAM = 40  # partial alignments kept, as in METEOR 1.5


class _Alignment(NamedTuple):
    """A partial alignment; the greater the better, in this order: weight, fewer chunks, shorter moves."""

    weight: float = 0.0
    fewer_chunks: int = 0
    shorter_moves: int = 0
    matches: int = 0
    used: int = 0  # bits: positions of the reference
    last: tuple[int, int] = (-2, -2)

    def matched(self, i: int, j: int, weight: float) -> "_Alignment":
        goes_on = self.last == (i - 1, j - 1)
        return _Alignment(
            self.weight + weight,
            self.fewer_chunks - (not goes_on),
            self.shorter_moves - abs(i - j),
            self.matches + 1,
            self.used | 1 << j,
            (i, j),
        )


def meteor(prediction: str, references: Sequence[str]) -> float:
    """METEOR (exact, stem) of a caption, best over its references, in [0, 1].

    Args:
        prediction: a caption; an empty one scores 0.
        references: one sentence or more.

    Raises:
        ValueError: no reference.
    """
    words = tokenize(prediction)
    return max(_against(words, truth) for truth in tokenized(references))


def _against(words: Sequence[str], truth: Sequence[str]) -> float:
    found = _aligned(words, truth)
    if not found.matches:
        return 0.0
    precision, recall = found.weight / len(words), found.weight / len(truth)
    mean = precision * recall / (ALPHA * precision + (1 - ALPHA) * recall)
    chunks = -found.fewer_chunks
    whole = chunks == 1 and found.matches == len(words) == len(truth)
    penalty = 0.0 if whole else GAMMA * (chunks / found.matches) ** BETA
    return mean * (1 - penalty)


def _aligned(words: Sequence[str], truth: Sequence[str]) -> _Alignment:
    """Best one-to-one alignment, by beam search over the words of the caption."""
    beam = [_Alignment()]
    for i, word in enumerate(words):
        options = [(j, _match(word, other)) for j, other in enumerate(truth)]
        longer = {
            a.matched(i, j, weight) for a in beam for j, weight in options if weight and not a.used >> j & 1
        }
        beam = sorted(longer.union(beam), reverse=True)[:_BEAM]
    return beam[0]


def _match(word: str, other: str) -> float:
    if word == other:
        return EXACT
    return STEM if _stem(word) == _stem(other) else 0.0


@cache
def _stem(word: str) -> str:
    """Stem by the Snowball stemmer for English, the one of METEOR 1.5."""
    return str(_stemmer().stemWord(word))


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
