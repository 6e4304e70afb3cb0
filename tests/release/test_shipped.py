"""The weights that come with the package: whole, free, small, and right about real recordings."""

import json
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from anymo import AnymoPipeline
from anymo.assets.hub import SHIPPED
from anymo.data import load_set
from anymo.data.test_sets import TEST_SETS
from anymo.evaluation.ledger import lines_about
from anymo.evaluation.zero_shot import zero_shot
from anymo.release.card import Base, Contents, card
from anymo.release.figures import Figures
from anymo.release.sums import check_sums
from anymo.release.training import training_of

REPOSITORY = Path(__file__).resolve().parents[2]
_OWN = (".md", ".txt")  # the card and the sums, which it does not list among the parts


def test_they_are_what_was_exported() -> None:
    check_sums(SHIPPED)
    files = [file for file in SHIPPED.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 64 * 2**20
    assert {file.suffix for file in files} <= {".safetensors", ".json", ".md", ".txt", ".csv"}
    runs = json.loads((SHIPPED / "training.json").read_text())
    assert len(runs) == 5  # alignment, tokenizer and encoder, and what the first and the last went on from
    assert all(re.fullmatch("[0-9a-f]{40}", run["environment"]["git"]) for run in runs)
    assert "CMU Graphics Lab" in (SHIPPED / "README.md").read_text()


def test_their_card_is_what_an_export_writes_today(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(json.dumps({"start": str(SHIPPED)}))
    training = training_of(tmp_path)
    bases = ("minilm-l6-v2", "HuggingFaceTB/SmolLM2-135M-Instruct")
    contents = Contents(
        name="AnyMo",
        repository="",
        parts=tuple(sorted(p.name + "/" * p.is_dir() for p in SHIPPED.iterdir() if p.suffix not in _OWN)),
        encoder=json.loads((SHIPPED / "encoder" / "config.json").read_text()),
        extractor=json.loads((SHIPPED / "encoder" / "preprocessor_config.json").read_text()),
        bases=dict(zip(("text", "language_model"), (Base(name=name) for name in bases), strict=True)),
        version=version("anymo"),
        confuses=(REPOSITORY / "eval" / "what_it_confuses.md").read_text().strip(),
    )
    figures = [Figures(**each) for each in json.loads((SHIPPED / "metrics.json").read_text())]
    today = card(contents, replace(training, runs=training.runs[1:]), figures)
    written = (SHIPPED / "README.md").read_text()
    for one, other in zip(today.split("\n## "), written.split("\n## "), strict=True):
        if not one.startswith("Models it stands on"):
            assert one == other


def test_the_log_has_their_run_of_the_test_sets() -> None:
    assert (SHIPPED / "metrics.json").is_file()
    looked = [line["set"] for line in lines_about(SHIPPED) if line["route"] == "embedding"]
    assert sorted(looked) == sorted(TEST_SETS)


@pytest.mark.parametrize(("name", "least"), [("basic_motions", 0.85), ("spar", 0.25)])
def test_they_recognise_real_recordings(name: str, least: float) -> None:
    """Development sets; SPAR's chance is 0.14."""
    pipe = AnymoPipeline.from_pretrained()
    assert zero_shot(pipe, name, "embedding", max_windows=4).result.accuracy > least


def test_they_put_real_recordings_into_words() -> None:
    """Two walks of a development set, two sentences of each; both ways they are called cleaning the floor."""
    pipe = AnymoPipeline.from_pretrained()
    walks = [r for r in load_set("basic_motions") if r.text == "walking"][:2]
    for proposed, word in ((False, "broom"), (True, "sweep")):
        said = pipe.caption(walks, proposed=proposed)
        assert [len(sentences) for sentences in said] == [2, 2]
        assert any(word in one.text for sentences in said for one in sentences)
    assert pipe.ask(walks[0], "How many sensors are there?") == ["one."]
