"""Products of a model that answers on a CPU, token by token: one row by numpy's BLAS, weights by columns.

A token of an answer multiplies every weight by one row, as fast as weights are read. OpenBLAS, numpy's, reads
weights that lie by columns with one thread faster than MKL, torch's, reads them by rows with two (21 and 12
GB/s on an AMD EPYC). Its own threads stay out of it: they and torch's would wait for each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from threading import Lock
from typing import Any

import torch
from threadpoolctl import OpenBLASController, ThreadpoolController
from torch import nn
from torch.nn import functional as F

_IS_ANSWERING = ContextVar("_IS_ANSWERING", default=False)


class AnsweringLinear(nn.Linear):
    """A linear map whose weight lies by columns; while `answering`, one row in float32 goes through numpy."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Linear`."""
        weight = self.weight
        is_row = _IS_ANSWERING.get() and input.numel() == self.in_features
        is_plain = input.dtype == weight.dtype == torch.float32 and input.device.type == "cpu"
        if not (is_row and is_plain) or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
            return F.linear(input, weight, self.bias)
        row = input.detach().reshape(self.in_features).numpy()
        product = torch.from_numpy(row @ weight.detach().T.numpy()).view(*input.shape[:-1], -1)
        return product if self.bias is None else product + self.bias


@contextmanager
def answering() -> Iterator[None]:
    """While tokens are made one by one: `AnsweringLinear` takes numpy's BLAS, of one thread meanwhile."""
    token = _IS_ANSWERING.set(True)
    try:
        with _ONE_THREAD:
            yield
    finally:
        _IS_ANSWERING.reset(token)


class _OneThread:
    """One thread for numpy's BLAS in the whole process, from the first entry to the last exit.

    They may be of different threads, and OpenBLAS obeys the one that set its number first until it is told
    otherwise (threadpoolctl 3.8), which a limiter that is entered as a context does for its own thread alone.
    """

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _blas().limit(limits=1)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                OpenBLASController.clear_controlling_thread(force=True)
                self._limit.restore_original_limits()
                OpenBLASController.clear_controlling_thread(force=True)


_ONE_THREAD = _OneThread()


@cache
def _blas() -> ThreadpoolController:
    """OpenBLAS and its kin alone: what is restored is every library of the controller, torch's OpenMP too."""
    return ThreadpoolController().select(user_api="blas")


def lay_by_columns(model: nn.Module) -> None:
    """Make every linear map of a model an `AnsweringLinear`, in place."""
    _exchange(model, nn.Linear, AnsweringLinear)


def lay_by_rows(model: nn.Module) -> None:
    """Make every `AnsweringLinear` a plain linear map again, as it is trained and saved."""
    _exchange(model, AnsweringLinear, nn.Linear)


def _exchange(model: nn.Module, old: type[nn.Linear], new: type[nn.Linear]) -> None:
    for module in model.modules():
        if type(module) is old:
            data = module.weight.data
            module.weight.data = data.T.contiguous().T if new is AnsweringLinear else data.contiguous()
            module.__class__ = new
