"""Two real CPU processes over gloo, under the launchers people use, lose as one process does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import engine_toy as toy
import pytest
import torch
from safetensors.torch import load_file

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = REPOSITORY / "configs"
TOY = Path(toy.__file__)
HALF = {"batch_size": 16}  # on each of two processes: the 32 items of one


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def launched(
    config: str, script: Path, *arguments: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """What `accelerate launch` makes of a script, under one of our launcher files."""
    command = [
        str(Path(sys.executable).with_name("accelerate")), "launch",
        "--config_file", str(CONFIGS / "accelerate" / config), "--main_process_port", str(free_port()),
        *options, str(script), *arguments,
    ]  # fmt: skip
    environment = os.environ | {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def zero(stage: int, runs: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Toy runs on two processes under a stage of ZeRO."""
    file = "zero2_cpu.json" if stage == 2 else f"zero{stage}.json"
    options = ("--deepspeed_config_file", str(CONFIGS / "deepspeed" / file))
    return launched("deepspeed_zero2_cpu.yaml", TOY, json.dumps(runs), options=options)


def losses_of(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def assert_alike(folder: Path, task: toy.PairTask) -> None:
    """Weights within 1e-5 of those of one process."""
    for name, weights in load_file(folder / "final.safetensors").items():
        torch.testing.assert_close(weights, task.state_dict()[name], rtol=0, atol=1e-5)


def assert_same_bits(a: Path, b: Path) -> None:
    for name, weights in load_file(a / "final.safetensors").items():
        assert torch.equal(load_file(b / "final.safetensors")[name], weights), name


def test_ddp_is_one_process_and_resumes_to_the_bit(tmp_path: Path) -> None:
    one = toy.run(str(tmp_path / "one"), {})
    cut = {"folder": str(tmp_path / "cut"), "optim": HALF | {"save_every": 4}, "dropout": 0.2}
    runs = [
        {"folder": str(tmp_path / "two"), "optim": HALF},
        cut | {"folder": str(tmp_path / "straight")},
        cut | {"die_at": 1 + 6},
    ]
    done = launched("cpu.yaml", TOY, json.dumps(runs))
    assert done.returncode != 0
    assert losses_of(tmp_path / "two") == pytest.approx(losses_of(tmp_path / "one"), rel=1e-5)
    assert_alike(tmp_path / "two", one)
    assert json.loads((tmp_path / "cut" / "checkpoint" / "step.json").read_text())["step"] == 4
    done = launched("cpu.yaml", TOY, json.dumps([cut]))
    assert done.returncode == 0, done.stderr[-3000:]
    assert losses_of(tmp_path / "cut") == losses_of(tmp_path / "straight")
    assert_same_bits(tmp_path / "cut", tmp_path / "straight")


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_zero_resumes_and_caches_gradients(stage: int, tmp_path: Path) -> None:
    one = toy.run(str(tmp_path / "one"), {"batch_size": 64}, best="height")
    run = {"optim": {"batch_size": 32, "micro_batches": 2, "save_every": 4}, "best": "height"}
    cut, straight = (run | {"folder": str(tmp_path / name)} for name in ("cut", "straight"))
    done = zero(stage, [straight])
    assert done.returncode == 0, done.stderr[-3000:]
    assert losses_of(tmp_path / "straight") == pytest.approx(losses_of(tmp_path / "one"), rel=1e-5)
    assert_alike(tmp_path / "straight", one)
    assert zero(stage, [cut | {"die_at": 1 + 2 * 6}]).returncode != 0
    done = zero(stage, [cut])
    assert done.returncode == 0, done.stderr[-3000:]
    assert losses_of(tmp_path / "cut") == losses_of(tmp_path / "straight")
    assert_same_bits(tmp_path / "cut", tmp_path / "straight")


@pytest.mark.slow
def test_pre_training_loses_alike_by_one_process_by_ddp_and_by_zero(tmp_path: Path) -> None:
    command = [
        sys.executable, str(REPOSITORY / "data_prep" / "simulate.py"),
        "--config_path", str(CONFIGS / "prepare" / "tiny.yaml"), "--output", str(tmp_path / "corpus"),
    ]  # fmt: skip
    prepared = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert prepared.returncode == 0, prepared.stderr[-3000:]
    whole = ("--optim.batch_size", "32", "--optim.micro_batches", "4", "--optim.block_size", "8")
    command = [
        sys.executable, str(REPOSITORY / "train" / "pretrain.py"),
        "--config_path", str(CONFIGS / "pretrain" / "tiny.yaml"), "--corpus", str(tmp_path / "corpus"),
        "--output", str(tmp_path / "one"), *whole,
    ]  # fmt: skip
    alone = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr[-3000:]
    losses = []
    for name, config, stage in (
        ("ddp", "cpu.yaml", None), ("zero2", "deepspeed_zero2_cpu.yaml", "zero2_cpu"),
        ("zero3", "deepspeed_zero2_cpu.yaml", "zero3"),
    ):  # fmt: skip
        file = str(CONFIGS / "deepspeed" / f"{stage}.json")
        options = () if stage is None else ("--deepspeed_config_file", file)
        done = launched(
            config, REPOSITORY / "train" / "pretrain.py",
            "--config_path", str(CONFIGS / "pretrain" / "tiny.yaml"), "--corpus", str(tmp_path / "corpus"),
            "--output", str(tmp_path / name), "--optim.micro_batches", "2", "--optim.block_size", "8",
            options=options,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        losses.append(losses_of(tmp_path / name))
        saved = load_file(tmp_path / name / "encoder" / "model.safetensors")
        assert all(weights.numel() and torch.isfinite(weights).all() for weights in saved.values())
    assert len(losses[0]) >= 2
    assert losses[0] == pytest.approx(losses_of(tmp_path / "one"), rel=1e-4)
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[2] == pytest.approx(losses[0], rel=1e-3)
