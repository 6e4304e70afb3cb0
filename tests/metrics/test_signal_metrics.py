import numpy as np
import pytest

from anymo.metrics import pearson, relative_rmse, rmse


def test_scaled_and_shifted_copy() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal([0.0, 0.0, 9.81], 1.0, (500, 3))
    synthetic = real * [1.0, -2.0, 1.0] + [0.5, 0.0, 0.0]
    np.testing.assert_allclose(pearson(real, synthetic), [1.0, -1.0, 1.0])
    np.testing.assert_allclose(rmse(real, synthetic)[[0, 2]], [0.5, 0.0])
    for c in range(3):
        assert pearson(real, real[:, ::-1])[c] == pytest.approx(np.corrcoef(real[:, c], real[:, 2 - c])[0, 1])


def test_predicting_the_mean_has_relative_error_one() -> None:
    real = np.random.default_rng(1).normal(9.81, 2.0, (300, 2))
    flat = np.broadcast_to(real.mean(0), real.shape)
    np.testing.assert_allclose(relative_rmse(real, flat), 1.0)


def test_a_constant_axis_is_undefined_not_zero() -> None:
    real = np.stack([np.full(50, 0.1), np.linspace(0, 1, 50)], axis=1)
    assert np.isnan(pearson(real, real)).tolist() == [True, False]
    assert np.isnan(relative_rmse(real, real)).tolist() == [True, False]


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="resample them"):
        pearson(np.zeros((4, 3)), np.zeros((5, 3)))
    with pytest.raises(ValueError, match="synthetic: expected finite"):
        rmse(np.zeros((4, 1)), np.full((4, 1), np.nan))
