"""The training loop every stage shares: seed, prepare, step, log, validate, checkpoint, resume.

Runs as it is on a CPU or a GPU, under torchrun and `accelerate launch` (DDP) and under DeepSpeed. Batches are
a function of (seed, step), whatever number of processes shares them, so a resumed run sees what the straight
run would have seen.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import broadcast_object_list, set_seed
from torch import nn
from tqdm import tqdm

from anymo.training.allocator import keep_freed_memory
from anymo.training.average import WeightAverage
from anymo.training.checkpoint import RunFolder, replacing, run_facts
from anymo.training.launch import accelerator_of, autocast, precision, zero_stage
from anymo.training.meter import Meter, count_flops, peak_flops
from anymo.training.optim import OptimConfig, adamw
from anymo.training.task import BatchSource, TaskOutput, draw
from anymo.training.update import update

__all__ = ["OptimConfig", "Paused", "TaskOutput", "Validate", "is_main_process", "replacing", "train"]

_log = logging.getLogger(__name__)

Validate = Callable[[Any], dict[str, float]]
T = TypeVar("T", bound=nn.Module)


class Paused(Exception):  # noqa: N818
    """The time was up before the last step; the checkpoint is written, and the same call goes on from it."""


def train(
    task: T,
    source: BatchSource,
    optim: OptimConfig,
    folder: Path,
    *,
    seed: int,
    name: str,
    validate: Validate | None = None,
    best: str | None = None,
    config: object = None,
    inputs: Mapping[str, str] | None = None,
    deadline_s: float = math.inf,
) -> T:
    """Train a task, from its last checkpoint if there is one.

    Args:
        task: module that follows `Task`; its parameters that require gradients are trained.
        source: gives a batch of so many items.
        optim: how long and how.
        folder: `metrics.jsonl`, `checkpoint/` and `best/` are written here.
        seed: of batches and initial state.
        name: what the progress bar and the log say.
        validate: called with the bare task in eval mode.
        best: the value of `validate` whose highest marks the best weights; they are kept in `best/`.
        config: the stage's whole configuration; a checkpoint made with another is not resumed.
        inputs: hashes of the corpus and models that the stage reads, by name; a checkpoint made from others,
            in the same folders, is not resumed.
        deadline_s: on the clock of `time.monotonic`, after which no step is begun, s.

    Returns:
        The trained task, without wrappers: with the best weights if `best` names a value, else with the last
        (their average under `optim.ema_decay`). Under ZeRO-3 it is whole on the main process alone.

    Raises:
        Paused: the deadline has come.
        RuntimeError: the loss or a weight is no longer finite; the message gives the step.
        ValueError: the folder cannot be written, is too full or holds another configuration's checkpoint;
            the checkpoint lacks a trained weight; `best` is not a value of `validate`; a tracker is not
            installed.
    """
    keep_freed_memory()
    accelerator = accelerator_of(optim, folder)
    set_seed(seed, device_specific=True)
    facts = run_facts(optim, seed, accelerator.num_processes, config) | dict(inputs or {})
    run = RunFolder(accelerator, folder, task, facts, name)
    drawn = partial(draw, source, size=optim.part_size, block_size=optim.block_size, seed=seed)
    meter = _meter(accelerator, task, drawn, optim, run.step)
    model, optimizer, scheduler = accelerator.prepare(task, *adamw(task, optim))
    average = WeightAverage(accelerator.unwrap_model(model), optim.ema_decay) if optim.ema_decay else None
    run.resume(average)
    accelerator.init_trackers(name, config={key: str(value) for key, value in facts.items()})
    show = accelerator.is_local_main_process
    bar = tqdm(total=optim.steps, initial=run.step, desc=name, unit="step", disable=not show)
    first = accelerator.process_index * optim.micro_batches
    for step in range(run.step + 1, optim.steps + 1):
        with meter.timed("step"):
            with meter.timed("draw"):
                parts = [drawn(step=step - 1, part=first + k) for k in range(optim.micro_batches)]
            logs = update(accelerator, model, optimizer, scheduler, parts, optim)
        if average is not None:
            average.update(step)
        bar.update()
        _check_finite(logs["loss"], step, run)
        if _due(step, optim.log_every, optim):
            bar.set_postfix(loss=f"{logs['loss']:.3f}")
            run.log(step, logs | {"lr": scheduler.get_last_lr()[0]} | meter.row(step))
        if validate is not None and _due(step, optim.validate_every, optim):
            _validate(run, model, step, validate, best, average)
        late = step < optim.steps and _is_past(deadline_s)
        if late or _due(step, optim.save_every, optim):
            run.save(step, average)
        if late:
            raise Paused(
                f"{name}: paused at step {step} of {optim.steps}; the same command goes on from there"
            )
    bar.close()
    return _finished(run, model, task, average, best)


def is_main_process() -> bool:
    """Whether this process writes what a run leaves behind."""
    return bool(PartialState().is_main_process)


def _is_past(deadline_s: float) -> bool:
    """By the clock of the main process, for all."""
    return not math.isinf(deadline_s) and _of_main(deadline_s - time.monotonic()) <= 0


def _of_main(value: float) -> float:
    """The main process's value, so that all decide alike."""
    values = [value]
    broadcast_object_list(values)
    return values[0]


def _due(step: int, every: int, optim: OptimConfig) -> bool:
    return step % every == 0 or step == optim.steps


def _check_finite(loss: float, step: int, run: RunFolder) -> None:
    if not math.isfinite(loss):
        raise RuntimeError(
            f"{run.name}: the loss is {loss} at step {step}; lower optim.lr or "
            f"optim.clip_norm (the last checkpoint in {run.checkpoint} is sound)"
        )


def _meter(
    accelerator: Accelerator, task: nn.Module, drawn: Callable[..., Any], optim: OptimConfig, first: int
) -> Meter:
    """Meter that knows the FLOPs of a step, counted on a few items before anything wraps the task."""
    flops = 0.0
    if first < optim.steps:
        if zero_stage(accelerator) < 3:
            task.to(accelerator.device)
        size = min(optim.part_size, 16)
        few = drawn(size=size, step=first, part=0).to(next(task.parameters()).device)
        with autocast(accelerator, optim):
            flops = count_flops(task, few) * optim.batch_size / size
        _log.info("%.3g model FLOPs per step and process", flops)
    return Meter(
        first=first,
        steps=optim.steps,
        items=optim.batch_size * accelerator.num_processes,
        flops=flops,
        peak=peak_flops(accelerator.device, precision(optim)),
    )


def _validate(
    run: RunFolder,
    model: nn.Module,
    step: int,
    validate: Validate,
    best: str | None,
    average: WeightAverage | None,
) -> None:
    """Log the values of the task, with averaged weights if there are, and keep them if they are the best."""
    bare = run.accelerator.unwrap_model(model)
    bare.eval()
    with nullcontext() if average is None else average.applied():
        with torch.no_grad():
            values = validate(bare)
        run.log(step, {f"validation_{key}": value for key, value in values.items()})
        if best is None:
            return
        if best not in values:
            raise ValueError(f"{run.name}: best expected one of {', '.join(values)}, got {best!r}")
        run.keep_best(step, best, _of_main(values[best]), model)


def _finished(
    run: RunFolder, model: nn.Module, task: T, average: WeightAverage | None, best: str | None
) -> T:
    """The bare task with the weights that count, on the CPU; processes and trackers are let go."""
    accelerator = run.accelerator
    accelerator.wait_for_everyone()
    for tracker in accelerator.trackers:
        tracker.finish()
    sharded = zero_stage(accelerator) == 3
    whole = accelerator.get_state_dict(model) if sharded else None
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # gives the task its own forward back
    accelerator.free_memory()
    if sharded and not accelerator.is_main_process:
        return task.eval()
    if whole is not None:
        for name, parameter in task.named_parameters():
            parameter.data = whole[name]
    if best is not None:
        run.load_best(task)
    elif average is not None:
        average.put()
    return task.cpu().eval()
