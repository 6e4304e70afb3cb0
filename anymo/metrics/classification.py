"""Closed-set classification from scores: accuracy, macro-F1, R@k, each beside chance and majority.

Definitions: AnyMo's evaluation code (arXiv 2605.22715), the same as UniMTS' (arXiv 2410.19818) where both
report a number; macro-F1 as scikit-learn's `f1_score(average="macro", zero_division=0)`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anymo.metrics.intervals import Interval, bootstrap_interval

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One class of the per-class table; `support` true and `predicted` predicted samples."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a scorer that never looks at the signal gets."""

    accuracy: float
    macro_f1: float
    recall_at: dict[int, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassificationResult:
    """Shares in [0, 1] over N samples and C classes.

    accuracy        share whose highest-scored class is the true one (the first of equal highest)
    macro_f1        mean F1 over the classes that occur in truth or predictions
    macro_f1_all    mean F1 over all C classes; an absent, never predicted class counts 0
    recall_at       k -> share whose true class is among the k highest (ties: see `classification`)
    chance          uniform guessing: 1/C, k/C; macro-F1 in the limit of many samples
    majority        always the true set's largest class; R@k its k largest
    prediction      index of the highest-scored class                        (N,)
    confusion       counts, rows truth, columns prediction                   (C, C)
    """

    classes: tuple[str, ...]
    accuracy: float
    macro_f1: float
    macro_f1_all: float
    recall_at: dict[int, float]
    chance: Baseline
    majority: Baseline
    prediction: npt.NDArray[np.int64]
    confusion: npt.NDArray[np.int64]

    @property
    def per_class(self) -> tuple[ClassRow, ...]:
        """Precision, recall, F1 and counts of each class; 0 where the denominator is 0."""
        support, predicted, hit = self.confusion.sum(1), self.confusion.sum(0), np.diag(self.confusion)
        precision, recall, f1 = _share(hit, predicted), _share(hit, support), _f1(self.confusion)
        return tuple(
            ClassRow(
                name=name,
                precision=float(precision[c]),
                recall=float(recall[c]),
                f1=float(f1[c]),
                support=int(support[c]),
                predicted=int(predicted[c]),
            )
            for c, name in enumerate(self.classes)
        )

    def to_dict(self) -> dict[str, object]:
        """Plain numbers for metrics.json."""
        return {
            "num_samples": int(self.confusion.sum()),
            "num_classes": len(self.classes),
            "classes": list(self.classes),
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "macro_f1_all": self.macro_f1_all,
            **{f"recall_at_{k}": value for k, value in self.recall_at.items()},
            "chance": _baseline_dict(self.chance),
            "majority": _baseline_dict(self.majority),
            "per_class": [
                {name: getattr(row, name) for name in ClassRow.__slots__} for row in self.per_class
            ],
            "confusion": self.confusion.tolist(),
        }


def classification(
    scores: npt.ArrayLike, truth: npt.ArrayLike, classes: Sequence[str], *, ks: Sequence[int] = (2,)
) -> ClassificationResult:
    """Compare scores with the truth over a closed list of classes.

    Equal scores count in R@k as the expectation under random tie-breaking, P(rank ≤ k), so that a constant
    scorer gets k/C and not 1; without ties R@1 is the accuracy.

    Args:
        scores: (N, C) higher is better, finite.
        truth: (N,) index of the true class, 0..C-1.
        classes: C names.
        ks: the k of R@k; R@k is 1 from k = C on, and so is its chance.

    Raises:
        ValueError: shapes, classes or scores that do not fit.
    """
    score, true = np.asarray(scores, dtype=np.float64), np.asarray(truth)
    _check(score, true, classes, ks)
    prediction = score.argmax(axis=1)
    confusion = _confusion(true, prediction, len(classes))
    chance, majority = _baselines(confusion.sum(1), ks)
    return ClassificationResult(
        classes=tuple(classes),
        accuracy=float(np.trace(confusion) / len(true)),
        macro_f1=macro_f1(confusion),
        macro_f1_all=float(_f1(confusion).mean()),
        recall_at={k: float(_within(score, true, k).mean()) for k in ks},
        chance=chance,
        majority=majority,
        prediction=prediction,
        confusion=confusion,
    )


def classification_intervals(
    scores: npt.ArrayLike,
    truth: npt.ArrayLike,
    classes: Sequence[str],
    *,
    seed: int,
    groups: Sequence[str] | npt.NDArray[np.generic] | None = None,
) -> dict[str, Interval]:
    """95 % bootstrap intervals of accuracy, macro_f1 and recall_at_2, all of the same draws.

    Args:
        scores: as `classification`.
        truth: as `classification`.
        classes: as `classification`.
        seed: of the draws.
        groups: (N,) subject of each sample, drawn as a whole; None draws samples.

    Raises:
        ValueError: as `classification` and `bootstrap_interval`.
    """
    score, true, size = np.asarray(scores, dtype=np.float64), np.asarray(truth), len(classes)
    _check(score, true, classes, (2,))
    prediction = score.argmax(axis=1)

    def of_cells(drawn: npt.NDArray[np.int64]) -> float:
        return macro_f1(np.bincount(drawn, minlength=size * size).reshape(size, size))

    measures: dict[str, tuple[npt.NDArray[Any], Callable[[npt.NDArray[Any]], float] | None]] = {
        "accuracy": (prediction == true, None),
        "macro_f1": (true * size + prediction, of_cells),
        "recall_at_2": (_within(score, true, 2), None),
    }
    return {
        name: bootstrap_interval(values, rng=np.random.default_rng(seed), groups=groups, statistic=statistic)
        for name, (values, statistic) in measures.items()
    }


def macro_f1(confusion: npt.NDArray[np.int64]) -> float:
    """Unweighted mean of 2PR/(P+R) over the classes that occur in truth or predictions.

    Args:
        confusion: (C, C) counts, rows truth, columns prediction.
    """
    occurs = (confusion.sum(0) + confusion.sum(1)) > 0
    return float(_f1(confusion)[occurs].mean())


def _baselines(support: npt.NDArray[np.int64], ks: Sequence[int]) -> tuple[Baseline, Baseline]:
    """Uniform guessing and the largest class, from the (C,) true samples of each class."""
    size, prior, largest = len(support), support / support.sum(), np.sort(support)[::-1] / support.sum()
    always = np.zeros((size, size), dtype=np.int64)
    always[:, support.argmax()] = support
    chance = Baseline(
        accuracy=1 / size,
        # precision of a class tends to its prior and recall to 1/C
        macro_f1=float((2 * prior / size / (prior + 1 / size)).mean()),
        recall_at={k: min(k / size, 1.0) for k in ks},
    )
    majority = Baseline(
        accuracy=float(largest[0]),
        macro_f1=macro_f1(always),
        recall_at={k: float(largest[:k].sum()) for k in ks},
    )
    return chance, majority


def _f1(confusion: npt.NDArray[np.int64]) -> Floats:
    return _share(2 * np.diag(confusion), confusion.sum(0) + confusion.sum(1))


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _confusion(
    truth: npt.NDArray[np.int64], guess: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.int64]:
    return np.bincount(truth * size + guess, minlength=size * size).reshape(size, size)


def _within(score: Floats, truth: npt.NDArray[np.int64], k: int) -> Floats:
    """(N,) probability that the true class is among the k highest when ties are broken at random."""
    of_true = np.take_along_axis(score, truth[:, None], axis=1)
    above, equal = (score > of_true).sum(1), (score == of_true).sum(1)
    return np.asarray(np.clip((k - above) / equal, 0.0, 1.0), dtype=np.float64)


def _baseline_dict(baseline: Baseline) -> dict[str, float]:
    at = {f"recall_at_{k}": value for k, value in baseline.recall_at.items()}
    return {"accuracy": baseline.accuracy, "macro_f1": baseline.macro_f1, **at}


def _check(score: Floats, truth: npt.NDArray[np.generic], classes: Sequence[str], ks: Sequence[int]) -> None:
    if score.ndim != 2 or score.shape[1] != len(classes) or not len(score):
        raise ValueError(f"scores: expected (N, {len(classes)}), N of 1 or more, got {score.shape}")
    if len(set(classes)) != len(classes):
        raise ValueError(f"classes: expected different names, got {list(classes)}; merge the equal ones")
    if truth.shape != (len(score),) or not np.issubdtype(truth.dtype, np.integer):
        raise ValueError(f"truth: expected ({len(score)},) integers, got {truth.shape} {truth.dtype}")
    outside = np.flatnonzero((truth < 0) | (truth >= len(classes)))  # type: ignore[operator]
    if len(outside):
        raise ValueError(
            f"truth: expected 0..{len(classes) - 1}, got {truth[outside[0]]} at sample {outside[0]}; "
            "add the missing class or leave its samples out"
        )
    broken = np.flatnonzero(~np.isfinite(score).all(axis=1))
    if len(broken):
        raise ValueError(f"scores: expected finite numbers, got NaN or infinity at sample {broken[0]}")
    if any(k < 1 for k in ks):
        raise ValueError(f"ks: expected 1 or more, got {list(ks)}")
