"""Samples at uneven times: on an even grid where the user says so, with nothing made up in holes."""

import logging

import numpy as np
import pandas as pd
import pytest

from anymo.data import read_recording
from anymo.data.even_grid import EvenGrid

SAID = {"acc_unit": "m/s^2", "gravity": "included", "placement": "front right trouser pocket"}


def wave(seconds):
    """(T, 3) m/s²: a slow swing about 1 g, so that what is between two rows is nearly on their line."""
    swing = np.sin(2 * np.pi * 0.8 * np.asarray(seconds))
    return np.stack([0.5 * swing, 0.2 * swing, 9.81 + 0.3 * swing], axis=1)


def uneven(sigma_s=0.004, num=1000, seed=0):
    """A phone's rows: 50 Hz on the whole, each step off by a few ms, stamps in whole ms since 1970."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(num) / 50 + rng.normal(0, sigma_s, num).clip(-0.009, 0.009)
    stamps = np.round(1e3 * seconds).astype(np.int64)
    frame = pd.DataFrame(wave((stamps - stamps[0]) / 1e3), columns=["ax", "ay", "az"])
    return frame.assign(timestamp_ms=stamps + 1_700_000_000_000)


@pytest.mark.parametrize("sigma_s", [0.001, 0.004])
def test_a_phones_stamps(caplog, sigma_s):
    frame = uneven(sigma_s)
    with pytest.raises(ValueError, match=r'irregular.*state times="resample" \(--times resample\)'):
        read_recording(frame, **SAID, rate_hz=50)
    with caplog.at_level(logging.INFO, logger="anymo"):
        (sensor,) = read_recording(frame, **SAID, rate_hz=50, times="resample").sensors
    assert sensor.valid.all()
    assert sensor.rate_hz == 50
    assert len(sensor.acc) in (999, 1000)
    np.testing.assert_allclose(sensor.acc, wave(np.arange(len(sensor.acc)) / 50), atol=0.01)
    (line,) = caplog.messages
    assert "put 1000 rows on an even grid of 50 Hz by interpolation" in line
    assert "0 samples missing in holes of over 60 ms, 0 rows left out" in line
    off_ms = np.abs(np.diff(frame.timestamp_ms) - 20).max()
    assert f"steps up to {off_ms:.1f} ms off its 20.0 ms" in line


def test_the_median_rate_where_none_is_stated():
    (sensor,) = read_recording(uneven(), **SAID, times="resample").sensors
    assert sensor.rate_hz == pytest.approx(50.0)


def test_long_holes_stay_missing_and_short_ones_do_not():
    frame = uneven().drop(index=[100, *range(300, 340)])
    (sensor,) = read_recording(frame, **SAID, rate_hz=50, times="resample").sensors
    missing = np.flatnonzero(~sensor.valid)
    assert 39 <= len(missing) <= 41
    np.testing.assert_array_equal(missing, np.arange(missing[0], missing[-1] + 1))
    assert missing[0] in (299, 300, 301)
    assert np.isnan(sensor.acc[missing]).all()


def test_even_stamps_keep_every_row():
    kept = np.r_[0:40, 60:100, 101:200]
    frame = pd.DataFrame(wave(kept / 50), columns=["ax", "ay", "az"]).assign(time=kept / 50)
    one, other = (read_recording(frame, **SAID, times=how).sensors[0] for how in ("even", "resample"))
    np.testing.assert_array_equal(np.flatnonzero(~other.valid), np.arange(40, 60))
    np.testing.assert_allclose(other.acc[one.valid], one.acc[one.valid], atol=1e-9)


@pytest.mark.parametrize("cuts", [[], [2], [400, 401, 700], [300, 320, 340, 999]])
def test_piece_by_piece_as_at_once(cuts):
    frame = uneven().drop(index=range(301, 330)).reset_index(drop=True)
    times, values = frame.timestamp_ms.to_numpy(), frame[["ax", "ay", "az"]].to_numpy(copy=True)
    values[500:520] = np.nan
    whole = EvenGrid(50.0, "w").place(times, values)
    grid = EvenGrid(50.0, "w")
    parts = [
        grid.place(t, v) for t, v in zip(np.split(times, cuts), np.split(values, cuts), strict=True) if len(t)
    ]
    np.testing.assert_array_equal(np.concatenate([index for index, _ in parts]), whole[0])
    np.testing.assert_allclose(np.concatenate([v for _, v in parts]), whole[1], atol=1e-9)


def test_missing_values_are_refused_or_left_to_the_hole_they_make():
    frame = uneven()
    frame.loc[[50, *range(200, 230)], "ay"] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in 31 of 1000 samples"):
        read_recording(frame, **SAID, rate_hz=50, times="resample")
    (sensor,) = read_recording(frame, **SAID, rate_hz=50, times="resample", nan="mask").sensors
    assert 29 <= (~sensor.valid).sum() <= 31
    assert sensor.valid[48:53].all()


def test_ignore_takes_the_rate_alone():
    frame = uneven(0.009)
    (sensor,) = read_recording(frame, **SAID, rate_hz=50, times="ignore").sensors
    np.testing.assert_array_equal(sensor.acc, frame[["ax", "ay", "az"]])
    with pytest.raises(ValueError, match="the sampling rate is not known"):
        read_recording(frame, **SAID, times="ignore")


@pytest.mark.parametrize(
    ("change", "said", "message"),
    [
        (lambda f: f, {"times": "even?"}, 'times must be one of "even", "resample", "ignore"'),
        (
            lambda f: f,
            {"times": "ignore", "time_column": "timestamp_ms", "rate_hz": 50},
            "leave one of the two",
        ),
        (lambda f: f.drop(columns="timestamp_ms"), {"times": "resample"}, r"needs a time column, found 'ax'"),
        (
            lambda f: f,
            {"times": "resample", "rate_hz": 110},
            r"expected a grid of 25 to 100 Hz .* rate_hz=110",
        ),
        (lambda f: f, {"times": "resample", "rate_hz": 20}, r"expected a grid of 25 to 100 Hz .* rate_hz=20"),
        (
            lambda f: f.assign(timestamp_ms=f.timestamp_ms // 200 * 200),
            {"times": "resample", "rate_hz": 50},
            r"9\d\d of 1000 time stamps repeat .*times=\"ignore\"",
        ),
        (lambda f: f.iloc[::-1], {"times": "resample"}, "time does not increase at row 1; sort"),
    ],
)
def test_what_cannot_be_resampled(change, said, message):
    with pytest.raises(ValueError, match=message):
        read_recording(change(uneven()), **SAID, **said)


def test_a_few_repeated_stamps_are_left_out_and_counted(caplog):
    frame = uneven()
    twice = pd.concat([frame, frame.iloc[[5, 70]]]).sort_values("timestamp_ms", kind="stable")
    with caplog.at_level(logging.INFO, logger="anymo"):
        (sensor,) = read_recording(twice, **SAID, rate_hz=50, times="resample").sensors
    assert "2 rows left out that have the time of the one before" in caplog.messages[0]
    (known,) = read_recording(frame, **SAID, rate_hz=50, times="resample").sensors
    np.testing.assert_array_equal(sensor.acc, known.acc)
