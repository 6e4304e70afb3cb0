"""One encoder through the real command, and the pipeline on what pre-training leaves."""

import json
import runpy
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from anymo import config
from anymo.data import load_set
from anymo.evaluation import robustness
from anymo.evaluation.comparison import encoder_table
from anymo.evaluation.encoder import EncoderEvalConfig, ProtocolConfig, run_encoder_evaluation
from anymo.evaluation.errors import error_analysis
from anymo.metrics import classification
from anymo.pipeline import AnymoPipeline
from anymo.tables import markdown_table

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = {
    "protocol.sets": "[basic_motions]",
    "protocol.num_windows": "16",
    "protocol.pool_size": "8",
    "protocol.num_pools": "2",
    "protocol.num_phrases": "3",
    "protocol.num_moments": "6",
    "draw.window_s": "4.0",
}


def test_encoder_and_text_are_enough(encoder_folder: Path) -> None:
    pipe = AnymoPipeline.from_pretrained(encoder_folder)
    real = load_set("basic_motions")[:2]
    labels = ["walking", "running"]
    assert pipe.embed(real).shape == (2, 256)
    assert pipe.classify(real, labels=labels)[0].label in labels
    for ask in (
        lambda: pipe.caption(real),
        lambda: pipe.classify(real, labels=labels, route="likelihood"),
    ):
        with pytest.raises(FileNotFoundError, match=r"tokenizer.* train/tokenizer.py and train/align.py"):
            ask()


def test_the_command(
    corpus_folder: Path,
    encoder_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output, copy = tmp_path / "model", tmp_path / "copy.json"
    given = {"model": encoder_folder, "corpus": corpus_folder, "output": output, "json": copy} | TINY
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    monkeypatch.setattr(sys, "argv", ["encoder.py", *words])
    for conditions in ("CONDITIONS", "CHANGES"):  # a part of them, for time
        every = getattr(robustness, conditions)
        some = {name: every[name] for name in ("device rate, Hz", "channels")}
        monkeypatch.setattr(robustness, conditions, some)
    runpy.run_path(str(REPOSITORY / "eval" / "encoder.py"), run_name="__main__")
    assert "basic_motions, macro-F1" in capsys.readouterr().out
    numbers = json.loads(copy.read_text())
    assert numbers == json.loads((output / "encoder.json").read_text())
    for picture in ("robustness.png", "losses.png"):
        assert (output / picture).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert numbers["command"].startswith("python eval/encoder.py --model")
    assert "| standing still |" in (output / "errors.md").read_text()
    zero = numbers["zero_shot"]["basic_motions"]
    assert zero["interval_over"] == "recordings"
    for key in ("accuracy", "macro_f1", "recall_at_2"):
        low, high = zero["intervals"][key]
        assert low <= zero[key] <= high
    points = {c["condition"]: c for c in numbers["robustness"] if c["data"] == "basic_motions"}
    assert points["channels"]["accuracy"][0] == zero["accuracy"]
    assert "test_sets" not in numbers
    assert len(encoder_table(numbers).splitlines()) > 20


def test_test_sets_are_no_protocol() -> None:
    with pytest.raises(ValueError, match=r"expected some of basic_motions, spar, got \['hapt'\]"):
        ProtocolConfig(sets=("hapt",))
    with pytest.raises(ValueError, match="pool_size <= num_windows"):
        ProtocolConfig(num_windows=50)
    with pytest.raises(ValueError, match="num_phrases of 2 or more"):
        ProtocolConfig(num_phrases=1)


def test_curves_beside_are_of_other_names_and_one_protocol(encoder_folder: Path, tmp_path: Path) -> None:
    files = [tmp_path / k / "ours" / "encoder.json" for k in "ab"]
    for file, seed in zip(files, (0, 1), strict=True):
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"protocol": asdict(ProtocolConfig(seed=seed))}))
    asked = EncoderEvalConfig(model=encoder_folder, output=tmp_path / "new")
    with pytest.raises(ValueError, match=r"different names.*two 'ours'; rename one"):
        run_encoder_evaluation(replace(asked, beside=(files[0], files[0])), ())
    with pytest.raises(ValueError, match=r"different names.*two 'ours'; rename one"):
        run_encoder_evaluation(replace(asked, beside=(files[0],), output=tmp_path / "c" / "ours"), ())
    with pytest.raises(ValueError, match=r"'seed': 0.*got .*'seed': 1.*by one protocol"):
        run_encoder_evaluation(replace(asked, beside=(files[1],)), ())


def test_a_file_beside_must_be_there(encoder_folder: Path, tmp_path: Path) -> None:
    config = EncoderEvalConfig(model=encoder_folder, beside=(tmp_path / "other" / "encoder.json",))
    with pytest.raises(FileNotFoundError, match=r"expected an encoder.json .* measure that model first"):
        run_encoder_evaluation(config, [])


def test_the_named_run_is_the_default() -> None:
    file = REPOSITORY / "configs" / "eval" / "encoder.yaml"
    assert config.load(EncoderEvalConfig, ["--config_path", str(file)]) == EncoderEvalConfig()


def test_error_analysis_names_the_commonest() -> None:
    scores = np.eye(3)[[0, 1, 1, 1, 2, 0]]
    text = error_analysis(classification(scores, np.array([0, 0, 0, 1, 2, 2]), ["sit", "a|b", "run"]), "set")
    assert text.startswith("### set\n")  # a section of a model card
    lines = text.splitlines()
    assert lines[lines.index("Commonest errors:") + 4 :] == [
        "| sit | a\\|b | 2 | 67% |",
        "| run | sit | 1 | 50% |",
    ]
    assert markdown_table(["a"], [[1]]) == "| a |\n| --- |\n| 1 |"
