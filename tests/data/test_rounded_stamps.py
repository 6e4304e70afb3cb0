"""Time stamps that are rounded to their own resolution are no jitter, and their rate is the sensor's."""

import numpy as np
import pytest

from anymo.data.timing import sampling

RATES_HZ = [26.0, 104.0, 119.0, 208.0, 238.0, 416.0, 476.0, 625.0, 833.0, 952.0]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("rounded", [np.round, np.floor])
@pytest.mark.parametrize("unit_s", [1.0, 1e-3])
def test_whole_milliseconds(rate_hz, rounded, unit_s):
    """Native rates of common sensors (LSM6DS3, LSM9DS1), with a clock 0.3 % off and a start of its own."""
    times = rounded(1e3 * (1.7e9 + 0.0004 + np.arange(3000) / (1.003 * rate_hz))) * (1e-3 / unit_s)
    rate, index = sampling(times, None, "it")
    assert rate == pytest.approx(1.003 * rate_hz, rel=1e-3)
    np.testing.assert_array_equal(index, np.arange(3000))


@pytest.mark.parametrize(("rate_hz", "digits"), [(30.0, 2), (64.0, 2), (7.0, 1)])
def test_seconds_of_one_or_two_digits(rate_hz, digits):
    rate, index = sampling(np.round(np.arange(600) / rate_hz, digits), None, "it")
    assert rate == pytest.approx(rate_hz, rel=2e-3)
    np.testing.assert_array_equal(index, np.arange(600))


@pytest.mark.parametrize("rate_hz", [208.0, 416.0, 833.0])
def test_losses_between_rounded_stamps_are_holes(rate_hz):
    kept = np.r_[0:700, 710:1500, 9000:12000]
    times = np.round(1e3 * kept / rate_hz).astype(np.int64)
    rate, index = sampling(times, None, "it")
    assert rate == pytest.approx(rate_hz, rel=2e-3)
    assert np.flatnonzero(np.diff(index) > 1).tolist() == [699, 1489]
    np.testing.assert_allclose(np.diff(index)[[699, 1489]], [11, 7501], rtol=2e-3, atol=1)


@pytest.mark.parametrize(("rate_hz", "share"), [(1000.0, 0.17), (1000.0, 0.04), (100.0, 0.17)])
def test_lost_rows_are_no_slower_clock(rate_hz, share):
    """At 1,000 Hz in whole milliseconds, and 100 Hz in hundredths, any sixth row is lost by chance."""
    kept = np.flatnonzero(np.random.default_rng(3).random(4000) >= share)
    rate, index = sampling(np.round(kept / rate_hz, 3), None, "it")
    assert rate == pytest.approx(rate_hz)
    np.testing.assert_array_equal(index, kept - kept[0])


@pytest.mark.parametrize("sigma_s", [0.001, 0.003])
def test_jitter_of_whole_milliseconds_stays_jitter(sigma_s):
    rng = np.random.default_rng(0)
    times = np.round(np.arange(1000) / 50 + rng.normal(0, sigma_s, 1000), 3)
    with pytest.raises(ValueError, match="time stamps are irregular"):
        sampling(times, None, "it")


def test_steps_of_ten_milliseconds_by_chance_are_irregular():
    steps = np.random.default_rng(0).choice([0.01, 0.02, 0.03], 1000)
    with pytest.raises(ValueError, match="time stamps are irregular"):
        sampling(np.cumsum(steps), None, "it")
