"""The short training loop of networks that classify windows: cross-entropy, AdamW, a cosine."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from anymo.records import Array, WindowBatch
from anymo.training.classifiers.examples import Examples, Inputs, Predict
from anymo.training.optim import OptimConfig, adamw

_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """How long and how a network is trained; nothing is held out, so the last weights are kept.

    Attributes:
        epochs: passes over the windows, within the two bounds on steps.
        min_steps: optimiser steps at least, for few windows.
        max_steps: and at most, for many.
        batch_size: windows of a step.
        lr: peak learning rate.
        encoder_lr_share: of it, for the weights of an encoder.
        weight_decay: of AdamW.
    """

    epochs: int = 20
    min_steps: int = 100
    max_steps: int = 1000
    batch_size: int = 32
    lr: float = 1e-3
    encoder_lr_share: float = 1.0
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        if not (0 < self.min_steps <= self.max_steps and self.epochs > 0 and self.batch_size > 0):
            raise ValueError(
                "descent: expected epochs and batch_size of 1 or more and 0 < min_steps <= max_steps, got "
                f"{self.epochs}, {self.batch_size}, {self.min_steps} and {self.max_steps}"
            )

    def optim(self, num: int) -> OptimConfig:
        """Steps and learning rate for so many windows."""
        passes = self.epochs * -(-num // self.batch_size)
        steps = min(max(passes, self.min_steps), self.max_steps)
        return OptimConfig(
            steps=steps,
            batch_size=self.batch_size,
            lr=self.lr,
            weight_decay=self.weight_decay,
            warmup_steps=steps // 10,
            betas=(0.9, 0.99),
            final_lr_share=0.0,
        )


def descend(network: nn.Module, examples: Examples, descent: Descent, seed: int) -> Predict:
    """Train a network of windows to logits; the same seed on the same machine gives the same weights.

    Raises:
        RuntimeError: the loss is no longer finite.
    """
    batch, optim = window_inputs(examples.inputs), descent.optim(len(examples))
    label = torch.from_numpy(examples.label)
    optimizer, scheduler = adamw(network, optim, {"encoder.": descent.encoder_lr_share})
    rng = np.random.default_rng([seed, 42])
    network.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout alone
        for _, rows in zip(range(optim.steps), _rows(len(examples), optim.batch_size, rng), strict=False):
            loss = F.cross_entropy(network(batch.select(rows)), label[rows])
            if not torch.isfinite(loss):
                raise RuntimeError(f"classifier: the loss is {loss.item()}; lower the learning rate")
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), optim.clip_norm)
            optimizer.step()
            scheduler.step()
    return predictor(network)


def predictor(network: nn.Module) -> Predict:
    """Probabilities (N, C) of windows by a network, in evaluation mode.

    Returns:
        A function of windows, which raises a ValueError where it is given features.
    """

    @torch.no_grad()
    def predict(inputs: Inputs) -> Array:
        batch = window_inputs(inputs)
        network.eval()
        parts = [network(batch.select(slice(k, k + _AT_ONCE))) for k in range(0, len(batch), _AT_ONCE)]
        probability: Array = torch.cat(parts).double().softmax(dim=1).numpy()
        return probability

    return predict


def window_inputs(inputs: Inputs) -> WindowBatch:
    """Inputs that are windows.

    Raises:
        ValueError: they are features of another method.
    """
    if not isinstance(inputs, WindowBatch):
        raise ValueError(
            f"classifier: expected windows, got features {inputs.shape}; give each method what its own "
            "represent makes"
        )
    return inputs


def _rows(num: int, size: int, rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """Rows of one step after another: all windows once in random order, then again."""
    waiting = np.empty(0, dtype=np.int64)
    while True:
        while len(waiting) < min(size, num):
            waiting = np.concatenate([waiting, rng.permutation(num)])
        taken, waiting = waiting[:size], waiting[size:]
        yield torch.from_numpy(taken)
