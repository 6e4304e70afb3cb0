"""One optimiser step: over micro-batches, under any launcher, by gradient caching where items meet."""

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from anymo.training.gather import cached
from anymo.training.launch import autocast, whole_weights
from anymo.training.optim import OptimConfig
from anymo.training.task import averaged


def update(
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: Any,
    scheduler: Any,
    batches: Sequence[Any],
    optim: OptimConfig,
) -> dict[str, float]:
    """Take one optimiser step over its parts.

    Args:
        accelerator: of this process.
        model: the prepared task; one with `represent` and `score` sees all parts as one batch.
        optimizer: prepared.
        scheduler: prepared; steps once.
        batches: the parts.
        optim: precision and clipping.

    Returns:
        The loss, a mean over processes and parts, and what the task logs: the mean over those parts of this
        process that have it, or that of the whole batch.
    """
    model.train()
    parts = [batch.to(accelerator.device) for batch in batches]
    bare, cotangents, whole = accelerator.unwrap_model(model), None, None
    if len(parts) > 1 and hasattr(bare, "represent"):
        with whole_weights(accelerator, bare), autocast(accelerator, optim):
            whole, cotangents = cached(bare, parts, accelerator.device)
    outputs = []
    for k, part in enumerate(parts):
        with accelerator.accumulate(model):
            with autocast(accelerator, optim):
                output = model(part) if cotangents is None else model(part, cotangents[k])
            # accelerate takes the mean over parts, of which the surrogates are a sum.
            accelerator.backward(output.loss * (1 if cotangents is None else len(parts)))
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), optim.clip_norm)
            # Empty until the last part; under DeepSpeed always, where backward clips, steps and zeroes.
            optimizer.step()
            optimizer.zero_grad()
        outputs.append(output)
    scheduler.step()
    outputs = outputs if whole is None else [whole]
    mean = torch.stack([o.loss.detach().float() for o in outputs]).mean()
    logs = averaged([o.logs for o in outputs])
    return logs | {"loss": float(accelerator.reduce(mean, reduction="mean"))}
