"""Every spec of the registry is consistent, and what a broken one is told."""

import csv
import re
from pathlib import Path

import pytest

from anymo.data.contract import ACC_TO_MPS2, GYRO_TO_RADPS
from anymo.data.sets import NAMES, SETS, DatasetSpec, load_files, read_spec, spec_from, spec_named
from anymo.data.sets.layouts import UNIMTS_JOINTS, Layout, Sensor
from anymo.data.test_sets import TEST_SETS
from anymo.skeleton import INDEX, segment_of

REPOSITORY = Path(__file__).resolve().parents[2]
ANYMO = {
    "pamap2", "usc_had", "uci_har", "opportunity", "wisdm", "dsads", "utd_mhad", "w_har", "realworld",
    "tnda_har", "ego4d", "mmea", "egoexo4d", "openpack",
}  # fmt: skip
UNIMTS_CLASSES = {
    "opportunity": 4, "uci_har": 6, "motionsense": 6, "w_har": 7, "shoaib": 7, "har70plus": 7, "realworld": 8,
    "tnda_har": 8, "pamap2": 12, "usc_had": 12, "mhealth": 12, "harth": 12, "ut_complex": 13, "wharf": 14,
    "wisdm": 18, "dsads": 19, "utd_mhad": 27, "mmact": 35,
}  # fmt: skip
RATES = {
    "opportunity": 30, "uci_har": 50, "motionsense": 50, "w_har": 250, "shoaib": 50, "har70plus": 50,
    "realworld": 50, "tnda_har": 50, "pamap2": 100, "usc_had": 100, "mhealth": 50, "harth": 50,
    "ut_complex": 50, "wharf": 32, "wisdm": 20, "dsads": 25, "utd_mhad": 50, "mmact": 50, "ego4d": 200,
    "mmea": 25, "egoexo4d": 200, "openpack": 30,
}  # fmt: skip
MINE = """
name: mine
title: my set
role: external
rate_hz: 50.0
acc_unit: g
gyro_unit: deg/s
gravity: included
licence: mine
citation: me
obtain: ask me
notes: none
subject: the file's name
words: {walk: walking, sit: sitting still}
layouts:
  tables:
    files: "*.csv"
    path: (?P<subject>.+)\\.csv
    label: activity
    sensors:
      - {placement: left wrist, columns: [ax, ay, az, gx, gy, gz]}
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_is_consistent(name: str) -> None:
    spec = spec_named(name)
    assert spec.name == name
    assert spec.acc_unit in ACC_TO_MPS2
    assert spec.gyro_unit in {*GYRO_TO_RADPS, None}
    assert 5.0 <= spec.rate_hz <= 2000.0
    assert all(words == words.lower() and len(words.split()) < 12 for words in spec.words.values())
    for fact in ("title", "licence", "citation", "obtain", "notes", "subject"):
        assert getattr(spec, fact).strip(), f"{name}: no {fact}"
    covered = set(spec.codes.values()) if spec.codes else set(spec.words)
    assert covered == set(spec.words), f"{name}: labels without a code"
    for layout in spec.layouts.known.values():
        check_sensors(name, layout)


def check_sensors(name: str, layout: Layout) -> None:
    for sensor in layout.sensors:
        segment = segment_of(sensor.placement)
        assert segment in INDEX
        if sensor.joint is not None:
            joint = UNIMTS_JOINTS[sensor.joint]
            assert side(joint) in {side(segment), ""} or side(segment) == "", f"{name}: {sensor}"
        assert len(set(sensor.columns)) == len(sensor.columns)


def side(segment: str) -> str:
    found = re.match("Left|Right", segment)
    return found.group() if found else ""


def test_all_sets_of_the_field_are_there() -> None:
    by = {
        who: {n for n in NAMES if who in spec_named(n).benchmarks} for who in ("AnyMo", "UniMTS", "Multi3Net")
    }
    assert by["AnyMo"] == ANYMO
    assert by["UniMTS"] == set(UNIMTS_CLASSES)
    assert by["Multi3Net"] == {"openpack", "mm_fit"}
    for name in ANYMO | set(UNIMTS_CLASSES):
        spec = spec_named(name)
        assert spec.layouts.unimts is not None
        assert spec.rate_hz == RATES[name]
    for name, num in UNIMTS_CLASSES.items():
        spec = spec_named(name)
        assert (spec.num_classes, spec.layouts.unimts.num_classes) == (num, num)  # type: ignore[union-attr]
    assert len(UNIMTS_JOINTS) == 22


def test_roles() -> None:
    by = {role: {n for n in NAMES if spec_named(n).role == role} for role in ("development", "test")}
    assert by == {"development": set(SETS), "test": set(TEST_SETS)}
    with pytest.raises(ValueError, match=r"test set is run once per model.*anymo evaluate --dataset hapt"):
        load_files(spec_named("hapt"), Path())
    with pytest.raises(ValueError, match=r"a look at it is a look at hapt.*--dataset uci_har"):
        load_files(spec_named("uci_har"), Path())
    assert {n: s.looks_at for n in NAMES if (s := spec_named(n)).looks_at} == {
        **{n: n for n in TEST_SETS}, "uci_har": "hapt",
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"one of the sets basic_motions, .*or a \.yaml file.*got 'pamap'"):
        spec_named("pamap")


def test_what_the_shared_arrays_lack_is_said() -> None:
    assert "first 16 of the 60 files" in spec_named("dsads").notes
    assert "executions 01 to 04" in spec_named("sp_sw_har").notes
    assert "10.5281/zenodo.8398688" in spec_named("sp_sw_har").obtain
    assert "80 s of 5 minutes" in (REPOSITORY / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.data
def test_the_shared_manifests_say_it(data_root: Path) -> None:
    with (data_root / "imu" / "dsads" / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["len"], row["hz"]) for row in rows} == {("2000", "25.0")}
    assert all(row["source_file"].endswith("/s01..s16.txt") for row in rows)
    with (data_root / "imu" / "sp_sw_har" / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["source_file"].split("_")[1] for row in rows} == {"01", "02", "03", "04"}


def own(tmp_path: Path, *changes: tuple[str, str]) -> DatasetSpec:
    text = MINE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "mine.yaml").write_text(text)
    return read_spec(tmp_path / "mine.yaml")


def test_a_spec_of_ones_own(tmp_path: Path) -> None:
    spec = own(tmp_path)
    assert spec.labels == ("walk", "sit")
    assert spec.layout() is spec.layouts.tables
    assert spec.layout("tables").sensors == (
        Sensor(placement="left wrist", columns=("ax", "ay", "az", "gx", "gy", "gz")),
    )
    with pytest.raises(ValueError, match=r"set 'mine': expected a layout of tables, got 'unimts'"):
        spec.layout("unimts")


def test_a_file_of_people_of_a_test_set(tmp_path: Path) -> None:
    own(tmp_path, ("role: external", "role: external\nsame_people_as: hapt"))
    assert spec_from(str(tmp_path / "mine.yaml")).looks_at == "hapt"
    for other, message in (("spar", "expected a test set, got 'spar'; leave it out"), ("hpat", "got 'hpat'")):
        own(tmp_path, ("role: external", f"role: external\nsame_people_as: {other}"))
        with pytest.raises(ValueError, match=message):
            spec_from(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("left wrist", "left writ", "mine.yaml.*did you mean 'left wrist'"),
        ("acc_unit: g", "acc_unit: G", "acc_unit must be one of .g., .m/s.2., got 'G'"),
        ("gyro_unit: deg/s\n", "", "sensors with six columns; state gyro_unit"),
        ("gravity: included", "gravity: yes", "gravity.*included, removed"),
        ("rate_hz: 50.0", "rate_hz: fast", "rate_hz.*expected float, got 'fast'"),
        ("sitting still", "walking", "each label needs its own phrase"),
        ("role: external", "roll: external", "`roll` are not valid"),
        ("rate_hz: 50.0", "rate_hz: -3", "set 'mine': rate_hz must lie between 5 and 2000 Hz, got -3"),
        ("    label: activity", "    stated: {rate_hz: .nan}\n    label: activity", "5 and 2000 Hz, got nan"),
        ("notes: none", "acc_scale: 0", "acc_scale and gyro_scale above 0 .*got 0.0, 1.0 and 0.0; .*`sign"),
        ("notes: none", "gyro_scale: -1", "got 1.0, -1.0 and 0.0"),
        ("notes: none", "acc_offset: .inf", "finite acc_offset, got 1.0, 1.0 and inf"),
        ("notes: none", "span_s: [3.0, 1.0]", "span_s from shorter to longer, s, got "),
        ("notes: none", "official_test: {trials: []}", "official_test: expected subjects or trials"),
        ("notes: none", "max_refused: 5", "max_refused as a share from 0 to 1, got 5"),
        ("notes: none", "max_refused: -0.1", "max_refused as a share from 0 to 1, got -0.1"),
        ("    label: activity\n", "", "expected a `label` column or a group"),
        ("(?P<subject>.+)", "(?P<person>.+)", "groups named label, sensor, subject, trial, got person"),
        ("(?P<subject>.+)", "(?P<subject>.+", "expected a regular expression"),
        ("gx, gy, gz]", "gx]", "expected 3 columns of acceleration, or 6 .*got 4"),
        (", columns: [ax, ay, az, gx, gy, gz]", "", "each with its columns"),
        ("words: {walk: walking, sit: sitting still}", "words: {}", "and 0 labels"),
        ("notes: none", "notes: none\ncodes: {\"1\": run}", "codes: expected labels of `words`, got run"),
        ("notes: none", "notes: none\nnotes: two", "line 13: 'notes' was already given"),
        ("left wrist,", "left wrist, joint: 22,", "joint of 0 to 21, got 22"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s)mine.yaml.*{message}|{message}"):
        own(tmp_path, (old, new))
