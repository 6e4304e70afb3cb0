"""docs/datasets.md: the table is what `anymo evaluate --list` prints; the example of one's own set runs."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anymo.cli import main
from anymo.data.sets import NAMES, spec_named
from anymo.evaluation import splits
from anymo.evaluation.overview import sets_table

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", DOCUMENT, re.M | re.S)
    assert found
    return found[1]


def test_the_table_is_that_of_the_specs() -> None:
    table = sets_table(map(spec_named, NAMES))
    assert table in DOCUMENT, "docs/datasets.md: put what `anymo evaluate --list` prints under its comment"


def test_who_checks_splits_is_who_calls_the_check() -> None:
    package = Path(splits.__file__).parents[1]
    calls = [f.name for f in package.rglob("*.py") if "import check_split" in f.read_text(encoding="utf-8")]
    assert calls == ["splits.py"]
    assert "`few_shot` calls it on every split" in DOCUMENT


def write_recordings(folder: Path) -> None:
    """CSV files with the header and the columns of the document."""
    header, first, *_ = block("csv").splitlines()
    columns = header.split(",")
    assert len(first.split(",")) == len(columns)
    folder.mkdir()
    for seed, person in enumerate(("anna", "ben", "cem")):
        rng = np.random.default_rng(seed)
        up = np.tile([0.0, 0.6, 0.8], (1200, 1))
        table = pd.DataFrame(
            np.hstack([np.arange(1200)[:, None] / 50, up, np.zeros((1200, 3))]), columns=columns[:-1]
        )
        table.iloc[:, 1:] += 0.02 * rng.normal(size=(1200, 6))
        table["activity"] = np.repeat(["walk", "", "stairs", "private", "desk", "walk"], 200)
        table.loc[5, "ax"] = np.nan
        table = table.drop(index=[10, 11])
        table.to_csv(folder / f"{person}.csv", index=False)


def test_the_example_runs(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_recordings(tmp_path / "recordings")
    (tmp_path / "my_set.yaml").write_text(block("yaml"))
    command = [
        "anymo",
        "evaluate",
        "--dataset",
        "my_set.yaml",
        "--data",
        "recordings",
        "--output",
        "runs/my_set",
    ]
    assert " ".join(command) in DOCUMENT
    monkeypatch.setattr(sys, "argv", [*command, "--model", str(model_folder)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code, capsys.readouterr().err
    assert "| walking up the stairs |" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "runs" / "my_set" / "metrics.json").read_text())
    assert (metrics["num_samples"], metrics["num_classes"], metrics["interval_over"]) == (12, 3, "subjects")
    loaded = metrics["loaded"]
    assert (loaded["num_sensors"], loaded["num_samples"], loaded["missing_samples"]) == (12, 2400, 9)
    assert loaded["left_out"]["without a label"] == 3
    space: dict[str, object] = {}
    exec(compile(block("python"), "datasets.md", "exec"), space)
    assert len(space["recordings"]) == 12  # type: ignore[arg-type]
