"""How a stage is optimised: AdamW, warm-up and cosine, and how often one looks."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

_COUNTS = ("steps", "batch_size", "block_size", "micro_batches", "log_every", "validate_every", "save_every")
_RANGES: tuple[tuple[tuple[str, ...], str, Callable[[float], bool]], ...] = (
    ((*_COUNTS, "lr", "clip_norm"), "a finite number above 0", lambda value: value > 0),
    (("warmup_steps", "weight_decay"), "a finite number, 0 or more", lambda value: value >= 0),
    (("ema_decay", "betas"), "a number from 0 to below 1", lambda value: 0 <= value < 1),
    (("final_lr_share",), "a number from 0 to 1", lambda value: 0 <= value <= 1),
)


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """How a stage is optimised.

    Attributes:
        steps: optimiser steps.
        batch_size: items of a step on one process.
        block_size: items drawn together, from a generator of their own: a step has the same items however
            many processes and micro-batches share it, if each part holds whole blocks; more are drawn faster.
        micro_batches: parts a step's items go through the model in, to save memory; a contrastive task still
            compares all items of all processes (gradient caching), others add their gradients up.
        lr: peak learning rate of AdamW, after the warm-up.
        final_lr_share: what is left of it at the last step, by a cosine; 1 keeps it constant.
        betas: decay of AdamW's averages of gradients and of their squares.
        weight_decay: decoupled weight decay.
        warmup_steps: linear warm-up, shorter than the run.
        clip_norm: gradient norm is clipped to this.
        ema_decay: of the average of the weights that is validated and kept; 0 keeps the weights themselves.
        log_every: steps between lines of metrics.jsonl.
        validate_every: steps between validations; the last step is always validated.
        save_every: steps between checkpoints to resume from.
        trackers: names of installed trackers that accelerate knows, for instance tensorboard or wandb.
        mixed_precision: "no", "bf16" or "fp16".
    """

    steps: int
    batch_size: int
    block_size: int = 64
    micro_batches: int = 1
    lr: float = 1e-3
    final_lr_share: float = 0.1
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    warmup_steps: int = 20
    clip_norm: float = 1.0
    ema_decay: float = 0.0
    log_every: int = 10
    validate_every: int = 100
    save_every: int = 100
    trackers: tuple[str, ...] = ()
    mixed_precision: str = "no"

    def __post_init__(self) -> None:
        for names, expected, holds in _RANGES:
            for name, value in ((n, v) for n in names for v in _each(getattr(self, n))):
                if not (math.isfinite(value) and holds(value)):
                    raise ValueError(f"optim.{name}: expected {expected}, got {value}")
        if self.batch_size % self.micro_batches:
            raise ValueError(
                f"optim.micro_batches: expected a divisor of batch_size {self.batch_size}, got "
                f"{self.micro_batches}"
            )
        if self.mixed_precision not in ("no", "bf16", "fp16"):
            raise ValueError(
                f"optim.mixed_precision: expected no, bf16 or fp16, got {self.mixed_precision!r}"
            )
        if self.warmup_steps >= self.steps:
            raise ValueError(
                f"optim.warmup_steps: expected fewer than the {self.steps} steps of the run, got "
                f"{self.warmup_steps}, after which lr would be reached; lower it, or raise optim.steps"
            )

    @property
    def part_size(self) -> int:
        """Items that go through the model at once."""
        return self.batch_size // self.micro_batches


def _each(value: float | Sequence[float]) -> Sequence[float]:
    return value if isinstance(value, Sequence) else (value,)


def adamw(
    module: nn.Module, optim: OptimConfig, slower: Mapping[str, float] | None = None
) -> tuple[torch.optim.AdamW, LambdaLR]:
    """Optimiser of the parameters that require gradients, and its schedule.

    Args:
        module: whose parameters.
        optim: how.
        slower: beginning of parameter names -> share of the learning rate that these are given.

    Raises:
        ValueError: no parameter requires a gradient.
    """
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not trained:
        raise ValueError("train: expected parameters that require gradients, got none; all are frozen")
    groups: list[dict[str, Any]] = []
    for start, share in (slower or {}).items():
        own = [name for name in trained if name.startswith(start)]
        groups.append({"params": [trained.pop(name) for name in own], "lr": share * optim.lr})
    groups.append({"params": list(trained.values())})
    optimizer = torch.optim.AdamW(
        [g for g in groups if g["params"]], lr=optim.lr, weight_decay=optim.weight_decay, betas=optim.betas
    )
    return optimizer, LambdaLR(optimizer, lambda step: lr_share(step, optim))


def lr_share(step: int, optim: OptimConfig) -> float:
    """Learning rate of a step over its peak: linear warm-up, half a cosine (Loshchilov & Hutter 2017)."""
    if step < optim.warmup_steps:
        return (step + 1) / (optim.warmup_steps + 1)
    progress = (step - optim.warmup_steps) / max(1, optim.steps - optim.warmup_steps)
    fallen = 0.5 * (1 - math.cos(math.pi * min(progress, 1.0)))
    return 1 - (1 - optim.final_lr_share) * fallen
