"""Hand-made features of windows and a random forest: what the field did before networks.

Features are those of Bao & Intille 2004 and Anguita et al. 2013: moments, quantiles, energy in bands and
spectral entropy of each axis and of the magnitude, correlations of axes. What is missing is NaN, which the
forest sends down either branch as the training data has it; nothing is filled with zeros.

Shapes: M vectors over time, T samples, D features.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anymo.records import Array, WindowBatch
from anymo.training.classifiers.examples import Examples, Inputs, Predict, check_classes
from anymo.training.classifiers.probe import features

Bools = npt.NDArray[np.bool_]

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
BANDS_HZ = ((0.2, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (5.0, 10.0))
_LEAST = 8  # samples below which a sensor says nothing about a window
_PER_CHANNEL = 2 + len(QUANTILES) + len(BANDS_HZ) + 2
_PER_VECTOR = 4 * _PER_CHANNEL + 3
_LEVEL = 1e-12  # of power, so that stillness has a logarithm


def hand_made_features(batch: WindowBatch) -> Array:
    """Features (N, 119 S) of windows, slot after slot as they stand; NaN where nothing was measured.

    Of acc, then of gyro, for each axis and for the magnitude: mean, deviation, five quantiles, log power in
    five bands, spectral entropy and strongest frequency; then the correlations of the axes xy, xz, yz. The
    last of a slot is its segment's index.
    """
    signal = batch.signal.double().numpy()
    valid = (batch.sample_valid & batch.worn[..., None]).numpy()
    num, slots = valid.shape[:2]
    columns = []
    for part, there in ((signal[..., :3], batch.worn), (signal[..., 3:], batch.has_gyro & batch.worn)):
        rows = valid.reshape(num * slots, -1).sum(axis=1) >= _LEAST
        rows &= there.numpy().reshape(-1)
        block = np.full((num * slots, _PER_VECTOR), np.nan)
        if rows.any():
            series = part.reshape(num * slots, -1, 3)[rows]
            block[rows] = _vector_features(series, valid.reshape(num * slots, -1)[rows], batch.rate_hz)
        columns.append(block)
    worn = batch.worn.numpy().reshape(-1, 1)
    columns.append(np.where(worn, batch.segment.numpy().reshape(-1, 1), np.nan))
    return np.concatenate(columns, axis=1).reshape(num, -1)


def _vector_features(vector: Array, valid: Bools, rate_hz: float) -> Array:
    """(M, 4 · 14 + 3) of vectors (M, T, 3), valid (M, T)."""
    magnitude = np.linalg.norm(vector, axis=-1, keepdims=True)
    channel = np.where(valid[..., None], np.concatenate([vector, magnitude], axis=-1), np.nan)
    mean = np.nanmean(channel, axis=1)
    centred = np.nan_to_num(channel - mean[:, None])  # out of all sums below: its weight is 0
    count = valid.sum(axis=1)[:, None]
    std = np.sqrt((centred**2).sum(axis=1) / count)
    quantile = np.nanquantile(channel, QUANTILES, axis=1).transpose(1, 2, 0)
    moments = np.concatenate([mean[..., None], std[..., None], quantile], axis=-1)
    spectral = _spectral_features(centred, count, rate_hz)
    channels = np.concatenate([moments, spectral], axis=-1).reshape(len(vector), -1)
    return np.concatenate([channels, _correlations(centred, std, count)], axis=1)


def _spectral_features(centred: Array, count: npt.NDArray[np.int64], rate_hz: float) -> Array:
    """(M, 4, 7) of deviations (M, T, 4) that are 0 where missing.

    The periodogram over the samples that are there, |Σ x e^{-iωt}|² / n² (Deeming 1975).
    """
    power = np.abs(np.fft.rfft(centred, axis=1)) ** 2 / count[..., None] ** 2
    hertz = np.fft.rfftfreq(centred.shape[1], 1 / rate_hz)
    bands = [power[:, (hertz >= low) & (hertz < high)].sum(axis=1) for low, high in BANDS_HZ]
    share = power[:, 1:] / np.maximum(power[:, 1:].sum(axis=1, keepdims=True), _LEVEL)
    entropy = -(share * np.log(np.maximum(share, _LEVEL))).sum(axis=1) / np.log(share.shape[1])
    strongest = hertz[1:][share.argmax(axis=1)]
    return np.stack([*(np.log(b + _LEVEL) for b in bands), entropy, strongest], axis=-1)


def _correlations(centred: Array, std: Array, count: npt.NDArray[np.int64]) -> Array:
    """(M, 3) of the axes xy, xz, yz; NaN where an axis stands still."""
    rows = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        shared = (centred[..., one] * centred[..., other]).sum(axis=1) / count[:, 0]
        scale = std[:, one] * std[:, other]
        rows.append(np.divide(shared, scale, out=np.full(len(shared), np.nan), where=scale > _LEVEL))
    return np.stack(rows, axis=-1)


@dataclass(frozen=True)
class Forest:
    """Random forest (Breiman 2001) on hand-made features.

    num_trees  trees of the forest
    """

    num_trees: int = 300

    def represent(self, batch: WindowBatch) -> Array:
        """`hand_made_features` (B, D) of windows."""
        return hand_made_features(batch)

    def fit(self, examples: Examples, seed: int) -> Predict:
        """Grow the trees; classes count alike, however many windows they have."""
        from sklearn.ensemble import RandomForestClassifier

        check_classes(examples)
        forest = RandomForestClassifier(self.num_trees, class_weight="balanced", random_state=seed)
        forest.fit(features(examples.inputs), examples.label)

        def predict(inputs: Inputs) -> Array:
            return np.asarray(forest.predict_proba(features(inputs)), dtype=np.float64)

        return predict
