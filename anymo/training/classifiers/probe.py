"""Linear probe: multinomial logistic regression on the frozen latents of the encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch

from anymo.data.virtual import VIRTUAL_SUBJECT
from anymo.encoders import ImuEncoder
from anymo.encoders.layers import masked_mean
from anymo.records import Array, WindowBatch
from anymo.training.classifiers.examples import Examples, Inputs, check_classes

# Inverse penalties that are tried; the middle one is taken where nothing can be held out. On SPAR the choice
# moves accuracy by 2 points at most from 0.01 to 10.
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
_AT_ONCE = 64
_SLIGHT = 1e-6  # variance below which the gradient of its root would run away


def latent_moments(encoder: ImuEncoder, batch: WindowBatch) -> torch.Tensor:
    """(B, 2 D) mean and standard deviation of the body latents over the times that saw a sample.

    On SPAR a probe of both beats one of the mean, but for a single recording per class (docs/few_shot.md).
    """
    seen = encoder(batch)
    mean = masked_mean(seen.sequence, seen.sequence_valid, dim=1)
    square = masked_mean((seen.sequence - mean[:, None]) ** 2, seen.sequence_valid, dim=1)
    return torch.cat([mean, (square + _SLIGHT).sqrt()], dim=-1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearMap:
    """Logits of C classes from D features.

    weight  (C, D)
    bias    (C,)
    """

    weight: Array
    bias: Array

    def __post_init__(self) -> None:
        # Products round by how a matrix lies: one that was read back has to lie as the one that was fitted.
        object.__setattr__(self, "weight", np.asfortranarray(self.weight))

    def arrays(self) -> dict[str, Array]:
        """What it consists of, by name: `of` makes the same of them."""
        return {"weight": self.weight, "bias": self.bias}

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Self:
        """The map that gave these `arrays`.

        Raises:
            KeyError: one is missing.
        """
        return cls(weight=arrays["weight"], bias=arrays["bias"])

    def __call__(self, inputs: Inputs) -> Array:
        """Probabilities (N, C) of features (N, D).

        Raises:
            ValueError: the inputs are windows.
        """
        logits = features(inputs) @ self.weight.T + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """Logistic regression on the latents of a frozen encoder.

    encoder    pre-trained; is not changed
    penalties  inverse L2 penalties, of which one is chosen inside the training data
    """

    encoder: ImuEncoder = field(repr=False)
    penalties: Sequence[float] = PENALTIES

    @torch.no_grad()
    def represent(self, batch: WindowBatch) -> Array:
        """(N, 2 D) moments of the latents."""
        self.encoder.eval()
        parts = [batch.select(slice(k, k + _AT_ONCE)) for k in range(0, len(batch), _AT_ONCE)]
        moments = [latent_moments(self.encoder, part.to(self.encoder.device)) for part in parts]
        return torch.cat(moments).double().cpu().numpy()

    def fit(self, examples: Examples, seed: int) -> LinearMap:
        """Standardised features and the penalty with the best likelihood on people held out in turn.

        Raises:
            ValueError: fewer than two classes, one without an example, or inputs that are windows.
        """
        check_classes(examples)
        return regression(examples, chosen_penalty(examples, self.penalties, seed))


def regression(examples: Examples, penalty: float) -> LinearMap:
    """Logistic regression on standardised features, as a map of the features themselves.

    Args:
        examples: features, with an example of each class.
        penalty: inverse of the L2 penalty on standardised features.

    Raises:
        ValueError: the inputs are windows.
    """
    from sklearn.linear_model import LogisticRegression

    x = features(examples.inputs)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-9 * np.abs(centre) + 1e-12, scale, 1.0)
    fitted = LogisticRegression(C=penalty, max_iter=1000).fit((x - centre) / scale, examples.label)
    weight, bias = fitted.coef_, fitted.intercept_
    if examples.num_classes == 2:  # of two classes scikit-learn gives one row, the log-odds of the second
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return LinearMap(weight=weight / scale, bias=bias - (weight / scale) @ centre)


def chosen_penalty(examples: Examples, penalties: Sequence[float], seed: int) -> float:
    """The penalty with the highest likelihood of held-out windows; the middle one where none can be held out.

    Whole people are held out in up to five folds where two or more keep every class in every training part;
    else recordings are. Virtual recordings that stand beside real ones are always trained on: those to be
    recognised are real.

    Raises:
        ValueError: the inputs are windows.
    """
    for group in (examples.subject, examples.recording.astype(str)):
        folds = _folds(examples, group, seed)
        if folds:
            scores = [sum(_likelihood(examples, fold, c) for fold in folds) for c in penalties]
            return penalties[int(np.argmax(scores))]
    return sorted(penalties)[len(penalties) // 2]


def _folds(examples: Examples, group: np.ndarray, seed: int) -> list[np.ndarray]:
    """Recordings held out in each fold; none unless every class is left to train on in each of them."""
    real = examples.subject != VIRTUAL_SUBJECT
    names = np.random.default_rng([seed, 41]).permutation(np.unique(group[real] if real.any() else group))
    if len(names) < 2:
        return []
    folds = []
    for part in np.array_split(names, min(5, len(names))):
        held = np.isin(group, part)
        if len(np.unique(examples.label[~held])) < examples.num_classes:
            return []
        folds.append(np.unique(examples.recording[held]))
    return folds


def _likelihood(examples: Examples, held: np.ndarray, penalty: float) -> float:
    rest = np.setdiff1d(examples.recording, held)
    test = examples.of(held)
    probability = regression(examples.of(rest), penalty)(test.inputs)
    own = probability[np.arange(len(test)), test.label]
    return float(np.log(np.maximum(own, 1e-12)).sum())


def features(inputs: Inputs) -> Array:
    """Inputs that are features, (N, D).

    Raises:
        ValueError: they are windows; `represent` was not called.
    """
    if isinstance(inputs, WindowBatch):
        raise ValueError(
            "classifier: expected features (N, D), got windows; call the method's represent first"
        )
    return inputs
