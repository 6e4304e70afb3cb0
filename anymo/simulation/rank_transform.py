"""Rank transform: the distribution of each simulated channel mapped onto that of recorded ones.

The distribution mapping of IMUTube (Kwon et al. 2020, section 3.3) that Multi3Net and IMUGPT use, with lines
between the quantiles instead of steps. Each channel is mapped on its own, so what ties channels together is
only as right as it was before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import ks_2samp, wasserstein_distance

from anymo.records import Array

Channels = Literal["acc", "gyro", "both"]
Labels = Sequence[str] | npt.NDArray[np.str_]
_COLUMNS = {"acc": range(3), "gyro": range(3, 6), "both": range(6)}
_WHOLE = ""  # name of the map that is fitted on all classes together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankScore:
    """Distance of simulated channels from recorded ones, before and after the transform.

    wasserstein  first Wasserstein distance, in the channel's unit                (2, 6)
    ks           two-sample Kolmogorov-Smirnov statistic, 0 to 1                  (2, 6)
    """

    wasserstein: Array
    ks: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankTransform:
    """Monotone map of each channel, fitted on training recordings and applied elsewhere.

    simulated, real  quantiles of each class's channels; the class "" is all samples    (L, 6) each
    """

    channels: Channels
    simulated: dict[str, Array] = field(repr=False)
    real: dict[str, Array] = field(repr=False)

    @classmethod
    def fit(
        cls,
        real: Array,
        simulated: Array,
        *,
        real_labels: Labels | None = None,
        simulated_labels: Labels | None = None,
        channels: Channels = "both",
        fraction: float = 1.0,
        num_levels: int = 100,
        rng: np.random.Generator | None = None,
    ) -> Self:
        """Quantiles of both sides, over all samples and, with labels, in each class of the recordings.

        Args:
            real: (N, 6) recorded acc m/s², gyro rad/s, sensor frame; training recordings only.
            simulated: (M, 6) simulated ones of the same placement and mounting.
            real_labels: class of each recorded sample; gives one map per class.
            simulated_labels: class of each simulated sample, in the same words.
            channels: which of them are mapped.
            fraction: share of the recorded samples that is used, in (0, 1]: a random subset of each class
                that keeps the extremes of every channel.
            num_levels: number of quantiles, from the least sample to the greatest.
            rng: generator the subset is drawn from; needed with `fraction` under 1.

        Raises:
            ValueError: shapes, NaN, labels on one side only, or a class that was not simulated.
        """
        real, simulated = _checked("real", real), _checked("simulated", simulated)
        if channels not in _COLUMNS:
            raise ValueError(f"channels: expected 'acc', 'gyro' or 'both', got {channels!r}")
        groups = _groups(real, simulated, real_labels, simulated_labels)
        kept = _subset(real, groups[0], fraction, rng)
        real, groups[0] = real[kept], groups[0][kept]
        levels = np.linspace(0, 1, num_levels)
        classes = {_WHOLE, *groups[0]}
        maps = [
            {c: np.quantile(side[(group == c) | (c == _WHOLE)], levels, axis=0) for c in classes}
            for side, group in zip((simulated, real), groups[::-1], strict=True)
        ]
        return cls(channels=channels, simulated=maps[0], real=maps[1])

    def apply(self, simulated: Array, labels: Labels | None = None) -> Array:
        """Mapped copy of simulated samples; beyond the fitted range the outermost quantile's shift holds.

        Args:
            simulated: (M, 6) acc m/s², gyro rad/s.
            labels: class of each sample, for the maps per class; None takes the map of all samples.

        Raises:
            ValueError: a class without a map.
        """
        mapped = _checked("simulated", simulated).copy()
        group = np.full(len(mapped), _WHOLE, dtype=object) if labels is None else _per_sample(labels, mapped)
        unknown = sorted(set(group) - set(self.real))
        if unknown:
            known = sorted(set(self.real) - {_WHOLE})
            raise ValueError(
                f"labels: no map for {unknown}, only for {known}; pass labels=None for these samples"
            )
        for name in set(group):
            rows = group == name
            for c in _COLUMNS[self.channels]:
                mapped[rows, c] = _mapped(mapped[rows, c], self.simulated[name][:, c], self.real[name][:, c])
        return mapped

    def score(self, real: Array, simulated: Array, labels: Labels | None = None) -> RankScore:
        """How much nearer samples come to recorded ones; give recordings the transform was not fitted on.

        Args:
            real: (N, 6) recorded samples.
            simulated: (M, 6) simulated ones, not yet transformed.
            labels: class of each simulated sample, as for `apply`.

        Raises:
            ValueError: as `apply`, or recorded samples of another shape or with NaN.
        """
        real, after = _checked("real", real), self.apply(simulated, labels)
        pairs = [[(real[:, c], side[:, c]) for c in range(6)] for side in (simulated, after)]
        return RankScore(
            wasserstein=np.array([[wasserstein_distance(*p) for p in row] for row in pairs]),
            ks=np.array([[ks_2samp(*p, method="asymp").statistic for p in row] for row in pairs]),
        )


def _mapped(x: Array, source: Array, target: Array) -> Array:
    """Lines through (source, target) quantiles; where a source quantile repeats, the mean of its targets."""
    knots, which = np.unique(source, return_inverse=True)
    heights = np.bincount(which, target) / np.bincount(which)
    within = np.clip(x, knots[0], knots[-1])
    return np.asarray(np.interp(within, knots, heights) + (x - within))


def _subset(
    real: Array, group: npt.NDArray[Any], fraction: float, rng: np.random.Generator | None
) -> npt.NDArray[np.intp]:
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction: expected a share in (0, 1], got {fraction}")
    if fraction == 1:
        return np.arange(len(real))
    if rng is None:
        raise ValueError("fraction: a part of the samples is drawn; pass rng=np.random.default_rng(seed)")
    parts = []
    for name in dict.fromkeys(group):
        rows = np.flatnonzero(group == name)
        drawn = rng.choice(rows, max(1, round(fraction * len(rows))), replace=False)
        parts += [drawn, rows[real[rows].argmin(axis=0)], rows[real[rows].argmax(axis=0)]]
    return np.unique(np.concatenate(parts))


def _groups(
    real: Array, simulated: Array, real_labels: Labels | None, simulated_labels: Labels | None
) -> list[npt.NDArray[np.object_]]:
    """Class of each sample of either side, "" without labels."""
    if real_labels is None and simulated_labels is None:
        return [np.full(len(side), _WHOLE, dtype=object) for side in (real, simulated)]
    if real_labels is None or simulated_labels is None:
        raise ValueError("labels: expected on both sides or on neither; give the missing ones")
    groups = [_per_sample(real_labels, real), _per_sample(simulated_labels, simulated)]
    absent = sorted(set(groups[0]) - set(groups[1]))
    if absent:
        raise ValueError(f"labels: {absent} were recorded but not simulated; simulate them or leave them out")
    return groups


def _per_sample(labels: Labels, samples: Array) -> npt.NDArray[np.object_]:
    group = np.asarray(labels, dtype=object)
    if group.shape != (len(samples),):
        raise ValueError(f"labels: expected one per sample ({len(samples)},), got {group.shape}")
    return group


def _checked(name: str, samples: Array) -> Array:
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != 6 or not len(samples):
        raise ValueError(f"{name}: expected samples (N, 6), acc then gyro, got {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{name}: expected finite samples, got NaN or infinity; keep the valid ones only")
    return samples
