"""The encoder as one ONNX file: plain tensors in, any number of windows and of sensors.

Shapes: B windows, S sensor slots, T samples of a window, L tokens in time, D width, E of the embedding.
"""

import logging
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from anymo.encoders import ImuEncoder
from anymo.encoders.layers import masked_mean, sinusoidal_positions
from anymo.encoders.worn import WornBackbone

INPUTS = ("signal", "valid", "has_gyro", "has_gravity", "segment")
OUTPUTS = ("embeddings", "latents", "latents_valid")  # names that no node of the graph has
OPSET = 20
# Each to the power 8: in all 2^39, so that eigenvalues apart by 1e-11 of their sum are told apart.
_SQUARINGS = 13


class PlainEncoder(nn.Module):
    """An `ImuEncoder` of architecture "worn" on plain tensors, each window a dense table of S slots.

    Messages are passed between all pairs of slots, with weight zero where one is empty or both are the same:
    what `SkeletonConv` gives on the edges between worn sensors, without shapes that depend on values.

    Raises:
        ValueError: another architecture, whose check for two sensors on one segment has no fixed shape.
    """

    def __init__(self, encoder: ImuEncoder) -> None:
        super().__init__()
        backbone = encoder.backbone
        if not isinstance(backbone, WornBackbone):
            raise ValueError(
                f'onnx: expected architecture="worn", got {encoder.config.architecture!r}; export without '
                "--onnx, or pre-train another encoder"
            )
        self.backbone, self.head, self.config = backbone, encoder.head, encoder.config

    def forward(
        self,
        signal: torch.Tensor,
        valid: torch.Tensor,
        has_gyro: torch.Tensor,
        has_gravity: torch.Tensor,
        segment: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encode windows at the encoder's rate.

        Args:
            signal: (B, S, T, 6) acc m/s², gyro rad/s, sensor frame.
            valid: (B, S, T) bool, where a sample was taken; nowhere in a slot that is empty.
            has_gyro: (B, S) bool.
            has_gravity: (B, S) bool, gravity is in acc.
            segment: (B, S) int64, index into `anymo.skeleton.SEGMENTS`.

        Returns:
            (B, E) unit embedding, (B, L, D) body latents, (B, L) bool those that saw a sample.
        """
        slots = segment.shape[1]
        with _Traceable():
            x_NLD, valid_NL = self._tokens(
                *(part.flatten(0, 1) for part in (signal, valid, has_gyro, has_gravity, segment))
            )
            # Softmax over nothing is NaN; an empty slot attends itself, and nobody reads it.
            attended_NL = valid_NL | ~valid_NL.any(dim=1, keepdim=True)
            valid_BSL = valid_NL.unflatten(0, (-1, slots))
            for temporal, skeleton in zip(self.backbone.temporal, self.backbone.skeleton, strict=True):
                x_NLD = temporal(x_NLD, attended_NL)
                x_NLD = _messages(skeleton, x_NLD.unflatten(0, (-1, slots)), valid_BSL, segment).flatten(0, 1)
            sensors = self.backbone.norm(x_NLD).unflatten(0, (-1, slots))
            sequence, sequence_valid = masked_mean(sensors, valid_BSL, dim=1), valid_BSL.any(dim=1)
            embedding = self.head(masked_mean(sequence, sequence_valid, dim=1))
            return nn.functional.normalize(embedding, dim=-1), sequence, sequence_valid

    def _tokens(
        self,
        signal: torch.Tensor,
        valid: torch.Tensor,
        has_gyro: torch.Tensor,
        has_gravity: torch.Tensor,
        segment: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, L, D) tokens of slots with what is known of them, and (N, L) where they saw a sample."""
        backbone = self.backbone
        has_gyro = has_gyro & self.config.use_gyro
        x_NLD, valid_NL = backbone._tokens(signal, valid, has_gyro, has_gravity)
        context = (
            backbone.segment(segment)
            + backbone.gravity(has_gravity.long())
            + backbone.gyroscope(has_gyro.long())
        )
        positions = sinusoidal_positions(x_NLD.shape[1], x_NLD.shape[2], x_NLD.device)
        return x_NLD + context[:, None] + positions, valid_NL


def _messages(
    conv: Any, x_BSLD: torch.Tensor, valid_BSL: torch.Tensor, segment_BS: torch.Tensor
) -> torch.Tensor:
    """One round of a `SkeletonConv` over all pairs of slots: (B, S, L, D), i receives from j."""
    slots = segment_BS.shape[1]
    x = conv.norm(x_BSLD)
    target, source, value = conv.target(x)[:, :, None], conv.source(x)[:, None], conv.value(x)[:, None]
    one = segment_BS[:, :, None].expand(-1, -1, slots)
    edge = conv.edge(one.flatten(), one.mT.flatten()).unflatten(0, (-1, slots, slots))[..., None, :]
    index = torch.arange(slots, device=x.device)
    seen = valid_BSL[:, None] & (index[:, None] != index)[:, :, None]
    score = conv.score(torch.tanh(target + source + edge)).masked_fill(~seen[..., None], -1e4)
    weight = score.softmax(dim=2) * seen[..., None]
    messages: torch.Tensor = x_BSLD + (weight * (value + edge)).sum(dim=2)
    return messages


class _Traceable(TorchFunctionMode):
    """What no exporter takes, in terms of what it takes.

    A branch on values takes the general path: the one there is, in the channels, is a short cut for sensors
    that all have gravity. Of eigenvectors they read the last, which is the only one here.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.__bool__:
            return False
        if func is torch.linalg.eigh:
            return SimpleNamespace(eigenvectors=principal_eigenvector(args[0])[..., None])
        return func(*args, **(kwargs or {}))


def principal_eigenvector(matrix: torch.Tensor) -> torch.Tensor:
    """Unit eigenvector (..., 3) to the largest eigenvalue of symmetric 3 x 3 matrices, of any sign.

    Power iteration on the whole matrix by squaring it, made positive by a shift: the limit is the projection
    on the eigenvector, or, where eigenvalues are equal, on all that belong to it; its longest column is one.
    """
    one = torch.eye(3, dtype=matrix.dtype, device=matrix.device)
    power = matrix + matrix.abs().sum((-2, -1), keepdim=True).clamp_min(1e-30) * one
    for _ in range(_SQUARINGS):
        power = power / (power * one).sum((-2, -1), keepdim=True)
        power = (squared := (square := power @ power) @ square) @ squared
    longest = (power * one).sum(-1).argmax(dim=-1, keepdim=True)
    return nn.functional.normalize(power.gather(-1, longest[..., None, :].expand(-1, 3, -1))[..., 0], dim=-1)


def export_onnx(encoder: ImuEncoder, file: Path, *, window_s: float) -> None:
    """Write the encoder as one ONNX file with any number of windows and of sensor slots.

    A window has `window_s` times the rate samples; a shorter one is filled up with valid=False. Inputs are
    `INPUTS`, outputs `OUTPUTS`, as `PlainEncoder.forward` describes them.

    Args:
        encoder: of architecture "worn".
        file: to be written.
        window_s: length of a window, s.

    Raises:
        ValueError: another architecture, or the packages of the extra `onnx` are missing.
    """
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(f"onnx: {error}; run `pip install 'anymo[onnx]'`") from error
    samples = round(window_s * encoder.config.rate_hz)
    windows, slots = torch.export.Dim("windows"), torch.export.Dim("sensors")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # else it names packages that nobody needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names of axes, and of deprecations inside torch
        program = torch.onnx.export(
            PlainEncoder(encoder).eval(),
            _example(samples),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_shapes=tuple({0: windows, 1: slots} for _ in INPUTS),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # with dynamo
    draft = file.with_name(f".{file.name}.draft")
    program.save(draft, external_data=False)
    draft.replace(file)


def _example(samples: int) -> tuple[torch.Tensor, ...]:
    shape = (3, 2)
    return (
        torch.ones(*shape, samples, 6),
        torch.ones(*shape, samples, dtype=torch.bool),
        torch.ones(shape, dtype=torch.bool),
        torch.zeros(shape, dtype=torch.bool),
        torch.zeros(shape, dtype=torch.int64),
    )
