"""The commands that use a model, on a tiny untrained one: tables, JSON, pictures, the index."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from anymo.data import read_recording
from anymo.pipeline import AnymoPipeline
from anymo.records import WindowBatch

STATED = ["--acc-unit", "m/s^2", "--gyro-unit", "rad/s", "--gravity", "included", "--placement", "left wrist"]
Run = Callable[..., Any]


@pytest.fixture
def run(run_anymo: Run, monkeypatch: pytest.MonkeyPatch, model_folder: Path) -> Run:
    """Run `anymo` in a folder with recordings a.csv and b.csv of 12 and 7 s."""
    monkeypatch.setenv("ANYMO_MODEL", str(model_folder))
    names = [f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"]
    for name, num in (("a", 600), ("b", 350)):
        wave = np.random.default_rng(num).normal(size=(num, 6)) * 2 + [0, 0, 9.8, 0, 0, 0]
        pd.DataFrame(wave, columns=names).to_csv(f"{name}.csv", index=False)
    return run_anymo


def test_stream_and_plot(run: Run, tmp_path: Path) -> None:
    options = ["a.csv", "--rate", "50", *STATED, "--labels", "walking,running,cycling", "--stream"]
    said = run("classify", *options, "--json", "--smooth", "3", "--plot", "labels.png")
    assert said.code == 0
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert rows[0]["start_s"] == 0.0
    assert rows[-1]["end_s"] == pytest.approx(10.0)  # 2 s are too short for a window of their own
    assert (tmp_path / "labels.png").stat().st_size > 1000
    table = run("classify", *options).out.splitlines()
    assert table[0].split()[:4] == ["0.0", "-", f"{rows[0]['end_s']:.1f}", "s"]
    (tmp_path / "labels.txt").write_text("walking\n\nrunning\n cycling\n")
    options[options.index("walking,running,cycling")] = "labels.txt"
    assert run("classify", *options).out.splitlines() == table
    often = [json.loads(line) for line in run("classify", *options, "--json", "--hop", "1").out.splitlines()]
    assert often[-1]["end_s"] == pytest.approx(12.0)


def test_captions_as_they_come_and_as_a_picture(run: Run, tmp_path: Path, small_model_folder: Path) -> None:
    options = ["a.csv", "--rate", "50", *STATED, "--model", str(small_model_folder)]
    whole = run("caption", *options, "--json")
    captions = json.loads(whole.out)["captions"]
    assert [c["start_s"] for c in captions] == [0.0, 5.0]
    said = run("caption", *options, "--stream", "--json", "--plot", "said.png")
    assert [json.loads(line) for line in said.out.splitlines()] == captions
    assert (tmp_path / "said.png").stat().st_size > 1000
    assert run("caption", *options, "--stream").out == run("caption", *options).out
    assert "--on-gap goes with --stream" in run("caption", *options, "--on-gap", "split").err
    assert "expected a name ending in .png" in run("caption", *options, "--plot", "said.doc").err


def test_where_and_how_precisely_it_computes(run: Run, small_model_folder: Path) -> None:
    options = ["a.csv", "--rate", "50", *STATED, "--model", str(small_model_folder), "--json"]
    asked = ["classify", *options, "--labels", "walking,running"]
    full, half = (
        json.loads(run(*asked, "--device", "cpu", "--dtype", dtype).out) for dtype in ("float32", "bfloat16")
    )
    assert full["scores"] != half["scores"]
    assert full["scores"] == pytest.approx(half["scores"], abs=0.05)
    assert "device: expected one that is here, got cuda:99" in run(*asked, "--device", "cuda:99").err


GONE = {
    "/gone/away": "found none at /gone/away; give the folder or name it has now",
    "who/else": "got 'who/else', of which no model can be loaded",
}


@pytest.mark.parametrize(
    ("command", "base"),
    [
        (["caption"], "/gone/away"),
        (["caption", "--stream"], "who/else"),
        (["ask"], "/gone/away"),
        (["classify", "--labels", "a,b", "--route", "generate"], "who/else"),
    ],
)
def test_a_base_that_is_gone(
    run: Run, tmp_path: Path, small_model_folder: Path, command: list[str], base: str
) -> None:
    """One line that says what to give, and giving it helps."""
    model = Path(shutil.copytree(small_model_folder, tmp_path / "moved"))
    file = model / "language_model" / "alignment.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps(facts | {"base": base}))
    question = ["Where is the sensor?"] if command == ["ask"] else []
    asked = [command[0], "b.csv", *question, *command[1:], "--rate", "50", *STATED, "--model", str(model)]
    said = run(*asked)
    assert (said.code, said.out) == (1, "")
    last = said.err.splitlines()[-1]
    assert last.startswith("error: base: expected ")
    assert GONE[base] in last
    assert "in the shell as --base" in last
    assert "Traceback" not in said.err
    assert run(*asked, "--base", facts["base"]).code == 0


def test_which_sentence_fits_when(run: Run, tmp_path: Path, model_folder: Path) -> None:
    texts = ["a person walks", "a person runs", "someone waves"]
    Path("texts.txt").write_text("\n".join(texts))
    options = ["b.csv", "--rate", "50", *STATED, "--texts", "texts.txt", "--top", "2"]
    found = run("retrieve", *options, "--plot", "fits.svg")
    assert found.out == run("retrieve", *options).out
    picture = (tmp_path / "fits.svg").read_text()
    units = {"rate_hz": 50.0, "acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included"}
    recording = read_recording("b.csv", placement="left wrist", **units)
    pipe = AnymoPipeline.from_pretrained(model_folder)
    shown = [line.split(maxsplit=1)[1] for line in found.out.splitlines()]
    segments = list(pipe.stream_matches(recording, shown))
    assert {s.label for s in segments} <= set(shown)
    assert all(f"<!-- {s.label} -->" in picture for s in segments)
    assert f"<!-- {next(t for t in texts if t not in shown)} -->" not in picture
    assert "no folder no" in run("retrieve", *options, "--plot", "no/fits.svg").err


def test_an_index_of_two_days(run: Run) -> None:
    stated = ["--rate", "50", *STATED]
    assert run("index", "build", "days", "a.csv", *stated, "--hop", "2.5").code == 0
    said = run("index", "build", "days", "b.csv", *stated, "--json")
    assert json.loads(said.out) == {"index": "days", "recordings": 2, "windows": 5}
    found = json.loads(run("index", "search", "days", "a person walks", "--top", "9", "--json").out)[
        "moments"
    ]
    assert {m["recording"] for m in found} == {"a.csv", "b.csv"}
    assert [m["score"] for m in found] == sorted((m["score"] for m in found), reverse=True)
    like = run("index", "search", "days", "--like", "b.csv", *stated, "--top", "1", "--plot", "days.png").out
    assert "b.csv" in like
    assert Path("days.png").is_file()
    assert "give a sentence to look for, or a recording" in run("index", "search", "days").err
    assert "state --acc-unit" in run("index", "search", "days", "--like", "b.csv").err
    assert (
        "got 'b.csv'; give what changed" in run("index", "build", "days", "b.csv", *stated, "--hop", "1").err
    )


def test_an_index_that_was_interrupted_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the files that were finished nothing is read again."""
    command = ["index", "build", "days", "a.csv", "b.csv", "--rate", "50", *STATED, "--json"]
    read, embed = list[int](), AnymoPipeline.embed_windows

    def killed(pipe: AnymoPipeline, batch: WindowBatch) -> torch.Tensor:
        if sum(read) == 2:  # all of a.csv
            raise KeyboardInterrupt
        read.append(len(batch))
        return embed(pipe, batch)

    monkeypatch.setattr(AnymoPipeline, "embed_windows", killed)
    assert run(*command).code == 130
    monkeypatch.setattr(
        AnymoPipeline, "embed_windows", lambda pipe, batch: read.append(len(batch)) or embed(pipe, batch)
    )
    assert json.loads(run(*command).out) == {"index": "days", "recordings": 2, "windows": 3}
    assert sum(read) == 3
    assert json.loads(run(*command).out)["windows"] == 3
    assert "b.csv is in the index already" in caplog.messages
    assert sum(read) == 3


@pytest.mark.slow
def test_in_words(run: Run, model_folder: Path) -> None:
    """The shell says what the pipeline says; the language model is the real one, untaught."""
    stated = ["--rate", "50", *STATED]
    captions = json.loads(run("caption", "b.csv", *stated, "--json").out)["captions"]
    said = json.loads(run("ask", "b.csv", "Which arm?", *stated, "--untaught", "--json").out)
    chosen = run("classify", "b.csv", *stated, "--labels", "walking,running", "--route", "generate")
    units = {"rate_hz": 50.0, "acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included"}
    recording = read_recording("b.csv", placement="left wrist", **units)
    pipe = AnymoPipeline.from_pretrained(model_folder)
    assert [(c["start_s"], c["text"]) for c in captions] == [
        (c.start_s, c.text) for c in pipe.caption(recording)[0]
    ]
    assert captions[0]["text"]
    assert said == {
        "recording": "b",
        "question": "Which arm?",
        "answer": pipe.ask(recording, "Which arm?", untaught=True)[0],
    }
    (best,) = pipe.classify(recording, labels=["walking", "running"], route="generate")
    assert chosen.out.split()[0] == best.label


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "walking,running", "--plot", "x.txt"], "expected a name ending in .png, .pdf, .svg"),
        (["--labels", "walking,running", "--plot", "no/x.png"], "no folder no"),
        (["--labels", "walking,running", "--stream", "--smooth", "2"], "expected an odd number"),
        (["--labels", "walking,running", "--smooth", "3"], "--smooth goes with --stream or --plot"),
        (["--labels", "walking,running", "--hop", "1"], "--hop goes with --stream or --plot"),
        (["--labels", "none.txt"], "labels: no file none.txt; check the path"),
        (["--labels", "walking,running", "--on-gap", "split"], "--on-gap goes with --stream"),
        (["--labels", "walking,Walking"], "given twice"),
    ],
)
def test_refusals(run: Run, arguments: list[str], message: str) -> None:
    said = run("classify", "a.csv", "--rate", "50", *STATED, *arguments)
    assert said.code == 1
    last = said.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last


def later(frame: pd.DataFrame, step_s: float) -> pd.DataFrame:
    """Another rate from the 400th sample on."""
    return frame.assign(time_s=np.cumsum(np.where(np.arange(len(frame)) < 400, 0.02, step_s)))


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (lambda f: f.assign(time_s=f.time_s.mask(f.index == 7)), [], "the time column is empty at row 7"),
        (lambda f: f.assign(acc_y=f.acc_y.mask(f.index == 7)), [], "NaN or infinity in 1 of 600 samples"),
        (lambda f: later(f, 0.04), [], "the rate changes: from 7.9 s"),
        (lambda f: later(f, 0.03), [], "time stamps are irregular"),
        (lambda f: f.drop(index=range(200, 400)), ["--stream"], "no sample from 3.98 to 8.00 s"),
        (lambda f: f.assign(acc_z=f.acc_z - 9.8), [], "state --gravity removed"),
        (lambda f: f.assign(**{f"gyro_{x}": 57.3 * f[f"gyro_{x}"] for x in "xyz"}), [], "looks like deg/s"),
    ],
)
def test_recordings_that_are_refused(
    run: Run, spoil: Callable[[pd.DataFrame], pd.DataFrame], options: list[str], message: str
) -> None:
    frame = pd.read_csv("a.csv")
    frame.insert(0, "time_s", np.arange(len(frame)) / 50.0)
    spoil(frame).to_csv("bad.csv", index=False)
    said = run("classify", "bad.csv", "--rate", "50", *STATED, "--labels", "walking,running", *options)
    assert said.code == 1
    assert said.err.splitlines()[-1].startswith("error: ")
    assert message in said.err
    assert said.out == ""
