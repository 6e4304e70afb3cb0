"""The training loop every stage shares: seed, prepare, step, log, validate, checkpoint, resume.

Runs as it is on a CPU or a GPU, under `accelerate launch` (DDP) and under DeepSpeed. Batches are a function
of (seed, step, process), so a resumed run sees what the straight run would have seen.
"""

import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import draccus
import numpy as np
import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import InitProcessGroupKwargs, set_seed
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """How a stage is optimised.

    Attributes:
        steps: optimiser steps.
        batch_size: items of a step on one process.
        micro_batches: parts a step's items go through the model in, to save memory; gradients add up, and a
            contrastive loss sees one part at a time.
        lr: peak learning rate of AdamW, after the warm-up; decays by a cosine to a tenth.
        weight_decay: decoupled weight decay.
        warmup_steps: linear warm-up.
        clip_norm: gradient norm is clipped to this.
        log_every: steps between lines of metrics.jsonl.
        validate_every: steps between validations; the last step is always validated.
        save_every: steps between checkpoints to resume from.
        mixed_precision: "no", "bf16" or "fp16".
    """

    steps: int
    batch_size: int
    micro_batches: int = 1
    lr: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 20
    clip_norm: float = 1.0
    log_every: int = 10
    validate_every: int = 100
    save_every: int = 100
    mixed_precision: str = "no"

    def __post_init__(self) -> None:
        for name in (
            "steps",
            "batch_size",
            "micro_batches",
            "lr",
            "log_every",
            "validate_every",
            "save_every",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"optim.{name}: expected a positive number, got {getattr(self, name)}")
        if self.batch_size % self.micro_batches:
            raise ValueError(
                f"optim.micro_batches: expected a divisor of batch_size {self.batch_size}, got "
                f"{self.micro_batches}"
            )
        if self.mixed_precision not in ("no", "bf16", "fp16"):
            raise ValueError(
                f"optim.mixed_precision: expected no, bf16 or fp16, got {self.mixed_precision!r}"
            )


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """Loss to descend, and values to log."""

    loss: torch.Tensor
    logs: dict[str, float]


class Task(Protocol):
    """A stage as the engine sees it: one module whose forward takes a batch and gives a TaskOutput."""

    def __call__(self, batch: Any) -> TaskOutput: ...  # noqa: D102


class BatchSource(Protocol):
    """Gives so many items, drawn from a generator that is the step's and the process's own."""

    def __call__(self, size: int, rng: np.random.Generator) -> Any: ...  # noqa: D102


Validate = Callable[[Any], dict[str, float]]
T = TypeVar("T", bound=nn.Module)


def train(
    task: T,
    source: BatchSource,
    optim: OptimConfig,
    folder: Path,
    *,
    seed: int,
    name: str,
    validate: Validate | None = None,
    config: object = None,
) -> T:
    """Train a task, from its last checkpoint if there is one.

    Args:
        task: module that follows `Task`; its parameters that require gradients are trained.
        source: gives a batch of so many items.
        optim: how long and how.
        folder: `metrics.jsonl` and `checkpoint/` are written here.
        seed: of batches and initial state.
        name: what the progress bar and the log say.
        validate: called with the bare task in eval mode.
        config: the stage's whole configuration; a checkpoint made with another is not resumed.

    Returns:
        The trained task, without wrappers.

    Raises:
        RuntimeError: the loss is no longer finite; the message gives the step.
        ValueError: the folder's checkpoint was made with another configuration.
    """
    accelerator = _accelerator(optim)
    set_seed(seed)
    trained = [p for p in task.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=optim.lr, weight_decay=optim.weight_decay, betas=(0.9, 0.98))
    scheduler = LambdaLR(optimizer, lambda step: _cosine(step, optim))
    _tell_deepspeed(accelerator, optim)
    model, optimizer, scheduler = accelerator.prepare(task, optimizer, scheduler)
    run = _Run(accelerator, folder, _facts(optim, seed, config), name)
    step = run.resume()
    bar = tqdm(
        total=optim.steps, initial=step, desc=name, unit="step", disable=not accelerator.is_local_main_process
    )
    while step < optim.steps:
        rng = np.random.default_rng([seed, step, accelerator.process_index])
        logs = _update(accelerator, model, optimizer, scheduler, partial(source, rng=rng), optim)
        step += 1
        run.count(optim.batch_size * accelerator.num_processes)
        bar.update()
        if not math.isfinite(logs["loss"]):
            raise RuntimeError(
                f"{name}: the loss is {logs['loss']} at step {step}; lower optim.lr or "
                f"optim.clip_norm (the last checkpoint in {folder / 'checkpoint'} is sound)"
            )
        if step % optim.log_every == 0 or step == optim.steps:
            bar.set_postfix(loss=f"{logs['loss']:.3f}")
            run.log(step, logs | {"lr": scheduler.get_last_lr()[0]})
        if validate is not None and (step % optim.validate_every == 0 or step == optim.steps):
            run.log(step, _validated(accelerator, model, validate))
        if step % optim.save_every == 0 or step == optim.steps:
            run.save(step)
    bar.close()
    accelerator.wait_for_everyone()
    bare: T = accelerator.unwrap_model(model)
    accelerator.free_memory()
    return bare.cpu().eval()


def is_main_process() -> bool:
    """Whether this process writes what a run leaves behind."""
    return bool(PartialState().is_main_process)


def _accelerator(optim: OptimConfig) -> Accelerator:
    """Accelerator of this process; without a GPU accelerate joins processes by gloo only if told to."""
    deepspeed = os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true"
    no_gpu = not torch.accelerator.is_available()
    return Accelerator(
        mixed_precision=optim.mixed_precision,
        gradient_accumulation_steps=optim.micro_batches,
        cpu=no_gpu and not deepspeed,
        kwargs_handlers=[InitProcessGroupKwargs(backend="gloo")] if no_gpu and deepspeed else None,
        step_scheduler_with_optimizer=False,  # else the schedule runs once per process at every step
    )


def _update(
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: Any,
    scheduler: Any,
    draw: Callable[[int], Any],
    optim: OptimConfig,
) -> dict[str, float]:
    """One optimiser step over its micro-batches; the mean of what they log."""
    model.train()
    outputs: list[TaskOutput] = []
    for _ in range(optim.micro_batches):
        batch = draw(optim.batch_size // optim.micro_batches).to(accelerator.device)
        with accelerator.accumulate(model):
            with accelerator.autocast():
                output: TaskOutput = model(batch)
            accelerator.backward(output.loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), optim.clip_norm)
            # Empty until the last part; under DeepSpeed always, where backward clips, steps and zeroes.
            optimizer.step()
            optimizer.zero_grad()
        outputs.append(TaskOutput(loss=output.loss.detach().float(), logs=output.logs))
    scheduler.step()
    loss = accelerator.reduce(torch.stack([o.loss for o in outputs]).mean(), reduction="mean")
    logs = {key: sum(o.logs[key] for o in outputs) / len(outputs) for key in outputs[0].logs}
    return logs | {"loss": float(loss)}


def _validated(accelerator: Accelerator, model: nn.Module, validate: Validate) -> dict[str, float]:
    bare = accelerator.unwrap_model(model)
    bare.eval()
    with torch.no_grad():
        values = validate(bare)
    return {f"validation_{k}": v for k, v in values.items()}


def _cosine(step: int, optim: OptimConfig) -> float:
    if step < optim.warmup_steps:
        return (step + 1) / (optim.warmup_steps + 1)
    progress = (step - optim.warmup_steps) / max(1, optim.steps - optim.warmup_steps)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * min(progress, 1.0)))


def _tell_deepspeed(accelerator: Accelerator, optim: OptimConfig) -> None:
    """Give DeepSpeed the numbers its JSON leaves to "auto", and refuse a JSON that contradicts ours."""
    plugin = accelerator.state.deepspeed_plugin
    if plugin is None:
        return
    ours = {
        "train_micro_batch_size_per_gpu": optim.batch_size // optim.micro_batches,
        "gradient_accumulation_steps": optim.micro_batches,
        "gradient_clipping": optim.clip_norm,
    }
    for key, value in ours.items():
        theirs = plugin.deepspeed_config.get(key, "auto")
        if theirs not in ("auto", value):
            raise ValueError(
                f"deepspeed config: {key} is {theirs}, the run's config says {value}; make them equal"
            )
        plugin.deepspeed_config[key] = value


class _Run:
    """Files of one training run: metrics.jsonl and the checkpoint."""

    def __init__(self, accelerator: Accelerator, folder: Path, facts: dict[str, object], name: str) -> None:
        self.accelerator, self.folder, self.name = accelerator, folder, name
        self.checkpoint, self.facts = folder / "checkpoint", facts
        self.started, self.items = time.monotonic(), 0
        folder.mkdir(parents=True, exist_ok=True)
        accelerator.register_save_state_pre_hook(_drop_frozen)

    def _deepspeed(self, **kwargs: bool) -> dict[str, bool]:
        return kwargs if self.accelerator.state.deepspeed_plugin is not None else {}

    def count(self, items: int) -> None:
        self.items += items

    def log(self, step: int, values: dict[str, float]) -> None:
        if not self.accelerator.is_main_process:
            return
        rate = self.items / (time.monotonic() - self.started)
        row = {"step": step, "items_per_s": round(rate, 2)} | {k: round(v, 6) for k, v in values.items()}
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def save(self, step: int) -> None:
        """Write the checkpoint beside the old one, then swap: a crash or a full disk loses neither."""
        fresh, old = self.folder / "checkpoint.new", self.folder / "checkpoint.old"
        if self.accelerator.is_main_process:
            shutil.rmtree(fresh, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(fresh), **self._deepspeed(exclude_frozen_parameters=True))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            (fresh / "step.json").write_text(json.dumps({"step": step, "run": self.facts}))
            if self.checkpoint.exists():
                shutil.rmtree(old, ignore_errors=True)
                self.checkpoint.replace(old)
            fresh.replace(self.checkpoint)
            shutil.rmtree(old, ignore_errors=True)

    def resume(self) -> int:
        """Load the checkpoint if there is one; the step it was made at, else 0."""
        old = self.folder / "checkpoint.old"
        if self.accelerator.is_main_process and not self.checkpoint.exists() and old.exists():
            old.replace(self.checkpoint)
        self.accelerator.wait_for_everyone()
        if not self.checkpoint.exists():
            (self.folder / "metrics.jsonl").unlink(missing_ok=True)
            return 0
        state = json.loads((self.checkpoint / "step.json").read_text())
        other = [
            f"{key} {state['run'].get(key)} there and {value} here"
            for key, value in json.loads(json.dumps(self.facts)).items()
            if state["run"].get(key) != value
        ]
        if other:
            raise ValueError(
                f"{self.name}: {self.checkpoint} belongs to another run ({', '.join(other[:5])}); give "
                "another output folder, or remove that one"
            )
        self.accelerator.load_state(
            str(self.checkpoint), **(self._deepspeed(load_module_strict=False) or {"strict": False})
        )
        _log.info("%s: resumed at step %d", self.name, state["step"])
        if self.accelerator.is_main_process:
            self._forget_metrics_after(state["step"])
        return int(state["step"])

    def _forget_metrics_after(self, step: int) -> None:
        """Drop the lines of steps that are done again, and one that a crash left half-written."""
        path = self.folder / "metrics.jsonl"
        if path.exists():
            whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
            fresh = path.with_suffix(".new")
            fresh.write_text("".join(line for line in whole if json.loads(line)["step"] <= step))
            fresh.replace(path)


# Where results go, and how often one looks, do not make another run.
_NOT_THE_RUN = ("output", "log_every", "validate_every", "save_every")


def _facts(optim: OptimConfig, seed: int, config: object) -> dict[str, object]:
    """What makes a run what it is, flat: `optim.lr` and so on."""
    flat: dict[str, object] = {}

    def walk(prefix: str, tree: dict[str, Any]) -> None:
        for key, value in tree.items():
            if isinstance(value, dict):
                walk(f"{prefix}{key}.", value)
            elif key not in _NOT_THE_RUN:
                flat[f"{prefix}{key}"] = value

    walk(
        "",
        ({} if config is None else draccus.encode(config)) | {"optim": draccus.encode(optim), "seed": seed},
    )
    return flat


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A draft folder to write in, which takes the folder's place once it is whole."""
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    yield draft
    if folder.exists():
        shutil.rmtree(folder)
    draft.replace(folder)


def _drop_frozen(models: list[nn.Module], weights: list[dict[str, torch.Tensor]], _folder: str) -> None:
    """A frozen base model comes from its own asset; checkpoints hold what is trained."""
    for model, state in zip(models, weights, strict=False):
        for key, parameter in model.named_parameters(remove_duplicate=False):  # tied ones under both names
            if not parameter.requires_grad:
                state.pop(key, None)
