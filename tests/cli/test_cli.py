"""The `anymo` command as a user meets it: what it says, and the code it ends with."""

import errno
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anymo.demo
import anymo.motion
from anymo import config
from anymo.cli import main
from anymo.cli.session import errors_in_one_line
from anymo.data import read_recording
from anymo.data.prepare import PrepareConfig, bodies, bodies_of, prepare
from anymo.demo import DemoConfig
from anymo.records import Motion
from anymo.skeleton import forward_kinematics
from anymo.training.pretrain import PretrainConfig, pretrain
from anymo.training.tokenizer import TokenizerConfig, train_tokenizer

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = ("demo", "simulate", "classify", "caption", "retrieve", "info")
STATED = ["--acc-unit", "m/s^2", "--gyro-unit", "rad/s", "--gravity", "included", "--placement"]
Run = Callable[..., Any]


@pytest.fixture
def run(run_anymo: Run) -> Run:
    return run_anymo


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoder, text tower and tokenizer of the tiny runs, hardly trained."""
    root = tmp_path_factory.mktemp("tiny")

    def load(cls: type, stage: str, **paths: Path) -> Any:
        options = [part for key, path in paths.items() for part in (f"--{key}", str(path))]
        return config.load(cls, ["--config_path", str(REPOSITORY / f"configs/{stage}/tiny.yaml"), *options])

    corpus, folder = root / "corpus", root / "model"
    stated = load(PrepareConfig, "prepare", output=corpus)
    prepare(stated)
    shapes = bodies_of(corpus)
    assert [b.joint_position.tolist() for b in shapes] == [b.joint_position.tolist() for b in bodies(stated)]
    pretrain(load(PretrainConfig, "pretrain", corpus=corpus, output=folder), shapes)
    paths = {"corpus": corpus, "encoder": folder / "encoder", "output": root / "tokenizer"}
    train_tokenizer(load(TokenizerConfig, "tokenizer", **paths), shapes)
    (folder / "tokenizer").symlink_to(root / "tokenizer" / "tokenizer")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_help(run: Run, command: str) -> None:
    said = run(command, "--help")
    assert said.code == 0
    assert "Usage" in said.out


def test_nothing_heavy_is_imported_for_help() -> None:
    program = "import sys, anymo.cli; print(*{'torch', 'numpy', 'pandas', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("arguments", [["nonsense"], ["info", "--nonsense"], ["classify"]])
def test_misuse_exits_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_simulate_round_trip(run: Run, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"w{suffix}"
    said = run("simulate", "walking", "--placement", "left wrist", "--duration", "4", "-o", str(file))
    assert (said.code, said.err) == (0, "")
    assert "acc m/s^2" in said.out
    for rate in (50.0, None):  # the time column agrees with the rate, or states it
        back = read_recording(
            file,
            rate_hz=rate,
            acc_unit="m/s^2",
            gyro_unit="rad/s",
            gravity="included",
            placement="left wrist",
        )
        assert back.sensors[0].rate_hz == pytest.approx(50.0)
        assert back.sensors[0].acc.shape == (200, 3)
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_simulate_is_deterministic_and_the_ideal_sensor_differs(run: Run, tmp_path: Path) -> None:
    common = ["simulate", "running", "--placement", "waist", "--duration", "2", "-o"]
    for name, more in {
        "a": ["--seed", "3"],
        "b": ["--seed", "3"],
        "c": ["--seed", "3", "--device", "none"],
    }.items():
        assert run(*common, str(tmp_path / f"{name}.csv"), *more).code == 0
    a, b, c = ((tmp_path / f"{name}.csv").read_text() for name in "abc")
    assert a == b != c


def test_simulate_prefixes_several_placements_and_plots(run: Run, tmp_path: Path) -> None:
    said = run(
        *("simulate", "walking", "--duration", "2", "-o", str(tmp_path / "two.csv")),
        *("--placement", "left wrist", "--placement", "waist", "--plot", str(tmp_path / "two.png")),
    )
    assert said.code == 0
    header = (tmp_path / "two.csv").read_text().splitlines()[0].split(",")
    assert len(header) == 13
    assert {"time_s", "left_wrist_acc_x", "waist_gyro_z"} <= set(header)
    assert (tmp_path / "two.png").stat().st_size > 1000
    assert "--placement 'left wrist' --placement 'waist'" in said.out


def test_simulate_takes_the_stated_frame_rate_of_a_file(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hand_motion: Callable[..., Motion]
) -> None:
    def load(source: str, *, rate_hz: float | None = None) -> Motion:
        motion = hand_motion(duration_s=2.0)
        return motion if rate_hz is None else replace(motion, rate_hz=rate_hz)

    monkeypatch.setattr(anymo.motion, "load", load)
    (tmp_path / "clip.bvh").touch()
    common = ["simulate", "clip.bvh", "--placement", "waist", "-o", "x.csv"]
    said = run(*common).out
    assert "x.csv: 1.7 s of swing-0" in said
    assert "left out: 0.17 s at either end" in said  # two cycles of 12 Hz
    assert "x.csv: 3.7 s of swing-0" in run(*common, "--frame-rate", "30").out
    monkeypatch.setattr(anymo.motion, "load", lambda source, *, rate_hz=None: hand_motion(duration_s=0.8))
    said = run(*common)
    assert said.code == 1
    assert "motion: lasts 0.82 s, of which 0.17 s at either end lack frames" in said.err
    said = run("simulate", "walking", "--placement", "waist", "-o", "y.csv", "--frame-rate", "30")
    assert said.code == 1
    assert "'walking' is an activity; leave them out" in said.err


def test_simulate_takes_what_a_format_wants_said(run: Run, tmp_path: Path) -> None:
    walk = anymo.motion.generate("walking", np.random.default_rng(0), duration_s=3.0)
    joints = forward_kinematics(walk.root_position, walk.rotations, walk.joint_offsets)[0]
    np.save(tmp_path / "joints.npy", joints)
    common = ["simulate", "joints.npy", "--placement", "waist", "-o", "x.csv", "--frame-rate", "60"]
    assert "joint positions need skeleton=" in run(*common).err
    assert "s of joints" in run(*common, "--load", "skeleton=segments", "--load", "unit_m=1.0").out
    for wrong, message in (("up", "expected name=value, each"), ("tilt=1", "no option 'tilt'; it takes")):
        assert message in run(*common, "--load", wrong).err


def test_the_version(run: Run) -> None:
    said = run("--version")
    assert said.code == 0
    assert said.out.split() == ["anymo", anymo.__version__]
    module = [sys.executable, "-m", "anymo", "--version"]
    assert subprocess.run(module, capture_output=True, text=True, check=True).stdout == said.out


def test_simulate_list(run: Run) -> None:
    said = run("simulate", "--list")
    assert said.code == 0
    assert {"walking", "left wrist"} <= {line.strip() for line in said.out.splitlines()}


@pytest.mark.parametrize(
    ("motion", "placement", "output", "message"),
    [
        ("walkin", "waist", "x.csv", "did you mean 'walking'"),
        ("walking", "left writ", "x.csv", "did you mean 'left wrist'"),
        ("gone.bvh", "waist", "x.csv", "no file gone.bvh"),
        ("walking", "waist", "x.txt", "expected a name ending in .csv"),
        ("walking", "waist", "none/x.csv", "no folder none"),
    ],
)
def test_simulate_refuses(run: Run, motion: str, placement: str, output: str, message: str) -> None:
    said = run("simulate", motion, "--placement", placement, "-o", output)
    assert said.code == 1
    assert said.err.startswith("error: ")
    assert message in said.err
    assert "Traceback" not in said.err
    assert list(Path().iterdir()) == []


def test_classify_and_retrieve_what_was_simulated(run: Run, tmp_path: Path, model: Path) -> None:
    file = str(tmp_path / "w.csv")
    run("simulate", "walking", "--placement", "left wrist", "-o", file)
    common = [file, "--rate", "50", *STATED, "left wrist", "--model", str(model)]
    said = run("classify", *common, "--labels", "walking,running", "--json")
    assert said.code == 0
    scores = json.loads(said.out)["scores"]
    assert set(scores) == {"walking", "running"}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert sum(scores.values()) == pytest.approx(1.0)
    table = run("classify", *common, "--labels", "walking,running").out.splitlines()
    assert [line.split()[0] for line in table] == list(scores)
    assert run("classify", *common, "--labels", "walking,running", "--top", "1").out.splitlines() == table[:1]
    assert "--top is of a" in run("classify", *common, "--labels", "a,b", "--top", "1", "--stream").err
    two = str(tmp_path / "two.csv")
    run("simulate", "walking", "--placement", "left wrist", "--placement", "waist", "-o", two)
    both = [two, *common[1:], "--placement", "waist"]
    seen = run("classify", *both, "--labels", "walking,running", "--json")
    assert json.loads(seen.out)["scores"] != scores
    refused = run("classify", *both, "--labels", "walking,running", "--stream")
    assert "expected one sensor in what is read in pieces, got left wrist, waist" in refused.err
    texts = tmp_path / "texts.txt"
    texts.write_text("a person walks\n\na person runs\n")
    found = run("retrieve", *common, "--texts", str(texts), "--top", "1").out.splitlines()
    assert len(found) == 1
    assert found[0].split(maxsplit=1)[1] in {"a person walks", "a person runs"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rate", "50"], "state --acc-unit, --gravity, --placement"),
        (["--rate", "50", *STATED, "left writ"], "did you mean 'left wrist'"),
        (["--rate", "50", *STATED, "waist", "--model", "gone"], "found none; give a folder"),
        (["--rate", "50", "--acc-unit", "g", *STATED[2:], "waist"], "; state --acc-unit m/s^2"),
    ],
)
def test_classify_refuses(run: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    run(
        "simulate", "standing still", "--placement", "waist", "-o", str(tmp_path / "s.csv"), "--duration", "3"
    )
    said = run("classify", "s.csv", "--labels", "a,b", *arguments)
    assert said.code == 1
    assert message in said.err
    assert "Traceback" not in said.err


def test_debug_shows_the_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYMO_DEBUG", "0")
    monkeypatch.setattr(
        sys, "argv", ["anymo", "--debug", "simulate", "walkin", "--placement", "waist", "-o", "x.csv"]
    )
    with pytest.raises(ValueError, match="walking"):
        main()


def test_info(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("info")
    assert said.code == 0
    for word in ("torch", "smollm2-135m-instruct", "Apache-2.0", "model: the one that comes with anymo"):
        assert word in said.out
    monkeypatch.setenv("ANYMO_MODEL", "owner/name")
    assert "model: owner/name (no folder here; looked for on the hub)" in run("info").out


def test_demo_passes_its_options_on(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    summary = [["zero-shot", "accuracy", "50.0 %", "–", "25.0 %"]]
    (tmp_path / "metrics.json").write_text(json.dumps({"summary": summary}))
    seen: list[DemoConfig] = []

    def fake(demo: DemoConfig) -> Path:
        seen.append(demo)
        return tmp_path

    monkeypatch.setattr(anymo.demo, "run_demo", fake)
    said = run("demo", "--name", "007", "--seed", "3", "--align.lora_rank", "5")
    assert said.code == 0
    assert "50.0 %" in said.out
    assert str(tmp_path / "report.html") in said.out
    assert (seen[0].name, seen[0].seed, seen[0].align.lora_rank) == ("007", 3, 5)
    assert run("demo", "--nonsense", "1").code == 2


def test_ctrl_c_exits_130_and_says_what_next(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: DemoConfig) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(anymo.demo, "run_demo", interrupted)
    said = run("demo")
    assert said.code == 130
    assert "a re-run continues" in said.err


def test_full_disk_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANYMO_DEBUG", raising=False)
    with pytest.raises(SystemExit, match="1"), errors_in_one_line():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "checkpoint")
    assert "free some space" in capsys.readouterr().err
    with pytest.raises(TypeError), errors_in_one_line():
        raise TypeError("a bug of ours keeps its traceback")


@pytest.mark.parametrize(
    "script",
    ["data_prep/simulate", "data_prep/kinematics", "train/pretrain", "train/tokenizer", "train/align"],
)
def test_scripts_refuse_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, script: str
) -> None:
    monkeypatch.delenv("ANYMO_DEBUG", raising=False)
    file = tmp_path / "run.yaml"
    file.write_text("sede: 3\n")
    # --local_rank is what the deepspeed launcher appends.
    monkeypatch.setattr(sys, "argv", [script, "--local_rank=0", "--config_path", str(file)])
    with pytest.raises(SystemExit, match="1"):
        runpy.run_path(str(REPOSITORY / f"{script}.py"), run_name="__main__")
    assert "`sede` are not valid" in capsys.readouterr().err
