"""Products of a model that answers on a CPU, by numpy's BLAS on weights that lie by columns.

A token of an answer multiplies every weight by one row, as fast as weights are read. OpenBLAS, numpy's, reads
weights that lie by columns twice as fast as MKL, torch's, reads them by rows, and is ahead on a whole prompt,
too (two cores of an AMD EPYC; docs/using.md).
"""

import torch
from torch import nn
from torch.nn import functional as F


class AnsweringLinear(nn.Linear):
    """A linear map whose weight lies by columns; but in float32 on a CPU it multiplies as any other."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Linear`."""
        weight = self.weight
        is_plain = input.dtype == weight.dtype == torch.float32 and input.device.type == "cpu"
        if not is_plain or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
            return F.linear(input, weight, self.bias)
        rows = input.detach().reshape(-1, self.in_features).numpy()
        product = torch.from_numpy(rows @ weight.detach().T.numpy()).view(*input.shape[:-1], -1)
        return product if self.bias is None else product + self.bias


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
