"""One run on a test set for each model: tried with a development set's name and a ledger of its own."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anymo.data import SETS, load_set
from anymo.data.sets import DatasetSpec
from anymo.data.test_sets import TEST_SETS, load_test_set, spec_of
from anymo.evaluation.ledger import (
    LEDGER,
    lines_about,
    model_hash,
    read_ledger,
    refuse_second_run,
    run_test_sets,
)
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording
from anymo.skeleton import segment_of


def few(name: str) -> list[Recording]:
    return load_set(name)[::8]


def test_a_second_run_is_refused(encoder_folder: Path, tmp_path: Path) -> None:
    pipe, ledger = AnymoPipeline.from_pretrained(encoder_folder), tmp_path / "log.jsonl"
    found = run_test_sets(pipe, encoder_folder, names=["basic_motions"], load=few, ledger=ledger)
    (line,) = read_ledger(ledger)
    assert line["set"] == "basic_motions"
    assert line["sha256"] == model_hash(encoder_folder)
    assert line["accuracy"] == found["basic_motions"]["accuracy"]
    assert (line["layout"], line["split"], line["rule"]) == ("original", "all", "recording")
    assert {"date", "commit", "macro_f1", "recall_at_2", "intervals", "num_samples"} <= line.keys()
    assert (line["chance_accuracy"], line["majority_accuracy"]) == (0.25, 0.4)
    before = ledger.read_bytes()

    def never(name: str) -> list[Recording]:
        pytest.fail(f"{name} was loaded for a second run")

    with pytest.raises(ValueError, match=r"model was run on basic_motions by embedding on .*gets one run"):
        run_test_sets(pipe, encoder_folder, names=["spar", "basic_motions"], load=never, ledger=ledger)
    assert ledger.read_bytes() == before
    sha256 = model_hash(encoder_folder)
    assert (
        refuse_second_run(encoder_folder, ["basic_motions"], ledger, routes=["generate", "few-shot"])
        == sha256
    )


def test_another_model_may(encoder_folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(encoder_folder, tmp_path / "other"))
    shape = json.loads((other / "encoder" / "config.json").read_text())
    (other / "encoder" / "config.json").write_text(json.dumps(shape | {"dropout": 0.1}))
    assert model_hash(other) != model_hash(encoder_folder)
    ledger = tmp_path / "log.jsonl"
    for folder in (encoder_folder, other):
        pipe = AnymoPipeline.from_pretrained(folder)
        run_test_sets(pipe, folder, names=["basic_motions"], load=few, ledger=ledger)
    assert len(read_ledger(ledger)) == 2
    assert [line["sha256"] for line in lines_about(other, ledger)] == [model_hash(other)]
    with pytest.raises(FileNotFoundError, match="expected encoder, text in"):
        model_hash(tmp_path)


def test_nobody_sees_what_is_not_logged(encoder_folder: Path, tmp_path: Path) -> None:
    pipe = AnymoPipeline.from_pretrained(encoder_folder)
    with pytest.raises(OSError, match="No such file"):
        run_test_sets(
            pipe, encoder_folder, names=["basic_motions"], load=few, ledger=tmp_path / "none" / "log.jsonl"
        )


def test_a_run_that_breaks_off_may_be_repeated(encoder_folder: Path, tmp_path: Path) -> None:
    pipe, ledger = AnymoPipeline.from_pretrained(encoder_folder), tmp_path / "log.jsonl"

    def missing(name: str) -> list[Recording]:
        if name == "spar":
            raise FileNotFoundError(name)
        return few(name)

    sets = ["basic_motions", "spar"]
    with pytest.raises(FileNotFoundError):
        run_test_sets(pipe, encoder_folder, names=sets, load=missing, ledger=ledger)
    assert read_ledger(ledger) == []
    run_test_sets(pipe, encoder_folder, names=sets, load=few, ledger=ledger)
    assert [line["set"] for line in read_ledger(ledger)] == sets


def test_a_broken_ledger_is_named(tmp_path: Path) -> None:
    ledger = tmp_path / "log.jsonl"
    ledger.write_text('{"sha256": "a", "set": "b", "route": "embedding"}\n{"sha256": "a"\n')
    with pytest.raises(ValueError, match=r"log.jsonl, line 2: .*restore the file from git"):
        read_ledger(ledger)


def test_the_ledger_of_the_repository_reads() -> None:
    assert all(line["looks_at"] in TEST_SETS for line in read_ledger(LEDGER))


def test_test_sets_are_kept_apart() -> None:
    assert not set(TEST_SETS) & set(SETS)
    assert {spec.role for spec in TEST_SETS.values()} == {"test"}
    assert {spec.role for spec in SETS.values()} == {"development"}
    for spec in TEST_SETS.values():
        assert all(segment_of(sensor.placement) for sensor in spec.layout().sensors)
    assert spec_of("hapt") is TEST_SETS["hapt"]
    with pytest.raises(ValueError, match=r"one of the sets basic_motions, .*hapt.*, got 'pamap'"):
        spec_of("pamap")


def arrays(spec: DatasetSpec, label: str = "STANDING_UP") -> dict[str, np.ndarray]:
    """Two moments, the first worn on two placements: what the shared layout says, made up."""
    rest = (
        np.tile([0.0, 0.0, 9.81, 0.0, 0.0, 0.0], (330, 1))
        + np.random.default_rng(0).normal(size=(330, 6)) / 99
    )
    return {
        "data": rest.astype(np.float32),
        "seg_start": np.array([0, 120, 230]),
        "seg_len": np.array([120, 110, 100]),
        "subject": np.array([1, 1, 2]),
        "label": np.array([1, 1, 0]),
        "placement": np.array([0, 1, 1]),
        "trial": np.array([1, 1, 1]),
        "hz": np.full(3, spec.rate_hz),
        "rec": np.array([7, 7, 8]),
        "label_names": np.array(["Sitting", label]),
        "placement_names": np.array(["phone front pocket", "watch left wrist"]),
    }


def test_a_test_set_is_read_moment_by_moment(tmp_path: Path) -> None:
    spec = TEST_SETS["sp_sw_har"]
    file = tmp_path / spec.layouts.segments.file
    file.parent.mkdir(parents=True)
    np.savez(file, **arrays(spec))
    first, second = load_test_set("sp_sw_har", tmp_path)
    assert [s.placement for s in first.sensors] == ["front left trouser pocket phone", "left wrist watch"]
    assert [len(s.acc) for s in first.sensors] == [120, 110]
    assert (first.label, first.subject, len(second.sensors)) == ("standing up", "1", 1)
    np.savez(file, **arrays(spec, label="HOPPING"))
    with pytest.raises(ValueError, match=r"sp_sw_har.npz\[0\]: expected a label of .*got 'hopping'"):
        load_test_set("sp_sw_har", tmp_path)
    with pytest.raises(FileNotFoundError, match="point ANYMO_DATA"):
        load_test_set("hapt", tmp_path)
    with pytest.raises(ValueError, match="one of the test sets"):
        load_test_set("spar", tmp_path)


def test_a_dead_sensor_is_left_out_and_many_that_contradict_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = TEST_SETS["sp_sw_har"]
    file = tmp_path / spec.layouts.segments.file
    file.parent.mkdir(parents=True)
    dead = arrays(spec)
    dead["data"][120:230] = 0.0
    np.savez(file, **dead)
    first, second = load_test_set("sp_sw_har", tmp_path)
    assert [len(first.sensors), len(second.sensors)] == [1, 1]
    assert "left out 1 stretches of a sensor that gave no number but zero" in caplog.text
    dead["data"][120:230] = 0.2 * arrays(spec)["data"][120:230]
    np.savez(file, **dead)
    with pytest.raises(ValueError, match=r"got 1 of 3 sensors that are not, e\.g\. .*sp_sw_har.npz\[1\]"):
        load_test_set("sp_sw_har", tmp_path)
    monkeypatch.setitem(TEST_SETS, "sp_sw_har", replace(spec, max_refused=0.5))
    first, second = load_test_set("sp_sw_har", tmp_path)
    assert [len(first.sensors), len(second.sensors)] == [1, 1]
    dead["data"][120:200], dead["data"][200:230] = arrays(spec)["data"][120:200], 0.0
    np.savez(file, **dead)
    whole, _ = load_test_set("sp_sw_har", tmp_path)
    assert [int(s.valid.sum()) for s in whole.sensors] == [120, 80]
    dead["seg_len"][2] = 50
    np.savez(file, **dead)
    assert len(load_test_set("sp_sw_har", tmp_path)) == 1
    assert "left out 1 stretches under 0.5 s" in caplog.text
    assert "left out a sensor: recording 'sp_sw_har.npz[1]'" in caplog.text
