"""Files of each raw layout, written as the sets' documents say, come back as recordings in SI units."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from anymo.data.sets import NAMES, DatasetSpec, LoadedSet, load_files, spec_named
from anymo.data.sets.layouts import Layouts, Sensor, Tables, UniMts
from anymo.data.sets.loading import read_set
from anymo.data.test_sets import read_test_set
from anymo.records import GRAVITY_MPS2, Array

G, DEG = GRAVITY_MPS2, np.pi / 180.0


def still(seed: int, num: int = 300) -> Array:
    """(num, 6) a sensor that hardly moves: m/s² and rad/s."""
    rng = np.random.default_rng(seed)
    up = rng.normal(size=3)
    acc = G * up / np.linalg.norm(up) + 0.05 * rng.normal(size=(num, 3))
    return np.hstack([acc, 0.02 * rng.normal(size=(num, 3))])


def raw(signal: Array, acc: float = 1.0, gyro: float = 1.0) -> Array:
    """The signal in other units: so many m/s² and rad/s are 1."""
    return signal / np.repeat([acc, gyro], 3)


def wide(num_columns: int, *parts: tuple[Sequence[int], Array], rows: int = 300) -> Array:
    table = np.full((rows, num_columns), 7.5)
    for columns, values in parts:
        table[:, list(columns)] = values[:, : len(columns)] if values.ndim > 1 else values[:, None]
    return table


def write(file: Path, table: Array | pd.DataFrame, sep: str = ",", header: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(table).to_csv(file, sep=sep, header=header, index=False)


def check(loaded: LoadedSet, number: int, *expected: tuple[str, Array], label: str, subject: str) -> None:
    recording = loaded.recordings[number]
    assert (recording.label, recording.subject) == (label, subject)
    assert recording.text == loaded.spec.words[label]
    assert [s.placement for s in recording.sensors] == [placement for placement, _ in expected]
    for sensor, (_, signal) in zip(recording.sensors, expected, strict=True):
        np.testing.assert_allclose(sensor.acc, signal[:, :3], atol=2e-5)
        if signal.shape[1] == 6:
            np.testing.assert_allclose(sensor.gyro, signal[:, 3:], atol=2e-5)
        else:
            assert sensor.gyro is None


def load(name: str, folder: Path, layout: str | None = None) -> LoadedSet:
    return read_set(spec_named(name), folder, layout)


def test_pamap2(tmp_path: Path) -> None:
    hand, chest, ankle = still(1), still(2), still(3)
    codes = np.repeat([0, 4, 1], 100)
    table = wide(54, ([4, 5, 6, 10, 11, 12], hand), ([21, 22, 23, 27, 28, 29], chest),
                 ([38, 39, 40, 44, 45, 46], ankle), ([1], codes))  # fmt: skip
    table[150, 4:17] = np.nan  # a lost packet of the hand
    file = tmp_path / "PAMAP2_Dataset" / "Protocol" / "subject105.dat"
    file.parent.mkdir(parents=True)
    pd.DataFrame(table).to_csv(file, sep=" ", header=False, index=False, na_rep="NaN")
    loaded = load("pamap2", tmp_path)
    assert [r.label for r in loaded.recordings] == ["walking", "lying"]
    worn = [("right wrist", hand), ("chest", chest), ("right ankle", ankle)]
    check(loaded, 1, *((p, s[200:]) for p, s in worn), label="lying", subject="105")
    assert not loaded.recordings[0].sensors[0].valid[50]
    assert loaded.recordings[0].sensors[1].valid.all()
    report = loaded.report
    assert (report.num_recordings, report.num_sensors, report.missing_samples) == (2, 6, 1)
    assert (dict(report.left_out), report.samples_out) == ({"labelled 0, no part of the protocol": 1}, 100)


def test_axes_that_are_mirrored_or_exchanged(tmp_path: Path) -> None:
    """Columns along y, -x and z are read as x, y, z, of named columns and of numbered ones."""
    signal = still(4)
    table = pd.DataFrame(signal[:, [1, 0, 2, 4, 3, 5]] * [1, -1, 1, 1, -1, 1], columns=list("abcdef"))
    write(tmp_path / "walk.csv", table, header=True)
    for columns in (tuple("abcdef"), tuple(range(6))):
        worn = Sensor(placement="head", columns=columns, axes=("y", "-x", "z"))
        tables = Tables(files="*.csv", path=r"(?P<label>\w+)\.csv", sensors=(worn,))
        spec = DatasetSpec(
            name="mine", rate_hz=50.0, acc_unit="m/s^2", gyro_unit="rad/s", gravity="included",
            words={"walk": "walking"}, layouts=Layouts(tables=tables),
        )  # fmt: skip
        check(load_files(spec, tmp_path), 0, ("head", signal), label="walk", subject="")
    np.testing.assert_allclose(worn.turned(table.to_numpy()), signal)
    with pytest.raises(
        ValueError, match=r"'head': expected axes such as \[x, -y, z\].* got \['x', 'x', 'z'\]"
    ):
        replace(worn, axes=("x", "x", "z"))
    with pytest.raises(ValueError, match="expected columns beside axes"):
        Sensor(placement="head", axes=("-x", "y", "z"))


def test_usc_had(tmp_path: Path) -> None:
    signal = still(1)
    file = tmp_path / "USC-HAD" / "Subject3" / "a5t2.mat"
    file.parent.mkdir(parents=True)
    savemat(file, {"sensor_readings": raw(signal, G, DEG), "activity_numbr": "5"})
    check(load("usc_had", tmp_path), 0, ("right hip", signal), label="walking downstairs", subject="3")
    savemat(file, {"readings": signal})
    with pytest.raises(ValueError, match=r"Subject3/a5t2.mat: expected a numeric matrix 'sensor_readings'"):
        load("usc_had", tmp_path)
    savemat(file, {"sensor_readings": signal[:, :5]})
    with pytest.raises(ValueError, match=r"expected a matrix with columns \[0, 1, 2, 3, 4, 5\] .*\(300, 5\)"):
        load("usc_had", tmp_path)


def test_utd_mhad_is_worn_on_wrist_or_thigh(tmp_path: Path) -> None:
    wrist, thigh = still(1), still(2)
    savemat(tmp_path / "a21_s2_t1_inertial.mat", {"d_iner": raw(wrist, G, DEG)})
    savemat(tmp_path / "a27_s8_t4_inertial.mat", {"d_iner": raw(thigh, G, DEG)})
    loaded = load("utd_mhad", tmp_path)
    check(loaded, 0, ("right wrist", wrist), label="pickup and throw", subject="2")
    check(loaded, 1, ("right thigh", thigh), label="squat", subject="8")


def test_uci_har(tmp_path: Path) -> None:
    signals = {split: np.stack([still(k + seed, 128) for k in range(3)])
               for split, seed in (("train", 0), ("test", 10))}  # fmt: skip
    for split, values in signals.items():
        for c, name in enumerate(f"{kind}_{axis}" for kind in ("total_acc", "body_gyro") for axis in "xyz"):
            rows = values[:, :, c] / (G if c < 3 else 1.0)
            write(tmp_path / split / "Inertial Signals" / f"{name}_{split}.txt", rows, " ")
        write(tmp_path / split / f"y_{split}.txt", np.array([1, 5, 6]))
        write(tmp_path / split / f"subject_{split}.txt", np.array([1, 1, 30]))
    loaded = load("uci_har", tmp_path)
    assert len(loaded.recordings) == 6
    check(loaded, 5, ("waist", signals["test"][2]), label="laying", subject="30")
    write(tmp_path / "test" / "y_test.txt", np.array([1, 5]))
    with pytest.raises(ValueError, match="differ in length"):
        load("uci_har", tmp_path)


def test_hapt_originals(tmp_path: Path) -> None:
    signal = still(1)
    write(tmp_path / "RawData" / "acc_exp07_user04.txt", signal[:, :3] / G, " ")
    write(tmp_path / "RawData" / "gyro_exp07_user04.txt", signal[:, 3:], " ")
    write(tmp_path / "RawData" / "labels.txt", np.array([[7, 4, 5, 1, 120], [7, 4, 7, 121, 300]]), " ")
    loaded = read_test_set("hapt", tmp_path, "original")
    check(loaded, 0, ("waist", signal[:120]), label="standing", subject="4")
    assert loaded.report.samples_out == 180


def test_opportunity(tmp_path: Path) -> None:
    places = ("upper back", "right upper arm", "right forearm", "left upper arm", "left forearm")
    signals = [still(k) for k in range(5)]
    parts = [(range(37 + 13 * k, 43 + 13 * k), raw(s, G / 1000, 1e-3)) for k, s in enumerate(signals)]
    write(tmp_path / "dataset" / "S2-ADL4.dat", wide(250, *parts, ([243], np.repeat([5, 0], 150))), " ")
    loaded = load("opportunity", tmp_path)
    worn = [(p, s[:150]) for p, s in zip(places, signals, strict=True)]
    check(loaded, 0, *worn, label="lie", subject="2")


def test_wisdm_rows_end_with_a_semicolon(tmp_path: Path) -> None:
    signal = still(1)
    file = tmp_path / "wisdm-dataset" / "raw" / "watch" / "accel" / "data_1600_accel_watch.txt"
    file.parent.mkdir(parents=True)
    codes = ["A"] * 150 + ["S"] * 150
    lines = [
        f"1600,{c},{k},{x},{y},{z};"
        for k, (c, (x, y, z)) in enumerate(zip(codes, signal[:, :3], strict=True))
    ]
    file.write_text("\n".join(lines) + "\n")
    loaded = load("wisdm", tmp_path)
    check(loaded, 1, ("right wrist watch", signal[150:, :3]), label="folding", subject="1600")


def test_dsads_originals(tmp_path: Path) -> None:
    signals = [still(k, 125) for k in range(5)]
    table = wide(45, *((range(9 * k, 9 * k + 6), s) for k, s in enumerate(signals)), rows=125)
    write(tmp_path / "data" / "a17" / "p8" / "s60.txt", table)
    loaded = read_test_set("dsads", tmp_path, "tables")
    places = ("chest", "right wrist", "left wrist", "right shank", "left shank")
    check(loaded, 0, *zip(places, signals, strict=True), label="rowing", subject="8")


def test_mhealth(tmp_path: Path) -> None:
    chest, ankle, wrist = still(1), still(2), still(3)
    table = wide(24, (range(3), chest), (range(5, 11), raw(ankle, 1.0, DEG)),
                 (range(14, 20), raw(wrist, 1.0, DEG)), ([23], np.full(300, 9)))  # fmt: skip
    write(tmp_path / "mHealth_subject10.log", table, "\t")
    worn = [("chest", chest[:, :3]), ("left ankle", ankle), ("right wrist", wrist)]
    check(load("mhealth", tmp_path), 0, *worn, label="cycling", subject="10")


@pytest.mark.parametrize(
    ("name", "file", "subject"), [("harth", "S006", "S006"), ("har70plus", "501", "501")]
)
def test_trondheim(tmp_path: Path, name: str, file: str, subject: str) -> None:
    back, thigh = still(1)[:, :3], still(2)[:, :3]
    columns = ["timestamp", *(f"{p}_{a}" for p in ("back", "thigh") for a in "xyz"), "label"]
    table = np.hstack([np.zeros((300, 1)), back / G, thigh / G, np.repeat([[1], [8]], 150, axis=0)])
    write(tmp_path / f"{file}.csv", pd.DataFrame(table, columns=columns), header=True)
    loaded = load(name, tmp_path)
    check(loaded, 1, ("lower back", back[150:]), ("right thigh", thigh[150:]), label="lying", subject=file)


def test_motionsense_turns_the_sign(tmp_path: Path) -> None:
    signal = still(1)
    gravity = np.tile(-signal[:1, :3], (300, 1)) / G
    user = -signal[:, :3] / G - gravity
    names = [f"{what}.{a}" for what in ("gravity", "rotationRate", "userAcceleration") for a in "xyz"]
    table = pd.DataFrame(np.hstack([gravity, signal[:, 3:], user]), columns=names)
    write(tmp_path / "A_DeviceMotion_data" / "ups_12" / "sub_7.csv", table, header=True)
    check(
        load("motionsense", tmp_path),
        0,
        ("front right trouser pocket phone", signal),
        label="upstairs",
        subject="7",
    )


def test_shoaib_and_its_misspelt_label(tmp_path: Path) -> None:
    signals = [still(k) for k in range(5)]
    table = pd.DataFrame(np.full((300, 69), 7.5))
    for k, s in enumerate(signals):
        table.iloc[:, [14 * k + c for c in (1, 2, 3, 7, 8, 9)]] = s
    table[69] = ["upsatirs"] * 300
    write(tmp_path / "Participant_4.csv", table)
    file = tmp_path / "Participant_4.csv"
    file.write_text("," * 69 + "\n" + ",".join(["Ax"] * 69) + ",\n" + file.read_text())
    places = ("front left trouser pocket phone", "front right trouser pocket phone", "right wrist",
              "right upper arm", "right hip")  # fmt: skip
    check(load("shoaib", tmp_path), 0, *zip(places, signals, strict=True), label="upstairs", subject="4")


def test_w_har_and_its_short_header(tmp_path: Path) -> None:
    signal = still(1)
    table = pd.DataFrame(wide(10, (range(4, 10), raw(signal, G, DEG)), ([1], np.repeat([3, 25], 150))))
    table[1] = table[1].astype(int)
    table[10] = ["walk"] * 130 + ["transition"] * 20 + ["walk"] * 150
    file = tmp_path / "raw_data" / "motion_data_22_users.csv"
    write(file, table)
    file.write_text("Time (s),User,Scenerio,Trial,Ax,Ay,Az,GyroX,GyroY,GyroZ\n" + file.read_text())
    loaded = load("w_har", tmp_path)
    assert [r.subject for r in loaded.recordings] == ["3", "25"]
    check(loaded, 1, ("right ankle", signal[150:]), label="walk", subject="25")


def test_ut_complex_joins_pocket_and_wrist(tmp_path: Path) -> None:
    signals = {"pocket": still(1), "wrist": still(2)}
    for place, signal in signals.items():
        parts = [(range(1, 4), signal[:, :3]), (range(7, 10), signal[:, 3:])]
        table = wide(14, *parts, ([13], np.repeat([11111, 11122], 150)))
        write(tmp_path / f"smartphoneat{place}.csv", table)
    loaded = load("ut_complex", tmp_path)
    assert [r.label for r in loaded.recordings] == ["walk", "smoke"]
    worn = [
        ("front right trouser pocket phone", signals["pocket"][:150]),
        ("right wrist", signals["wrist"][:150]),
    ]
    check(loaded, 0, *worn, label="walk", subject="")


def test_wharf_and_its_copies(tmp_path: Path) -> None:
    signal = still(1)[:, :3]
    values = (signal + 14.709) * 63 / (2 * 14.709)
    for folder in ("Climb_stairs", "Climb_stairs_MODEL"):
        write(tmp_path / folder / "Accelerometer-2011-03-24-10-24-39-climb_stairs-f1.txt", values, " ")
    loaded = load("wharf", tmp_path)
    assert len(loaded.recordings) == 1
    check(loaded, 0, ("right wrist", signal), label="climb_stairs", subject="f1")


def test_openpack(tmp_path: Path) -> None:
    signals = [still(k) for k in range(4)]
    columns = [f"atr0{k}/{kind}_{a}" for k in range(1, 5) for kind in ("acc", "gyro") for a in "xyz"]
    table = pd.DataFrame(np.hstack([raw(s, G, DEG) for s in signals]), columns=columns)
    table.insert(0, "operation", np.repeat([8100, 1000, 100], 100))
    write(tmp_path / "U0101-S0100.csv", table, header=True)
    loaded = load("openpack", tmp_path)
    places = ("right wrist", "left wrist", "right upper arm", "left upper arm")
    worn = [(p, s[200:]) for p, s in zip(places, signals, strict=True)]
    check(loaded, 1, *worn, label="Picking", subject="U0101")


def test_mm_fit(tmp_path: Path) -> None:
    signals = {"sw_l": still(1, 600), "sw_r": still(2, 600)}
    (tmp_path / "w07").mkdir()
    for name, signal in signals.items():
        frame = np.arange(600) * 0.3
        np.save(tmp_path / "w07" / f"w07_{name}_acc.npy", np.column_stack([frame, frame * 33, signal[:, :3]]))
    (tmp_path / "w07" / "w07_labels.csv").write_text("0,29,10,squats\n30,89,12,situps\n\n")
    loaded = load("mm_fit", tmp_path)
    worn = [("left wrist watch", signals["sw_l"][100:297, :3]),
            ("right wrist watch", signals["sw_r"][100:297, :3])]  # fmt: skip
    check(loaded, 1, *worn, label="situps", subject="1")  # who did w04 and w15, too


UNIMTS = [name for name in NAMES if spec_named(name).layouts.unimts and spec_named(name).role == "external"]


def write_unimts(folder: Path, values: Array, truth: Sequence[int], num: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "X_test.npy", values)
    np.save(folder / "y_test.npy", np.array(truth))
    words = {str(k): [f"doing_thing {k}"] for k in range(num)}
    (folder / f"{folder.name}.json").write_text(json.dumps({"label_dictionary": words}))


@pytest.mark.parametrize("name", UNIMTS)
def test_every_set_in_the_format_of_unimts(tmp_path: Path, name: str) -> None:
    spec = spec_named(name)
    layout = spec.layout("unimts")
    assert isinstance(layout, UniMts)
    num, unit = layout.num_classes or 5, {"g": G, "m/s^2": 1.0}[spec.acc_unit] * spec.acc_scale
    turn = {"rad/s": 1.0, "deg/s": DEG, None: 1.0}[spec.gyro_unit] * spec.gyro_scale
    sign = 1.0 if spec.sign == "specific_force" else -1.0
    values = np.zeros((2, 300, 45))
    signals = [[still(10 * i + k) for k in range(len(layout.sensors))] for i in range(2)]
    worn: list[list[tuple[str, Array]]] = [[], []]
    for i, code in enumerate(("0", str(num - 1))):
        for sensor, signal in zip(layout.sensors, signals[i], strict=True):
            if sensor.codes and code not in sensor.codes:
                continue
            stored = raw(signal, sign * unit, turn)
            stored[:, :3] -= spec.acc_offset / spec.acc_scale
            values[i][:, list(sensor.columns)] = stored[:, : len(sensor.columns)]
            worn[i].append((sensor.placement, signal[:, : len(sensor.columns)]))
    write_unimts(tmp_path / layout.folder, values, [0, num - 1], num)
    loaded = load(name, tmp_path, "unimts")
    assert loaded.spec.labels == tuple(f"doing thing {k}" for k in range(num))
    for i, code in enumerate((0, num - 1)):
        check(loaded, i, *worn[i], label=f"doing thing {code}", subject="")


def test_unimts_files_that_do_not_fit(tmp_path: Path) -> None:
    folder = tmp_path / "WISDM"
    values = still(1)[None]
    write_unimts(folder, values, [3], 17)
    with pytest.raises(ValueError, match="expected 18 classes, got 17 in the label file"):
        load("wisdm", folder, "unimts")
    write_unimts(folder, values, [18], 18)
    with pytest.raises(ValueError, match=r"WISDM\[0\]: expected a label of 0, 1, .*got 18"):
        load("wisdm", folder, "unimts")
    write_unimts(folder, values, [1, 2], 18)
    with pytest.raises(ValueError, match=r"y_test.npy \(N,\), got \(1, 300, 6\) and \(2,\)"):
        load("wisdm", folder, "unimts")
    (folder / "WISDM.json").write_text("{}")
    with pytest.raises(ValueError, match=r"expected one \.json file like"):
        load("wisdm", folder, "unimts")
    (folder / "WISDM.json").unlink()
    with pytest.raises(FileNotFoundError, match="json file with `label_dictionary`, found none"):
        load("wisdm", folder, "unimts")


def harth(folder: Path, *tables: Array) -> None:
    columns = [*(f"{p}_{a}" for p in ("back", "thigh") for a in "xyz"), "label"]
    for k, table in enumerate(tables):
        write(folder / f"S0{k:02d}.csv", pd.DataFrame(table, columns=columns), header=True)


def test_nothing_is_left_out_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good = np.hstack([still(1)[:, :3] / G, still(2)[:, :3] / G, np.full((300, 1), 1.0)])
    wrong = good.copy()
    wrong[:, :3] *= G  # the back in m/s², stated as g
    short = good.copy()
    short[:10, 6], short[10:20, 6] = 6, np.nan
    harth(tmp_path, good, wrong, short)
    with pytest.raises(ValueError, match=r"got 1 of 6 sensors that are not, e\.g\. recording 'S001.csv"):
        load("harth", tmp_path)
    tolerant = replace(spec_named("harth"), max_refused=0.2)
    loaded = load_files(tolerant, tmp_path)
    assert [len(r.sensors) for r in loaded.recordings] == [2, 1, 2]
    assert dict(loaded.report.left_out) == {"under 0.5 s": 1, "without a label": 1}
    assert loaded.report.samples_out == 20
    assert "left out 1 stretches without a label" in caplog.text
    assert "left out a sensor: recording 'S001.csv[0:300]'" in caplog.text
    assert loaded.report.to_dict()["num_samples"] == 5 * 300 - 2 * 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({6: 99.0}, r"S000.csv\[0:300\]: expected a label of 1, 2, .*140, got '99'"),
        ({2: "high"}, r"S000.csv\[0:300\]: expected numbers in column 'back_z'"),
    ],
)
def test_broken_tables_are_named(tmp_path: Path, change: dict[int, object], message: str) -> None:
    table = pd.DataFrame(np.hstack([still(1)[:, :3] / G, still(2)[:, :3] / G, np.ones((300, 1))])).astype(
        object
    )
    for column, value in change.items():
        table[column] = value
    harth(tmp_path, table.to_numpy())
    with pytest.raises(ValueError, match=message):
        load("harth", tmp_path)


def test_absent_files_and_columns(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected files \*\*/S0\?\?.csv in .*found none"):
        load("harth", tmp_path)
    write(tmp_path / "S001.csv", pd.DataFrame(still(1)), header=True)
    with pytest.raises(ValueError, match=r"S001.csv: expected a column 'label', got 0, 1, 2"):
        load("harth", tmp_path)
    (tmp_path / "S001.csv").write_text("")
    with pytest.raises(ValueError, match=r"S001.csv: expected a text table"):
        load("harth", tmp_path)
    write(tmp_path / "Participant_one.csv", still(1))
    with pytest.raises(ValueError, match=r"Participant_one.csv: expected a path like"):
        load("shoaib", tmp_path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "num", "classes", "worn"),
    [
        pytest.param("hapt", 856, 6, {("waist",)}, marks=pytest.mark.slow),
        pytest.param("dsads", 152, 19, {("chest", "right wrist", "left wrist", "right shank", "left shank")},
                     marks=pytest.mark.slow),
        ("sp_sw_har", 700, 5, {("front left trouser pocket phone", "left wrist watch"), ("left wrist watch",),
                               ("front left trouser pocket phone",)}),
    ],
)  # fmt: skip
def test_shared_files_have_what_they_should(
    data_root: Path, name: str, num: int, classes: int, worn: set[tuple[str, ...]]
) -> None:
    loaded = read_test_set(name, data_root)
    assert (loaded.report.num_recordings, len({r.label for r in loaded.recordings})) == (num, classes)
    assert {tuple(s.placement for s in r.sensors) for r in loaded.recordings} <= worn
    assert all(r.subject for r in loaded.recordings)


def test_a_label_for_which_no_sensor_is_worn_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_unimts(folder, np.stack([still(1), still(2)]), [0, 1], 2)
    (folder / "mine.json").write_text(json.dumps({"label_dictionary": {"0": ["walk"], "1": ["run"]}}))
    right_hand = Sensor(joint=21, columns=(0, 1, 2), codes=("0",))
    unimts = UniMts(folder="mine", num_classes=None, sensors=(right_hand,))
    spec = DatasetSpec(
        name="x", rate_hz=50.0, acc_unit="m/s^2", gravity="included", layouts=Layouts(unimts=unimts)
    )
    loaded = load_files(spec, tmp_path)
    assert [(r.label, r.sensors[0].placement) for r in loaded.recordings] == [("walk", "RightHand")]
    assert dict(loaded.report.left_out) == {"labelled run, for which no sensor is worn": 1}
