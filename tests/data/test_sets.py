import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_restricted_pickle import save

from anymo.data import SETS, load_set, windows
from anymo.data.contract import ACC_TO_MPS2, GYRO_TO_RADPS
from anymo.data.sets.layouts import Sensor
from anymo.data.sets.originals import read_basic_motions, read_spar
from anymo.records import GRAVITY_MPS2
from anymo.skeleton import segment_of

WRIST = (Sensor(placement="right wrist"),)
SIDES = (Sensor(name="1", placement="right wrist"), Sensor(name="0", placement="left wrist"))
HEAD = "#comment\n@problemName BasicMotions\n@data\n"


def shared(name: str) -> Path:
    home = Path(os.environ.get("ANYMO_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (home / name).exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no {name} under {home}")
        pytest.skip(f"no {name} under {home}")
    return home / name


def ts_line(rng, label: str = "Walking", num: int = 100, channels: int = 6) -> str:
    rows = rng.normal(0, 1, (channels, num))
    return ":".join([*(",".join(f"{v:.6f}" for v in row) for row in rows), label]) + "\n"


def write_basic_motions(folder: Path, *extra: str) -> None:
    rng = np.random.default_rng(0)
    for split in ("TRAIN", "TEST"):
        (folder / f"BasicMotions_{split}.ts").write_text(HEAD + ts_line(rng) + "".join(extra))


@pytest.mark.parametrize("spec", SETS.values(), ids=lambda s: s.name)
def test_specs_are_sane(spec):
    assert spec.acc_unit in ACC_TO_MPS2
    assert spec.gyro_unit in GYRO_TO_RADPS
    assert 5.0 <= spec.rate_hz <= 2000.0
    assert all(segment_of(sensor.placement) for sensor in spec.layout().sensors)
    assert list(spec.words) == list(spec.labels)
    assert all(phrase == phrase.lower() and len(phrase.split()) < 12 for phrase in spec.words.values())
    assert "arXiv" in spec.citation


def test_unknown_set():
    with pytest.raises(ValueError, match="one of the development sets basic_motions, spar, got 'mnist'"):
        load_set("mnist")


def test_small_basic_motions(tmp_path, monkeypatch):
    write_basic_motions(tmp_path)
    monkeypatch.setattr("anymo.data.sets.registry.resolve", lambda asset: tmp_path)
    first, second = load_set("basic_motions")
    assert (first.name, second.name) == ("BasicMotions_TRAIN[0]", "BasicMotions_TEST[0]")
    assert (first.label, first.text, first.source) == ("Walking", "walking", "basic_motions")
    assert first.sensors[0].gravity == "removed"
    assert first.sensors[0].acc.shape == (100, 3)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            ts_line(np.random.default_rng(1), label="Dancing"),
            r"TRAIN\[1\]: expected a label of .*got 'Dancing'",
        ),
        (
            ts_line(np.random.default_rng(1), channels=5),
            r"TRAIN\[1\]: expected 6 channels and a label, got 5",
        ),
        ("1,2,x:1,2,3:Walking\n", r"TRAIN\[1\]: expected numbers in channels of one length"),
        ("1,2:1,2,3:Walking\n", r"TRAIN\[1\]: expected numbers in channels of one length"),
        (ts_line(np.random.default_rng(1), num=4), r"TRAIN\[1\]': lasts 0.4 s"),
    ],
)
def test_broken_items_are_named(tmp_path, monkeypatch, extra, message):
    write_basic_motions(tmp_path, extra)
    monkeypatch.setattr("anymo.data.sets.registry.resolve", lambda asset: tmp_path)
    with pytest.raises(ValueError, match=message):
        load_set("basic_motions")


def test_absent_and_empty_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no BasicMotions_TRAIN.ts in .*fetch the asset again"):
        next(read_basic_motions(WRIST, tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no watch_dataset.npy"):
        next(read_spar(SIDES, tmp_path))
    (tmp_path / "BasicMotions_TRAIN.ts").write_text(HEAD)
    with pytest.raises(ValueError, match=r"BasicMotions_TRAIN.ts: holds no series"):
        next(read_basic_motions(WRIST, tmp_path))


def test_small_spar(tmp_path):
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.01, (100, 6)) + np.array([0, 0, 1, 0, 0, 0])
    data = {
        "X": [signal, signal], "y": np.array([1, 0]), "y_labels": ["PEN", "ABD"],
        "side": np.array([1.0, 0.0]), "subject": np.array([7, 10]),
    }  # fmt: skip
    items = list(read_spar(SIDES, save(tmp_path / "watch_dataset.npy", data).parent))
    assert [(i.label, i.signals[0][0], i.subject) for i in items] == [
        ("ABD", "right wrist", "7"),
        ("PEN", "left wrist", "10"),
    ]
    save(tmp_path / "watch_dataset.npy", data | {"y": np.array([1])})
    with pytest.raises(ValueError, match="differ in length"):
        next(read_spar(SIDES, tmp_path))
    save(tmp_path / "watch_dataset.npy", [1, 2])
    with pytest.raises(ValueError, match="expected a dict with X, y"):
        next(read_spar(SIDES, tmp_path))


def test_spec_that_contradicts_its_set_is_refused(tmp_path, monkeypatch):
    signal = np.random.default_rng(0).normal(0, 0.01, (100, 6)) + np.array([0, 0, 1, 0, 0, 0])
    data = {"X": [signal], "y": [0], "y_labels": ["PEN"], "side": [1.0], "subject": [7]}
    save(tmp_path / "watch_dataset.npy", data)
    monkeypatch.setattr("anymo.data.sets.registry.resolve", lambda asset: tmp_path)
    assert load_set("spar")[0].sensors[0].acc[:, 2].mean() == pytest.approx(GRAVITY_MPS2, rel=0.01)
    monkeypatch.setitem(SETS, "spar", replace(SETS["spar"], acc_unit="m/s^2"))
    with pytest.raises(ValueError, match=r"'watch_dataset.npy\[0\]': .*looks like g.*state acc_unit=\"g\""):
        load_set("spar")


def test_basic_motions_whole():
    recordings = load_set("basic_motions")
    assert Counter(r.label for r in recordings) == dict.fromkeys(SETS["basic_motions"].labels, 20)
    assert {r.duration_s for r in recordings} == {10.0}
    np.testing.assert_allclose(recordings[0].sensors[0].acc[0], [0.079106, 0.394032, 0.551444])
    at_rest = [
        np.median(np.linalg.norm(r.sensors[0].acc, axis=1)) for r in recordings if r.label == "Standing"
    ]
    assert 0.3 < np.median(at_rest) < 1.0
    assert all(len(windows(r)[0]) == 2 for r in recordings)


@pytest.mark.data
def test_spar_whole_is_the_converted_copy():
    archive = np.load(shared("imu") / "spar_watch" / "spar_watch.npz", allow_pickle=False)
    recordings = load_set("spar")
    assert len(recordings) == 140
    assert Counter(r.label for r in recordings) == dict.fromkeys(SETS["spar"].labels, 20)
    assert Counter(r.subject for r in recordings) == {str(s): 14 for s in range(1, 11)}
    phrases = {r.label: archive["label_names"][n] for r, n in zip(recordings, archive["label"], strict=True)}
    shared_word = {
        "PEN": "pendulum", "ABD": "abduction", "FEL": "forward", "IR": "internal", "ER": "external",
        "TRAP": "trapezius", "ROW": "dumbbell",
    }  # fmt: skip
    assert all(shared_word[label] in phrase for label, phrase in phrases.items())
    for i, (start, length) in enumerate(zip(archive["seg_start"], archive["seg_len"], strict=True)):
        sensor, part = recordings[i].sensors[0], archive["data"][start : start + length]
        np.testing.assert_allclose(sensor.acc, part[:, :3], atol=6e-4)
        np.testing.assert_allclose(sensor.gyro, part[:, 3:], atol=6e-5)
        assert str(archive["placement_names"][archive["placement"][i]]).startswith(sensor.placement)
        assert int(recordings[i].subject) == archive["subject"][i]
    rest = [np.median(np.linalg.norm(r.sensors[0].acc, axis=1)) for r in recordings]
    assert np.median(rest) == pytest.approx(GRAVITY_MPS2, rel=0.1)
