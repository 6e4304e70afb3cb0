"""Runs that are killed, resumed, refused, and what they keep: the last, the best and the average."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import engine_toy as toy
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from anymo.training import checkpoint

COST = {"items_per_s", "draw_share", "seconds_left", "mfu"}
SETTINGS: dict[str, Any] = {"dropout": 0.3, "best": "height"}
OPTIM: dict[str, Any] = {"ema_decay": 0.9, "micro_batches": 2, "save_every": 2}


def rows_of(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in COST} for row in rows]


def killed(folder: Path, **settings: Any) -> None:
    """A run in a process of its own, which a real SIGKILL ends."""
    settings |= SETTINGS | {"folder": str(folder), "optim": OPTIM}
    script = Path(toy.__file__)
    done = subprocess.run(
        [sys.executable, str(script), json.dumps([settings])], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def test_killed_in_a_step_and_in_a_save_the_run_is_the_straight_run(tmp_path: Path) -> None:
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    expected = toy.run(str(straight), OPTIM, **SETTINGS)
    killed(cut, die_at=1 + 2 * 6)  # after the block that is counted, in the draw of step 7; saved is step 6
    assert json.loads((cut / "checkpoint" / "step.json").read_text())["step"] == 6
    killed(cut, die_at=1, die_saving=True)  # half through the second checkpoint after that
    assert json.loads((cut / "checkpoint" / "step.json").read_text())["step"] == 8
    assert (cut / "checkpoint.new" / "model.safetensors").read_bytes() == b"half"
    resumed = toy.run(str(cut), OPTIM, **SETTINGS)
    assert rows_of(cut) == rows_of(straight)
    for name, weights in expected.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weights), name
    assert (cut / "best" / "step.json").read_text() == (straight / "best" / "step.json").read_text()
    assert {p.name for p in cut.iterdir()} == {"best", "checkpoint", "final.safetensors", "metrics.jsonl"}


def test_the_best_is_returned_and_the_last_is_kept(tmp_path: Path) -> None:
    task = toy.run(str(tmp_path), {}, best="height")
    heights = {r["step"]: r["validation_height"] for r in rows_of(tmp_path) if "validation_height" in r}
    step = max(heights, key=heights.__getitem__)
    assert step < 12
    best = json.loads((tmp_path / "best" / "step.json").read_text())
    assert best == {"step": step, "height": pytest.approx(heights[step], rel=1e-5)}
    kept = load_file(tmp_path / "best" / "model.safetensors")
    assert not {name for name in kept if name.startswith("base.")}  # frozen
    assert all(torch.equal(task.state_dict()[name], weights) for name, weights in kept.items())
    assert toy.validate(task)["height"] == best["height"]
    last = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert not torch.equal(last["log_scale"], kept["log_scale"])
    with pytest.raises(ValueError, match="toy: best expected one of height, got 'depth'"):
        toy.run(str(tmp_path / "other"), {}, best="depth")


def test_the_average_is_what_is_validated_and_returned(tmp_path: Path) -> None:
    task = toy.run(str(tmp_path), {"ema_decay": 0.9})
    average = load_file(tmp_path / "checkpoint" / "average.safetensors")
    last = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert average.keys() == {name for name, p in task.named_parameters() if p.requires_grad}
    assert all(torch.equal(task.state_dict()[name], weights) for name, weights in average.items())
    assert not torch.equal(average["log_scale"], last["log_scale"])
    height = [r["validation_height"] for r in rows_of(tmp_path) if "validation_height" in r][-1]
    assert toy.validate(task)["height"] == pytest.approx(height, rel=1e-5)


def test_a_full_disk_takes_neither_the_best_nor_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = checkpoint.save
    saved = iter(range(10))

    def full_disk(weights: Any, path: Path, **kwargs: Any) -> None:
        if next(saved) == 1:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save(weights, path, **kwargs)

    monkeypatch.setattr(checkpoint, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        toy.run(str(tmp_path), {"save_every": 1}, best="height")
    assert json.loads((tmp_path / "best" / "step.json").read_text())["step"] == 2
    assert load_file(tmp_path / "best" / "model.safetensors")
    assert json.loads((tmp_path / "checkpoint" / "step.json").read_text())["step"] == 3
    monkeypatch.undo()
    resumed, straight = (
        toy.run(str(tmp_path), {}, best="height"),
        toy.run(str(tmp_path / "b"), {}, best="height"),
    )
    assert torch.equal(resumed.log_scale, straight.log_scale)


@pytest.mark.parametrize("kept", ["checkpoint", "best"])
def test_a_trained_weight_that_was_not_saved_is_named(kept: str, tmp_path: Path) -> None:
    toy.run(str(tmp_path), {}, best="height")
    toy.run(str(tmp_path), {}, best="height")  # as it is finished
    file = tmp_path / kept / "model.safetensors"
    weights = load_file(file)
    save_file({name: w for name, w in weights.items() if not name.startswith("towers.0.")}, file)
    word = rf"toy: expected every trained weight in .*{kept}, 4 are not there \(towers\.0\.0\.weight, .* anew"
    with pytest.raises(ValueError, match=word):
        toy.run(str(tmp_path), {}, best="height")


def test_a_tied_weight_is_saved_under_one_name() -> None:
    model = nn.ModuleDict({"embed": nn.Embedding(5, 3), "head": nn.Linear(3, 5)})
    model["head"].weight = model["embed"].weight
    frozen = nn.ModuleDict({"tied": model, "base": nn.Linear(2, 2).requires_grad_(False)})
    for saved in ("tied.embed.weight", "tied.head.weight"):
        assert checkpoint._missing(frozen, {saved, "tied.head.bias"}) == []
    assert checkpoint._missing(frozen, {"tied.head.bias"}) == ["tied.embed.weight"]


def test_what_a_crash_left_takes_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.run(str(tmp_path), {}, best="height")
    left = [tmp_path / name for name in ("checkpoint.new", "checkpoint.old", ".best.draft")]
    for folder in left:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(bytes(100_000))

    def usage(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=150_000 - sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()))

    monkeypatch.setattr(checkpoint.shutil, "disk_usage", usage)
    with pytest.raises(ValueError, match="belongs to another run"):
        toy.run(str(tmp_path), {"lr": 0.5}, best="height")
    assert all(folder.is_dir() for folder in left)  # nor is it touched
    toy.run(str(tmp_path), {}, best="height")
    assert not any(folder.exists() for folder in left)


def test_what_is_refused_before_the_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"toy: expected an output folder that can be written, got .*file"):
        toy.run(str(tmp_path / "file"), {})
    with pytest.raises(ValueError, match=r"optim.trackers: 'wandbb' cannot be used here .*pip install it"):
        toy.run(str(tmp_path / "tracked"), {"trackers": ("wandbb",)})
    with pytest.raises(ValueError, match=r"mixed_precision: expected no or bf16 on a CPU.*got fp16"):
        toy.run(str(tmp_path / "half"), {"mixed_precision": "fp16"})
    usage = shutil.disk_usage(tmp_path)._replace(free=10_000)
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ValueError, match=r"toy: expected 0.0 MB of disk for two checkpoints in .*make room"):
        toy.run(str(tmp_path / "full"), {})


def test_a_tracker_hears_the_run(tmp_path: Path) -> None:
    toy.run(str(tmp_path), {"trackers": ("tensorboard",)})
    assert list((tmp_path / "toy").glob("events.out.tfevents.*"))
    assert "trackers" not in (tmp_path / "checkpoint" / "step.json").read_text()


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"ema_decay": 1.0}, "optim.ema_decay: expected a number from 0 to below 1, got 1.0"),
        ({"betas": (0.9, 1.5)}, "optim.betas: expected a number from 0 to below 1, got 1.5"),
        ({"final_lr_share": 2.0}, "optim.final_lr_share: expected a number from 0 to 1, got 2.0"),
        ({"clip_norm": 0.0}, "optim.clip_norm"),
        ({"warmup_steps": -1}, "optim.warmup_steps: expected a finite number, 0 or more, got -1"),
        ({"steps": 20}, "optim.warmup_steps: expected fewer than the 20 steps.* got 20, .*lower it"),
        ({"lr": float("nan")}, "optim.lr: expected a finite number above 0, got nan"),
        ({"clip_norm": float("inf")}, "optim.clip_norm: expected a finite number above 0, got inf"),
        ({"weight_decay": float("nan")}, "optim.weight_decay: expected a finite number, 0 or more, got nan"),
        ({"final_lr_share": float("nan")}, "optim.final_lr_share: expected a number from 0 to 1, got nan"),
        ({"betas": (float("nan"), 0.9)}, "optim.betas: expected a number from 0 to below 1, got nan"),
    ],
)
def test_options_of_the_optimiser(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        toy.OptimConfig(**{"steps": 1, "batch_size": 1} | wrong)
