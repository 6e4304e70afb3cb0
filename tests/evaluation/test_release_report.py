"""The report of a release by its command: an encoder without a language model, all parts, and once more."""

import json
import runpy
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from anymo.config import load, read_yaml
from anymo.data.corpus import ClipSource, store_clip, write_corpus
from anymo.evaluation import parts as measured
from anymo.evaluation import robustness
from anymo.evaluation.ledger import model_hash
from anymo.evaluation.other_sets import OtherSet
from anymo.evaluation.parts import PartsConfig
from anymo.evaluation.run import ReportConfig
from anymo.records import Caption, Motion
from anymo.release import export_model

REPOSITORY = Path(__file__).resolve().parents[2]
RELEASE = REPOSITORY / "configs" / "eval" / "release.yaml"
SMALL = {
    "draw.window_s": "4.0",
    "evaluate.sets": "[basic_motions]",
    "evaluate.num_retrieval": "8",
    "evaluate.routes": "[embedding]",
    "evaluate.num_captions": "0",
    "parts.encoder.sets": "[basic_motions]",
    "parts.encoder.num_windows": "16",
    "parts.encoder.pool_size": "8",
    "parts.encoder.num_pools": "2",
    "parts.encoder.num_phrases": "3",
    "parts.encoder.num_moments": "6",
    "parts.few_shot.methods": "[probe, forest]",
    "parts.few_shot.sources": "[real, virtual]",
    "parts.few_shot.num_virtual": "6",
    "parts.few_shot.against": "forest",
    "parts.few_shot.shots": "[1]",
    "parts.few_shot.shares": "[]",
    "parts.few_shot.num_folds": "2",
    "parts.few_shot.seeds": "[0]",
    "parts.other_sets": "[{name: spar}]",
}


def test_the_named_run_loads() -> None:
    config = load(ReportConfig, ["--config_path", str(RELEASE)])
    assert config.model is None
    assert config.parts is not None
    assert set(read_yaml(RELEASE)["parts"]) == {"encoder", "few_shot_sets", "few_shot", "other_sets"}


def test_sets_that_cannot_be_measured_are_refused_at_once() -> None:
    with pytest.raises(
        ValueError, match=r"few_shot_sets: expected sets among basic_motions, spar, got \['ha"
    ):
        PartsConfig(few_shot_sets=("hapt",))
    with pytest.raises(
        ValueError, match=r"expected one of the sets .* or a .yaml file of your own, got 'pamap'"
    ):
        PartsConfig(other_sets=(OtherSet(name="pamap"),))


@pytest.fixture
def corpus_folder(hand_motion: Callable[..., Motion], tmp_path: Path) -> Path:
    """Clips of eight phrases, seven of them in training too: one for each label of SPAR."""
    motions = [hand_motion(k) for k in range(16)]
    named = [
        replace(
            m, captions=(Caption(text=f"move {k % 8}"),), source="by hand" if k % 3 == 0 else "procedural"
        )
        for k, m in enumerate(motions)
    ]
    stored = [store_clip(ClipSource(motion=motion, body=0)) for motion in named]
    write_corpus(stored, tmp_path / "corpus", held_out_fraction=0.4, seed=5)
    (tmp_path / "corpus" / "config.yaml").write_text("seed: 0\nnum_bodies: 1\n")
    return tmp_path / "corpus"


@pytest.fixture
def released(encoder_folder: Path, corpus_folder: Path, tmp_path: Path) -> Path:
    """The encoder as it is given away, with figures in `metrics.json`."""
    run = Path(shutil.copytree(encoder_folder, tmp_path / "run"))
    (run / "config.yaml").write_text(yaml.safe_dump({"corpus": str(corpus_folder), "seed": 0}))
    (tmp_path / "encoder.json").write_text(json.dumps({"retrieval": {"mrr": 0.25}}))
    figures = f"{tmp_path / 'encoder.json'}=python eval/encoder.py"
    folder = export_model(run, tmp_path / "released", metrics=[figures])
    assert (folder / "metrics.json").is_file()
    return folder


@pytest.mark.slow
def test_the_command_measures_once(
    corpus_folder: Path,
    released: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger = tmp_path / "log.jsonl"
    line = {
        "sha256": model_hash(released), "set": "hapt", "route": "embedding", "num_samples": 30,
        "num_classes": 6, "accuracy": 0.5, "macro_f1": 0.25, "macro_f1_all": 0.25, "recall_at_2": 0.75,
        "chance_accuracy": 1 / 6,
        "intervals": {"accuracy": [0.4, 0.6], "macro_f1": [0.2, 0.3], "recall_at_2": [0.7, 0.8]},
    }  # fmt: skip
    other = line | {"sha256": "of another model", "set": "dsads"}
    ledger.write_text(json.dumps(line) + "\n" + json.dumps(other) + "\n")
    monkeypatch.setattr(measured, "LEDGER", ledger)
    for conditions in ("CONDITIONS", "CHANGES"):  # a part of them, for time
        every = getattr(robustness, conditions)
        some = {name: every[name] for name in ("device rate, Hz", "channels")}
        monkeypatch.setattr(robustness, conditions, some)
    given = {"model": released, "corpus": corpus_folder, "output": tmp_path / "report"} | SMALL
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    monkeypatch.setattr(sys, "argv", ["report.py", "--config_path", str(RELEASE), *words])
    runpy.run_path(str(REPOSITORY / "eval" / "report.py"), run_name="__main__")
    assert "zero-shot basic_motions, embedding" in capsys.readouterr().out

    page = (tmp_path / "report" / "report.html").read_text()
    for title in ("Retrieval", "Robustness", "Few labels", "Other sets"):
        assert f"<h2>{title}</h2>" in page
    assert "<h3>spar, by class</h3>" in page
    for none in ("What the language model says", "Training"):
        assert f"<h2>{none}</h2>" not in page
    table = (tmp_path / "report" / "recognition.md").read_text()
    of_log = "50.0 (40.0 to 60.0) | 25.0 (20.0 to 30.0) | 25.0 | 75.0 (70.0 to 80.0) | 16.7 |  |"
    assert f"| hapt (test) | 6 | 30 | {of_log}" in table
    assert "**spar, by class**" in table
    assert "dsads" not in table
    numbers = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert f"| spar | 7 | 140 | {100 * numbers['parts']['other_sets']['spar']['accuracy']:.1f} (" in table
    assert numbers["sha256"] == model_hash(released)
    assert numbers["command"].startswith("python eval/report.py --config_path ")
    assert numbers["config"]["parts"]["few_shot_sets"] == ["spar"]
    assert numbers["environment"]["torch"]
    few = numbers["parts"]["few_shot"]["spar"]
    assert [(row["method"], row["source"]) for row in few["runs"]] == [
        ("probe", "real"), ("forest", "real"), ("probe", "virtual"), ("forest", "virtual"),
    ]  # fmt: skip
    assert "spar: virtual recordings beside real ones" in page
    assert f"{few['fidelity']['virtual']['frechet']:.3f}" in page
    assert all(next(iter(own)) in page for own in few["activities"].values())

    monkeypatch.setattr(measured, "evaluate_encoder", None)
    monkeypatch.setattr(measured, "evaluate_set", None)
    runpy.run_path(str(REPOSITORY / "eval" / "report.py"), run_name="__main__")
    again = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert again["parts"] == numbers["parts"]
