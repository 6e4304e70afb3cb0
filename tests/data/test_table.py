import numpy as np
import pandas as pd
import pytest

from anymo.data.table import find_time, numbers, pick_channels, read_table


def named(*columns: str) -> dict[str, np.ndarray]:
    return {c: np.zeros(4) for c in columns}


@pytest.mark.parametrize(
    "columns",
    [
        ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"),
        ("ax", "ay", "az", "gx", "gy", "gz"),
        ("ax", "ay", "az", "wx", "wy", "wz"),
        ("Accelerometer_X", "Accelerometer_Y", "Accelerometer_Z", "Gyr X", "Gyr Y", "Gyr Z"),
        ("acceleration x (g)", "acceleration y (g)", "acceleration z (g)", "x_gyro", "y_gyro", "z_gyro"),
        (
            "userAcceleration.x", "userAcceleration.y", "userAcceleration.z",
            "rotationRate.x", "rotationRate.y", "rotationRate.z",
        ),
    ],
)  # fmt: skip
def test_recognised_spellings_in_any_order(columns):
    table = named("label", *reversed(columns), "heart_rate", "time")
    assert pick_channels(table, None, "it") == columns
    assert pick_channels(named(*columns[:3]), None, "it") == columns[:3]


def test_columns_not_recognised_are_listed():
    with pytest.raises(
        ValueError, match=r"it: did not recognise acc_z.*columns=\[\.\.\.\]; found 'ax', 'ay', 'foo'"
    ):
        pick_channels(named("ax", "ay", "foo"), None, "it")
    with pytest.raises(ValueError, match="did not recognise gyro_z"):
        pick_channels(named("ax", "ay", "az", "gx", "gy"), None, "it")
    with pytest.raises(ValueError, match=r"acc_x could be any of \['ax', 'linear_acc_x'\]"):
        pick_channels(named("ax", "ay", "az", "linear_acc_x"), None, "it")


def test_named_columns():
    table = named("a", "b", "c", "d")
    assert pick_channels(table, ["c", "b", "a"], "it") == ("c", "b", "a")
    with pytest.raises(ValueError, match=r"no column 'q'; found 'a', 'b', 'c', 'd'"):
        pick_channels(table, ["a", "b", "q"], "it")
    with pytest.raises(ValueError, match=r"3 \(acc x, y, z\) or 6.*got 2 names"):
        pick_channels(table, ["a", "b"], "it")


def test_time_column():
    assert find_time(named("ax", "timestamp_ms"), None, "it") == "timestamp_ms"
    assert find_time(named("ax", "Time (s)"), None, "it") == "Time (s)"
    assert find_time(named("ax", "label"), None, "it") is None
    assert find_time(named("ax", "tick"), "tick", "it") == "tick"
    with pytest.raises(ValueError, match="no time_column 'q'; found 'ax'"):
        find_time(named("ax"), "q", "it")
    with pytest.raises(ValueError, match=r"\['time', 'timestamp'\]; state time_column"):
        find_time(named("time", "timestamp"), None, "it")


def test_numbers_tell_the_first_bad_value():
    table = {
        "ax": np.array(["1.5", " -2e-1", None], dtype=object),
        "ay": np.array(["1", "lost", "x"], dtype=object),
    }
    np.testing.assert_array_equal(numbers(table, "ax", "it"), [1.5, -0.2, np.nan])
    with pytest.raises(ValueError, match="column 'ay' is not numeric: row 1 holds 'lost'; remove it"):
        numbers(table, "ay", "it")


@pytest.mark.parametrize("shape", [(10,), (10, 4), (6, 100), (2, 10, 3)])
def test_arrays_of_other_shapes(shape):
    with pytest.raises(ValueError, match=r"expected an array \(T, 3\).*one channel per column"):
        read_table(np.zeros(shape), "it")


def test_sources_that_are_none(tmp_path):
    with pytest.raises(ValueError, match=r"expected a numpy array.*got list"):
        read_table([[1, 2, 3]], "it")
    with pytest.raises(FileNotFoundError, match=r"it: no file .*check the path"):
        read_table(tmp_path / "absent.csv", "it")
    with pytest.raises(ValueError, match=r"ending in .csv, .npz, .parquet, got 'a.pkl'"):
        read_table(tmp_path / "a.pkl", "it")
    with pytest.raises(ValueError, match="names occur twice"):
        read_table(pd.DataFrame(np.zeros((3, 2)), columns=["a", "a"]), "it")


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_empty_and_broken_files(tmp_path, suffix):
    empty, broken = tmp_path / f"empty.{suffix}", tmp_path / f"broken.{suffix}"
    empty.touch()
    with pytest.raises(ValueError, match="is empty; export the recording again"):
        read_table(empty, "it")
    broken.write_bytes(b'PK\x03\x04"unclosed\n\xff\xfe')
    with pytest.raises(ValueError, match=rf"it: broken.{suffix} (does not read as|is no whole)"):
        read_table(broken, "it")


def test_no_rows_and_uneven_columns(tmp_path):
    (tmp_path / "head.csv").write_text("acc_x,acc_y,acc_z\n")
    with pytest.raises(ValueError, match="holds no samples"):
        read_table(tmp_path / "head.csv", "it")
    with pytest.raises(ValueError, match="holds no samples"):
        read_table(np.zeros((0, 3)), "it")
    np.savez(tmp_path / "uneven.npz", acc=np.zeros((5, 3)), gyro=np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"differ in length \(acc_x 5,.*gyro_x 4"):
        read_table(tmp_path / "uneven.npz", "it")
    np.savez(tmp_path / "odd.npz", acc=np.zeros((5, 3)), pose=np.zeros((5, 24, 3)))
    with pytest.raises(ValueError, match=r"entry 'pose' of odd.npz has shape \(5, 24, 3\)"):
        read_table(tmp_path / "odd.npz", "it")


def test_pickled_npz_is_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", acc=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"objects.npz does not read as npz"):
        read_table(tmp_path / "objects.npz", "it")
