"""The objectives of pre-training: encoder, towers and heads with their losses, in one module.

Shapes: B windows, V views, C captions, K targets, S sensor slots, N worn sensors, L tokens, T samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import torch
from torch import nn

from anymo.data.corpus import POSE_HZ
from anymo.data.simulated import SimulatedBatch, Targets
from anymo.encoders import ImuEncoder, ImuEncoderOutput, PoseEncoder, PoseEncoderConfig, TextTower
from anymo.encoders.decoders import PlacementDecoder, Predictor, as_samples
from anymo.encoders.losses import (
    distinct_captions,
    multi_positive_contrastive,
    sequence_contrastive,
    signal_errors,
    signal_loss,
)
from anymo.records import GRAVITY_MPS2, WindowBatch
from anymo.training.gather import gathered, in_single, surrogate
from anymo.training.task import TaskOutput

_UNIT = (GRAVITY_MPS2,) * 3 + (3.0,) * 3  # m/s² and rad/s that count as one in signals
_LAG_S = 0.05  # over which signals are differenced, at any rate
PAIRS = ("text", "pose", "pose_text")
_OF_THE_ENCODER = ("text", "pose", "cross_view", "reconstruction", "synthesis")
TERMS = (*PAIRS, "cross_view", "reconstruction", "pose_to_imu", "synthesis")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """Weight of each objective; 0 switches it off, and it then costs nothing.

    Attributes:
        text: IMU and text, InfoNCE; identical captions are positives of each other.
        pose: IMU and pose.
        pose_text: pose and text.
        cross_view: predict the other view's body latents (AnyMo's sequence InfoNCE).
        reconstruction: each worn sensor's signal from its latents, physical units.
        pose_to_imu: signal at placements of `draw.num_targets` from the pose.
        synthesis: the same from the sensors worn, of which none is there.
        directions: "both", or "one": the IMU looks for its text and pose, the pose for its text.
        across_sources: contrast captured with generated motion too; else each with its own kind, so that what
            tells them apart, which no label is about, is not learnt.
        num_captions: captions per window.
        phrase_share: share of captions that are the clip's short phrase instead of a sentence.
        cross_view_temperature: τ of the cross-view term.
        predictor_layers: transformer blocks that predict the other view's latents.
    """

    text: float = 1.0
    pose: float = 0.5
    pose_text: float = 0.25
    cross_view: float = 0.25
    reconstruction: float = 0.5
    pose_to_imu: float = 0.0
    synthesis: float = 0.0
    directions: Literal["both", "one"] = "both"
    across_sources: bool = False
    num_captions: int = 1
    phrase_share: float = 0.5
    cross_view_temperature: float = 0.1
    predictor_layers: int = 1

    def __post_init__(self) -> None:
        weights = {name: getattr(self, name) for name in TERMS}
        if min(weights.values()) < 0 or not self.uses(*_OF_THE_ENCODER):
            raise ValueError(
                f"objective: expected weights of 0 or more, and one above 0 of {', '.join(_OF_THE_ENCODER)}, "
                f"which train the encoder, got {weights}; set text to 1"
            )
        if self.num_captions < 1 or self.predictor_layers < 1 or self.cross_view_temperature <= 0:
            raise ValueError(
                "objective: expected num_captions, predictor_layers and cross_view_temperature above 0, got "
                f"{self.num_captions}, {self.predictor_layers} and {self.cross_view_temperature}"
            )
        if not 0 <= self.phrase_share <= 1:
            raise ValueError(f"objective.phrase_share: expected 0 to 1, got {self.phrase_share}")

    def uses(self, *names: str) -> bool:
        """Whether one of these objectives is on."""
        return any(getattr(self, name) > 0 for name in names)

    @property
    def aligns_text(self) -> bool:
        """Whether IMU and text come into one space, directly or over the pose."""
        return self.uses("text") or (self.uses("pose") and self.uses("pose_text"))

    @property
    def num_views(self) -> int:
        """Views of each moment that the objectives look at."""
        return 2 if self.uses("cross_view") else 1


class PretrainTask(nn.Module):
    """Encoder, towers and heads with their losses: one module for DDP and DeepSpeed to wrap.

    An objective that is off has no head. All use of parameters is in `represent`, all comparison of windows
    in `score`, so that the loss over a batch that is spread over parts or processes is that of the whole.
    """

    def __init__(self, encoder: ImuEncoder, text: TextTower, objective: ObjectiveConfig) -> None:
        super().__init__()
        shape, on = encoder.config, objective.uses
        self.objective, self.encoder, self.text = objective, encoder, text
        self.lag = max(1, round(_LAG_S * shape.rate_hz))
        self.unit = nn.Buffer(torch.tensor(_UNIT), persistent=False)
        # One element, not a scalar: DeepSpeed cannot broadcast a parameter without a dimension.
        self.log_scale = nn.Parameter(-torch.tensor([text.config.temperature]).log(), on(*PAIRS))
        if not on("text", "pose"):
            encoder.head.requires_grad_(False)  # what no loss reads has no gradient, which DDP would wait for
        if not on("text", "pose_text"):
            text.requires_grad_(False)
        if on("pose", "pose_text", "pose_to_imu"):
            self.pose = PoseEncoder(PoseEncoderConfig(embedding_size=shape.embedding_size))
            if not on("pose", "pose_text"):
                self.pose.head.requires_grad_(False)
        if on("cross_view"):
            self.predictor = Predictor(shape.hidden_size, shape.num_heads, objective.predictor_layers)
        if on("reconstruction"):
            self.decoder = nn.Linear(shape.hidden_size, shape.patch_samples * 6)
        if on("synthesis"):
            self.synthesis = PlacementDecoder(
                shape.hidden_size, shape.hidden_size, shape.num_heads, shape.patch_samples
            )
        if on("pose_to_imu"):
            pose = self.pose.config
            patch = round(pose.patch_frames * shape.rate_hz / POSE_HZ)
            self.pose_decoder = PlacementDecoder(pose.hidden_size, shape.hidden_size, shape.num_heads, patch)

    def forward(
        self, batch: SimulatedBatch, cotangents: Mapping[str, torch.Tensor] | None = None
    ) -> TaskOutput:
        """Weighted sum of the objectives over a batch; each is logged by itself.

        Args:
            batch: windows.
            cotangents: gradient of the loss of the whole batch by this part's representations; the output is
                then their `surrogate`.
        """
        represented = self.represent(batch)
        if cotangents is not None:
            return surrogate(represented, cotangents)
        return self.score(gathered(represented))

    def represent(self, batch: SimulatedBatch) -> dict[str, torch.Tensor]:
        """All that the losses need of a batch: tensors (B, ...) by name, one row per window."""
        on = self.objective.uses
        outputs = [self.encoder(view) for view in batch.views]
        made = {"real": batch.real}
        if on(*PAIRS):
            made["log_scale"] = self.log_scale.expand(len(batch), 1)
        if on("text", "pose"):
            made["imu"] = torch.stack([out.embedding for out in outputs], dim=1)
        if on("text", "pose_text"):
            made |= self._texts(batch.texts)
        if on("pose", "pose_text", "pose_to_imu"):
            made |= self._pose(batch)
        if on("cross_view"):
            made |= self._cross_view(outputs, batch.complete)
        if on("reconstruction"):
            made["reconstruction"] = self._reconstruction(batch.views[0], outputs[0])
        if on("synthesis"):
            memory, valid = _streams(batch.views[0], outputs[0])
            made["synthesis"] = self._targets(self.synthesis, memory, valid, batch.targets)
        return made

    def score(self, represented: Mapping[str, torch.Tensor]) -> TaskOutput:
        """Loss of all windows that are represented; it reads no parameter, and never in half precision."""
        made = {key: in_single(tensor) for key, tensor in represented.items()}
        with torch.autocast(self.unit.device.type, enabled=False):
            terms = self._pairs(made) if self.objective.uses(*PAIRS) else {}
            if self.objective.uses("cross_view"):
                terms["cross_view"] = self._cross_view_loss(made)
            for name in ("reconstruction", "pose_to_imu", "synthesis"):
                if self.objective.uses(name):
                    terms[name] = signal_loss(made[name])
            weights = torch.tensor([getattr(self.objective, name) for name in terms])
            values = torch.stack(list(terms.values()))
            loss = weights.to(values) @ values
        logs = dict(zip(terms, values.tolist(), strict=True))
        if "log_scale" in made:
            logs["temperature"] = float(1 / scale(made["log_scale"].detach()))
        return TaskOutput(loss=loss, logs=logs)

    def _texts(self, texts: Sequence[Sequence[str]]) -> dict[str, torch.Tensor]:
        """(B, C, E) embeddings of the captions, each distinct sentence embedded once, and (B, C) ids."""
        place = {t: i for i, t in enumerate(dict.fromkeys(t for row in texts for t in row))}
        which = torch.tensor([[place[t] for t in row] for row in texts])
        ids = torch.tensor([[text_id(t) for t in row] for row in texts], device=self.unit.device)
        return {"text": self.text(tuple(place))[which], "text_id": ids}

    def _pose(self, batch: SimulatedBatch) -> dict[str, torch.Tensor]:
        tokens = self.pose.sequence(batch.pose, batch.pose_seen)
        made = {}
        if self.objective.uses("pose", "pose_text"):
            made["pose"] = self.pose.pool(tokens, batch.pose_seen)
        if self.objective.uses("pose_to_imu"):
            seen = batch.pose_seen.unflatten(1, (tokens.shape[1], -1)).all(dim=-1)
            made["pose_to_imu"] = self._targets(
                self.pose_decoder, tokens[:, None], seen[:, None], batch.targets
            )
        return made

    def _cross_view(
        self, outputs: Sequence[ImuEncoderOutput], complete: Sequence[WindowBatch]
    ) -> dict[str, torch.Tensor]:
        """What each view predicts, and what the other view, or the whole body in it, has there."""
        with torch.no_grad():
            whole = [self.encoder(view) for view in complete] or outputs
        return {
            "predicted": torch.stack([self.predictor(o.sequence, o.sequence_valid) for o in outputs], dim=1),
            "predicted_valid": torch.stack([o.sequence_valid for o in outputs], dim=1),
            "target": torch.stack([o.sequence.detach() for o in whole[::-1]], dim=1),
            "target_valid": torch.stack([o.sequence_valid for o in whole[::-1]], dim=1),
        }

    def _cross_view_loss(self, made: Mapping[str, torch.Tensor]) -> torch.Tensor:
        p, p_seen, y, y_seen = (
            made[name].unbind(1) for name in ("predicted", "predicted_valid", "target", "target_valid")
        )
        tau = self.objective.cross_view_temperature
        views, compared = zip(p, p_seen, y, y_seen, strict=True), self._compared(made)
        return torch.stack([sequence_contrastive(*view, tau, compared) for view in views]).mean()

    def _compared(self, made: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(B, B) bool: windows that are contrasted with each other."""
        return (made["real"][:, None] == made["real"]) | self.objective.across_sources

    def _pairs(self, made: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The contrastive terms; where there are two views, the mean of both."""
        on, both = self.objective.uses, self.objective.directions == "both"
        terms: dict[str, torch.Tensor] = {}
        windows, inverse = self._compared(made), scale(made["log_scale"])
        if on("text", "pose_text"):
            words, is_text = distinct_captions(made["text"], made["text_id"])
            captions = windows.float() @ is_text.float() > 0
        for name, query in (("text", "imu"), ("pose", "imu"), ("pose_text", "pose")):
            if not on(name):
                continue
            queries = made[query].unbind(1) if query == "imu" else (made[query],)
            key = made["pose"] if name == "pose" else words
            is_pose = torch.eye(len(made[query]), dtype=torch.bool, device=key.device)
            alike, compared = (is_pose, windows) if name == "pose" else (is_text, captions)
            values = [
                multi_positive_contrastive(q @ key.T, alike, inverse, compared=compared, symmetric=both)
                for q in queries
            ]
            terms[name] = torch.stack(values).mean()
        return terms

    def _reconstruction(self, view: WindowBatch, output: ImuEncoderOutput) -> torch.Tensor:
        """(B, 2, 2) errors of the signals the view's sensors gave."""
        signal, seen = view.signal[view.worn], view.sample_valid[view.worn]
        predicted = as_samples(self.decoder(output.sensors), 6, signal.shape[1])
        gyro = seen & view.has_gyro[view.worn][:, None]
        valid = torch.stack([seen] * 3 + [gyro] * 3, dim=-1)
        errors = signal_errors(predicted, signal / self.unit, valid, self.lag)
        return errors.new_zeros(len(view), 2, 2).index_add(0, output.sensor_window, errors)

    def _targets(
        self, decoder: PlacementDecoder, memory: torch.Tensor, seen_BML: torch.Tensor, targets: Targets | None
    ) -> torch.Tensor:
        """(B, 2, 2) errors of the signals at the target placements, wherever something was seen."""
        if targets is None:
            raise ValueError("pre-training: expected targets to predict, got none; set draw.num_targets")
        num = targets.signal.shape[2]
        predicted = decoder(memory, seen_BML, targets.segment, targets.offset, targets.rotation, num)
        seen_BT = seen_BML.any(dim=1).repeat_interleave(decoder.patch_samples, dim=1)[:, :num]
        valid = seen_BT[:, None, :, None].expand_as(predicted).flatten(0, 1)
        predicted, signal = (x.flatten(0, 1) / self.unit for x in (predicted, targets.signal))
        errors = signal_errors(predicted, signal, valid, self.lag)
        return errors.view(*targets.segment.shape, 2, 2).sum(dim=1)


@lru_cache(maxsize=2**16)
def text_id(text: str) -> int:
    """Number of a sentence, the same in every process: 63 bits of a hash."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def scale(log_scale: torch.Tensor) -> torch.Tensor:
    """The one inverse temperature; its mean over rows, so that every row has its share of the gradient."""
    return log_scale.mean().exp().clamp(max=100.0)


def _streams(view: WindowBatch, output: ImuEncoderOutput) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, 1 + S, L, D) latents of the body and of each slot's sensor, and (B, 1 + S, L) what they saw."""
    sensors = output.sensors.new_zeros(*view.worn.shape, *output.sensors.shape[1:])
    valid = output.sensors_valid.new_zeros(*view.worn.shape, output.sensors_valid.shape[1])
    sensors[view.worn], valid[view.worn] = output.sensors, output.sensors_valid
    memory = torch.cat([output.sequence[:, None], sensors], dim=1)
    return memory, torch.cat([output.sequence_valid[:, None], valid], dim=1)
