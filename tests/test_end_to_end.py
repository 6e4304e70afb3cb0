"""The whole path through the real commands: demo, then use, resume and failure, on the tiny configuration."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
ANYMO = str(Path(sys.executable).with_name("anymo"))
TINY = REPOSITORY / "configs" / "tiny.yaml"


def anymo(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ANYMO, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny demo, interrupted once on the way."""
    folder = tmp_path_factory.mktemp("end_to_end")
    command = [ANYMO, "demo", "--config-path", str(TINY)]
    first = subprocess.Popen(
        command,
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & leaves it ignored
    )
    corpus_done = folder / "runs" / "tiny" / "stages" / "prepare.done.json"
    deadline = time.monotonic() + 120
    while not corpus_done.is_file() and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 130, said
    assert "interrupted" in said
    written = corpus_done.stat().st_mtime_ns
    done = anymo("demo", "--config-path", str(TINY), cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "prepare: finished earlier" in done.stderr
    assert corpus_done.stat().st_mtime_ns == written
    assert "zero-shot basic_motions, embedding" in done.stdout
    return folder / "runs" / "tiny"


def test_report_and_metrics(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    for route in ("embedding", "likelihood"):
        result = metrics["zero_shot"][f"basic_motions/{route}"]
        assert result["num_samples"] == 80
        assert result["chance"]["accuracy"] == 0.25
        assert 0 <= result["macro_f1"] <= 1
    assert metrics["retrieval"]["imu_to_text"]["chance_mrr"] > 0
    assert {"bleu_1", "bleu_4", "rouge_l", "embedding_similarity"} <= metrics["captions"].keys()
    assert set(metrics["overlap"]) == {"basic_motions", "spar", "hapt", "dsads", "sp_sw_har"}
    page = (run / "report.html").read_text()
    assert page.count("<img") >= 6
    for shown in ("basic_motions, embedding route, by class", "macro-F1, all classes", "majority", "Cost"):
        assert shown in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_second_run_does_nothing_again(run: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*.safetensors")}
    again = anymo("demo", "--config-path", str(TINY), cwd=run.parents[1])
    assert again.returncode == 0, again.stderr[-3000:]
    assert again.stderr.count("finished earlier") == 6
    assert "zero-shot basic_motions, embedding" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*.safetensors")} == before


@pytest.mark.slow
def test_the_model_is_used_from_the_shell(run: Path) -> None:
    folder = run.parents[1]
    made = anymo(
        *("simulate", "walking", "--placement", "left wrist", "--rate", "50", "--output", "walk.csv"),
        cwd=folder,
    )
    assert made.returncode == 0, made.stderr
    stated = (
        *("--rate", "50", "--acc-unit", "m/s^2", "--gyro-unit", "rad/s", "--gravity", "included"),
        *("--placement", "left wrist", "--model", str(run / "model"), "--json"),
    )
    for route in ("embedding", "likelihood"):
        done = anymo(
            "classify", "walk.csv", *stated, "--labels", "walking,running", "--route", route, cwd=folder
        )
        assert done.returncode == 0, done.stderr
        assert set(json.loads(done.stdout)["scores"]) == {"walking", "running"}
    said = anymo("caption", "walk.csv", *stated, cwd=folder)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)


def test_a_changed_configuration_starts_from_where_it_changes(run: Path) -> None:
    from anymo.demo.stages import StageBook

    done: list[str] = []
    folder = run.parents[1] / "book"
    for config in ("a", "a", "b"):
        book = StageBook(folder)
        book.run("first", {"x": 1}, [], lambda: done.append("first"))
        book.run("second", {"x": config}, [], lambda: done.append("second"))
        book.run("third", {"x": 1}, [], lambda: done.append("third"))
    assert done == ["first", "second", "third", "second", "third"]


@pytest.mark.slow
def test_full_disk_is_an_error_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A real full disk: a file-size limit of the shell stands in for it, as a process meets both alike."""
    limited = f"ulimit -f 200; exec {ANYMO} demo --config-path {TINY}"
    done = subprocess.run(
        ["bash", "-c", limited], cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode not in (0, 130)
    assert not (tmp_path / "runs" / "tiny" / "corpus" / "dataset_dict.json").exists()
    assert not (tmp_path / "runs" / "tiny" / "stages" / "prepare.done.json").exists()
