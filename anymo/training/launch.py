"""The accelerator a run gets from its launcher: processes, precision, DeepSpeed and trackers."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import get_available_trackers
from accelerate.utils import InitProcessGroupKwargs
from torch import nn

from anymo.training.optim import OptimConfig


def accelerator_of(optim: OptimConfig, folder: Path) -> Accelerator:
    """Accelerator of this process, and DeepSpeed told what its JSON leaves open.

    Args:
        optim: precision, micro-batches and trackers.
        folder: of the run, where trackers that write files do.

    Raises:
        ValueError: a tracker is not installed, the precision is not for this device, or DeepSpeed's JSON
            contradicts the configuration.
    """
    installed = [str(tracker.value) for tracker in get_available_trackers()]
    for name in optim.trackers:
        if name not in installed:
            raise ValueError(
                f"optim.trackers: {name!r} cannot be used here (those here: {', '.join(installed) or '-'}); "
                "pip install it, or leave it out: metrics.jsonl is always written"
            )
    AcceleratorState._reset_state()  # an earlier stage of this process may have had another precision
    deepspeed = os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true"
    no_gpu = not torch.accelerator.is_available()
    accelerator = Accelerator(
        # DeepSpeed's own bf16 would cast the weights and leave our batches float32; it autocasts instead.
        mixed_precision="no" if deepspeed else optim.mixed_precision,
        gradient_accumulation_steps=optim.micro_batches,
        cpu=no_gpu and not deepspeed,
        # Without a GPU accelerate joins processes by gloo only if told to.
        kwargs_handlers=[InitProcessGroupKwargs(backend="gloo")] if no_gpu and deepspeed else None,
        step_scheduler_with_optimizer=False,  # else the schedule runs once per process at every step
        log_with=list(optim.trackers) or None,
        project_dir=str(folder),
    )
    if optim.mixed_precision == "fp16" and accelerator.device.type == "cpu":
        raise ValueError(
            "optim.mixed_precision: expected no or bf16 on a CPU, where nothing scales the loss, got fp16"
        )
    _tell_deepspeed(accelerator, optim)
    return accelerator


def own_device() -> torch.device:
    """Where this process trains, and so simulates; launchers number the processes of a machine."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def zero_stage(accelerator: Accelerator) -> int:
    """Stage of DeepSpeed's ZeRO, 0 without DeepSpeed."""
    plugin = accelerator.state.deepspeed_plugin
    return 0 if plugin is None else int(plugin.deepspeed_config["zero_optimization"]["stage"])


def whole_weights(accelerator: Accelerator, module: nn.Module) -> AbstractContextManager[object]:
    """The module with all of its weights on this process, which under ZeRO-3 holds but a share of them."""
    if zero_stage(accelerator) < 3:
        return nullcontext()
    import deepspeed

    gathered: AbstractContextManager[object] = deepspeed.zero.GatheredParameters(list(module.parameters()))
    return gathered


def autocast(accelerator: Accelerator, optim: OptimConfig) -> torch.autocast:
    """Mixed precision by autocast, the same under every launcher."""
    half = None if (dtype := precision(optim)) == torch.float32 else dtype
    return torch.autocast(accelerator.device.type, dtype=half, enabled=half is not None)


def precision(optim: OptimConfig) -> torch.dtype:
    """In which the products of a step are computed."""
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(optim.mixed_precision, torch.float32)


def _tell_deepspeed(accelerator: Accelerator, optim: OptimConfig) -> None:
    """Give DeepSpeed the numbers its JSON leaves to "auto", and refuse a JSON that contradicts ours."""
    plugin = accelerator.state.deepspeed_plugin
    if plugin is None:
        return
    if optim.mixed_precision == "fp16":
        raise ValueError(
            "optim.mixed_precision: expected no or bf16 under DeepSpeed, got fp16; use DDP for it"
        )
    if optim.ema_decay and zero_stage(accelerator) == 3:
        raise ValueError(
            "optim.ema_decay: expected 0 under ZeRO-3, which holds no whole weights to average, got "
            f"{optim.ema_decay}; use ZeRO-2"
        )
    ours = {
        "train_micro_batch_size_per_gpu": optim.part_size,
        "gradient_accumulation_steps": optim.micro_batches,
        "gradient_clipping": optim.clip_norm,
        "torch_autocast": {"enabled": optim.mixed_precision == "bf16", "dtype": "bfloat16"},
    }
    for key, value in ours.items():
        theirs = plugin.deepspeed_config.get(key, "auto")
        if theirs not in ("auto", value):
            raise ValueError(
                f"deepspeed config: {key} is {theirs}, the run's config says {value}; make them equal"
            )
        plugin.deepspeed_config[key] = value
