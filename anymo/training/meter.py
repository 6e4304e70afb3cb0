"""What a run's steps cost: items per second, share of drawing, model FLOPs utilisation, time left."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

# Dense bf16 products, FLOP/s, from the makers' data sheets (fp16 for T4 and V100, which have no bf16);
# the first name that the device's contains counts.
_PEAK = {
    "B200": 2250e12, "H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "GH200": 989e12, "A100": 312e12,
    "L40S": 362e12, "L40": 181e12, "L4": 121e12, "A10": 125e12, "4090": 165e12, "3090": 71e12, "V100": 125e12,
    "T4": 65e12, "MI300X": 1307e12,
}  # fmt: skip


class Meter:
    """Times the steps of one process.

    Args:
        first: step the run starts from.
        steps: step it ends at.
        items: items of a step over all processes.
        flops: model FLOPs of a step on this process.
        peak: FLOP/s its device could do; None where unknown.
    """

    def __init__(self, *, first: int, steps: int, items: int, flops: float, peak: float | None) -> None:
        self.first, self.steps, self.items, self.flops, self.peak = first, steps, items, flops, peak
        self._started, self._seconds, self._from = math.nan, Counter[str](), first

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Count the block's time as "step" or, inside a step, as "draw"."""
        start = time.perf_counter()
        if math.isnan(self._started):
            self._started = start
        yield
        self._seconds[what] += time.perf_counter() - start  # type: ignore[assignment]

    def row(self, step: int) -> dict[str, float]:
        """Values since the last row; the time left counts validation and checkpoints too."""
        done, spent = step - self._from, self._seconds["step"]
        elapsed = time.perf_counter() - self._started
        values = {
            "items_per_s": self.items * done / spent,
            "draw_share": self._seconds["draw"] / spent,
            "seconds_left": elapsed / (step - self.first) * (self.steps - step),
        }
        if self.peak is not None:
            values["mfu"] = self.flops * done / spent / self.peak
        self._seconds.clear()
        self._from = step
        return values


def count_flops(task: Any, batch: Any) -> float:
    """Floating point operations of one forward and backward pass: products, convolutions and attention.

    Attention is counted as the products it is made of. The task's gradients, buffers and random state are
    left alone: it runs in evaluation mode. Items of other processes are not asked for: under ZeRO-3 the task
    is still on the CPU, through which nccl does not speak.
    """
    training, device = task.training, next(task.parameters()).device
    accelerators = [] if device.type == "cpu" else [device]
    task.eval()
    with (
        torch.random.fork_rng(accelerators),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        output = task.score(task.represent(batch)) if hasattr(task, "represent") else task(batch)
        output.loss.backward()
    task.zero_grad(set_to_none=True)
    task.train(training)
    return float(counter.get_total_flops())


def peak_flops(device: torch.device, dtype: torch.dtype = torch.float32) -> float | None:
    """FLOP/s of a device: from a table for GPUs (bf16), by a matrix product of that type on a CPU."""
    if device.type == "cpu":
        return _measured_on_cpu(dtype)
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for key, peak in _PEAK.items() if key in name), None)


def _measured_on_cpu(dtype: torch.dtype, size: int = 256, total_s: float = 0.2) -> float:
    """By the fastest of many products that each fit a time slice, so that other load hardly counts."""
    a, fastest_s, end = torch.ones(size, size, dtype=dtype), math.inf, time.perf_counter() + total_s
    while (start := time.perf_counter()) < end:
        torch.mm(a, a)
        fastest_s = min(fastest_s, time.perf_counter() - start)
    return 2.0 * size**3 / fastest_s
