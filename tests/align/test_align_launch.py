"""Alignment with LoRA under DeepSpeed on two CPU processes: it loses as one, and what is saved is there."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import align_toy
import pytest
import torch
from align_toy import EVEN
from safetensors.torch import load_file

from anymo.align import MotionLanguageModel

REPOSITORY = Path(__file__).resolve().parents[2]
MIX = {name: getattr(EVEN, name) for name in EVEN.shares}


def launched(stage: str, settings: dict[str, Any]) -> None:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("accelerate")), "launch",
        "--config_file", str(REPOSITORY / "configs" / "accelerate" / "deepspeed_zero2_cpu.yaml"),
        "--deepspeed_config_file", str(REPOSITORY / "configs" / "deepspeed" / f"{stage}.json"),
        "--main_process_port", str(port), align_toy.__file__, json.dumps(settings),
    ]  # fmt: skip
    environment = os.environ | {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]


def losses_of(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["zero2_cpu", "zero3"])
def test_two_processes_are_one_and_save_what_they_learnt(
    stage: str, base: Callable[[str], str], tmp_path: Path
) -> None:
    common = {"base": base("llama"), "mix": MIX, "text": 1.0}
    align_toy.run(**common, folder=str(tmp_path / "one"), optim={"batch_size": 16, "micro_batches": 2})
    launched(stage, common | {"folder": str(tmp_path / "two"), "optim": {"batch_size": 8}})
    assert losses_of(tmp_path / "two") == pytest.approx(losses_of(tmp_path / "one"), rel=1e-3)
    saved = tmp_path / "two" / "language_model"
    adapter = load_file(saved / "adapter" / "adapter_model.safetensors")
    assert len(adapter) == 2 * 2 * 7
    assert all(weights.any() for weights in adapter.values())
    assert all("lora_" in name for name in adapter)  # the base comes from its own folder
    embedding = load_file(saved / "motion_embedding.safetensors")
    assert embedding["weight"].shape == (2, 8, 32)
    assert embedding["correction.2.weight"].any()  # zero at the start
    one = MotionLanguageModel.from_pretrained(tmp_path / "one" / "language_model")
    two = MotionLanguageModel.from_pretrained(saved)
    codes = torch.zeros(3, 2, dtype=torch.long)
    with torch.no_grad():
        for a, b in (
            (one.embed_texts(["a"]), two.embed_texts(["a"])),
            (
                one.log_likelihood([one.prompt(codes, [6])], ["a"]),
                two.log_likelihood([two.prompt(codes, [6])], ["a"]),
            ),
        ):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)
