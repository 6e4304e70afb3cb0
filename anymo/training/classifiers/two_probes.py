"""What the encoder sees beside what the signal itself says: two linear probes, averaged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np

from anymo.encoders import ImuEncoder
from anymo.records import Array, WindowBatch
from anymo.training.classifiers.examples import Examples, Inputs, check_classes
from anymo.training.classifiers.hand_made import hand_made_features
from anymo.training.classifiers.probe import (
    PENALTIES,
    LinearMap,
    LinearProbe,
    chosen_penalty,
    features,
    regression,
)

_FARTHEST = 5.0  # standard deviations: a feature that hardly varied in training says no more than this


class Standard(NamedTuple):
    """Mean and deviation of D features over the training rows that have them, both (D,).

    The deviation of a feature that never varied, or never was there, is infinite: it says nothing ever after.
    """

    mean: Array
    deviation: Array

    @classmethod
    def of(cls, rows: Array) -> "Standard":
        """Of training rows (N, D); what is not finite is missing."""
        there = np.isfinite(rows)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, rows, 0.0).sum(axis=0) / count
        deviation = np.sqrt((np.where(there, rows - mean, 0.0) ** 2).sum(axis=0) / count)
        return cls(mean, np.where(deviation > 1e-9 * np.abs(mean) + 1e-12, deviation, np.inf))

    def scaled(self, rows: Array) -> Array:
        """Deviations from the mean; what is missing stands at the mean."""
        return np.clip(np.nan_to_num((rows - self.mean) / self.deviation), -_FARTHEST, _FARTHEST)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearMaps:
    """The mean of two maps' probabilities of C classes.

    latents   of the first features, moments of the latents
    made      of the others, hand-made ones
    standard  how these are scaled before
    """

    latents: LinearMap
    made: LinearMap
    standard: Standard

    def __call__(self, inputs: Inputs) -> Array:
        """Probabilities (N, C) of features (N, D), as `TwoProbes.represent` gives.

        Raises:
            ValueError: the inputs are windows.
        """
        rows = features(inputs)
        width = self.latents.weight.shape[1]
        said = self.latents(rows[:, :width]), self.made(self.standard.scaled(rows[:, width:]))
        return np.asarray(np.mean(said, axis=0))

    def arrays(self) -> dict[str, Array]:
        """What it consists of, by name: `of` makes the same of them."""
        parts = {
            "latents": self.latents.arrays(),
            "made": self.made.arrays(),
            "standard": self.standard._asdict(),
        }
        return {f"{part}.{name}": array for part, own in parts.items() for name, array in own.items()}

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Self:
        """The maps that gave these `arrays`.

        Raises:
            KeyError: one is missing.
        """
        latents, made = (
            LinearMap.of({name: arrays[f"{part}.{name}"] for name in ("weight", "bias")})
            for part in ("latents", "made")
        )
        standard = Standard(arrays["standard.mean"], arrays["standard.deviation"])
        return cls(latents=latents, made=made, standard=standard)


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

    def fit(self, examples: Examples, seed: int) -> LinearMaps:
        """Fit both on the same examples.

        Raises:
            ValueError: fewer than two classes, one without an example, or inputs that are windows.
        """
        check_classes(examples)
        rows = features(examples.inputs)
        width = 2 * self.encoder.config.hidden_size
        standard = Standard.of(rows[:, width:])
        own = [examples.with_inputs(x) for x in (rows[:, :width], standard.scaled(rows[:, width:]))]
        latents, made = (regression(some, chosen_penalty(some, self.penalties, seed)) for some in own)
        return LinearMaps(latents=latents, made=made, standard=standard)
