"""Fréchet distance in closed form, and a discriminator between nothing and everything."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from anymo.metrics import discriminator_accuracy, frechet_distance, gaussian_frechet


def covariance(rng: np.random.Generator, size: int) -> np.ndarray:
    root = rng.normal(size=(size, size))
    return root @ root.T


def test_gaussians_in_one_dimension() -> None:
    """(m₁ - m₂)² + (s₁ - s₂)²."""
    distance = gaussian_frechet(np.array([1.0]), np.array([[4.0]]), np.array([-2.0]), np.array([[9.0]]))
    assert distance == pytest.approx(9.0 + 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_gaussians_by_the_textbook(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean, other = rng.normal(size=(2, 5))
    one, two = covariance(rng, 5), covariance(rng, 5)
    expected = ((mean - other) ** 2).sum() + np.trace(one + two - 2 * np.real(sqrtm(one @ two)))
    assert gaussian_frechet(mean, one, other, two) == pytest.approx(expected)
    assert gaussian_frechet(other, two, mean, one) == pytest.approx(expected)


def test_singular_covariances_do_no_harm() -> None:
    flat, mean = np.diag([1.0, 0.0]), np.zeros(2)
    assert gaussian_frechet(mean, flat, mean, flat) == pytest.approx(0.0, abs=1e-12)
    assert gaussian_frechet(mean, flat, mean, np.diag([0.0, 4.0])) == pytest.approx(5.0)


def test_samples_come_near_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    real, shifted = rng.normal(size=(2, 4000, 3))
    assert frechet_distance(real, 2.0 * shifted + [1.0, 0.0, 0.0]) == pytest.approx(1.0 + 3.0, rel=0.05)
    assert frechet_distance(real, real) == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 0.3, 0.7), (6.0, 0.98, 1.0)])
def test_discriminator(shift: float, low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(100, 4)), rng.normal(size=(60, 4)) + shift
    accuracy = discriminator_accuracy(
        real, synthetic, real_groups=np.arange(100) // 5, synthetic_groups=np.arange(60) // 5, seed=0
    )
    assert low <= accuracy <= high


def test_discriminator_does_not_learn_recordings_by_heart() -> None:
    """Each recording stands at a place of its own: rows of it must not be on both sides."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 6)
    real, synthetic = (rng.normal(size=(20, 30))[groups] + 0.01 * rng.normal(size=(120, 30)) for _ in "ab")
    accuracy = discriminator_accuracy(real, synthetic, real_groups=groups, synthetic_groups=groups, seed=0)
    assert accuracy < 0.75


def test_errors_say_what_to_do() -> None:
    x = np.zeros((10, 2))
    with pytest.raises(
        ValueError, match=r"real \(N, D\) and synthetic \(M, D\).*got \(10, 2\) and \(10, 3\)"
    ):
        frechet_distance(x, np.zeros((10, 3)))
    with pytest.raises(ValueError, match="finite numbers"):
        frechet_distance(x, np.full((10, 2), np.nan))
    with pytest.raises(ValueError, match=r"5 groups or more, got .* of 2; give more recordings"):
        discriminator_accuracy(x, x, real_groups=np.arange(10) // 5, synthetic_groups=np.arange(10), seed=0)
