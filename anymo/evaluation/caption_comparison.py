"""Captions of a model beside those of the baselines: means, intervals, and paired differences with a verdict.

Of each model they come as system -> metric -> (N,) values of the same N windows (`captioning.score_table`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anymo.evaluation.captioning import BASELINES, CONTROLS, METRICS, SYSTEMS, Scores
from anymo.metrics import Interval, bootstrap_interval, seeds_interval

VERDICT = ("cider", "cider_d")  # the metrics in which captions must beat every baseline
Floats = npt.NDArray[np.float64]


def compare(runs: Sequence[dict[str, Scores]], clip: Sequence[int], *, seed: int) -> dict[str, Any]:
    """Everything there is to say of the scores of one model, or of several that differ in their seed.

    Args:
        runs: scores of each model, of the same windows.
        clip: (N,) clip of each window; windows of one clip are not independent.
        seed: of the bootstrap.

    Returns:
        `scores` system -> metric -> mean with its 95 % interval, over the models by Student's t where there
        are two or more, else by the bootstrap over clips (`interval_over`); `differences` control -> metric
        -> the system that `CONTROLS` holds against it less the control, paired by window, averaged over the
        models, with the bootstrap interval over clips, `by_model`, and `beats`: the interval lies above 0 and
        every model is ahead; `verdict` baseline -> whether it is beaten in CIDEr and in CIDEr-D.
    """
    owner = np.asarray(clip).astype(str)
    scores = {s: {m: _mean(_rows(runs, s, m), owner, seed) for m in METRICS} for s in SYSTEMS}
    differences = {
        c: {m: _difference(_rows(runs, system, m) - _rows(runs, c, m), owner, seed) for m in METRICS}
        for c, system in CONTROLS.items()
    }
    return {
        "num_windows": len(owner),
        "num_clips": len(set(owner)),
        "num_models": len(runs),
        "interval_over": "models" if len(runs) > 1 else "clips",
        "scores": scores,
        "differences": differences,
        "verdict": {b: all(differences[b][m]["beats"] for m in VERDICT) for b in BASELINES},
    }


def _rows(runs: Sequence[dict[str, Scores]], system: str, metric: str) -> Floats:
    """(num models, N)."""
    return np.array([run[system][metric] for run in runs])


def _mean(rows: Floats, owner: npt.NDArray[np.str_], seed: int) -> dict[str, float]:
    if len(rows) > 1:
        return seeds_interval(rows.mean(axis=1)).to_dict()
    return _over_clips(rows[0], owner, seed).to_dict()


def _difference(rows: Floats, owner: npt.NDArray[np.str_], seed: int) -> dict[str, Any]:
    interval, by_model = _over_clips(rows.mean(axis=0), owner, seed), rows.mean(axis=1)
    beats = bool(interval.low > 0 and (by_model > 0).all())
    return {**interval.to_dict(), "by_model": by_model.tolist(), "beats": beats}


def _over_clips(values: Floats, owner: npt.NDArray[np.str_], seed: int) -> Interval:
    # whole clips are drawn: of each its sum and its number of windows, which is faster than its windows
    _, index, count = np.unique(owner, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(index, weights=values), count], axis=1)
    return bootstrap_interval(
        sums, rng=np.random.default_rng(seed), statistic=lambda drawn: float(np.divide(*drawn.sum(axis=0)))
    )
