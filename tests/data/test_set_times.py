"""Time stamps of a set's tables: lost rows, and stretches that go on after a gap."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_set_layouts import DEG, G, raw, still

from anymo.data.sets import DatasetSpec, load_files
from anymo.data.sets.layouts import Layouts, Sensor, Tables


def test_time_stamps_show_lost_rows(tmp_path: Path) -> None:
    signal = still(1)
    table = pd.DataFrame(raw(signal, G, DEG), columns=["ax", "ay", "az", "gx", "gy", "gz"])
    table["t"] = pd.date_range("2024-05-01 10:00", periods=300, freq="20ms")
    table.drop(index=range(100, 110)).to_csv(tmp_path / "walk.csv", index=False)
    tables = Tables(
        files="*.csv",
        path=r"(?P<label>\w+)\.csv",
        time="t",
        sensors=(Sensor(placement="head", columns=("ax", "ay", "az", "gx", "gy", "gz")),),
    )
    spec = DatasetSpec(
        name="mine", rate_hz=50.0, acc_unit="g", gyro_unit="deg/s", gravity="included",
        words={"walk": "walking"}, layouts=Layouts(tables=tables),
    )  # fmt: skip
    loaded = load_files(spec, tmp_path)
    (sensor,) = loaded.recordings[0].sensors
    assert loaded.report.missing_samples == 10
    assert np.flatnonzero(~sensor.valid).tolist() == list(range(100, 110))
    np.testing.assert_allclose(sensor.acc[200:], signal[200:, :3], atol=2e-5)
    slow = replace(spec, rate_hz=25.0)
    with pytest.raises(ValueError, match=r"rate_hz=25 contradicts the time column, which runs at 50 Hz"):
        load_files(slow, tmp_path)


def own(folder: Path, **files: pd.DataFrame) -> DatasetSpec:
    """A set of acceleration at 50 Hz with its label in a column, a file for each sensor."""
    for name, table in files.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    sensors = tuple(Sensor(name=n, placement=f"{n} wrist", columns=("ax", "ay", "az")) for n in files)
    tables = Tables(files="*.csv", path=r"(?P<sensor>\w+)\.csv", label="what", time="t", sensors=sensors)
    return DatasetSpec(
        name="mine", rate_hz=50.0, acc_unit="g", gravity="included",
        words={"walk": "walking", "sit": "sitting still"}, layouts=Layouts(tables=tables),
    )  # fmt: skip


def logged(seed: int, *gaps: tuple[int, float]) -> pd.DataFrame:
    """12 s at 50 Hz, two labels; each gap stands before a row and lasts so many seconds more."""
    table = pd.DataFrame(still(seed, 600)[:, :3] / G, columns=["ax", "ay", "az"])
    table["t"] = np.arange(600) / 50
    for row, seconds in gaps:
        table.loc[row:, "t"] += seconds
    return table.assign(what=np.repeat(["walk", "sit"], 300))


def test_a_stretch_is_cut_where_nothing_was_taken_for_long(tmp_path: Path) -> None:
    spec = own(tmp_path, left=logged(1, (100, 7200.0), (200, 0.5), (300, 60.0)))
    loaded = load_files(spec, tmp_path)
    assert [(r.label, len(r.sensors[0].acc)) for r in loaded.recordings] == [
        ("walk", 100), ("walk", 225), ("sit", 300)
    ]  # fmt: skip
    assert loaded.report.to_dict()["num_gaps"] == 1
    assert loaded.report.missing_samples == 25
    assert "cut at 1 gaps of over 1 s" in loaded.report.lines()


def test_pieces_of_several_sensors_are_joined_if_they_start_together(tmp_path: Path) -> None:
    same = own(tmp_path, left=logged(1, (100, 5.0)), right=logged(2, (100, 5.0)))
    loaded = load_files(same, tmp_path)
    assert [len(r.sensors) for r in loaded.recordings] == [2, 2, 2]
    assert loaded.report.num_gaps == 2
    other = own(tmp_path, left=logged(1, (100, 5.0)), right=logged(2, (150, 5.0)))
    loaded = load_files(other, tmp_path)
    assert sorted((r.label, len(r.sensors)) for r in loaded.recordings) == [
        ("sit", 2), ("walk", 1), ("walk", 1), ("walk", 2)
    ]  # fmt: skip


def test_time_stamps_that_are_no_clock_are_refused_and_not_cut(tmp_path: Path) -> None:
    backwards = logged(1, (100, 9.0), (150, -20.0))
    with pytest.raises(ValueError, match=r"time does not increase at row 150"):
        load_files(replace(own(tmp_path, left=backwards), max_refused=0.0), tmp_path)


def test_uneven_stamps_of_a_set_are_resampled_where_the_spec_says_so(tmp_path: Path) -> None:
    uneven = logged(1, (100, 0.5), (300, 60.0))
    uneven["t"] += np.random.default_rng(0).normal(0, 0.004, 600).clip(-0.009, 0.009)
    spec = own(tmp_path, left=uneven)
    with pytest.raises(ValueError, match=r'time stamps are irregular.*times="resample"'):
        load_files(spec, tmp_path)
    loaded = load_files(replace(spec, times="resample"), tmp_path)
    (walk, sit) = (r.sensors[0] for r in loaded.recordings)
    assert len(walk.valid) in (324, 325)
    assert 25 <= (~walk.valid).sum() <= 27
    assert sit.valid.all()
    assert loaded.report.to_dict()["resampled"] == len(walk.valid) + len(sit.valid)
    assert f"put {loaded.report.resampled} samples on an even grid by interpolation" in loaded.report.lines()
    assert spec.layouts.tables is not None
    timeless = replace(spec.layouts, tables=replace(spec.layouts.tables, time=None))
    with pytest.raises(ValueError, match=r"times: resample needs a layout `tables` with a column `time`"):
        replace(spec, times="resample", layouts=timeless)
