"""What motion tokens keep of held-out motion: code use, and errors of latents, pose and signals.

Shapes: B windows, L latents, D width, F pose frames at 12 Hz, K placements, T samples.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import roma
import torch

from anymo.data.simulated import SimulatedBatch
from anymo.encoders import ImuEncoder
from anymo.records import WindowBatch
from anymo.tokenizer import MotionTokenizer, PoseOutput
from anymo.tokenizer.tokenizer import perplexity

_ROUNDS = 9  # of which the median is taken


class Encoded(NamedTuple):
    """Held-out windows and the encoder's latents of them.

    batch    with targets
    latents  (B, L, D)
    valid    (B, L) bool
    """

    batch: SimulatedBatch
    latents: torch.Tensor
    valid: torch.Tensor


@torch.no_grad()
def encoded(encoder: ImuEncoder, batch: SimulatedBatch) -> Encoded:
    """Latents of the first view, in parts."""
    rows = torch.arange(len(batch)).split(64)
    parts = [encoder.eval()(batch.views[0].select(part)) for part in rows]
    return Encoded(
        batch, torch.cat([p.sequence for p in parts]), torch.cat([p.sequence_valid for p in parts])
    )


@torch.no_grad()
def token_numbers(tokenizer: MotionTokenizer, held_out: Encoded) -> dict[str, Any]:
    """Code use, and what is lost by the codes and by the same decoder without rounding to codes.

    Returns:
        `tokens` and `bits` of a whole window; `num_steps` that were coded; by codebook, `usage`, the share of
        codes that occur, and `perplexity`; and errors of `codes` and of `unquantized` (`errors_of`).
    """
    config = tokenizer.eval().config
    codes = tokenizer.encode(held_out.latents, held_out.valid)
    steps = codes[tokenizer.tokens_valid(held_out.valid)]
    used = [int(group.unique().numel()) / config.codebook_size for group in steps.unbind(dim=-1)]
    tokens = codes.shape[1] * config.num_groups
    return {
        "tokens": tokens,
        "bits": tokens * float(np.log2(config.codebook_size)),
        "num_steps": len(steps),
        "usage": used,
        "perplexity": perplexity(steps, config.codebook_size).tolist(),
        "codes": errors_of(tokenizer, tokenizer.decode(codes, held_out.valid), held_out),
        "unquantized": errors_of(
            tokenizer, tokenizer.unquantized(held_out.latents, held_out.valid), held_out
        ),
    }


def errors_of(tokenizer: MotionTokenizer, decoded: torch.Tensor, held_out: Encoded) -> dict[str, float]:
    """Errors of decoded latents (B, L, D), and of what the heads make of them.

    Returns:
        `latent`, squared error over the variance; with a pose head those of `pose_errors`; with an IMU head
        `acc_mps2` and `gyro_radps`, root mean square per axis at placements that nobody wears.
    """
    truth, valid = held_out.latents[held_out.valid], held_out.valid
    spread = (truth - truth.mean(dim=0)).square().sum()
    errors = {"latent": float((decoded[valid] - truth).square().sum() / spread)}
    if "pose" in tokenizer.config.heads:
        errors |= pose_errors(tokenizer.pose_head(decoded), held_out)
    targets = held_out.batch.targets
    if "imu" in tokenizer.config.heads and targets is not None:
        where = targets.segment, targets.offset, targets.rotation
        read = tokenizer.imu_head(decoded[:, None], valid[:, None], *where, targets.signal.shape[2])
        errors |= signal_errors_of(read, held_out, tokenizer.config.patch_samples)
    return errors


def pose_errors(features: torch.Tensor, held_out: Encoded) -> dict[str, float]:
    """How far a pose (B, F, POSE_SIZE) is from the true one, pelvis and heading put together.

    Returns:
        `joint_mm`, mean distance of the joints of the default skeleton, mm; `segment_deg`, mean angle
        between the orientations of the segments, degrees; both over frames in which sensors were read.
    """
    num = min(features.shape[1], held_out.batch.pose.shape[1])
    seen = held_out.batch.pose_seen[:, :num] & _seen(held_out.valid, num, held_out.batch.pose.shape[1])
    pairs = [PoseOutput.of(x[:, :num][seen][None]).positions() for x in (features, held_out.batch.pose)]
    (joints, turns), (true_joints, true_turns) = pairs
    apart = np.linalg.norm(joints - true_joints, axis=-1)
    angle = roma.rotmat_geodesic_distance(torch.from_numpy(turns), torch.from_numpy(true_turns))
    return {"joint_mm": 1e3 * float(apart.mean()), "segment_deg": float(torch.rad2deg(angle.mean()))}


def signal_errors_of(signal: torch.Tensor, held_out: Encoded, patch_samples: int) -> dict[str, float]:
    """Root mean square errors of signals (B, K, T, 6) at the targets, where sensors were read."""
    targets = held_out.batch.targets
    assert targets is not None
    seen = held_out.valid.repeat_interleave(patch_samples, dim=1)[:, None, : signal.shape[2]]
    squared = (signal - targets.signal).square()[seen.expand(signal.shape[:3])].mean(dim=0)
    return {
        "acc_mps2": float(squared[:3].mean().sqrt()),
        "gyro_radps": float(squared[3:].mean().sqrt()),
    }


def baseline(mean_pose: torch.Tensor, held_out: Encoded, patch_samples: int) -> dict[str, float]:
    """Errors of the mean latent, the mean pose (POSE_SIZE,) and of sensors that read their window's mean.

    The last knows how the sensor is held.
    """
    targets = held_out.batch.targets
    assert targets is not None
    still = targets.signal.mean(dim=2, keepdim=True).expand_as(targets.signal)
    pose = mean_pose.expand_as(held_out.batch.pose)
    signals = signal_errors_of(still, held_out, patch_samples)
    return {"latent": 1.0} | pose_errors(pose, held_out) | signals


@torch.no_grad()
def speed(
    encoder: ImuEncoder,
    tokenizer: MotionTokenizer,
    windows: WindowBatch,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Tokens per second on this machine, medians: of `encode` and `decode`, and from signals to `tokens`.

    Args:
        encoder: what makes the latents.
        tokenizer: what is timed.
        windows: at the encoder's rate.
        clock: time in s.
    """
    latents = encoder.eval()(windows).sequence
    codes = tokenizer.eval().encode(latents)
    work: dict[str, Callable[[], object]] = {
        "encode": lambda: tokenizer.encode(latents),
        "decode": lambda: tokenizer.decode(codes),
        "tokens": lambda: tokenizer.encode(encoder(windows).sequence),
    }
    return {name: codes.numel() / _seconds(run, clock) for name, run in work.items()}


def _seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    """Median of several rounds; the first warms up."""
    spent = []
    for _ in range(_ROUNDS + 1):
        start = clock()
        run()
        spent.append(clock() - start)
    return median(spent[1:])


def _seen(valid_BL: torch.Tensor, num: int, whole: int) -> torch.Tensor:
    """(B, num) pose frames, of `whole` in a window, whose latent is valid."""
    latent = (torch.arange(num) * valid_BL.shape[1] / whole).long()
    return valid_BL[:, latent]
