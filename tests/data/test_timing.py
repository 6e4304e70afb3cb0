import numpy as np
import pandas as pd
import pytest

from anymo.data import read_recording
from anymo.data.even_grid import common_grid
from anymo.data.timing import sampling


@pytest.mark.parametrize("rate_hz", [5.0, 20.0, 31.25, 52.0, 100.0, 1000.0])
@pytest.mark.parametrize("unit_s", [1.0, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("start_s", [0.0, 1.7e9])
def test_rate_from_time_stamps_in_any_unit(rate_hz, unit_s, start_s):
    times = np.arange(200) / rate_hz / unit_s
    if unit_s == 1e-9:
        times = np.round(times).astype(np.int64) + round(start_s / unit_s)
    else:
        times = times + start_s / unit_s
    rate, index = sampling(times, None, "it")
    assert rate == pytest.approx(rate_hz, rel=1e-4)
    np.testing.assert_array_equal(index, np.arange(200))


def test_rate_of_rounded_milliseconds_does_not_drift():
    """52 Hz in whole milliseconds steps by 19 or 20; the rate comes from the whole span."""
    times = np.round(np.arange(5200) / 52.0 * 1000).astype(np.int64)
    rate, index = sampling(times, None, "it")
    assert rate == pytest.approx(52.0, rel=1e-4)
    assert index[-1] == 5199


def test_a_gap_between_rounded_milliseconds_is_as_long_as_it_was():
    kept = np.r_[0:1000, 4120:5120]  # a minute is missing
    times = np.round(kept / 52.0 * 1000).astype(np.int64)
    rate, index = sampling(times, None, "it")
    assert rate == pytest.approx(52.0, rel=1e-4)
    np.testing.assert_array_equal(index, kept)


@pytest.mark.parametrize("later_hz", [43.0, 46.0, 48.5, 54.0])
def test_another_rate_from_some_sample_on(later_hz):
    steps = np.r_[np.full(1500, 1 / 50), np.full(1500, 1 / later_hz)]
    times = np.cumsum(steps)
    with pytest.raises(ValueError, match=rf"the rate changes: 50 Hz at first, {later_hz:g} Hz later, from"):
        sampling(times, None, "it")
    sampling(times[1450:1550], None, "it")  # a second of each: it does not show
    sampling(np.cumsum(np.r_[np.full(1500, 1 / 50), np.full(1500, 1 / 49.5)]), None, "it")


def test_a_clock_that_jumps_by_years():
    times = np.r_[np.arange(500) / 50, 1.7e9 + np.arange(500) / 50]
    signal = np.tile([0.0, 0.0, 9.81], (1000, 1))
    frame = pd.DataFrame(signal, columns=["ax", "ay", "az"]).assign(time=times)
    with pytest.raises(
        ValueError, match=r"samples are missing, 8.* after row 499; expected 10,000,000 at most"
    ):
        read_recording(frame, acc_unit="m/s^2", gravity="included", placement="chest")


def test_datetimes():
    times = np.datetime64("2024-05-01T10:00:00") + np.arange(100) * np.timedelta64(10, "ms")
    assert sampling(times, None, "it")[0] == pytest.approx(100.0)


def test_dropped_samples_leave_marked_holes():
    rng = np.random.default_rng(0)
    kept = np.r_[0:40, 43:90, 91:150]
    signal = rng.normal(0, 0.01, (150, 3)) + np.array([0, 0, 9.81])
    times = kept / 50.0 + rng.uniform(-0.0005, 0.0005, len(kept))
    frame = pd.DataFrame(signal[kept], columns=["ax", "ay", "az"]).assign(time=times)
    said = {"acc_unit": "m/s^2", "gravity": "included", "placement": "chest"}
    sensor = read_recording(frame, **said).sensors[0]
    assert list(np.flatnonzero(~sensor.valid)) == [40, 41, 42, 90]
    np.testing.assert_array_equal(sensor.acc[sensor.valid], signal[kept])
    assert np.isnan(sensor.acc[~sensor.valid]).all()
    assert read_recording(frame, **said, rate_hz=50.0).sensors[0].rate_hz == 50.0
    with pytest.raises(ValueError, match=r"rate_hz=100 contradicts the time column, which runs at 50.01 Hz"):
        read_recording(frame, **said, rate_hz=100.0)


def test_irregular_time_stamps():
    rng = np.random.default_rng(1)
    calm, wild = (np.cumsum(0.02 + rng.uniform(-a, a, 300)) for a in (0.0015, 0.006))
    sampling(calm, None, "it")
    with pytest.raises(ValueError, match=r"time stamps are irregular.*allowed 10%.*times=\"resample\""):
        sampling(wild, None, "it")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.array([0.0]), "one time stamp gives no rate"),
        (np.array([0.0, 0.02, 0.02, 0.04]), "time does not increase at row 2; sort"),
        (np.array([0.0, 0.02, np.nan, 0.06]), "time column is empty at row 2"),
        (np.arange(10) * 0.3, "unit of the time column is not clear: a step of 0.3"),
        (np.arange(10) * 300.0, "unit of the time column is not clear"),
    ],
)
def test_bad_time_stamps(times, message):
    with pytest.raises(ValueError, match=message):
        sampling(times, None, "it")


def test_streams_with_clocks_of_their_own_share_a_grid():
    slow, fast = np.arange(0.0, 4.0, 0.02), np.arange(1.003, 3.0, 0.01)
    fast = fast[(fast < 2.0) | (fast > 2.1)]  # a hole of five steps of the grid
    line = np.stack([fast, -fast], axis=1)  # what is linear in time is interpolated without error
    order = np.random.default_rng(0).permutation(len(fast))
    streams = [(slow + 1.4e9, slow[:, None]), (fast[order] + 1.4e9, line[order])]
    first, second = common_grid(streams, 50.0, "w")
    assert first.shape == (200, 1)
    assert second.shape == (200, 2)
    np.testing.assert_allclose(first[:, 0], np.arange(200) / 50, atol=1e-6)
    known = np.isfinite(second[:, 0])
    np.testing.assert_allclose(second[known], np.stack([slow, -slow], axis=1)[known], atol=1e-6)
    assert not known[:51].any()
    assert not known[150:].any()
    assert (~known[51:149]).sum() in (4, 5, 6)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (np.arange(100) / 50 + 3600.0, r"w: expected streams of one moment, got the longest of 2.0 s"),
        (np.array([0.0]), r"w: expected streams with a finite time stamp for every sample, two or more"),
        (np.array([0.0, np.nan, 1.0]), r"w: expected streams with a finite time stamp"),
    ],
)
def test_streams_of_no_common_clock(other, message):
    streams = [(np.arange(100) / 50, np.zeros((100, 3))), (other, np.zeros((len(other), 3)))]
    with pytest.raises(ValueError, match=message):
        common_grid(streams, 50.0, "w")
