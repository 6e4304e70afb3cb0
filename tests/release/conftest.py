"""A model with the record of its training, as a run leaves them."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from anymo.data.card import ENTRY

CLIP = {"split": "train", "status": "kept", "reason": "", "seconds": 1800.0, "peak_mps2": 3.0, "file": ""}
TERMS = {
    "sha256": "",
    "subject": "7",
    "licence": "Apache-2.0",
    "non_commercial": False,
    "dataset": "procedural",
}


@pytest.fixture
def write_corpus() -> Callable[..., Path]:
    """Write the manifest of a corpus with these clips, each given by what is not usual about it."""

    def write(folder: Path, *clips: dict[str, object]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ENTRY)
            writer.writeheader()
            writer.writerows({"name": f"clip {i}"} | CLIP | TERMS | clip for i, clip in enumerate(clips))
        return folder

    return write


@pytest.fixture
def run_folder(model_folder: Path, tmp_path: Path, write_corpus: Callable[..., Path]) -> Path:
    """A run that made `model/`, and the run that made its encoder; places are absolute."""
    corpus = write_corpus(
        tmp_path / "corpus",
        {},
        {"dataset": "cmu", "licence": "CMU: no resale | acknowledge", "seconds": 900.0},
        {"status": "refused", "non_commercial": True},
    )
    run, pretrain = tmp_path / "align", tmp_path / "pretrain"
    for folder, config in (
        (run, {"corpus": str(corpus), "encoder": str(pretrain / "encoder"), "seed": 3, "base": str(corpus)}),
        (pretrain, {"corpus": str(corpus), "output": str(pretrain), "seed": 4, "draw": {"max_sensors": 5}}),
    ):
        folder.mkdir()
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        (folder / "environment.json").write_text(json.dumps({"git": f"abc{folder.name}", "platform": "mine"}))
    shutil.copytree(model_folder, run / "model")
    return run
