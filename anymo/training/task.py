"""What the engine asks of a stage: a module that turns a batch into a loss, and a source of batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch


@dataclass(frozen=True)  # no slots: ZeRO-3 looks for tensors in the `vars` of what a module returns
class TaskOutput:
    """Loss to descend, and values to log."""

    loss: torch.Tensor
    logs: dict[str, float]


class Task(Protocol):
    """A stage as the engine sees it: one module whose forward takes a batch and gives a TaskOutput.

    A task whose loss compares items also has `represent` and `score` (`CachedTask`), so that any number of
    processes and micro-batches give the loss of the whole batch.
    """

    def __call__(self, batch: Any) -> TaskOutput: ...  # noqa: D102


class CachedTask(Protocol):
    """A task split where items meet, for gathering over processes and gradient caching.

    represent   every use of a parameter; tensors with the n items as first dimension
    score       the loss from the representations of all items, free of parameters
    """

    def represent(self, batch: Any) -> dict[str, torch.Tensor]: ...  # noqa: D102

    def score(self, represented: Mapping[str, torch.Tensor]) -> TaskOutput: ...  # noqa: D102

    def __call__(self, batch: Any, cotangents: Mapping[str, torch.Tensor] | None = None) -> TaskOutput:
        """`score(gathered(represent(batch)))`, or with cotangents their `surrogate`."""


class BatchSource(Protocol):
    """Gives so many items, drawn from the given generator alone.

    The batches have `to(device)`, and the class method `joined(batches)` where a part holds several blocks.
    """

    def __call__(self, size: int, rng: np.random.Generator) -> Any: ...  # noqa: D102


def averaged(logs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each value over the outputs that log it: a task may be in some parts alone."""
    names = dict.fromkeys(name for each in logs for name in each)
    found = {name: [each[name] for each in logs if name in each] for name in names}
    return {name: sum(values) / len(values) for name, values in found.items()}


def block_of(size: int, block_size: int) -> int:
    """Items drawn together: the largest divisor of a part's `size` that is `block_size` at most."""
    return next(b for b in range(min(block_size, size), 0, -1) if size % b == 0)


def draw(source: BatchSource, *, size: int, block_size: int, seed: int, step: int, part: int) -> Any:
    """The items of one part of a step, in blocks that each have a generator of their own.

    Part k starts where part k - 1 ends, so a step's items are the same however many processes and
    micro-batches share them, as long as a part holds whole blocks of the same size.

    Args:
        source: gives the items of a block.
        size: items of the part.
        block_size: items of a block, at most (`block_of`).
        seed: of the run.
        step: from 0.
        part: which of the step's parts, counted over the processes and their micro-batches.
    """
    block = block_of(size, block_size)
    first = part * size // block
    blocks = [
        source(block, np.random.default_rng([seed, step, k])) for k in range(first, first + size // block)
    ]
    return blocks[0] if len(blocks) == 1 else type(blocks[0]).joined(blocks)
