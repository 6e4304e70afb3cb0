"""A contrastive task of a few numbers, and a script that trains it: what the engine's tests launch.

The script takes one JSON list of runs, each with the keyword arguments of `run`.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import save_file
from torch import nn

from anymo.training.engine import OptimConfig, TaskOutput, is_main_process, train
from anymo.training.gather import gathered, surrogate

OPTIM = {
    "steps": 12,
    "batch_size": 32,
    "block_size": 16,
    "warmup_steps": 2,
    "lr": 0.01,
    "log_every": 1,
    "validate_every": 2,
}


@dataclass
class Pairs:
    """Two noisy views of the same points."""

    values: torch.Tensor  # (n, 2, 8)
    kind: torch.Tensor  # (n,) int64; items of a kind are no negatives of each other

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        return cls(torch.cat([b.values for b in batches]), torch.cat([b.kind for b in batches]))

    def to(self, device: torch.device) -> "Pairs":
        return Pairs(self.values.to(device), self.kind.to(device))


def source(size: int, rng: np.random.Generator) -> Pairs:
    points = rng.standard_normal((size, 1, 8)) + 0.3 * rng.standard_normal((size, 2, 8))
    return Pairs(torch.from_numpy(points).float(), torch.from_numpy(rng.integers(40, size=size)))


class PairTask(nn.Module):
    """Two towers on a frozen base, InfoNCE between them."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.base = nn.Linear(8, 16).requires_grad_(False)
        self.towers = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 8))
            for _ in range(2)
        )
        self.log_scale = nn.Parameter(torch.ones(1))
        self.steps = nn.Buffer(torch.zeros(1))

    def represent(self, batch: Pairs) -> dict[str, torch.Tensor]:
        made = {
            name: nn.functional.normalize(tower(self.base(batch.values[:, k])), dim=-1)
            for k, (name, tower) in enumerate(zip("ab", self.towers, strict=True))
        }
        return made | {"log_scale": self.log_scale.expand(len(batch.kind), 1), "kind": batch.kind}

    def score(self, made: Mapping[str, torch.Tensor]) -> TaskOutput:
        logits = made["a"].float() @ made["b"].float().T * made["log_scale"].mean().exp()
        same = made["kind"][:, None] == made["kind"]
        itself = torch.eye(len(same), dtype=torch.bool)
        logits = logits.masked_fill(same & ~itself, -torch.inf)
        loss = nn.functional.cross_entropy(logits, torch.arange(len(logits)))
        return TaskOutput(loss=loss, logs={"items": float(len(logits))})

    def forward(self, batch: Pairs, cotangents: Mapping[str, torch.Tensor] | None = None) -> TaskOutput:
        made = self.represent(batch)
        return self.score(gathered(made)) if cotangents is None else surrogate(made, cotangents)


def validate(task: PairTask) -> dict[str, float]:
    """An output that rises and falls again: a validation in the middle is the best."""
    return {"height": float(task.towers[0](task.base(torch.ones(1, 8))).mean().detach())}


def run(
    folder: str,
    optim: Mapping[str, Any],
    dropout: float = 0.0,
    best: str | None = None,
    die_at: int | None = None,
    die_saving: bool = False,
) -> PairTask:
    """Train the task; kill this process at a step if told so, in its draw or half through its checkpoint."""
    optim, drawn = OptimConfig(**OPTIM | dict(optim)), iter(range(10**6))
    torch.manual_seed(0)

    def give(size: int, rng: np.random.Generator) -> Pairs:
        if not die_saving and next(drawn) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return source(size, rng)

    save_state = Accelerator.save_state

    def half_saved(self: Accelerator, output: str, **kwargs: Any) -> None:
        if self.step and next(drawn) == die_at:
            Path(output).mkdir(exist_ok=True)
            (Path(output) / "model.safetensors").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        save_state(self, output, **kwargs)

    if die_saving:
        Accelerator.save_state = half_saved  # type: ignore[method-assign]
    task = train(
        PairTask(dropout), give, optim, Path(folder), seed=3, name="toy", validate=validate, best=best
    )
    if is_main_process():
        save_file(task.state_dict(), Path(folder) / "final.safetensors")
    return task


if __name__ == "__main__":
    for settings in json.loads(sys.argv[1]):
        run(**settings)
