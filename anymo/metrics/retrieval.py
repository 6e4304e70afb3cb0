"""Retrieval between signals and sentences: R@k, MRR and median rank, each beside chance.

The rank of a query is that of its first positive in descending similarity: 1 + the number of gallery items
strictly above its best positive. Equal similarities are broken at random and every number is the exact
expectation over that, so a scorer that says the same of everything gets chance, in a pool of n with one
positive R@k = k/n and MRR = H_n/n. Pool protocol (identical texts merged): AnyMo, arXiv 2605.22715.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RetrievalResult:
    """One direction of retrieval over a gallery of `gallery_size` items.

    recall_at         k -> share of queries whose first positive ranks k or better
    mrr               mean of 1/rank
    median_rank       median over queries of the expected rank
    chance_*          the same when the gallery is shuffled
    reciprocal_rank   expected 1/rank of each query, for intervals   (num_queries,)
    """

    num_queries: int
    gallery_size: int
    recall_at: dict[int, float]
    chance_recall_at: dict[int, float]
    mrr: float
    chance_mrr: float
    median_rank: float
    chance_median_rank: float
    reciprocal_rank: Floats

    def to_dict(self) -> dict[str, float]:
        """Plain numbers for metrics.json."""
        return {
            "num_queries": self.num_queries,
            "gallery_size": self.gallery_size,
            **{f"recall_at_{k}": value for k, value in self.recall_at.items()},
            **{f"chance_recall_at_{k}": value for k, value in self.chance_recall_at.items()},
            "mrr": self.mrr,
            "chance_mrr": self.chance_mrr,
            "median_rank": self.median_rank,
            "chance_median_rank": self.chance_median_rank,
        }


def retrieval(
    similarity: npt.ArrayLike, positives: npt.ArrayLike, *, ks: Sequence[int] = (1, 5, 10)
) -> RetrievalResult:
    """Rank a gallery for each query.

    Args:
        similarity: (Nq, Ng) of query and gallery item, higher is closer, finite.
        positives: (Nq, Ng) True where the item answers the query; one or more per query.
        ks: the k of R@k; from k = Ng on it is 1, and so is its chance.

    Raises:
        ValueError: shapes differ, a query has no positive, or a similarity is not finite.
    """
    score, positive = np.asarray(similarity, dtype=np.float64), np.asarray(positives, dtype=np.bool_)
    _check(score, positive, ks)
    recall, reciprocal, rank = _expectations(_ties(score, positive), ks)
    nothing = np.zeros_like(score)
    chance_recall, chance_reciprocal, chance_rank = _expectations(_ties(nothing, positive), ks)
    return RetrievalResult(
        num_queries=len(score),
        gallery_size=score.shape[1],
        recall_at=recall,
        chance_recall_at=chance_recall,
        mrr=float(reciprocal.mean()),
        chance_mrr=float(chance_reciprocal.mean()),
        median_rank=float(np.median(rank)),
        chance_median_rank=float(np.median(chance_rank)),
        reciprocal_rank=reciprocal,
    )


def merge_duplicates(texts: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Make identical texts one gallery item, else a right answer counts as wrong.

    Args:
        texts: N sentences.

    Returns:
        The U different texts in order of first appearance, and the index (N,) of each sentence among them;
        `index[:, None] == np.arange(U)` is the mask of positives from signals to texts, its transpose back.
    """
    position: dict[str, int] = {}
    index = [position.setdefault(text, len(position)) for text in texts]
    return tuple(position), np.array(index, dtype=np.int64)


def _ties(score: Floats, positive: Mask) -> npt.NDArray[np.int64]:
    """(Nq, 3) items above the best positive, items equal to it, and positives among the equal."""
    best = np.where(positive, score, -np.inf).max(axis=1, keepdims=True)
    equal = score == best
    return np.stack([(score > best).sum(1), equal.sum(1), (equal & positive).sum(1)], axis=1)


def _expectations(ties: npt.NDArray[np.int64], ks: Sequence[int]) -> tuple[dict[int, float], Floats, Floats]:
    """R@k, and (Nq,) E[1/rank] and E[rank] over random orders of the equal items."""
    cases, case, count = np.unique(ties, axis=0, return_inverse=True, return_counts=True)
    within = np.zeros((len(ks), len(cases)))
    reciprocal, rank = np.empty(len(cases)), np.empty(len(cases))
    for i, (a, e, p) in enumerate(cases):
        ranks, probability = a + np.arange(1, e + 1), _first_positive(int(e), int(p))
        within[:, i] = [probability[ranks <= k].sum() for k in ks]
        reciprocal[i], rank[i] = probability @ (1 / ranks), probability @ ranks
    share = within @ count / count.sum()
    case = case.reshape(-1)
    return {k: float(s) for k, s in zip(ks, share, strict=True)}, reciprocal[case], rank[case]


def _first_positive(equal: int, positive: int) -> Floats:
    """(equal,) probability that the first of `positive` items stands at 1, 2, … of a random order."""
    place = np.arange(equal)
    # no positive yet after `place` items: the product over the earlier of (others left) / (items left)
    none_yet = np.cumprod(np.concatenate([[1.0], ((equal - positive - place) / (equal - place))[:-1]]))
    return np.asarray(none_yet * positive / (equal - place))


def _check(score: Floats, positive: Mask, ks: Sequence[int]) -> None:
    if score.ndim != 2 or not score.size or positive.shape != score.shape:
        raise ValueError(
            f"retrieval: expected similarity and positives both (Nq, Ng), got {score.shape}, {positive.shape}"
        )
    broken = np.flatnonzero(~np.isfinite(score).all(axis=1))
    if len(broken):
        raise ValueError(f"similarity: expected finite numbers, got NaN or infinity at query {broken[0]}")
    lost = np.flatnonzero(~positive.any(axis=1))
    if len(lost):
        raise ValueError(
            f"positives: expected one or more per query, got none for query {lost[0]} ({len(lost)} such); "
            "leave these queries out or add their answers to the gallery"
        )
    if any(k < 1 for k in ks):
        raise ValueError(f"ks: expected 1 or more, got {list(ks)}")
