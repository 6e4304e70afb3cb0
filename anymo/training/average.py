"""Exponential moving average of the trained weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """Average of a module's trained parameters, float32; buffers are the module's own.

    The decay grows with the steps taken, min(decay, (1 + step) / (10 + step)), so that early averages forget
    the initial weights.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self._parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.weights = {name: p.detach().to(torch.float32, copy=True) for name, p in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after a step, counted from 1, into the average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        now = [p.detach().float() for p in self._parameters.values()]
        torch._foreach_lerp_(list(self.weights.values()), now, 1 - decay)

    @torch.no_grad()
    def load(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take over the averages of a checkpoint.

        Args:
            weights: tensors by name, each of the shape of its weight.
        """
        for name, average in self.weights.items():
            average.copy_(weights[name])

    @torch.no_grad()
    def put(self) -> None:
        """Write the average into the module."""
        for name, parameter in self._parameters.items():
            parameter.copy_(self.weights[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module with the averaged weights, as long as the block lasts."""
        own = {name: p.detach().clone() for name, p in self._parameters.items()}
        self.put()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, parameter in self._parameters.items():
                    parameter.copy_(own[name])
