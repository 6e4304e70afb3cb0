"""Units and gravity that column names give, against what is stated; whole and in pieces."""

from pathlib import Path

import numpy as np
import pytest

from anymo.data import read_recording
from anymo.pipeline.pieces import Pieces

ACC = {"acc_unit": "m/s^2", "gravity": "included", "placement": "left wrist", "rate_hz": 50.0}


def file_of(folder: Path, acc: str, gyro: str = "") -> Path:
    """A watch at rest, 4 s, under such names of columns ("%" for the axis)."""
    names = [pattern.replace("%", axis) for pattern in (acc, gyro) if pattern for axis in "XYZ"]
    rows = np.tile([0.1, 0.2, 9.8, 0.01, 0.02, 0.03][: len(names)], (200, 1))
    file = folder / "watch.csv"
    np.savetxt(file, rows, delimiter=",", header=",".join(names), comments="")
    return file


@pytest.mark.parametrize(
    ("acc", "gyro", "stated", "message"),
    [
        ("User Acceleration % (m/s²)", "", {}, 'gravity="included" contradicts the column'),
        ("linAcc%", "", {}, "gravity=\"included\" contradicts the column 'linAccX'"),
        ("acc % [g]", "", {}, "acc_unit='m/s\\^2' contradicts the column 'acc X \\[g\\]'; state 'g' if"),
        ("acc % (mg)", "", {"acc_unit": "g"}, "state 'mg' if the name is right \\(or convert"),
        ("acc % (m/s2)", "gyro % (rad/s)", {"gyro_unit": "deg/s"}, "gyro_unit='deg/s' contradicts"),
        ("acc % (m/s/s)", "gyro % (dps)", {"gyro_unit": "rad/s"}, "state 'deg/s' if"),
    ],
)
def test_what_the_names_contradict_is_refused(
    tmp_path: Path, acc: str, gyro: str, stated: dict[str, str], message: str
) -> None:
    file, facts = file_of(tmp_path, acc, gyro), ACC | stated
    with pytest.raises(ValueError, match=message):
        read_recording(file, **facts)
    with pytest.raises(ValueError, match=message):
        list(Pieces(file, facts, "error"))


@pytest.mark.parametrize(
    ("acc", "gyro", "stated"),
    [
        ("acc % (m/s^2)", "gyro % (rad/s)", {"gyro_unit": "rad/s"}),
        ("Acceleration % [m/s²]", "Gyro % (raw)", {"acc_unit": "m/s²", "gyro_unit": "rad/s"}),
        ("accel%", "gyro%", {"gyro_unit": "rad/s"}),
    ],
)
def test_what_they_do_not_contradict_is_read(
    tmp_path: Path, acc: str, gyro: str, stated: dict[str, str]
) -> None:
    file, facts = file_of(tmp_path, acc, gyro), ACC | stated
    assert read_recording(file, **facts).sensors[0].acc.shape == (200, 3)
    assert sum(len(piece.positions) for piece in Pieces(file, facts, "error")) == 200


def test_named_columns_are_believed_no_more(tmp_path: Path) -> None:
    file = file_of(tmp_path, "wrist % (g)")
    with pytest.raises(ValueError, match="contradicts the column 'wrist X"):
        read_recording(file, columns=[f"wrist {axis} (g)" for axis in "XYZ"], **ACC)


def two_worn(folder: Path) -> Path:
    """A watch and a phone in one file, as `anymo simulate` writes them; the phone reads half as much."""
    rows = np.tile([0.0, 4.9, 0.0, 0.01, 0.0, 0.0, 0.1, 0.2, 9.8, 0.01, 0.02, 0.03], (200, 1)) * (
        [2.0] * 6 + [1.0] * 6
    )
    names = [f"{p}_{k}_{x}" for p in ("right_hip", "left_wrist") for k in ("acc", "gyro") for x in "xyz"]
    np.savetxt(folder / "worn.csv", rows, delimiter=",", header=",".join(names), comments="")
    return folder / "worn.csv"


def test_several_sensors_of_one_file(tmp_path: Path) -> None:
    file, stated = two_worn(tmp_path), ACC | {"gyro_unit": "rad/s"}
    read = read_recording(file, **stated | {"placement": ["Left wrist", "right hip"]})
    assert [s.placement for s in read.sensors] == ["Left wrist", "right hip"]
    np.testing.assert_allclose(read.sensors[0].acc[0], [0.1, 0.2, 9.8])
    np.testing.assert_allclose(read.sensors[1].acc[0], [0.0, 9.8, 0.0])
    names = [f"left_wrist_{k}_{x}" for k in ("acc", "gyro") for x in "xyz"]
    alone = read_recording(file, columns=names, **stated)
    np.testing.assert_array_equal(alone.sensors[0].gyro, read.sensors[0].gyro)
    named = [f"{p}_acc_{x}" for p in ("left_wrist", "right_hip") for x in "xyz"]
    acc = read_recording(file, columns=named, **ACC | {"placement": ["left wrist", "right hip"]})
    assert [s.gyro for s in acc.sensors] == [None, None]


@pytest.mark.parametrize(
    ("placement", "columns", "message"),
    [
        (["left wrist", "Wrist, left"], None, "expected placements, each once"),
        ([], None, "expected placements, each once"),
        (["left wrist", "chest"], None, "no column begins with 'chest'"),
        (["left wrist", "right hip"], [f"left_wrist_acc_{x}" for x in "xyz"], "as many for each of 2"),
        (["left wrist", "right hip"], [], "as many for each of 2"),
        ("left wrist", ["left_wrist_acc_x"] * 3, "got 'left_wrist_acc_x' twice"),
        (None, None, "placement expected a name such as 'left wrist', got None"),
    ],
)
def test_what_is_not_of_several_is_refused(
    tmp_path: Path, placement: object, columns: list[str] | None, message: str
) -> None:
    stated = ACC | {"gyro_unit": "rad/s", "placement": placement}
    with pytest.raises(ValueError, match=message):
        read_recording(two_worn(tmp_path), columns=columns, **stated)


def test_pieces_are_of_one_sensor(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="expected one sensor in what is read in pieces, got left wrist, right hip"
    ):
        Pieces(two_worn(tmp_path), ACC | {"placement": ["left wrist", "right hip"]}, "error")


def test_a_suffix_in_capitals(tmp_path: Path) -> None:
    file = file_of(tmp_path, "acc%")
    loud = file.rename(file.with_suffix(".CSV"))
    assert read_recording(loud, **ACC).name == "watch"
    assert sum(len(piece.positions) for piece in Pieces(loud, ACC, "error")) == 200
