"""RealWorld (HAR): archives of tables, each with a clock of its own, as public readers describe them."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from test_set_layouts import check, load, still

from anymo.records import Array


def zipped(tables: dict[str, tuple[Array, Array]]) -> bytes:
    """An archive of RealWorld's tables: time stamps in s and values of each."""
    with ZipFile(content := BytesIO(), "w") as archive:
        for name, (times, values) in tables.items():
            table = pd.DataFrame(values, columns=["attr_x", "attr_y", "attr_z"])
            table.insert(0, "attr_time", np.round(1.4e12 + times * 1e3).astype(np.int64))
            archive.writestr(name, table.to_csv(index_label="id"))
    return content.getvalue()


def test_realworld_has_a_clock_for_each_table(tmp_path: Path) -> None:
    data = tmp_path / "realworld2016" / "proband3" / "data"
    data.mkdir(parents=True)
    t, chest, shin = np.arange(300) / 50, still(1), still(2)
    late = t[50:] + 0.01  # a gyroscope that begins a second later, half a step beside the other clock
    acc = {"acc_walking_2_chest.csv": (t, chest[:, :3]), "acc_walking_2_shin.csv": (t, shin[:, :3])}
    (data / "acc_walking_csv.zip").write_bytes(zipped(acc))
    between = (chest[50:-1, 3:] + chest[51:, 3:]) / 2
    gyro = {"Gyroscope_walking_2_chest.csv": (late[:-1], between)}
    (data / "gyr_walking_csv.zip").write_bytes(zipped(gyro))
    with ZipFile(data / "acc_climbingup_csv.zip", "w") as outer:  # two parts, each an archive in the archive
        for number, name in ((1, "acc_climbingup_head.csv"), (2, "acc_climbingup_2_head.csv")):
            outer.writestr(f"acc_climbingup_{number}_csv.zip", zipped({name: (t, still(number)[:, :3])}))
    loaded = load("realworld", tmp_path)
    assert [recording.label for recording in loaded.recordings] == ["climbing up"] * 2 + ["walking"]
    for k in (0, 1):
        check(loaded, k, ("head", still(k + 1)[:, :3]), label="climbing up", subject="3")
    on_chest, on_shin = loaded.recordings[2].sensors
    np.testing.assert_allclose(on_chest.acc[52:-2], chest[52:-2, :3], atol=2e-5)
    assert on_chest.gyro is not None
    middle = (between[1:-2] + between[2:-1]) / 2
    np.testing.assert_allclose(on_chest.gyro[52:-2], middle, atol=2e-5)
    assert (on_shin.placement, on_shin.gyro) == ("left shank", None)


def test_realworld_of_other_archives(tmp_path: Path) -> None:
    data = tmp_path / "proband1" / "data"
    data.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"expected proband1/data/acc_walking_csv.zip"):
        load("realworld", tmp_path)
    archive = data / "acc_lying_csv.zip"
    archive.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"acc_lying_csv.zip: expected an archive"):
        load("realworld", tmp_path)
    with ZipFile(archive, "w") as file:
        file.writestr("acc_sitting_chest.csv", "id,attr_time,attr_x,attr_y,attr_z\n")
    with pytest.raises(ValueError, match=r"expected tables such as acc_lying_chest.csv, got 'acc_sitting_"):
        load("realworld", tmp_path)
    with ZipFile(archive, "w") as file:
        file.writestr("acc_lying_chest.csv", "id,time,x\n0,1,2\n")
    with pytest.raises(ValueError, match=r"acc_lying_chest.csv: expected numbers in attr_time, attr_x"):
        load("realworld", tmp_path)
