"""One contrastive loss over all processes and micro-batches, with the gradient of the whole batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist

from anymo.training.task import CachedTask, TaskOutput


class _Gather(torch.autograd.Function):
    """All-gather whose gradient needs no communication, as every process has the same loss.

    The sum over processes of the gradients by this process's items is then its own, times the processes.
    `torch.distributed.nn.functional.all_gather` sends them round instead, and is deprecated in torch 2.13.
    """

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, tensor)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        processes = dist.get_world_size()
        return gradient.chunk(processes)[dist.get_rank()] * processes


def gathered(represented: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Representations of the items of all processes, in their order; the same tensors on one process.

    Each process then computes the same loss, that of all items. The gradient that comes back to an item is
    multiplied by the number of processes, so that the mean over processes, which DDP and DeepSpeed take, is
    the gradient of one process that holds the whole batch.

    Args:
        represented: tensors (n, ...), of the same n and shapes on every process.

    Returns:
        Tensors (processes * n, ...), with gradient.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return dict(represented)
    gather: Callable[[torch.Tensor], torch.Tensor] = _Gather.apply
    return {key: gather(tensor.contiguous()) for key, tensor in represented.items()}


def in_single(tensor: torch.Tensor) -> torch.Tensor:
    """Half precision as float32, any other type as it is; tensors of any shape (...), which stays."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def surrogate(represented: Mapping[str, torch.Tensor], cotangents: Mapping[str, torch.Tensor]) -> TaskOutput:
    """Σ <representation, cotangent>, whose gradient is that of the loss the cotangents come from.

    Args:
        represented: tensors (n, ...) by name, with gradient.
        cotangents: of the same names and shapes.
    """
    products = [(represented[key].float() * cotangent.float()).sum() for key, cotangent in cotangents.items()]
    return TaskOutput(loss=torch.stack(products).sum(), logs={})


def cached(
    task: CachedTask, parts: Sequence[Any], device: torch.device
) -> tuple[TaskOutput, list[dict[str, torch.Tensor]]]:
    """Loss of all parts of all processes, and its cotangents at each part (GradCache, Gao et al. 2021).

    The representations are computed without a graph; the random state is left as it was before, so that the
    second pass over the parts, which builds the graph, meets the same dropout.

    Args:
        task: the bare task.
        parts: batches of n items each.
        device: whose random state the task draws from, beside the CPU's.

    Returns:
        The output, its loss detached, and per part the loss's gradient by each floating representation,
        (n, ...); never in half precision, in which it vanishes, as no scaler multiplies this loss.
    """
    accelerators = [] if device.type == "cpu" else [device]
    with torch.no_grad(), torch.random.fork_rng(accelerators):
        represented = [task.represent(part) for part in parts]
    whole = {key: in_single(torch.cat([r[key] for r in represented])) for key in represented[0]}
    leaves = {key: t.requires_grad_() for key, t in whole.items() if t.is_floating_point()}
    output = task.score(gathered(whole))
    gradients = torch.autograd.grad(output.loss, list(leaves.values()), materialize_grads=True)
    split = [gradient.chunk(len(parts)) for gradient in gradients]
    cotangents = [dict(zip(leaves, pieces, strict=True)) for pieces in zip(*split, strict=True)]
    return TaskOutput(loss=output.loss.detach(), logs=output.logs), cotangents
