"""Files of a training run: metrics.jsonl, the checkpoint to resume from, the best weights."""

import json
import logging
import math
import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import draccus
import torch
from accelerate import Accelerator
from accelerate.utils import save
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from anymo.config import write_text
from anymo.training.average import WeightAverage
from anymo.training.launch import zero_stage
from anymo.training.optim import OptimConfig

_log = logging.getLogger(__name__)

# Where results go, and how often one looks, do not make another run.
_NOT_THE_RUN = ("output", "log_every", "validate_every", "save_every", "trackers")


def run_facts(optim: OptimConfig, seed: int, processes: int, config: object) -> dict[str, object]:
    """What makes a run what it is, flat: `optim.lr` and so on."""
    flat: dict[str, object] = {}

    def walk(prefix: str, tree: dict[str, Any]) -> None:
        for key, value in tree.items():
            if isinstance(value, dict):
                walk(f"{prefix}{key}.", value)
            elif key not in _NOT_THE_RUN:
                flat[f"{prefix}{key}"] = value

    stated = {} if config is None else draccus.encode(config)
    walk("", stated | {"optim": draccus.encode(optim), "seed": seed, "processes": processes})
    facts: dict[str, object] = json.loads(json.dumps(flat))
    return facts


class RunFolder:
    """`metrics.jsonl`, `checkpoint/` and `best/` of one run, shared by all its processes.

    Raises:
        ValueError: the folder cannot be written, its disk has no room for two checkpoints, or its checkpoint
            was made with another configuration.
    """

    def __init__(
        self, accelerator: Accelerator, folder: Path, task: nn.Module, facts: dict[str, object], name: str
    ) -> None:
        self.accelerator, self.folder, self.name, self.facts = accelerator, folder, name, facts
        self._trained = [p for p in task.parameters() if p.requires_grad]
        self.checkpoint, self.best = folder / "checkpoint", folder / "best"
        old = folder / "checkpoint.old"
        if accelerator.is_main_process and not self.checkpoint.exists() and old.exists():
            old.replace(self.checkpoint)
        accelerator.wait_for_everyone()
        self.step = self._step_found()
        if accelerator.is_main_process:  # only now, as the folder may have been another run's
            for left in (folder / "checkpoint.new", old, folder / ".best.draft"):
                shutil.rmtree(left, ignore_errors=True)
        accelerator.wait_for_everyone()
        self._check_room()
        # In memory, as the main process may have written a better one before the others look.
        self._best: dict[str, float] = {}
        accelerator.register_save_state_pre_hook(_drop_frozen)
        accelerator.register_load_state_pre_hook(self._check_checkpoint)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add a line to metrics.jsonl, and tell the trackers."""
        self.accelerator.log(dict(values), step=step)
        if self.accelerator.is_main_process:
            row = {"step": step} | {key: float(f"{value:.6g}") for key, value in values.items()}
            with (self.folder / "metrics.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")

    def save(self, step: int, average: WeightAverage | None) -> None:
        """Write the checkpoint beside the old one, then swap: a crash or a full disk loses neither.

        Raises:
            RuntimeError: a weight is not finite; the old checkpoint stays.
        """
        # A loss that is finite may have a gradient that is not.
        if not all(bool(p.isfinite().all()) for p in self._trained):
            raise RuntimeError(
                f"{self.name}: a weight is no longer finite after step {step}; lower optim.lr or "
                f"optim.clip_norm (the last checkpoint in {self.checkpoint} is sound)"
            )
        fresh, old = self.folder / "checkpoint.new", self.folder / "checkpoint.old"
        if self.accelerator.is_main_process:
            shutil.rmtree(fresh, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(fresh), **self._deepspeed(exclude_frozen_parameters=True))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            if average is not None:
                save_file(average.weights, fresh / "average.safetensors")
            (fresh / "step.json").write_text(json.dumps({"step": step, "run": self.facts}))
            _flush(fresh)
            if self.checkpoint.exists():
                shutil.rmtree(old, ignore_errors=True)
                self.checkpoint.replace(old)
            fresh.replace(self.checkpoint)
            shutil.rmtree(old, ignore_errors=True)

    def resume(self, average: WeightAverage | None) -> None:
        """Load the checkpoint, if `step` says that there is one, and forget what was logged after it.

        Raises:
            ValueError: it lacks a trained weight.
        """
        if self.step == 0:
            if self.accelerator.is_main_process:
                (self.folder / "metrics.jsonl").unlink(missing_ok=True)
                shutil.rmtree(self.best, ignore_errors=True)
            return
        strict = self._deepspeed(load_module_strict=False) or {"strict": False}
        self.accelerator.load_state(str(self.checkpoint), **strict)
        if average is not None:
            average.load(load_file(self.checkpoint / "average.safetensors"))
        if (self.best / "step.json").exists():
            self._best = json.loads((self.best / "step.json").read_text())
        _log.info("%s: resumed at step %d", self.name, self.step)
        if self.accelerator.is_main_process:
            self._forget_metrics_after(self.step)

    def keep_best(self, step: int, name: str, value: float, model: nn.Module) -> None:
        """Save the weights as they are if their value is above that of the weights kept so far.

        Args:
            step: of the run.
            name: of the value.
            value: the higher the better.
            model: whose weights are saved.
        """
        if not value > self._best.get(name, -math.inf):
            return
        self._best = {name: value}
        weights = self.accelerator.get_state_dict(model)  # on the main process alone under ZeRO-3
        if self.accelerator.is_main_process:
            _drop_frozen([self.accelerator.unwrap_model(model)], [weights], "")
            with replacing(self.best) as draft:
                save(OrderedDict(weights), draft / "model.safetensors", safe_serialization=True)
                (draft / "step.json").write_text(json.dumps({"step": step, name: value}))
        self.accelerator.wait_for_everyone()

    def load_best(self, task: nn.Module) -> None:
        """Give the bare task what `keep_best` saved last.

        Raises:
            ValueError: it lacks a trained weight.
        """
        _log.info("%s: the best weights are %s", self.name, (self.best / "step.json").read_text())
        weights = load_file(self.best / "model.safetensors")
        self._check_whole(task, weights, self.best)
        task.load_state_dict(weights, strict=False)

    def _check_checkpoint(self, models: list[nn.Module], folder: str) -> None:
        for model in models:  # none under DeepSpeed, which has files of its own
            with safe_open(Path(folder) / "model.safetensors", framework="pt") as saved:
                self._check_whole(model, set(saved.keys()), self.checkpoint)

    def _check_whole(self, model: nn.Module, saved: Collection[str], folder: Path) -> None:
        """Refuse saved names without one of a trained weight, which would stay as it was drawn."""
        if missing := _missing(model, saved):
            raise ValueError(
                f"{self.name}: expected every trained weight in {folder}, {len(missing)} are not there "
                f"({', '.join(missing[:5])}); go on with the code and the launcher that wrote it, or remove "
                f"{self.folder} and start anew"
            )

    def _deepspeed(self, **kwargs: bool) -> dict[str, bool]:
        return kwargs if zero_stage(self.accelerator) else {}

    def _check_room(self) -> None:
        """Refuse a folder that will not take two checkpoints: weights, Adam's two averages, best and EMA."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise ValueError(
                f"{self.name}: expected an output folder that can be written, got {self.folder} ({error}); "
                "give another with --output"
            ) from error
        needed = 2 * 4 * 5 * sum(p.numel() for p in self._trained)
        there = sum(f.stat().st_size for f in self.checkpoint.rglob("*") if f.is_file())
        free = shutil.disk_usage(self.folder).free + there
        if free < needed:
            raise ValueError(
                f"{self.name}: expected {needed / 1e6:.1f} MB of disk for two checkpoints in {self.folder}, "
                f"got {free / 1e6:.1f} MB; make room, or give another folder with --output"
            )

    def _step_found(self) -> int:
        """Step of the checkpoint, 0 without one."""
        if not self.checkpoint.exists():
            return 0
        state = json.loads((self.checkpoint / "step.json").read_text())
        other = [
            f"{key} {state['run'].get(key)} there and {self.facts.get(key)} here"
            for key in self.facts | state["run"]
            if state["run"].get(key) != self.facts.get(key)
        ]
        if other:
            raise ValueError(
                f"{self.name}: {self.checkpoint} belongs to another run ({', '.join(other[:5])}); give "
                "another output folder, or remove that one"
            )
        return int(state["step"])

    def _forget_metrics_after(self, step: int) -> None:
        """Drop the lines of steps that are done again, and one that a crash left half-written."""
        path = self.folder / "metrics.jsonl"
        if path.exists():
            whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
            write_text(path, "".join(line for line in whole if json.loads(line)["step"] <= step))


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A draft folder to write in, which takes the folder's place once it is whole."""
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    yield draft
    _flush(draft)
    if folder.exists():
        shutil.rmtree(folder)
    draft.replace(folder)


def _flush(folder: Path) -> None:
    """Wait until its files are on the disk, as what they replace is gone at once."""
    for file in (path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


def _missing(model: nn.Module, saved: Collection[str]) -> list[str]:
    """Names of trained weights that are not saved; a tied one may be under any of its names."""
    names: dict[nn.Parameter, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter.requires_grad:
            names.setdefault(parameter, []).append(name)
    return [tied[0] for tied in names.values() if not any(name in saved for name in tied)]


def _drop_frozen(models: list[nn.Module], weights: list[dict[str, torch.Tensor]], _folder: str) -> None:
    """A frozen base model comes from its own asset; checkpoints hold what is trained."""
    for model, state in zip(models, weights, strict=False):
        for key, parameter in model.named_parameters(remove_duplicate=False):  # tied ones under both names
            if not parameter.requires_grad:
                state.pop(key, None)
