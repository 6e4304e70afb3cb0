"""Few-shot trials: paired draws, figures that are right where they are known, and runs that go on."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anymo import config as configuration
from anymo.data import load_set
from anymo.evaluation import few_shot as module
from anymo.evaluation.few_shot import FewShotProtocol, few_shot
from anymo.evaluation.few_shot_result import FewShotResult, Run, few_shot_table, ordered_amounts
from anymo.evaluation.few_shot_run import FewShotConfig, run_few_shot
from anymo.evaluation.ledger import model_hash, read_ledger, refuse_second_run
from anymo.evaluation.other_sets import OtherSet
from anymo.evaluation.splits import Amount
from anymo.metrics.classification import classification
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording, SensorStream, WindowBatch
from anymo.training.classifiers import Examples, Forest, Predict

ALL = Amount(share=1.0)
QUICK = FewShotProtocol(
    methods=("probe", "forest"), shots=(1, 2), shares=(1.0,), num_folds=2, seeds=(0, 1), against="forest"
)


@pytest.fixture(scope="module")
def pipe(encoder_folder: Path) -> AnymoPipeline:
    return AnymoPipeline.from_pretrained(encoder_folder)


def wave(label: str, subject: str, k: int) -> Recording:
    """8 s at 25 Hz: lying on one side or the other, swinging fast or slow."""
    rng = np.random.default_rng([k, ord(label), ord(subject[-1])])
    t = np.arange(200) / 25
    acc = 0.1 * rng.normal(size=(200, 3)) + ([0, 0, 9.8] if label == "a" else [9.8, 0, 0])
    acc[:, "ab".index(label)] += 5 * np.sin(2 * np.pi * (1 + "ab".index(label)) * t + rng.uniform(0, 6))
    stream = SensorStream(
        acc=acc, gyro=None, valid=np.ones(200, dtype=bool), rate_hz=25.0, placement="left wrist",
        gravity="included",
    )  # fmt: skip
    return Recording(
        sensors=(stream,),
        subject=subject,
        label=label,
        name=f"{subject}{label}{k}",
        text=label,
        source="waves",
    )


@pytest.fixture(scope="module")
def waves() -> list[Recording]:
    return [wave(label, f"s{s}", k) for s in range(4) for label in "ab" for k in range(2)]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...], int]]:
    """Everything that is fitted: method, recordings and seed."""
    seen: list[tuple[str, tuple[int, ...], int]] = []
    build = module.build_method

    def spied(name: str, encoder: object) -> object:
        method = Forest(num_trees=3) if name == "forest" else build(name, encoder)  # type: ignore[arg-type]

        class Spy:
            represent = staticmethod(method.represent)

            def fit(self, examples: Examples, seed: int) -> Predict:
                seen.append((name, tuple(np.unique(examples.recording).tolist()), seed))
                return method.fit(examples, seed)

            def __repr__(self) -> str:
                return name

        return Spy()

    monkeypatch.setattr(module, "build_method", spied)
    return seen


def test_easy_classes_are_found_and_every_recording_is_predicted(waves: Sequence[Recording]) -> None:
    """By the model that comes with the package."""
    result = few_shot(waves, AnymoPipeline.from_pretrained(), replace(QUICK, shots=(1,), seeds=(0,)))
    assert set(result.scores) == {
        Run(method=m, source="real", amount=a) for m in ("probe", "forest") for a in (Amount(num=1), ALL)
    }
    for run, scores in result.scores.items():
        assert scores.shape == (1, 16, 2)
        assert np.allclose(scores.sum(axis=2), 1.0, atol=1e-3)
        if run.amount == ALL:
            assert result.figure(run, "macro_f1").estimate == 1.0


def test_all_methods_see_the_same_draws(
    pipe: AnymoPipeline, waves: Sequence[Recording], fits: list[tuple[str, tuple[int, ...], int]]
) -> None:
    few_shot(waves, pipe, QUICK)
    drawn = {name: [(rows, seed) for n, rows, seed in fits if n == name] for name in QUICK.methods}
    assert drawn["probe"] == drawn["forest"]
    assert len(drawn["probe"]) == 2 * 2 * 3
    assert len(set(drawn["probe"])) > 8


def test_a_run_goes_on_where_it_was(
    pipe: AnymoPipeline,
    waves: Sequence[Recording],
    fits: list[tuple[str, tuple[int, ...], int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    straight = few_shot(waves, pipe, QUICK, cells=tmp_path)
    files = sorted(tmp_path.rglob("*.json"))
    assert len(files) == len(fits) == 24
    assert not list(tmp_path.rglob("*.tmp"))
    fits.clear()
    files[5].unlink()
    files[7].write_text(json.dumps(json.loads(files[7].read_text()) | {"key": "of other recordings"}))
    again = few_shot(waves, pipe, QUICK, cells=tmp_path)
    assert len(fits) == 2
    assert all(np.allclose(straight.scores[run], again.scores[run], atol=1e-4) for run in straight.scores)
    fits.clear()
    louder = [replace(r, sensors=tuple(replace(s, acc=1.1 * s.acc) for s in r.sensors)) for r in waves]
    few_shot(louder, pipe, QUICK, cells=tmp_path)
    assert len(fits) == 24
    fits.clear()
    monkeypatch.setattr(module, "_code_hash", lambda: "of other code")
    few_shot(louder, pipe, QUICK, cells=tmp_path)
    assert len(fits) == 24


def test_the_code_that_decides_is_there() -> None:
    package = Path(configuration.__file__).parent
    assert [pattern for pattern in module._CODE if not any(package.glob(pattern))] == []


def test_too_few_recordings_are_found_out_before_the_first_fit(
    pipe: AnymoPipeline, waves: list[Recording], fits: list[tuple[str, tuple[int, ...], int]]
) -> None:
    with pytest.raises(ValueError, match="expected 9 recordings or more of class a to train on"):
        few_shot(waves, pipe, replace(QUICK, shots=(1, 9)))
    assert fits == []


def test_a_sensor_keeps_its_column_in_every_split(pipe: AnymoPipeline, waves: list[Recording]) -> None:
    """Also where nobody of a split, or of the virtual recordings, wears the other one."""
    (watch,) = waves[0].sensors
    phone = replace(watch, placement="front right trouser pocket phone")
    both, alone = replace(waves[0], sensors=(watch, phone)), replace(waves[1], sensors=(phone,))
    trials = module._Trials([both, alone], pipe, QUICK, None, None)
    for recordings in ([both, alone], [alone]):
        batch = trials._cut(recordings).inputs
        assert isinstance(batch, WindowBatch)
        assert batch.worn[-1].tolist() == [False, True]


def test_columns_are_in_order() -> None:
    assert ordered_amounts(["25 %", "10", "100 %", "0", "2", "10"]) == ["0", "2", "10", "25 %", "100 %"]


def known_result(better: float, num: int = 60) -> FewShotResult:
    """`one` is right where `two` is and, of the rest, in the share `better`; two seeds."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, num)
    right = rng.random((2, num)) < 0.5
    more = right | (rng.random((2, num)) < better)
    wrong = (truth + 1) % 3
    scores = {
        Run(method=name, source="real", amount=Amount(num=1)): np.eye(3)[np.where(mask, truth, wrong)]
        for name, mask in (("one", more), ("two", right))
    }
    return FewShotResult(
        classes=("a", "b", "c"),
        truth=truth,
        subject=np.array([f"s{k % 10}" for k in range(num)]),
        scores=scores,
        seconds=dict.fromkeys(scores, 1.0),
        against="two",
    )


def test_figures_are_the_mean_over_seeds_and_differences_are_paired() -> None:
    result = known_result(better=0.6)
    one, two = result.scores
    for measure, name in (("accuracy", "accuracy"), ("macro_f1", "macro_f1")):
        means = [
            np.mean(
                [getattr(classification(s, result.truth, result.classes), name) for s in result.scores[run]]
            )
            for run in (one, two)
        ]
        assert result.figure(one, measure).estimate == pytest.approx(means[0])
        difference = result.difference(one, two, measure)
        assert difference.estimate == pytest.approx(means[0] - means[1])
        assert 0 < difference.low < difference.estimate < difference.high
    assert result.baseline(one) == two
    assert result.baseline(two) is None
    same = known_result(better=0.0)
    interval = same.difference(*same.scores, "accuracy")
    assert (interval.estimate, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_the_table_has_every_figure() -> None:
    numbers = known_result(better=0.6).to_dict()
    table = few_shot_table({"toy": numbers})
    assert "**toy**: 60 recordings of 10 people, 3 classes" in table
    assert table.count("| one |") == 2
    assert table.count("| two |") == 1
    estimate = 100 * numbers["runs"][0]["macro_f1_difference"]["estimate"]
    assert f"{estimate:.1f} (" in table


def test_real_recordings_of_three_people(pipe: AnymoPipeline, asset: Callable[[str], Path]) -> None:
    """SPAR, a development set, through an untrained encoder: the forest is far above chance."""
    asset("spar-watch")
    some = [r for r in load_set("spar") if r.subject in ("1", "2", "3")]
    protocol = replace(QUICK, methods=("forest",), shots=(), shares=(1.0,), num_folds=3, seeds=(0,))
    result = few_shot(some, pipe, protocol)
    assert result.figure(Run(method="forest", source="real", amount=ALL), "accuracy").estimate > 0.4


def test_the_command_leaves_numbers_table_and_curves(
    encoder_folder: Path, waves: list[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anymo.evaluation.few_shot_run.load_set", lambda name: waves)
    protocol = replace(QUICK, methods=("probe",), against="probe")
    folders = {"output": tmp_path / "run", "json": tmp_path / "copy" / "out.json"}
    config = FewShotConfig(model=encoder_folder, protocol=protocol, **folders)
    numbers = run_few_shot(config)
    assert json.loads((tmp_path / "copy" / "out.json").read_text()) == json.loads(json.dumps(numbers))
    assert (tmp_path / "run" / "few_shot.png").read_bytes().startswith(b"\x89PNG")
    assert "| probe |" in (tmp_path / "run" / "few_shot.md").read_text()
    assert len(list((tmp_path / "run" / "cells" / "spar").rglob("*.json"))) == 12


def test_trials_on_a_test_set_are_one_run_beside_that_of_the_model_as_it_is(
    encoder_folder: Path, waves: list[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anymo.evaluation.few_shot_run.load_test_set", lambda name: waves)
    ledger, protocol = tmp_path / "log.jsonl", replace(QUICK, methods=("probe", "forest"), shots=())
    config = FewShotConfig(
        model=encoder_folder, sets=(), test_sets=("hapt",), protocol=protocol, output=tmp_path / "run"
    )
    as_it_is = {"sha256": model_hash(encoder_folder), "set": "hapt", "route": "embedding"}
    ledger.write_text(json.dumps(as_it_is) + "\n")
    numbers = run_few_shot(config, ledger)
    _, line = read_ledger(ledger)
    assert (line["route"], line["sha256"], line["num_subjects"]) == ("few-shot", as_it_is["sha256"], 4)
    assert line["runs"] == json.loads(json.dumps(numbers["sets"]["hapt"]["runs"]))
    with pytest.raises(ValueError, match="this model was run on hapt by few-shot on"):
        run_few_shot(config, ledger)
    with pytest.raises(FileNotFoundError, match="each look at a test set is logged"):
        run_few_shot(config, tmp_path / "none" / "log.jsonl")
    assert len(read_ledger(ledger)) == 2
    assert refuse_second_run(encoder_folder, ["dsads"], ledger) == as_it_is["sha256"]
    with pytest.raises(ValueError, match="this model was run on hapt by embedding on"):
        refuse_second_run(encoder_folder, ["hapt"], ledger)


OWN = """
name: my waves
rate_hz: 25.0
acc_unit: m/s^2
gravity: included
words: {a: waving, b: waving fast}
layouts:
  tables:
    files: "*.csv"
    path: (?P<subject>s\\d)(?P<label>[ab])(?P<trial>\\d).csv
    sensors:
      - {placement: left wrist, columns: [x, y, z]}
"""


def test_a_set_of_ones_own(encoder_folder: Path, waves: list[Recording], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OWN)
    for wave in waves:
        (sensor,) = wave.sensors
        rows = "\n".join(",".join(f"{v:.4f}" for v in row) for row in sensor.acc)
        (tmp_path / f"{wave.name}.csv").write_text(f"x,y,z\n{rows}\n")
    mine = OtherSet(name=str(tmp_path / "mine.yaml"), data=tmp_path)
    protocol = replace(QUICK, methods=("probe",), shots=(), seeds=(0,), against="probe")
    config = FewShotConfig(
        model=encoder_folder, sets=(), other_sets=(mine,), protocol=protocol, output=tmp_path / "run"
    )
    (found,) = run_few_shot(config)["sets"].items()
    assert found[0] == "my waves"
    assert (found[1]["num_recordings"], found[1]["num_subjects"]) == (16, 4)
    assert found[1]["loaded"]["num_sensors"] == 16
    with pytest.raises(ValueError, match=r"set pamap2: state the folder of its files .*`data` of a config"):
        run_few_shot(replace(config, other_sets=(OtherSet(name="pamap2"),)))


def test_the_named_run_is_complete() -> None:
    file = Path(__file__).resolve().parents[2] / "configs" / "eval" / "few_shot.yaml"
    loaded = configuration.load(FewShotConfig, ["--config_path", str(file)])
    assert loaded == FewShotConfig(protocol=replace(FewShotProtocol(), shares=(0.25, 0.5, 0.75, 1.0)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"methods": ("svm",)}, r"expected methods among probe, .* got \['svm'\]"),
        ({"sources": ("dreams",)}, r"expected sources among real, .* got \['dreams'\]"),
        ({"shots": (), "shares": ()}, "shots of 1 or more or shares"),
        ({"shares": (1.5,)}, "shares up to 1.0"),
        ({"seeds": ()}, "and a seed"),
        ({"against": "svm"}, r"expected against among probe, .* got \['svm'\]"),
        ({"num_virtual": 0}, "num_virtual of 1 or more"),
    ],
)
def test_a_protocol_that_cannot_work_is_refused(wrong: dict[str, tuple[str, ...]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FewShotProtocol(**wrong)  # type: ignore[arg-type]


def test_a_config_that_cannot_work_is_refused(pipe: AnymoPipeline, waves: list[Recording]) -> None:
    with pytest.raises(ValueError, match=r"sets among basic_motions, spar, got \['hapt'\]; a test set goes"):
        FewShotConfig(sets=("hapt",))
    with pytest.raises(ValueError, match=r"test_sets among hapt, .*, got \['spar'\]"):
        FewShotConfig(test_sets=("spar",))
    with pytest.raises(ValueError, match=r"sets, test_sets or other_sets, each set once, got \[\]"):
        FewShotConfig(sets=())
    with pytest.raises(ValueError, match=r"each set once, got \['spar', 'spar'\]"):
        FewShotConfig(other_sets=(OtherSet(name="spar"),))
    for name in ("hapt", "uci_har"):
        with pytest.raises(ValueError, match=f"no look at a test set, got {name}; put hapt under test_sets"):
            FewShotConfig(other_sets=(OtherSet(name=name),))
    protocol = replace(QUICK, sources=("real+virtual",))
    with pytest.raises(ValueError, match="expected a corpus for the sources"):
        FewShotConfig(protocol=protocol)
    with pytest.raises(ValueError, match="need virtual recordings; give a corpus"):
        few_shot(waves, pipe, protocol)
    with pytest.raises(ValueError, match=r"a label for each recording, got none for 1, the first 's0a0'"):
        few_shot([replace(waves[0], label=""), *waves[1:]], pipe, QUICK)
