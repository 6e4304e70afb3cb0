"""`anymo evaluate` on a tiny untrained model: the list, a set as UniMTS stores it, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anymo.data.sets import NAMES

Run = Callable[..., Any]


@pytest.fixture
def run(run_anymo: Run, monkeypatch: pytest.MonkeyPatch, model_folder: Path) -> Run:
    """Run `anymo` in a folder with `PAMAP` in the format of UniMTS: twelve windows of 6 s."""
    monkeypatch.setenv("ANYMO_MODEL", str(model_folder))
    rng = np.random.default_rng(0)
    values = 0.05 * rng.normal(size=(12, 600, 27))
    values[:, :, [2, 11, 20]] += 9.81
    folder = Path("PAMAP")
    folder.mkdir()
    np.save(folder / "X_test.npy", values)
    np.save(folder / "y_test.npy", np.arange(12))
    words = {str(k): [f"activity {k}"] for k in range(12)}
    (folder / "PAMAP.json").write_text(json.dumps({"label_dictionary": words}))
    return run_anymo


def test_a_set_in_the_format_of_unimts(run: Run, tmp_path: Path) -> None:
    options = ["--dataset", "pamap2", "--data", ".", "--layout", "unimts", "--window", "first-10s"]
    said = run("evaluate", *options, "--json", "--output", "out")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert (found["num_classes"], found["num_samples"], found["rule"]) == (12, 12, "first-10s")
    assert found["label_words"][3] == "activity 3"
    assert found["interval_over"] == "recordings"
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "metrics.json", "per_class.csv", "confusion.csv", "confusion.png", "confused.png",
    }  # fmt: skip
    assert found["loaded"]["num_samples"] == 21600


def test_sensors_that_are_dead_or_contradict(run: Run) -> None:
    """A dead one is left out and counted; one in other units is refused, as long as that is not allowed."""
    values = np.load("PAMAP/X_test.npy")
    values[:4, :, :9] = 0.0
    values[4:7, :, :9] *= 0.2
    np.save("PAMAP/X_test.npy", values)
    options = ["--dataset", "pamap2", "--data", ".", "--layout", "unimts", "--json"]
    said = run("evaluate", *options)
    assert said.code == 1
    assert "got 3 of 32 sensors that are not" in said.err
    loaded = json.loads(run("evaluate", *options, "--max-refused", "0.1").out)["loaded"]
    assert (loaded["num_sensors"], len(loaded["refused"])) == (29, 3)
    assert loaded["left_out"] == {"of a sensor that gave no number but zero": 4}
    said = run("evaluate", "--dataset", "hapt", "--max-refused", "0.1")
    assert "sets of other people, got 0.1 for the test set hapt" in said.err


def test_a_file_cannot_pass_for_a_registered_set(run: Run, tmp_path: Path) -> None:
    layout = "{unimts: {folder: x, num_classes: null, sensors: [{joint: 0, columns: [0, 1, 2]}]}}"
    text = f"name: hapt\nrate_hz: 50\nacc_unit: g\ngravity: included\nlayouts: {layout}\n"
    (tmp_path / "mine.yaml").write_text(text)
    said = run("evaluate", "--dataset", "mine.yaml", "--data", ".")
    assert said.code == 1
    assert "expected a name of its own and no test set, got 'hapt'" in said.err


def test_the_list(run: Run) -> None:
    rows = run("evaluate", "--list").out.splitlines()[2:]
    assert [row.split()[1] for row in rows] == list(NAMES)
    facts = json.loads(run("evaluate", "--list", "--json").out)
    assert [spec["name"] for spec in facts] == list(NAMES)
    assert facts[NAMES.index("pamap2")]["words"]["ironing"] == "ironing clothes"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "state --dataset"),
        (["--dataset", "pamap"], "expected one of the sets basic_motions"),
        (["--dataset", "pamap2"], "state the folder of its files"),
        (
            ["--dataset", "mmact", "--data", ".", "--layout", "tables"],
            "expected a layout of unimts, got 'tables'",
        ),
        (["--dataset", "pamap2", "--data", ".", "--split", "official"], "got a set that has none; read all"),
        (["--dataset", "my.yaml", "--data", "."], "no file my.yaml"),
        (["--dataset", "sp_sw_har", "--ledger", "other.jsonl"], "go into the log of this clone"),
        (["--dataset", "pamap2", "--data", "."], "Protocol/subject*.dat"),
    ],
)
def test_what_it_refuses(run: Run, options: list[str], message: str) -> None:
    said = run("evaluate", *options)
    assert said.code == 1
    assert message in said.err
    assert said.out == ""
