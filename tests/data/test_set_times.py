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
