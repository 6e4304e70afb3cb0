import numpy as np
import pytest

from anymo.metrics import bootstrap_interval, crossed_interval, seeds_interval


def test_bootstrap_of_a_mean_is_the_normal_interval() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3.0, 2.0, 400)
    interval = bootstrap_interval(values, rng=rng)
    half = 1.96 * values.std() / 20
    assert interval.estimate == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_correlated_groups_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat([f"person {i}" for i in range(8)], 50)
    values = np.repeat(rng.random(8), 50)  # all windows of a person alike
    by_sample = bootstrap_interval(values, rng=rng)
    by_person = bootstrap_interval(values, rng=rng, groups=groups)
    assert by_person.high - by_person.low > 5 * (by_sample.high - by_sample.low)


def test_groups_are_drawn_whole() -> None:
    rng = np.random.default_rng(2)
    rows = np.stack([np.arange(6), np.array([0, 1, 0, 1, 0, 1])], axis=1)
    seen: list[set[int]] = []

    def statistic(drawn: np.ndarray) -> float:
        seen.append(set(drawn[:, 0].tolist()))
        return float(drawn[:, 1].mean())

    bootstrap_interval(rows, rng=rng, groups=list("ababab"), statistic=statistic, num=20)
    assert all(s in ({0, 2, 4}, {1, 3, 5}, set(range(6))) for s in seen)


def test_same_generator_same_interval() -> None:
    a, b = (bootstrap_interval([0.0, 1.0, 1.0], rng=np.random.default_rng(3)) for _ in range(2))
    assert a == b


def test_seeds_interval_by_hand() -> None:
    interval = seeds_interval([1.0, 2.0, 3.0])  # s = 1, t(0.975, 2) = 4.30265
    assert interval.estimate == 2.0
    assert interval.high - 2.0 == pytest.approx(4.30265 / 3**0.5, rel=1e-5)
    assert interval.to_dict()["low"] == pytest.approx(2 - 4.30265 / 3**0.5, rel=1e-5)


def test_too_little_to_judge_by() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="two groups or more, got 1"):
        bootstrap_interval([1.0, 2.0], rng=rng, groups=["a", "a"])
    with pytest.raises(ValueError, match=r"one per sample \(2\), got 1"):
        bootstrap_interval([1.0, 2.0], rng=rng, groups=["a"])
    with pytest.raises(ValueError, match="two runs or more"):
        seeds_interval([1.0])


def test_crossed_interval_of_means_is_the_bootstrap_of_persons() -> None:
    """One run: the sum over persons over their number is the mean that `bootstrap_interval` draws."""
    values = np.random.default_rng(0).normal(size=40)
    tables = np.stack([values, np.ones(40)], axis=1)[:, None]
    crossed = crossed_interval(tables, rng=np.random.default_rng(1), statistic=lambda s: s[0] / s[1])
    plain = bootstrap_interval(values, rng=np.random.default_rng(2))
    assert crossed.estimate == pytest.approx(plain.estimate)
    assert crossed.low == pytest.approx(plain.low, abs=0.05)
    assert crossed.high == pytest.approx(plain.high, abs=0.05)


def test_crossed_interval_draws_runs_too() -> None:
    """Persons alike, runs apart: the interval is that of the runs."""
    tables = np.tile(np.array([0.0, 1.0])[None, :, None], (20, 1, 1)) / 20
    interval = crossed_interval(tables, rng=np.random.default_rng(0), statistic=lambda s: float(s[0]))
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((0.5, 0.0, 1.0))


def test_what_is_the_same_in_both_cancels_in_the_difference() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(15, 3))
    tables = np.stack([one + 1.0, one], axis=2) / 15
    tables = np.concatenate([tables, np.full((15, 3, 1), 1 / 15)], axis=2)
    interval = crossed_interval(tables, rng=rng, statistic=lambda s: float((s[0] - s[1]) / s[2]))
    assert interval.low == pytest.approx(interval.estimate)
    assert interval.high == pytest.approx(interval.estimate)
    with pytest.raises(ValueError, match="two persons or more, got"):
        crossed_interval(tables[:1], rng=rng, statistic=lambda s: 0.0)
