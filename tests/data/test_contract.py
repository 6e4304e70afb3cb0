import numpy as np
import pandas as pd
import pytest

from anymo.data import merge, read_recording
from anymo.data.table import csv_frames
from anymo.records import GRAVITY_MPS2

RATE = 50.0


def lying_and_waving(seconds: float = 6.0, rate_hz: float = RATE, seed: int = 0) -> np.ndarray:
    """(T, 6) specific force in m/s² and angular velocity in rad/s: half at rest, half waving."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    moving = t >= seconds / 2
    signal = rng.normal(0.0, 0.02, (len(t), 6))
    signal[:, 2] += GRAVITY_MPS2
    signal[moving, 0] += 6.0 * np.sin(2 * np.pi * 2.0 * t[moving])
    signal[moving, 4] += 3.0 * np.cos(2 * np.pi * 2.0 * t[moving])
    return signal


def stated(**changes):
    return {
        "acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included", "placement": "left wrist",
        "rate_hz": RATE, "name": "try",
    } | changes  # fmt: skip


NAMES = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]


@pytest.mark.parametrize("with_gyro", [True, False])
def test_every_source_gives_the_same_recording(tmp_path, with_gyro):
    num = 6 if with_gyro else 3
    array = lying_and_waving()[:, :num]
    frame = pd.DataFrame(array, columns=NAMES[:num])
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    parts = {"acc": array[:, :3]} | ({"gyro": array[:, 3:]} if with_gyro else {})
    np.savez(tmp_path / "parts.npz", **parts)
    np.savez(tmp_path / "whole.npz", array)
    np.savez(tmp_path / "columns.npz", **dict(zip(NAMES, array.T, strict=False)))
    sources = [array, frame, *sorted(tmp_path.iterdir()), str(tmp_path / "a.csv")]
    assert len(sources) == 8
    said = stated(gyro_unit="rad/s" if with_gyro else None)
    for source in sources:
        sensor = read_recording(source, **said).sensors[0]
        np.testing.assert_array_equal(sensor.acc, array[:, :3])
        if with_gyro:
            np.testing.assert_array_equal(sensor.gyro, array[:, 3:])
        else:
            assert sensor.gyro is None
        assert sensor.valid.all()
        assert (sensor.rate_hz, sensor.placement, sensor.gravity) == (RATE, "left wrist", "included")


@pytest.mark.parametrize("acc_unit", ["m/s^2", "m/s²", "m/s2", "g"])
@pytest.mark.parametrize("gyro_unit", ["rad/s", "deg/s"])
@pytest.mark.parametrize("sign", ["specific_force", "negative"])
def test_units_and_sign_come_out_si(acc_unit, gyro_unit, sign):
    truth = lying_and_waving()
    given = truth.copy()
    given[:, :3] *= (1 / GRAVITY_MPS2 if acc_unit == "g" else 1.0) * (-1 if sign == "negative" else 1)
    given[:, 3:] *= 180 / np.pi if gyro_unit == "deg/s" else 1.0
    sensor = read_recording(given, **stated(acc_unit=acc_unit, gyro_unit=gyro_unit, sign=sign)).sensors[0]
    np.testing.assert_allclose(sensor.acc, truth[:, :3], atol=1e-12)
    np.testing.assert_allclose(sensor.gyro, truth[:, 3:], atol=1e-12)
    assert sensor.acc[: len(truth) // 2, 2].mean() > 9.7


def test_file_name_names_the_recording(tmp_path):
    pd.DataFrame(lying_and_waving(), columns=NAMES).to_csv(tmp_path / "walk_3.csv", index=False)
    recording = read_recording(tmp_path / "walk_3.csv", **stated(name=""))
    assert recording.name == "walk_3"
    assert recording.source.endswith("walk_3.csv")


@pytest.mark.parametrize(("separator", "decimal"), [(";", ","), (";", "."), ("\t", "."), ("\t", ",")])
def test_a_csv_as_other_countries_write_it(tmp_path, separator, decimal):
    array = lying_and_waving()
    pd.DataFrame(array, columns=NAMES).to_csv(
        tmp_path / "a.csv", index=False, sep=separator, decimal=decimal, encoding="utf-8-sig"
    )
    sensor = read_recording(tmp_path / "a.csv", **stated()).sensors[0]
    np.testing.assert_array_equal(sensor.acc, array[:, :3])
    pieces = pd.concat(csv_frames(tmp_path / "a.csv", rows=7))
    assert list(pieces.columns) == NAMES
    np.testing.assert_array_equal(pieces.to_numpy(dtype=np.float64), array)


@pytest.mark.parametrize("extra", [",", ",walk"])
@pytest.mark.parametrize("rows", [None, 7])
def test_values_without_a_name_neither_shift_the_others_nor_are_lost(tmp_path, extra, rows):
    array = lying_and_waving()
    lines = [",".join(map(repr, row)) + extra for row in array.tolist()]
    (tmp_path / "a.csv").write_text("\n".join([",".join(NAMES), *lines]))
    if extra == ",":  # nothing is behind the last separator
        pieces = pd.concat(csv_frames(tmp_path / "a.csv", rows=rows))
        np.testing.assert_array_equal(pieces.to_numpy(dtype=np.float64), array)
        return
    with pytest.raises(ValueError, match="more values than the first line has names; name every column"):
        pd.concat(csv_frames(tmp_path / "a.csv", rows=rows))
    with pytest.raises(ValueError, match=r"a\.csv does not read as csv: rows have more values"):
        read_recording(tmp_path / "a.csv", **stated())


@pytest.mark.parametrize("text", ["2026-11-22T08:30:{:06.3f}Z", "2026-11-22 08:30:{:06.3f}+01:00"])
def test_dates_of_a_csv_give_the_rate(tmp_path, text):
    array = lying_and_waving()
    frame = pd.DataFrame(array, columns=NAMES)
    frame.insert(0, "timestamp", [text.format(k / RATE) for k in range(len(array))])
    frame.to_csv(tmp_path / "a.csv", index=False)
    sensor = read_recording(tmp_path / "a.csv", **stated(rate_hz=None)).sensors[0]
    assert sensor.rate_hz == pytest.approx(RATE)
    np.testing.assert_array_equal(sensor.acc, array[:, :3])
    frame["timestamp"] = "yesterday"
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="'timestamp' holds neither numbers nor dates in ISO 8601"):
        read_recording(tmp_path / "a.csv", **stated())


def test_gyro_can_be_left_out_by_naming_acc_columns():
    frame = pd.DataFrame(lying_and_waving(), columns=NAMES)
    recording = read_recording(frame, **stated(columns=NAMES[:3], gyro_unit=None))
    assert recording.sensors[0].gyro is None


def test_masked_nan_is_marked_and_only_there():
    array = lying_and_waving()
    array[10:13, 1] = np.nan
    array[20, 5] = np.inf
    sensor = read_recording(array, **stated(nan="mask")).sensors[0]
    assert list(np.flatnonzero(~sensor.valid)) == [10, 11, 12, 20]
    assert np.isnan(sensor.acc[~sensor.valid]).all()


# What a wrong statement is answered with: changes to the truth, wrong statement, words of the remedy.
CONTRADICTIONS = {
    "g as m/s²": (1 / GRAVITY_MPS2, 0.0, {}, r'looks like g with gravity included; state acc_unit="g"$'),
    "m/s² as g": (1.0, 0.0, {"acc_unit": "g"}, r'looks like m/s\^2 with.*; state acc_unit="m/s\^2"$'),
    "included as removed": (1.0, 0.0, {"gravity": "removed"}, r'observed 9\.8\d m/s\^2.*gravity="included"$'),
    "m/s² included as g removed": (
        1.0, 0.0, {"acc_unit": "g", "gravity": "removed"}, r'state acc_unit="m/s\^2", gravity="included"$',
    ),
    "removed as included": (1.0, GRAVITY_MPS2, {}, r'gravity was removed \(state gravity="removed"\)'),
    "milli-g": (1000 / GRAVITY_MPS2, 0.0, {}, r"looks like milli-g.*divide acc by 1000"),
    "nothing known": (1.5, 0.0, {}, r"observed 14\.7 m/s\^2: check acc_unit, gravity and the sensor"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
@pytest.mark.parametrize("with_gyro", [True, False])
def test_rest_contradiction_names_the_statement_to_change(case, with_gyro):
    scale, taken_off, wrong, remedy = CONTRADICTIONS[case]
    array = lying_and_waving()[:, : 6 if with_gyro else 3]
    array[:, 2] -= taken_off
    array[:, :3] *= scale
    with pytest.raises(ValueError, match=remedy) as error:
        read_recording(array, **stated(gyro_unit="rad/s" if with_gyro else None, **wrong))
    assert "'try'" in str(error.value)
    assert "were stated" in str(error.value)


def test_gravity_removed_passes_when_stated():
    array = lying_and_waving()
    array[:, 2] -= GRAVITY_MPS2
    assert read_recording(array, **stated(gravity="removed")).sensors[0].gravity == "removed"


@pytest.mark.parametrize(("amplitude", "tilt"), [(12.0, 0.3), (20.0, 1.2)])
def test_vigorous_movement_without_rest_passes_and_its_wrong_unit_does_not(amplitude, tilt):
    t = np.arange(500) / RATE
    swing = amplitude * np.sin(2 * np.pi * 2.5 * t)
    up = GRAVITY_MPS2 * np.stack([np.sin(tilt * np.sin(9 * t)), 0 * t, np.cos(tilt * np.sin(9 * t))], axis=1)
    acc = up + np.stack([swing, 0.4 * swing, 0.7 * swing], axis=1)
    read_recording(acc, **stated(gyro_unit=None))
    with pytest.raises(ValueError, match=r"no second is quiet.*looks like m/s\^2"):
        read_recording(acc, **stated(gyro_unit=None, acc_unit="g"))
    with pytest.raises(ValueError, match="looks like g"):
        read_recording(acc / GRAVITY_MPS2, **stated(gyro_unit=None))


def test_m_s2_without_gravity_is_not_taken_for_g_for_sure():
    """Without gyroscope and rest the two move alike, and the wrong one of them is off by a factor of ten."""
    t = np.arange(500) / RATE
    acc = np.stack([3 * np.sin(12 * t), np.sin(24 * t), 0.5 * np.cos(12 * t)], axis=1)
    either = r'acc_unit="g"\) or like m/s\^2 with gravity removed \(state gravity="removed"\)'
    with pytest.raises(ValueError, match=either):
        read_recording(acc, **stated(gyro_unit=None))
    assert read_recording(acc, **stated(gyro_unit=None, gravity="removed")).sensors[0].gravity == "removed"


def test_jumping_is_mostly_flight():
    """Median |acc| is under 0.1 g; the mean over whole jumps is g, whatever the sensor does."""
    flight = np.arange(500) % 50 < 35
    acc = np.zeros((500, 3))
    acc[:, 2] = np.where(flight, 0.5, (GRAVITY_MPS2 - 0.7 * 0.5) / 0.3)
    assert np.median(acc[:, 2]) < 0.1 * GRAVITY_MPS2
    read_recording(acc, **stated(gyro_unit=None))
    with pytest.raises(ValueError, match="looks like g"):
        read_recording(acc / GRAVITY_MPS2, **stated(gyro_unit=None))


def test_a_merry_go_round_is_no_rest():
    """On it |acc| is steady and far from 9.81; the gyroscope tells that it is no rest."""
    array = np.zeros((500, 6))
    array[:, 2], array[:, 5] = GRAVITY_MPS2, 3.0
    array[:, 0] = -1.25 * GRAVITY_MPS2
    (sensor,) = read_recording(array, **stated()).sensors
    np.testing.assert_allclose(sensor.acc, array[:, :3], rtol=1e-6)


def test_degrees_stated_as_radians():
    array = lying_and_waving()
    array[:, 3:] = 100.0
    with pytest.raises(ValueError, match=r'median \|gyro\| is 173 rad/s.*state gyro_unit="deg/s"'):
        read_recording(array, **stated())


def test_nan_is_counted_by_column():
    array = lying_and_waving()
    array[5:8, 1] = np.nan
    array[7:9, 4] = np.nan
    with pytest.raises(ValueError, match=r"4 of 300 samples \('acc_y' 3, 'gyro_y' 2\).*nan=\"mask\""):
        read_recording(array, **stated())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"acc_unit": "G"}, r'acc_unit must be one of "g", "m/s\^2", got \'G\''),
        ({"gyro_unit": "rpm"}, r'gyro_unit must be one of "rad/s", "deg/s"'),
        ({"gyro_unit": None}, r"has gyro columns but no gyro_unit.*leave the gyroscope out"),
        ({"gravity": "yes"}, r'gravity must be one of "included", "removed"'),
        ({"sign": "up"}, r'sign must be one of "specific_force", "negative"'),
        ({"nan": "zero"}, r'nan must be one of "error", "mask"'),
        ({"placement": "left writ"}, r"did you mean 'left wrist'"),
        ({"rate_hz": None}, r"sampling rate is not known; state rate_hz"),
        ({"rate_hz": 3.0}, r"rate_hz must lie between 5 and 2000 Hz, got 3"),
        ({"rate_hz": 0.0}, r"rate_hz must lie between"),
        ({"rate_hz": 1000.0}, r"lasts 0.3 s \(300 samples at 1000 Hz\); give 0.5 s or more"),
    ],
)
def test_statement_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        read_recording(lying_and_waving(), **stated(**changes))


def test_gyro_unit_without_gyro():
    with pytest.raises(ValueError, match="no gyro columns; leave it out"):
        read_recording(lying_and_waving()[:, :3], **stated())


def test_nothing_but_nan():
    with pytest.raises(ValueError, match="every sample holds NaN"):
        read_recording(np.full((100, 6), np.nan), **stated(nan="mask"))


def test_shortest_recording_is_taken():
    array = lying_and_waving()[:25]
    assert read_recording(array, **stated()).duration_s == 0.5
    with pytest.raises(ValueError, match=r"lasts 0\.48 s"):
        read_recording(array[:24], **stated())


def test_merge_joins_sensors_and_facts():
    from dataclasses import replace

    left = replace(read_recording(lying_and_waving(), **stated()), subject="7", label="wave")
    right = read_recording(lying_and_waving(rate_hz=25.0), **stated(placement="right wrist", rate_hz=25.0))
    joined = merge([right, left])
    assert [s.placement for s in joined.sensors] == ["right wrist", "left wrist"]
    assert (joined.subject, joined.label) == ("7", "wave")
    with pytest.raises(ValueError, match=r"differ in subject: \['7', '8'\]"):
        merge([left, replace(left, subject="8")])
    with pytest.raises(ValueError, match="one recording or more"):
        merge([])
    with pytest.raises(ValueError, match="two sensors are at 'left wrist'"):
        merge([left, right, left])
