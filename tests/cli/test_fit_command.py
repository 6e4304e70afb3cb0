"""`anymo fit` and `anymo classify --classifier` on real recordings, with the model of the package."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anymo.data import load_set, read_recording
from anymo.pipeline import AnymoPipeline, Classifier
from anymo.records import Recording

Run = Callable[..., Any]
STATED = ["--rate", "50", "--acc-unit", "m/s^2", "--gyro-unit", "rad/s", "--gravity", "included"]
WORN = ["--placement", "right wrist"]
SPEC = """
name: exercises
rate_hz: 50.0
acc_unit: m/s^2
gyro_unit: rad/s
gravity: included
words: {PEN: swinging the arm, ABD: raising the arm to the side, ROW: rowing}
layouts:
  tables:
    files: "*.csv"
    path: (?P<subject>\\w+)-(?P<label>\\w+)-\\d+\\.csv
    sensors:
      - {placement: right wrist, columns: [acc_x, acc_y, acc_z, gyro_x, gyro_y, gyro_z]}
"""


def write_table(recording: Recording, file: Path) -> None:
    (sensor,) = recording.sensors
    assert sensor.gyro is not None
    names = [f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"]
    pd.DataFrame(np.hstack([sensor.acc, sensor.gyro])[:1000], columns=names).to_csv(file, index=False)


@pytest.fixture
def exercises(run_anymo: Run, asset: Callable[[str], Path], tmp_path: Path) -> list[Path]:
    """Three of SPAR's exercises, by three people to be fitted on, and by two others in new/."""
    asset("spar-watch")
    (tmp_path / "recordings").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "mine.yaml").write_text(SPEC)
    files = []
    for number, recording in enumerate(load_set("spar")):
        if recording.label in ("PEN", "ABD", "ROW") and recording.subject in "12345":
            folder = "recordings" if recording.subject in "123" else "new"
            files.append(Path(folder, f"{recording.subject}-{recording.label}-{number}.csv"))
            write_table(recording, tmp_path / files[-1])
    return [file for file in files if file.parts[0] == "new"]


def test_from_files_to_labels_of_other_people(run_anymo: Run, exercises: list[Path]) -> None:
    fit = ["fit", "--dataset", "mine.yaml", "--data", "recordings", "--output", "mine"]
    said = run_anymo(*fit, "--json")
    assert said.code == 0, said.err
    counts = json.loads(said.out)["recordings"]
    assert list(counts) == ["ABD", "PEN", "ROW"]
    assert min(counts.values()) >= 3

    classify = ["classify", *STATED, *WORN, "--classifier", "mine", "--json"]
    told = [json.loads(run_anymo(*classify, str(file)).out) for file in exercises]
    best = [max(t["scores"], key=t["scores"].get) for t in told]
    truth = [file.stem.split("-")[1] for file in exercises]
    assert np.mean([b == t for b, t in zip(best, truth, strict=True)]) > 0.7
    assert told[0]["classifier"] == "mine"

    recording = read_recording(
        exercises[0], rate_hz=50, acc_unit="m/s^2", gyro_unit="rad/s", gravity="included", placement=WORN[1]
    )
    (alone,) = Classifier.load("mine", AnymoPipeline.from_pretrained()).classify(recording)
    assert told[0]["scores"] == pytest.approx(alone.scores, abs=1e-5)
    rows = run_anymo(*classify, str(exercises[0]), "--stream").out.splitlines()
    assert {json.loads(row)["label"] for row in rows} <= set(counts)


def test_a_set_of_the_registry_and_another_model(
    run_anymo: Run, asset: Callable[[str], Path], model_folder: Path
) -> None:
    asset("basic-motions")
    fit = ["fit", "--dataset", "basic_motions", "--method", "probe", "--output", "moves"]
    said = run_anymo(*fit, "--model", str(model_folder))
    assert [line.split() for line in said.out.splitlines()] == [
        [label, "20", "recordings"] for label in ("Badminton", "Running", "Standing", "Walking")
    ]
    write_table(load_set("basic_motions")[0], Path("watch.csv"))
    stated = ["--rate", "10", *STATED[2:-1], "removed", *WORN]
    asked = ["classify", "watch.csv", *stated, "--classifier", "moves"]
    assert run_anymo(*asked, "--model", str(model_folder)).code == 0
    said = run_anymo(*asked)
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith("error: classifier moves: it was fitted on another encoder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "--dataset", "dsads", "--data", ".", "--output", "o"], "each look at dsads is logged"),
        (["fit", "--dataset", "uci_har", "--data", ".", "--output", "o"], "each look at hapt is logged"),
        (["fit", "--dataset", "one.yaml", "--data", ".", "--output", "o"], "got 1 of 'PEN' alone; add"),
        (["fit", "--dataset", "none.yaml", "--data", ".", "--output", "o"], "none.yaml"),
        (["classify", "1-PEN-0.csv", *STATED, *WORN], "--labels, or a folder with --classifier"),
        (
            ["classify", "1-PEN-0.csv", *STATED, *WORN, "--labels", "a,b", "--classifier", "o"],
            "--labels, or a folder with --classifier",
        ),
        (
            ["classify", "1-PEN-0.csv", *STATED, *WORN, "--classifier", "o", "--route", "generate"],
            "--route goes with --labels",
        ),
        (["classify", "1-PEN-0.csv", *STATED, *WORN, "--classifier", "o"], "`anymo fit`, or"),
    ],
)
def test_refusals_in_one_line(
    run_anymo: Run, monkeypatch: pytest.MonkeyPatch, model_folder: Path, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("ANYMO_MODEL", str(model_folder))
    Path("one.yaml").write_text(SPEC)
    wave = np.random.default_rng(0).normal(loc=[0, 0, 9.8, 0, 0, 0], size=(300, 6))
    names = [f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"]
    pd.DataFrame(wave, columns=names).to_csv("1-PEN-0.csv", index=False)
    said = run_anymo(*arguments)
    assert (said.code, said.out) == (1, "")
    last = said.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert not Path("o").exists()
