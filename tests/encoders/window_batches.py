"""Random window batches for the encoder's tests."""

from dataclasses import replace

import torch

from anymo.records import WindowBatch
from anymo.skeleton import INDEX, NUM_SEGMENTS

GARBAGE = (float("nan"), float("inf"), 1e30, -7.0)


def batch_of(size: int = 3, slots: int = 3, samples: int = 47, seed: int = 0) -> WindowBatch:
    """Windows with gaps, sensors without gyroscope, one to `slots` sensors, two of them on one segment."""
    g = torch.Generator().manual_seed(seed)
    worn = torch.arange(slots) < torch.tensor([slots, 1, max(slots - 1, 1)] * size)[:size, None]
    valid = (torch.rand(size, slots, samples, generator=g) > 0.1) & worn[..., None]
    segment = torch.tensor([INDEX["LeftForeArm"], INDEX["LeftForeArm"], INDEX["Pelvis"], INDEX["Head"]])
    return WindowBatch(
        signal=torch.randn(size, slots, samples, 6, generator=g) * 4,
        sample_valid=valid,
        has_gyro=(torch.rand(size, slots, generator=g) > 0.4) & worn,
        worn=worn,
        segment=segment[:slots].repeat(size, 1),
        has_gravity=(torch.rand(size, slots, generator=g) > 0.5) & worn,
        rate_hz=20.0,
    )


def slots_of(batch: WindowBatch, order: list[int]) -> WindowBatch:
    names = ("signal", "sample_valid", "has_gyro", "worn", "segment", "has_gravity")
    return replace(batch, **{n: getattr(batch, n)[:, order] for n in names})


def one_per_segment(batch: WindowBatch) -> WindowBatch:
    """The same signals on neighbouring segments, as stgcn wants them."""
    slots = torch.arange(batch.segment.shape[1])
    return replace(batch, segment=(slots + 12).remainder(NUM_SEGMENTS).repeat(len(batch), 1))
