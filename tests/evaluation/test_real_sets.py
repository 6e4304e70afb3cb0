"""`evaluate_set`: its figures, its rules of windows, and test sets through the ledger."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_ledger import arrays

from anymo.data import SETS, load_set
from anymo.data.sets import LoadReport, spec_named
from anymo.data.test_sets import TEST_SETS
from anymo.evaluation.ledger import model_hash, read_ledger
from anymo.evaluation.parts_sections import _share
from anymo.evaluation.real_sets import (
    SetEvaluation,
    SetProtocol,
    evaluate_set,
    summary,
    write_evaluation,
)
from anymo.evaluation.window_rules import RULES, Rule, scored
from anymo.evaluation.zero_shot import zero_shot
from anymo.pipeline import AnymoPipeline
from anymo.release.figures import _numbers

WORDS = tuple(SETS["basic_motions"].words.values())


@pytest.fixture(scope="module")
def pipe(encoder_folder: Path) -> AnymoPipeline:
    return AnymoPipeline.from_pretrained(encoder_folder)


def test_a_development_set_needs_no_folder(pipe: AnymoPipeline, tmp_path: Path) -> None:
    found = evaluate_set(pipe, SETS["basic_motions"], None)
    real = load_set("basic_motions")
    best = pipe.scores(real, labels=WORDS).argmax(dim=1).tolist()
    right = [WORDS[k] == r.text for k, r in zip(best, real, strict=True)]
    assert found.zero_shot.result.accuracy == np.mean(right)
    assert found.report.num_recordings == 80
    write_evaluation(found, tmp_path / "out", pipe)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert {
        "accuracy",
        "macro_f1",
        "macro_f1_all",
        "recall_at_2",
        "chance",
        "majority",
        "intervals",
    } <= metrics.keys()
    assert (metrics["set"], metrics["rule"], metrics["loaded"]["num_sensors"]) == (
        "basic_motions",
        "recording",
        80,
    )
    rows = list(csv.DictReader((tmp_path / "out" / "per_class.csv").open(encoding="utf-8")))
    assert [row["name"] for row in rows] == list(WORDS)
    matrix = [line[1:] for line in csv.reader((tmp_path / "out" / "confusion.csv").open(encoding="utf-8"))][
        1:
    ]
    assert np.array(matrix, dtype=int).tolist() == metrics["confusion"]
    for picture in ("confusion.png", "confused.png"):
        assert (tmp_path / "out" / picture).read_bytes()[:4] == b"\x89PNG"
    assert not list((tmp_path / "out").glob("*.tmp"))
    told = "\n".join(summary(found))
    assert f"{100 * metrics['accuracy']:.1f}" in told
    assert "25.0" in told  # chance
    assert "Intervals are over 80 recordings. Templates: '{}', 'a person is {}'." in told
    assert "80 recordings, 80 sensors, 8000 samples, 0 of them missing" in told


def test_rules_of_windows(pipe: AnymoPipeline) -> None:
    real = load_set("basic_motions")[::20]  # of 10 s: two windows of 4 s and a rest of under half a one
    first, _ = scored(pipe, real, WORDS, "embedding", "first-10s")
    whole, owner = scored(pipe, real, WORDS, "embedding", "recording")
    np.testing.assert_allclose(first, whole)
    assert owner.tolist() == [0, 1, 2, 3]
    each, owner = scored(pipe, real, WORDS, "embedding", "window")
    assert owner.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert each.shape == (8, 4)
    one, owner = scored(pipe, real, WORDS, "embedding", "as-one")
    assert owner.tolist() == [0, 1, 2, 3]
    assert not np.allclose(one, whole)
    alone, _ = scored(pipe, real[:1], WORDS, "embedding", "as-one")
    np.testing.assert_allclose(alone, one[:1], atol=1e-4)  # padding in a batch changes nothing


@pytest.mark.parametrize("rule", RULES)
def test_labels_are_checked_by_every_rule(pipe: AnymoPipeline, rule: Rule) -> None:
    with pytest.raises(ValueError, match="given twice"):
        scored(pipe, load_set("basic_motions")[:1], ("walking", "Walking"), "embedding", rule)


def test_the_first_ten_seconds(pipe: AnymoPipeline) -> None:
    (long,) = load_set("spar")[:1]
    assert long.duration_s > 14.0
    (sensor,) = long.sensors
    num = round(10.0 * sensor.rate_hz)
    changed = sensor.acc.copy()
    changed[num:] += 50.0
    other = replace(long, sensors=(replace(sensor, acc=changed),))
    first, second = (scored(pipe, [r], WORDS, "embedding", "first-10s")[0] for r in (long, other))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="as one window it may last 60 s"):
        scored(pipe, [replace(long, sensors=(replace(sensor, rate_hz=10.0),))], WORDS, "embedding", "as-one")


def test_windows_of_a_recording_are_drawn_together(pipe: AnymoPipeline) -> None:
    real = [replace(r, subject="") for r in load_set("basic_motions")[::4]]
    found = zero_shot(pipe, "basic_motions", "embedding", recordings=real, rule="window")
    assert found.result.to_dict()["num_samples"] == 2 * len(real)
    assert found.to_dict()["interval_over"] == "recordings"


def test_sensors_on_several_places_are_told_apart(pipe: AnymoPipeline) -> None:
    """Of the windows of six recordings, those of two are by a device on the head."""
    real = load_set("basic_motions")[::14]
    moved = [
        replace(r, sensors=(replace(r.sensors[0], placement="head"),)) if k < 2 else r
        for k, r in enumerate(real)
    ]
    assert zero_shot(pipe, "basic_motions", "embedding", recordings=real).by_placement == {}
    found = zero_shot(pipe, "basic_motions", "embedding", recordings=moved, rule="window")
    assert list(found.by_placement) == ["head", "right wrist"]
    sizes = [(len(r.prediction), int(r.confusion.trace())) for r in found.by_placement.values()]
    assert [num for num, _ in sizes] == [4, 8]
    assert sum(hits for _, hits in sizes) == found.result.confusion.trace()
    told = found.to_dict()["by_placement"]["head"]
    assert told == {
        "num_samples": 4,
        "accuracy": sizes[0][1] / 4,
        "macro_f1": found.by_placement["head"].macro_f1,
    }
    facts = {"spec": SETS["basic_motions"], "layout": "original", "split": "all", "report": LoadReport()}
    shown = summary(SetEvaluation(zero_shot=found, recordings=moved, **facts))  # type: ignore[arg-type]
    assert any(line.startswith(f"| head | 4 | {25 * sizes[0][1]:.1f} |") for line in shown)


def test_what_is_too_long_for_one_window_is_left_out(pipe: AnymoPipeline) -> None:
    """BasicMotions as if it had been recorded at 5 Hz: 20 s; and one split is its files'."""
    slow = replace(SETS["basic_motions"], rate_hz=5.0, span_s=(1.0, 15.0))
    how = SetProtocol(rule="as-one", split="official")
    with pytest.raises(ValueError, match=r"no recording left; .*40 stretches over 15 s, as one window"):
        evaluate_set(pipe, slow, None, how)
    found = evaluate_set(pipe, replace(slow, span_s=None), None, how)
    assert found.zero_shot.result.to_dict()["num_samples"] == 40
    told = found.to_dict()
    assert (told["layout"], told["split"], told["rule"]) == ("original", "official", "as-one")
    assert told["loaded"]["left_out"] == {"outside the official test part": 40}
    assert "80 samples" not in summary(found)[0]
    assert "layout original, official test part; route embedding" in summary(found)[0]
    whole = evaluate_set(pipe, replace(slow, rate_hz=10.0), None, replace(how, rule="recording"))
    assert whole.report.num_recordings == 40


def test_one_recording_has_no_interval(pipe: AnymoPipeline) -> None:
    """Only its windows can be drawn, and are not called recordings."""
    (long,) = load_set("spar")[:1]
    alone = {"recordings": [replace(long, label="Walking")], "spec": SETS["basic_motions"]}
    whole = zero_shot(pipe, "mine", "embedding", **alone)  # type: ignore[arg-type]
    told = whole.to_dict()
    assert (told["interval_over"], told["accuracy_interval"]) == ("recordings", None)
    assert told["intervals"] == dict.fromkeys(("accuracy", "macro_f1", "recall_at_2"))
    assert _share(told["accuracy"], None).endswith("0.0 (-)")
    assert "x accuracy" not in dict(_numbers({"x": {"intervals": told["intervals"]}}))
    facts = {"spec": SETS["basic_motions"], "layout": "original", "split": "all", "report": LoadReport()}
    found = SetEvaluation(zero_shot=whole, recordings=(), **facts)  # type: ignore[arg-type]
    lines = summary(found)
    assert [line.split()[-3] for line in lines[3:5]] == ["-", "-"]
    assert any(line.startswith("One recording has no interval. Templates") for line in lines)
    windows = zero_shot(pipe, "mine", "embedding", rule="window", **alone)  # type: ignore[arg-type]
    assert windows.to_dict()["interval_over"] == "windows"
    assert windows.interval is not None


def test_a_test_set_is_run_once(pipe: AnymoPipeline, tmp_path: Path) -> None:
    spec = TEST_SETS["sp_sw_har"]
    np.savez(tmp_path / "sp_sw_har.npz", **arrays(spec))  # made up
    how = SetProtocol(ledger=tmp_path / "log.jsonl")
    found = evaluate_set(pipe, spec, tmp_path, how)
    (line,) = read_ledger(how.ledger)
    told = ("sp_sw_har", "segments", "all", "recording", found.zero_shot.result.accuracy)
    assert tuple(line[key] for key in ("set", "layout", "split", "rule", "accuracy")) == told
    write_evaluation(found, tmp_path / "out", pipe)
    assert (tmp_path / "out" / "confusion.png").is_file()
    assert not (tmp_path / "out" / "confused.png").exists()  # nobody is to look at its signals
    assert found.repeats is None
    before = how.ledger.read_bytes()
    again = evaluate_set(pipe, spec, tmp_path, how)  # shows what is known
    assert again.repeats == line
    assert again.zero_shot.result.accuracy == line["accuracy"]
    assert any("again, which the log has with accuracy" in told for told in summary(again))
    assert how.ledger.read_bytes().startswith(before)
    assert [told["route"] for told in read_ledger(how.ledger)] == ["embedding", "embedding again"]
    before = how.ledger.read_bytes()
    with pytest.raises(ValueError, match=r"run on sp_sw_har by embedding .* \(layout segments, split all,"):
        evaluate_set(pipe, spec, tmp_path, replace(how, rule="window"))
    assert how.ledger.read_bytes() == before
    older = {key: value for key, value in line.items() if key not in ("layout", "split")}
    how.ledger.write_text(json.dumps(older) + "\n")
    again = evaluate_set(pipe, spec, tmp_path, how)
    assert again.repeats == line
    with pytest.raises(FileNotFoundError, match=r"each look at the test set sp_sw_har is logged.*--ledger"):
        evaluate_set(pipe, spec, tmp_path, SetProtocol(ledger=tmp_path / "none" / "log.jsonl"))


def test_a_look_at_its_people_is_logged_as_one_at_the_test_set(pipe: AnymoPipeline, tmp_path: Path) -> None:
    values = 0.05 * np.random.default_rng(0).normal(size=(6, 128, 9))
    values[:, :, 6] += 1.0  # made up, in the format of UniMTS: g
    np.save(tmp_path / "X_test.npy", values)
    np.save(tmp_path / "y_test.npy", np.arange(6))
    words = {str(k): [f"activity {k}"] for k in range(6)}
    (tmp_path / "UCIHAR.json").write_text(json.dumps({"label_dictionary": words}))
    spec, how = spec_named("uci_har"), SetProtocol(layout="unimts", ledger=tmp_path / "log.jsonl")
    as_it_is = {"sha256": model_hash(pipe.folder), "set": "hapt", "route": "embedding"}
    how.ledger.write_text(json.dumps(as_it_is) + "\n")
    assert evaluate_set(pipe, spec, tmp_path, how).repeats is None
    line = read_ledger(how.ledger)[1]
    assert (line["set"], line["looks_at"]) == ("uci_har", "hapt")
    with pytest.raises(ValueError, match="this model was run on uci_har by embedding"):
        evaluate_set(pipe, spec, tmp_path, replace(how, rule="window"))


def test_a_set_that_is_not_here_needs_its_folder(pipe: AnymoPipeline) -> None:
    with pytest.raises(
        ValueError, match=r"set pamap2: state the folder of its files \(--data, .*; from https"
    ):
        evaluate_set(pipe, spec_named("pamap2"), None)
