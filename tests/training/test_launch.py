"""The stage scripts under the launchers people use: two real CPU processes over gloo."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def launch(config: str, folder: Path) -> list[dict[str, float]]:
    """Losses that two processes log in pre-training on the tiny corpus, gradients accumulated."""
    command = [
        str(Path(sys.executable).with_name("accelerate")), "launch",
        "--config_file", str(REPOSITORY / "configs" / "accelerate" / config),
        str(REPOSITORY / "train" / "pretrain.py"),
        "--config_path", str(REPOSITORY / "configs" / "pretrain" / "tiny.yaml"),
        "--corpus", str(folder / "corpus"), "--output", str(folder / config), "--optim.micro_batches", "2",
    ]  # fmt: skip
    environment = os.environ | {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / config / "encoder" / "model.safetensors").is_file()
    return [json.loads(line) for line in (folder / config / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_by_ddp_and_by_zero_2_lose_alike(tmp_path: Path) -> None:
    command = [
        sys.executable, str(REPOSITORY / "data_prep" / "simulate.py"),
        "--config_path", str(REPOSITORY / "configs" / "prepare" / "tiny.yaml"),
        "--output", str(tmp_path / "corpus"),
    ]  # fmt: skip
    prepared = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert prepared.returncode == 0, prepared.stderr[-3000:]
    ddp, zero = (launch(f"{name}.yaml", tmp_path) for name in ("cpu", "deepspeed_zero2_cpu"))
    losses = [[row["loss"] for row in rows if "loss" in row] for rows in (ddp, zero)]
    assert len(losses[0]) >= 2
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
