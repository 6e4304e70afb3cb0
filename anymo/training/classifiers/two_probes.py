"""What the encoder sees beside what the signal itself says: two linear probes, averaged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from anymo.encoders import ImuEncoder
from anymo.records import Array, WindowBatch
from anymo.training.classifiers.examples import Examples, Inputs, Predict, check_classes
from anymo.training.classifiers.hand_made import hand_made_features
from anymo.training.classifiers.probe import PENALTIES, LinearProbe, chosen_penalty, features, regression

_FARTHEST = 5.0  # standard deviations: a feature that hardly varied in training says no more than this


@dataclass(frozen=True, eq=False)
class TwoProbes:
    """The mean of two linear probes: of the frozen encoder's latents, and of hand-made features.

    The encoder was taught to see past how a device is mounted. Where everybody wears it alike, the direction
    of gravity in its axes tells postures apart, and hand-made features have it. Each probe chooses its own
    penalty; together they are better than one of both, on SPAR and on simulated people (docs/few_shot.md).

    encoder    pre-trained; is not changed
    penalties  inverse L2 penalties, of which each probe chooses one inside the training data
    """

    encoder: ImuEncoder = field(repr=False)
    penalties: Sequence[float] = PENALTIES

    def represent(self, batch: WindowBatch) -> Array:
        """(N, 2 D + 119 S) moments of the latents, then `hand_made_features`."""
        latents = LinearProbe(self.encoder).represent(batch)
        return np.concatenate([latents, hand_made_features(batch)], axis=1)

    def fit(self, examples: Examples, seed: int) -> Predict:
        """Fit both on the same examples.

        Raises:
            ValueError: fewer than two classes, one without an example, or inputs that are windows.
        """
        check_classes(examples)
        width = 2 * self.encoder.config.hidden_size
        standard = _Standard.of(features(examples.inputs)[:, width:])

        def parts(inputs: Inputs) -> tuple[Array, Array]:
            rows = features(inputs)
            return rows[:, :width], standard.scaled(rows[:, width:])

        own = [examples.with_inputs(part) for part in parts(examples.inputs)]
        fitted = [regression(some, chosen_penalty(some, self.penalties, seed)) for some in own]

        def predict(inputs: Inputs) -> Array:
            said = [one(part) for one, part in zip(fitted, parts(inputs), strict=True)]
            return np.asarray(np.mean(said, axis=0))

        return predict


class _Standard(NamedTuple):
    """Mean and deviation of D features over the training rows that have them, both (D,).

    The deviation of a feature that never varied, or never was there, is infinite: it says nothing ever after.
    """

    mean: Array
    deviation: Array

    @classmethod
    def of(cls, rows: Array) -> "_Standard":
        there = np.isfinite(rows)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, rows, 0.0).sum(axis=0) / count
        deviation = np.sqrt((np.where(there, rows - mean, 0.0) ** 2).sum(axis=0) / count)
        return cls(mean, np.where(deviation > 1e-9 * np.abs(mean) + 1e-12, deviation, np.inf))

    def scaled(self, rows: Array) -> Array:
        """Deviations from the mean; what is missing stands at the mean."""
        return np.clip(np.nan_to_num((rows - self.mean) / self.deviation), -_FARTHEST, _FARTHEST)
