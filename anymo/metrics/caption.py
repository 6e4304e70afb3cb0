"""Caption metrics: BLEU, ROUGE-L and embedding cosine as AnyMo defines them, METEOR and CIDEr beside them.

AnyMo: arXiv 2605.22715. Sentence-level BLEU averaged over samples is not corpus BLEU (sacreBLEU, COCO);
compare like with like.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import exp, log

import numpy as np
import numpy.typing as npt

from anymo.metrics.cider import cider
from anymo.metrics.meteor import meteor
from anymo.metrics.words import check_pairs, ngrams, tokenize, tokenized

PRECISION_FLOOR = 1e-9
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaptionResult:
    """Scores of each of N captions, each (N,); their means are what is reported.

    All are in [0, 1], but CIDEr and CIDEr-D in [0, 10]. `meteor` has the stages exact and stem alone.
    """

    bleu_1: Floats
    bleu_4: Floats
    rouge_l: Floats
    meteor: Floats
    cider: Floats
    cider_d: Floats

    def scores(self) -> dict[str, Floats]:
        """Metric -> (N,) scores."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def to_dict(self) -> dict[str, float]:
        """Means over the captions, for metrics.json."""
        means = {name: float(scores.mean()) for name, scores in self.scores().items()}
        return {"num_samples": len(self.bleu_1), **means}


def score_captions(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> CaptionResult:
    """BLEU-1, BLEU-4, ROUGE-L, METEOR, CIDEr and CIDEr-D of each caption.

    Chance is the same call with the predictions permuted: what fluent but unrelated captions get.

    Args:
        predictions: N generated captions; an empty one scores 0.
        references: N lists of one reference or more.

    Raises:
        ValueError: no captions, different lengths, or a caption without references.
    """
    check_pairs(predictions, references)
    pairs = list(zip(predictions, references, strict=True))
    return CaptionResult(
        bleu_1=np.array([bleu(p, r, order=1) for p, r in pairs]),
        bleu_4=np.array([bleu(p, r, order=4) for p, r in pairs]),
        rouge_l=np.array([rouge_l(p, r) for p, r in pairs]),
        meteor=np.array([meteor(p, r) for p, r in pairs]),
        cider=cider(predictions, references, variant="cider"),
        cider_d=cider(predictions, references),
    )


def bleu(prediction: str, references: Sequence[str], *, order: int) -> float:
    """Sentence BLEU: brevity penalty × geometric mean of clipped n-gram precisions, n = 1..order.

    Papineni et al. 2002, eqs. 1-3; counts clipped by their maximum over references, brevity against the
    reference closest in length (the shorter of two). A precision of 0, or without n-grams, is 1e-9.

    Raises:
        ValueError: no reference.
    """
    words, truths = tokenize(prediction), tokenized(references)
    if not words:
        return 0.0
    logs = [log(max(_clipped_precision(words, truths, n), PRECISION_FLOOR)) for n in range(1, order + 1)]
    closest = min((len(t) for t in truths), key=lambda length: (abs(length - len(words)), length))
    brevity = min(0.0, 1 - closest / len(words))
    return exp(brevity + sum(logs) / order)


def rouge_l(prediction: str, references: Sequence[str]) -> float:
    """F1 of the longest common subsequence of words (Lin 2004, β = 1), best over the references.

    Raises:
        ValueError: no reference.
    """
    words = tokenize(prediction)
    # F1 with P = L/m and R = L/n is 2L/(m + n)
    return max(
        2 * _common_subsequence(words, truth) / max(len(words) + len(truth), 1)
        for truth in tokenized(references)
    )


def embedding_similarity(predictions: npt.ArrayLike, references: Sequence[npt.ArrayLike]) -> Floats:
    """Cosine of caption and reference in a text-embedding space, best over the references.

    Args:
        predictions: (N, D) embeddings of the generated captions.
        references: N arrays (R_i, D) of the embeddings of each caption's references.

    Returns:
        (N,) cosines in [-1, 1].

    Raises:
        ValueError: different lengths, or an embedding that is zero or not finite.
    """
    generated = _unit(np.asarray(predictions, dtype=np.float64), "predictions")
    if len(generated) != len(references):
        raise ValueError(f"references: expected {len(generated)} arrays (R, D), got {len(references)}")
    best = [
        (_unit(np.atleast_2d(np.asarray(r, dtype=np.float64)), f"references[{i}]") @ g).max()
        for i, (g, r) in enumerate(zip(generated, references, strict=True))
    ]
    return np.array(best)


def _clipped_precision(words: list[str], truths: list[list[str]], n: int) -> float:
    counts, allowed = ngrams(words, n), Counter[tuple[str, ...]]()
    for truth in truths:
        allowed |= ngrams(truth, n)
    return (counts & allowed).total() / max(counts.total(), 1)


def _common_subsequence(a: list[str], b: list[str]) -> int:
    """Length of the longest common subsequence, by dynamic programming over one row."""
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, start=1):
            above = row[j]
            row[j] = diagonal + 1 if word == other else max(above, row[j - 1])
            diagonal = above
    return row[-1]


def _unit(rows: Floats, name: str) -> Floats:
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(length) & (length > 0)))
    if len(bad) or rows.ndim != 2 or not len(rows):
        what = f"a zero or non-finite row {bad[0]}" if len(bad) else f"shape {rows.shape}"
        raise ValueError(
            f"{name}: expected embeddings (R, D) of non-zero length, got {what}; is a text empty?"
        )
    return np.asarray(rows / length)
