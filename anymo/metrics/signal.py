"""Agreement of a synthetic signal with a recorded one, axis by axis, on the samples of both."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def pearson(real: npt.ArrayLike, synthetic: npt.ArrayLike) -> Floats:
    """Pearson correlation of each axis.

    Args:
        real: (T, C) recorded signal at the same times and in the same axes and unit as `synthetic`.
        synthetic: (T, C).

    Returns:
        (C,) in [-1, 1]; NaN where an axis of either is constant, for it has no correlation.

    Raises:
        ValueError: different shapes, fewer than two samples, or values that are not finite.
    """
    pair = _pair(real, synthetic)
    varies = np.logical_and(*(np.ptp(s, axis=0) > 0 for s in pair))
    x, y = (s - s.mean(axis=0) for s in pair)
    norm = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
    return _where(varies, (x * y).sum(0), norm)


def rmse(real: npt.ArrayLike, synthetic: npt.ArrayLike) -> Floats:
    """Root mean square difference of each axis (C,), in the unit of the signals; arguments as `pearson`.

    Raises:
        ValueError: as `pearson`.
    """
    x, y = _pair(real, synthetic)
    return np.asarray(np.sqrt(((x - y) ** 2).mean(axis=0)))


def relative_rmse(real: npt.ArrayLike, synthetic: npt.ArrayLike) -> Floats:
    """RMSE over the standard deviation of the recorded axis; arguments as `pearson`.

    The deviation, not the root mean square, so that gravity does not flatter: the constant mean scores 1.

    Returns:
        (C,) 0 is perfect; NaN where the recorded axis is constant.

    Raises:
        ValueError: as `pearson`.
    """
    x, _ = _pair(real, synthetic)
    varies = np.ptp(x, axis=0) > 0
    return _where(varies, rmse(real, synthetic), x.std(axis=0))


def _where(defined: npt.NDArray[np.bool_], part: Floats, whole: Floats) -> Floats:
    """(C,) part / whole where defined, else NaN."""
    quotient = np.full(len(part), np.nan)
    quotient[defined] = part[defined] / whole[defined]
    return quotient


def _pair(real: npt.ArrayLike, synthetic: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(real, dtype=np.float64), np.asarray(synthetic, dtype=np.float64)
    if x.ndim != 2 or x.shape != y.shape or len(x) < 2:
        raise ValueError(
            f"signals: expected two (T, C) of 2 samples or more, got {x.shape} and {y.shape}; "
            "resample them to the same times first"
        )
    for name, array in (("real", x), ("synthetic", y)):
        if not np.isfinite(array).all():
            raise ValueError(
                f"{name}: expected finite samples, got NaN or infinity; keep the valid ones only"
            )
    return x, y
