"""How far synthetic windows are from real ones as a whole: Fréchet distance, and a discriminator's accuracy.

Where both are of the same moments, `anymo.metrics.pearson` compares them axis by axis.
"""

import warnings

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FOLDS = 5
_HIDDEN = (128, 64)


def frechet_distance(real: npt.ArrayLike, synthetic: npt.ArrayLike) -> float:
    """Squared Fréchet distance of Gaussians fitted to two sets of embeddings (FID, Heusel et al. 2017).

    It grows as samples get fewer, so compare numbers of equally many only, and beside that of real against
    real.

    Args:
        real: (N, D) embeddings, N of 2 or more.
        synthetic: (M, D), M of 2 or more.

    Raises:
        ValueError: shapes that do not fit, or values that are not finite.
    """
    sides = _sides(real, synthetic)
    (mean, covariance), (other_mean, other) = (
        (s.mean(axis=0), np.atleast_2d(np.cov(s, rowvar=False))) for s in sides
    )
    return gaussian_frechet(mean, covariance, other_mean, other)


def gaussian_frechet(mean: Floats, covariance: Floats, other_mean: Floats, other_covariance: Floats) -> float:
    """|m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½) of two Gaussians (Dowson & Landau 1982).

    The trace of the root is the sum of the roots of the eigenvalues of C₁^½ C₂ C₁^½, which is symmetric, so
    that singular covariances do no harm.

    Args:
        mean: (D,) of the first.
        covariance: (D, D) of the first, positive semidefinite.
        other_mean: (D,) of the other.
        other_covariance: (D, D) of the other.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other_covariance @ root), 0.0)).sum()
    spread = np.trace(covariance) + np.trace(other_covariance) - 2 * shared
    return max(float(((mean - other_mean) ** 2).sum() + spread), 0.0)


def discriminator_accuracy(
    real: npt.ArrayLike,
    synthetic: npt.ArrayLike,
    *,
    real_groups: npt.ArrayLike,
    synthetic_groups: npt.ArrayLike,
    seed: int,
) -> float:
    """Balanced accuracy of a small network that tells real from synthetic, on groups it was not trained on.

    0.5 where they cannot be told apart, 1 where they always are. A perceptron of 128 and 64 units on
    standardised rows, in five folds of whole recordings (Yoon et al. 2019's discriminative score, grouped).

    Args:
        real: (N, D) embeddings or features.
        synthetic: (M, D).
        real_groups: (N,) recording of each, or whatever may not be split.
        synthetic_groups: (M,) likewise.
        seed: of folds and network.

    Raises:
        ValueError: shapes that do not fit, or fewer than five groups on a side.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    sides = _sides(real, synthetic)
    names = [np.asarray(g).astype(str) for g in (real_groups, synthetic_groups)]
    for side, name, title in zip(sides, names, ("real", "synthetic"), strict=True):
        if name.shape != (len(side),) or len(np.unique(name)) < FOLDS:
            raise ValueError(
                f"discriminator: expected a group for each of {len(side)} {title} rows, {FOLDS} groups or "
                f"more, got {name.shape} of {len(np.unique(name))}; give more recordings"
            )
    rows, truth = np.concatenate(sides), np.repeat([0, 1], [len(s) for s in sides])
    groups = np.concatenate([np.char.add(f"{k} ", name) for k, name in enumerate(names)])
    said = np.empty(len(rows), dtype=np.int64)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(rows, truth, groups)
    for train, test in folds:
        network = MLPClassifier(_HIDDEN, alpha=1e-2, max_iter=60, early_stopping=False, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # so many passes are the definition
            said[test] = (
                make_pipeline(StandardScaler(), network).fit(rows[train], truth[train]).predict(rows[test])
            )
    return float(balanced_accuracy_score(truth, said))


def _sides(real: npt.ArrayLike, synthetic: npt.ArrayLike) -> tuple[Floats, Floats]:
    one, other = np.asarray(real, dtype=np.float64), np.asarray(synthetic, dtype=np.float64)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or min(len(one), len(other)) < 2:
        raise ValueError(
            f"fidelity: expected real (N, D) and synthetic (M, D) of two rows or more, got {one.shape} and "
            f"{other.shape}; embed both with one model"
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValueError("fidelity: expected finite numbers, got NaN or infinity; leave those rows out")
    return one, other
