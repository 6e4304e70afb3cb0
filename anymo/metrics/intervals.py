"""95 % intervals: over samples or subjects by the bootstrap, over seeds by Student's t."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and the 95 % interval around it."""

    estimate: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Plain numbers for metrics.json."""
        return {"estimate": self.estimate, "low": self.low, "high": self.high}


def bootstrap_interval(
    values: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    groups: Sequence[str] | npt.NDArray[np.generic] | None = None,
    statistic: Callable[[npt.NDArray[Any]], float] | None = None,
    num: int = 2000,
) -> Interval:
    """Percentile bootstrap of a statistic (Efron & Tibshirani 1993, ch. 13).

    Windows of one person are not independent: with `groups`, whole persons are drawn, with replacement.

    Args:
        values: (N, ...) one row per sample: hits, reciprocal ranks, or pairs of truth and prediction.
        rng: source of the draws.
        groups: (N,) subject of each sample; None draws samples.
        statistic: (M, ...) drawn rows to a number; None is the mean.
        num: number of draws.

    Raises:
        ValueError: fewer than two samples or groups, or groups of another length.
    """
    rows, of = np.asarray(values), statistic or np.mean
    if groups is not None and len(groups) != len(rows):
        raise ValueError(f"groups: expected one per sample ({len(rows)}), got {len(groups)}")
    owner = np.arange(len(rows)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(owner.max(initial=-1)) + 1
    if count < 2:
        unit = "samples" if groups is None else "groups"
        raise ValueError(f"bootstrap: expected two {unit} or more, got {count}; report without an interval")
    # order[edge[g] : edge[g + 1]] are the samples of group g
    order, edge = np.argsort(owner, kind="stable"), np.searchsorted(np.sort(owner), np.arange(count + 1))
    members = [order[edge[g] : edge[g + 1]] for g in range(count)]
    draws = np.empty(num)
    for i in range(num):
        drawn = rng.integers(count, size=count)
        draws[i] = of(rows[drawn if groups is None else np.concatenate([members[g] for g in drawn])])
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(estimate=float(of(rows)), low=float(low), high=float(high))


def crossed_interval(
    tables: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    statistic: Callable[[npt.NDArray[Any]], float],
    num: int = 2000,
) -> Interval:
    """Percentile bootstrap of runs that all saw the same persons: both are drawn (Owen 2007, pigeonhole).

    A person keeps all runs and a run all persons, so what is the same in two methods cancels in their
    difference, if `statistic` takes it. The pigeonhole bootstrap errs on the side of wide intervals.

    Args:
        tables: (G, R, ...) what G persons add up to in each of R runs: counts of truth and prediction.
        rng: source of the draws.
        statistic: (...) the sum over persons in one run, to a number; runs are averaged.
        num: number of draws.

    Raises:
        ValueError: fewer than two persons.
    """
    table = np.asarray(tables)
    if table.ndim < 2 or table.shape[0] < 2 or not table.shape[1]:
        raise ValueError(
            f"bootstrap: expected (persons, runs, ...) with two persons or more, got {table.shape}; report "
            "without an interval"
        )
    persons, runs = table.shape[:2]

    def drawn(size: int) -> npt.NDArray[np.int64]:
        return np.bincount(rng.integers(size, size=size), minlength=size)

    def mean(of_person: npt.NDArray[np.int64], of_run: npt.NDArray[np.int64]) -> float:
        sums = np.tensordot(of_person, table, axes=1)
        values = [statistic(s) if times else 0.0 for s, times in zip(sums, of_run, strict=True)]
        return float(np.average(values, weights=of_run))

    draws = [mean(drawn(persons), drawn(runs)) for _ in range(num)]
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    whole = mean(np.ones(persons, dtype=np.int64), np.ones(runs, dtype=np.int64))
    return Interval(estimate=whole, low=float(low), high=float(high))


def seeds_interval(values: npt.ArrayLike) -> Interval:
    """Mean over runs with different seeds and its t-interval: mean ± t(0.975, n - 1) s / √n.

    Args:
        values: (n,) the same number from n runs, n of 2 or more.

    Raises:
        ValueError: fewer than two runs.
    """
    from scipy.stats import t

    runs = np.asarray(values, dtype=np.float64)
    if runs.ndim != 1 or len(runs) < 2:
        raise ValueError(
            f"seeds: expected (n,) with two runs or more, got shape {runs.shape}; run more seeds"
        )
    half = float(t.ppf((1 + LEVEL) / 2, len(runs) - 1)) * float(runs.std(ddof=1)) / len(runs) ** 0.5
    mean = float(runs.mean())
    return Interval(estimate=mean, low=mean - half, high=mean + half)
