"""Acc and gyro in files of their own, as phone loggers write them: one table, by their times."""

import logging

import numpy as np
import pandas as pd
import pytest

from anymo.data import join_by_time, read_recording

STATED = {"acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included", "placement": "left wrist"}
START = 1_700_000_000


def acc_at(seconds):
    swing = np.sin(2 * np.pi * 0.7 * np.asarray(seconds))
    return np.stack([swing, 0.3 * swing, 9.81 + 0.2 * swing], axis=1)


def gyro_at(seconds):
    swing = np.sin(2 * np.pi * 0.7 * np.asarray(seconds) + 0.5)
    return 0.05 * np.stack([swing, -swing, 0.5 * swing], axis=1)


def clocks(num=1000):
    """Seconds of acc at 50 Hz and gyro at 52 Hz, uneven, 0.3 s apart."""
    rng = np.random.default_rng(0)
    return tuple(
        late + np.arange(n) / rate + rng.uniform(-0.004, 0.004, n)
        for late, rate, n in ((0.1, 50.0, num), (0.4, 52.0, num))
    )


def logger_files(folder, acc_s, gyro_s):
    """Sensor Logger's: ns since 1970, seconds, and z, y, x."""
    for name, seconds, values in (("Accelerometer", acc_s, acc_at), ("Gyroscope", gyro_s, gyro_at)):
        frame = pd.DataFrame(values(seconds)[:, ::-1], columns=["z", "y", "x"])
        frame.insert(0, "seconds_elapsed", seconds)
        frame.insert(0, "time", np.round(1e9 * seconds).astype(np.int64) + START * 1_000_000_000)
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder / "Accelerometer.csv", folder / "Gyroscope.csv"


def test_two_files_of_a_logger(tmp_path, caplog):
    acc_s, gyro_s = clocks()
    with caplog.at_level(logging.INFO, logger="anymo"):
        both = join_by_time(*logger_files(tmp_path, acc_s, gyro_s), rate_hz=50)
    zero_s = max(acc_s[0], gyro_s[0])
    assert list(both)[:6] == ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]
    np.testing.assert_allclose(both.time, np.arange(len(both)) / 50)
    assert zero_s + both.time.iloc[-1] == pytest.approx(min(acc_s[-1], gyro_s[-1]), abs=0.02)
    np.testing.assert_allclose(both.iloc[:, :3], acc_at(zero_s + both.time), atol=0.01)
    np.testing.assert_allclose(both.iloc[:, 3:6], gyro_at(zero_s + both.time), atol=0.001)
    (line,) = caplog.messages
    assert "'Accelerometer': joined 1000 rows of acc and 1000 of gyro by interpolation" in line
    assert f"{len(both)} samples and 0 missing ones" in line
    (sensor,) = read_recording(both, **STATED).sensors
    assert sensor.valid.all()
    assert sensor.rate_hz == pytest.approx(50.0)


def test_columns_and_clocks_of_other_names_and_units():
    acc_s, gyro_s = clocks()
    acc = pd.DataFrame(acc_at(acc_s), columns=["Acceleration x (m/s^2)", "Acceleration y (m/s^2)", "c"])
    acc["when"] = pd.to_datetime(1e9 * (START + acc_s)).astype(str)
    gyro = pd.DataFrame(gyro_at(gyro_s), columns=["u", "v", "w"]).assign(ms=1e3 * (START + gyro_s))
    known = join_by_time(
        pd.DataFrame(acc_at(acc_s), columns=["ax", "ay", "az"]).assign(t=acc_s),
        pd.DataFrame(gyro_at(gyro_s), columns=["gx", "gy", "gz"]).assign(t=gyro_s),
        rate_hz=50,
    )
    both = join_by_time(
        acc, gyro, columns=[*acc.columns[:3], "u", "v", "w"], time_columns=["when", "ms"], rate_hz=50
    )
    assert len(both) == len(known)
    np.testing.assert_allclose(both, known, atol=1e-4)


def test_holes_of_either_are_missing(tmp_path):
    acc_s, gyro_s = clocks()
    both = join_by_time(
        *logger_files(tmp_path, np.delete(acc_s, range(200, 220)), np.delete(gyro_s, range(600, 640))),
        rate_hz=50,
    )
    (sensor,) = read_recording(both, **STATED).sensors
    zero_s = max(acc_s[0], gyro_s[0])
    at_s = zero_s + np.flatnonzero(~sensor.valid) / 50
    in_acc = (at_s > acc_s[199] - 0.01) & (at_s < acc_s[220] + 0.01)
    in_gyro = (at_s > gyro_s[599] - 0.01) & (at_s < gyro_s[640] + 0.01)
    assert (in_acc | in_gyro).all()
    assert 19 <= in_acc.sum() <= 21
    assert 37 <= in_gyro.sum() <= 40


@pytest.mark.parametrize(
    ("late_s", "change", "said", "message"),
    [
        (3600.0, {}, {}, r"acc and gyro of one moment, .* share 0.00 s .* shift the time stamps"),
        (0.0, {"x": "pitch"}, {}, r"'a', gyro: expected three columns gyro x, y, z, got none that is among"),
        (0.0, {"time": "clock"}, {}, r"'a', gyro: times=\"resample\" needs a time column"),
        (0.0, {}, {"columns": ["x", "y", "z"]}, r"columns: expected 6 names, of acc first"),
        (0.0, {}, {"columns": ["x", "y", "z", "x", "y", "q"]}, r"gyro x, y, z, got \['x', 'y', 'q'\] among"),
        (0.0, {}, {"time_columns": "time"}, r"time_columns: expected 2 names, of acc first, got 'time'"),
        (0.0, {}, {"rate_hz": 20}, r"expected a grid of 2\d.* to 1\d\d.* Hz .* got rate_hz=20"),
    ],
)
def test_what_cannot_be_joined(tmp_path, late_s, change, said, message):
    acc_s, gyro_s = clocks(300)
    acc, gyro = (pd.read_csv(file) for file in logger_files(tmp_path, acc_s, gyro_s + late_s))
    with pytest.raises(ValueError, match=message):
        join_by_time(acc, gyro.rename(columns=change), name="a", **said)


def test_a_gyroscopes_file_alone_says_how_to_join(tmp_path):
    gyro = pd.DataFrame(gyro_at(np.arange(100) / 50), columns=["gx", "gy", "gz"]).assign(
        t=np.arange(100) / 50
    )
    with pytest.raises(ValueError, match=r"did not recognise acc_x.*anymo\.data\.join_by_time"):
        read_recording(gyro, **STATED)
