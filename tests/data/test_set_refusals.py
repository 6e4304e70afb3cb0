"""What a user's files may get wrong without a number looking odd: each is refused, or rightly read."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from test_set_layouts import G, check, load, raw, still, write, write_unimts

from anymo.data.sets import DatasetSpec, load_files
from anymo.data.sets.layouts import Layouts, Matlab, Segments, Sensor, Tables
from anymo.data.sets.spec import read_spec

COLUMNS = ("ax", "ay", "az")


def mine(**layout: Tables | Matlab | Segments) -> DatasetSpec:
    """A set of one's own: acceleration in g at 50 Hz."""
    return DatasetSpec(
        name="mine", rate_hz=50.0, acc_unit="g", gravity="included",
        words={"walk": "walking", "sit": "sitting still"}, layouts=Layouts(**layout),  # type: ignore[arg-type]
    )  # fmt: skip


def tables(path: str = "", **facts: object) -> Tables:
    sensors = tuple(Sensor(name=n, placement=f"{n} wrist", columns=COLUMNS) for n in ("left", "right"))
    return Tables(**({"files": "*.csv", "path": path, "sensors": sensors} | facts))  # type: ignore[arg-type]


def csv(file: Path, seed: int, num: int = 300) -> None:
    write(file, pd.DataFrame(still(seed, num)[:, :3] / G, columns=COLUMNS), header=True)


def test_rows_longer_than_the_header_are_not_shifted(tmp_path: Path) -> None:
    spec = mine(tables=replace(tables(label="what"), sensors=(Sensor(placement="head", columns=COLUMNS),)))
    rows = [",".join(f"{v:.6f}" for v in row) for row in still(1)[:, :3] / G]
    file = tmp_path / "a.csv"
    file.write_text("ax,ay,az,what\n" + "\n".join(f"{row},walk," for row in rows))
    check(load_files(spec, tmp_path), 0, ("head", still(1)[:, :3]), label="walk", subject="")
    file.write_text("ax,ay,az,what\n" + "\n".join(f"0,{row},walk" for row in rows))
    with pytest.raises(
        ValueError, match=r"a\.csv: expected a text table .*a name for each or `header: false`"
    ):
        load_files(spec, tmp_path)


def test_a_number_is_a_place_and_no_name(tmp_path: Path) -> None:
    sensors = (Sensor(placement="head", columns=(0, 1, 2)),)
    table = pd.DataFrame(still(1)[:, :3] / G, columns=["0", "1", "2"]).assign(what="walk")
    write(tmp_path / "a.csv", table, header=True)
    spec = mine(tables=replace(tables(label="what"), sensors=sensors))
    check(load_files(spec, tmp_path), 0, ("head", still(1)[:, :3]), label="walk", subject="")
    table.insert(0, "time", np.arange(300) / 50)
    write(tmp_path / "a.csv", table, header=True)
    with pytest.raises(
        ValueError, match=r"column 0 is counted from 0, but the header has that name elsewhere"
    ):
        load_files(spec, tmp_path)


def test_sensors_with_files_of_their_own_are_joined_once(tmp_path: Path) -> None:
    spec = mine(tables=tables(r"(?P<sensor>left|right)_(?P<label>[a-z]+)"))
    csv(tmp_path / "left_walk_1.csv", 1)
    csv(tmp_path / "right_walk_1.csv", 2)
    (both,) = load_files(spec, tmp_path).recordings
    assert [s.placement for s in both.sensors] == ["left wrist", "right wrist"]
    csv(tmp_path / "left_walk_2.csv", 3)
    with pytest.raises(
        ValueError, match=r"left_walk_2.csv\[.*'left wrist' once at a moment, but left_walk_1"
    ):
        load_files(spec, tmp_path)
    told = mine(tables=tables(r"(?P<sensor>left|right)_(?P<label>[a-z]+)_(?P<trial>\d)"))
    assert [len(r.sensors) for r in load_files(told, tmp_path).recordings] == [2, 1]


def test_matrices_of_one_moment_are_joined(tmp_path: Path) -> None:
    places = tuple(Sensor(name=n, placement=f"{n} wrist", columns=(0, 1, 2)) for n in ("left", "right"))
    layout = Matlab(
        files="*.mat", path=r"(?P<label>walk|sit)_(?P<sensor>\w+)\.mat", variable="x", sensors=places
    )
    for k, name in enumerate(("left", "right")):
        savemat(tmp_path / f"walk_{name}.mat", {"x": still(k)[:, :3] / G})
    worn = [(f"{name} wrist", still(k)[:, :3]) for k, name in enumerate(("left", "right"))]
    loaded = load_files(mine(matlab=layout), tmp_path)
    check(loaded, 0, *worn, label="walk", subject="")
    assert loaded.report.num_recordings == 1
    (tmp_path / "sit_left.mat").write_bytes(b"")
    with pytest.raises(ValueError, match=r"sit_left.mat: expected a numeric matrix 'x' in a .mat file"):
        load_files(mine(matlab=layout), tmp_path)


@pytest.mark.parametrize("change", [{"delimiter": "::"}, {"delimiter": ""}, {"comment": "//"}])
def test_signs_between_columns(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"expected a `delimiter` of one sign, auto, tab or whitespace"):
        tables(label="what", **change)


def test_an_unknown_label_comes_with_a_remedy(tmp_path: Path) -> None:
    csv(tmp_path / "left_run.csv", 1)
    with pytest.raises(
        ValueError, match=r"label of walk, sit, got 'run'; add it to `words`, `codes` or `left"
    ):
        load_files(mine(tables=tables(r"(?P<sensor>left|right)_(?P<label>[a-z]+)")), tmp_path)


def test_segments_that_lack_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", data=still(1), seg_start=[0], seg_len=[300], label=["walk"])
    spec = mine(segments=Segments(file="all.npz", sensors=(Sensor(name="w", placement="left wrist"),)))
    with pytest.raises(ValueError, match=r"all.npz: expected data, .*got no subject, placement, rec, hz"):
        load_files(spec, tmp_path)


def test_labels_and_padding_in_the_format_of_unimts(tmp_path: Path) -> None:
    folder = tmp_path / "UCIHAR"
    values = np.zeros((1, 300, 9))
    values[0, :200, [6, 7, 8, 3, 4, 5]] = raw(still(1, 200), G).T
    write_unimts(folder, values, [1], 6)
    words = {str(k): [f"thing_{k}"] for k in range(5)} | {"5": "no list"}
    (folder / "UCIHAR.json").write_text(json.dumps({"label_dictionary": words}))
    loaded = load("uci_har", folder, "unimts")
    assert loaded.spec.labels[4:] == ("thing 4", "no list")
    (sensor,) = loaded.recordings[0].sensors
    assert np.flatnonzero(~sensor.valid).tolist() == list(range(200, 300))  # filled up with zeros
    assert loaded.report.missing_samples == 100
    np.testing.assert_allclose(sensor.acc[:200], still(1, 200)[:, :3], atol=2e-5)
    (folder / "UCIHAR.json").write_text(json.dumps({"label_dictionary": words | {"5": ["thing", "0"]}}))
    with pytest.raises(ValueError, match=r"set uci_har: expected different words for each code"):
        load("uci_har", folder, "unimts")


def test_mm_fit_knows_its_workouts(tmp_path: Path) -> None:
    (tmp_path / "w21").mkdir()
    (tmp_path / "w21" / "w21_labels.csv").write_text("0,29,10,squats\n")
    with pytest.raises(ValueError, match=r"w21_labels.csv: expected a folder w00 to w20, got 'w21'"):
        load("mm_fit", tmp_path)


def test_semicolons_and_decimal_commas_as_read_recording_takes_them(tmp_path: Path) -> None:
    table = pd.DataFrame(still(1)[:, :3] / G, columns=COLUMNS).assign(
        t=np.arange(300) / 50, what="walk, fast"
    )
    table.to_csv(tmp_path / "a.csv", index=False, sep=";", decimal=",")
    assert "0,02;walk, fast" in (tmp_path / "a.csv").read_text()
    one = (Sensor(placement="head", columns=COLUMNS),)
    for delimiter in ("auto", ";"):
        layout = replace(tables(label="what", time="t"), sensors=one, delimiter=delimiter)
        spec = replace(mine(tables=layout), codes={"walk, fast": "walk"})
        check(load_files(spec, tmp_path), 0, ("head", still(1)[:, :3]), label="walk", subject="")


@pytest.mark.parametrize("unit", ["m/s²", "m/s2", "m/s^2"])
def test_units_are_spelt_as_read_recording_takes_them(tmp_path: Path, unit: str) -> None:
    pd.DataFrame(still(1)[:, :3], columns=COLUMNS).to_csv(tmp_path / "walk.csv", index=False)
    layout = replace(tables(r"(?P<label>\w+)\.csv"), sensors=(Sensor(placement="head", columns=COLUMNS),))
    spec = replace(mine(tables=layout), acc_unit=unit)
    check(load_files(spec, tmp_path), 0, ("head", still(1)[:, :3]), label="walk", subject="")
    with pytest.raises(ValueError, match=r"set 'mine': acc_unit must be one of \"g\", \"m/s\^2\", got 'mg'"):
        replace(spec, acc_unit="mg")


MINE = """
name: mine
rate_hz: 50
acc_unit: g
gravity: included
words: {walk: walking}
layouts:
  tables:
    files: '*.csv'
    label: what
    delimeter: ';'
    sensors: [{placement: head, columns: [0, 1, 2]}]
"""


def test_a_mistyped_key_is_named_with_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    said = r"`layouts\.tables`: .*`delimeter`.*; expected of sensors, stated, files"
    with pytest.raises(ValueError, match=said) as error:
        read_spec(file)
    assert str(error.value).count("delimeter") == 1
    file.write_text(MINE.replace("delimeter", "delimiter").replace("placement:", "place:"))
    said = r"`layouts\.tables\.sensors\.0`: .*`place`.* expected of placement, columns"
    with pytest.raises(ValueError, match=said):
        read_spec(file)
    file.write_text(MINE.replace("delimeter", "delimiter"))
    assert read_spec(file).name == "mine"
