"""Pre-training the graph encoder: against text and pose, across views, and by reconstruction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from anymo.body import Body
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, SimulatedBatch, WindowSampler
from anymo.encoders import (
    AnymoEncoderConfig,
    ImuEncoder,
    ImuEncoderOutput,
    PoseEncoder,
    PoseEncoderConfig,
    TextTower,
    TextTowerConfig,
)
from anymo.encoders.layers import TemporalBlock
from anymo.encoders.losses import multi_positive_contrastive, reconstruction, sequence_contrastive
from anymo.records import WindowBatch
from anymo.training.engine import OptimConfig, TaskOutput, is_main_process, replacing, train

_log = logging.getLogger(__name__)

_UNIT = (9.80665, 9.80665, 9.80665, 3.0, 3.0, 3.0)  # m/s² and rad/s that count as one in reconstruction


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """Weight of each objective; 0 switches it off.

    Attributes:
        text: IMU and text, symmetric InfoNCE; identical captions are positives of each other.
        pose: IMU and pose.
        pose_text: pose and text.
        cross_view: predict the other view's body latents (AnyMo's sequence InfoNCE).
        reconstruction: each worn sensor's signal from its latents, physical units.
        phrase_share: share of windows that bring the clip's short phrase instead of a sentence.
        cross_view_temperature: τ of the cross-view term.
    """

    text: float = 1.0
    pose: float = 0.5
    pose_text: float = 0.25
    cross_view: float = 0.25
    reconstruction: float = 0.5
    phrase_share: float = 0.5
    cross_view_temperature: float = 0.1


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """A pre-training run.

    Attributes:
        corpus: folder of the corpus (data_prep/simulate.py writes it).
        output: folder of the run; `encoder/` and `text/` are saved in it.
        seed: of initial weights and every draw.
        hidden_size: width of the encoder, as in `AnymoEncoderConfig`.
        num_layers: its blocks.
        num_heads: its attention heads.
        draw: what training windows look like.
        objective: weights of the objectives.
        optim: steps, batch size, learning rate.
    """

    corpus: Path = Path("runs/demo/corpus")
    output: Path = Path("runs/demo/pretrain")
    seed: int = 0
    hidden_size: int = 192
    num_layers: int = 2
    num_heads: int = 6
    draw: DrawConfig = field(default_factory=DrawConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(steps=340, batch_size=96))


class PretrainTask(nn.Module):
    """Encoder, towers and heads with their losses: one module for DDP and DeepSpeed to wrap."""

    def __init__(self, encoder: ImuEncoder, text: TextTower, objective: ObjectiveConfig) -> None:
        super().__init__()
        width, size = encoder.config.hidden_size, encoder.config.embedding_size
        self.objective = objective
        self.encoder, self.text = encoder, text
        self.pose = PoseEncoder(PoseEncoderConfig(embedding_size=size))
        self.predictor = TemporalBlock(width, encoder.config.num_heads)
        self.decoder = nn.Linear(width, encoder.config.patch_samples * 6)
        # One element, not a scalar: DeepSpeed cannot broadcast a parameter without a dimension.
        self.log_scale = nn.Parameter(torch.tensor([np.log(1 / 0.07)], dtype=torch.float32))
        self.unit = nn.Buffer(torch.tensor(_UNIT), persistent=False)

    def forward(self, batch: SimulatedBatch) -> TaskOutput:
        """Weighted sum of the objectives over a batch; each is logged by itself."""
        o = self.objective
        outputs = [self.encoder(view) for view in batch.views]
        pose = self.pose(batch.pose)
        words, which = self._texts(batch)
        is_text = which[:, None] == torch.arange(len(words), device=which.device)
        scale = self.log_scale.exp().clamp(max=100.0)
        itself = torch.eye(len(pose), dtype=torch.bool, device=pose.device)
        text = [multi_positive_contrastive(x.embedding @ words.T, is_text, scale) for x in outputs]
        terms = {
            "text": torch.stack(text).mean(),
            "pose": multi_positive_contrastive(outputs[0].embedding @ pose.T, itself, scale),
            "pose_text": multi_positive_contrastive(pose @ words.T, is_text, scale),
            "cross_view": self._cross_view(outputs),
            "reconstruction": self._reconstruction(batch.views[0], outputs[0]),
        }
        loss = torch.stack([getattr(o, name) * value for name, value in terms.items()]).sum()
        logs = {name: float(value.detach()) for name, value in terms.items()}
        return TaskOutput(loss=loss, logs=logs | {"temperature": float(1 / scale.detach())})

    def _texts(self, batch: SimulatedBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings of the distinct sentences of a batch, and which of them each window has."""
        unique = {t: i for i, t in enumerate(dict.fromkeys(batch.text))}
        which = torch.tensor([unique[t] for t in batch.text], device=self.unit.device)
        return self.text(tuple(unique)), which

    def _cross_view(self, outputs: Sequence[ImuEncoderOutput]) -> torch.Tensor:
        a, b = outputs[0], outputs[1]
        both = a.sequence_valid & b.sequence_valid
        tau = self.objective.cross_view_temperature
        one = sequence_contrastive(self.predictor(a.sequence, a.sequence_valid), b.sequence, both, tau)
        other = sequence_contrastive(self.predictor(b.sequence, b.sequence_valid), a.sequence, both, tau)
        return (one + other) / 2

    def _reconstruction(self, view: WindowBatch, output: ImuEncoderOutput) -> torch.Tensor:
        num_samples = view.signal.shape[2]
        predicted = self.decoder(output.sensors).flatten(1, 2).unflatten(1, (-1, 6))[:, :num_samples]
        gyro = view.has_gyro[view.worn][:, None].expand(-1, num_samples)
        seen = view.sample_valid[view.worn]
        valid = torch.stack([seen] * 3 + [seen & gyro] * 3, dim=-1)
        return reconstruction(predicted, view.signal[view.worn] / self.unit, valid)


def pretrain(config: PretrainConfig, bodies: Sequence[Body]) -> Path:
    """Pre-train the encoder on a corpus and save it.

    Args:
        config: the run.
        bodies: the bodies the corpus was built with.

    Returns:
        Folder with `encoder/` (ImuEncoder and its feature extractor) and `text/` (TextTower).
    """
    from anymo.data.feature_extraction import AnymoFeatureExtractor

    torch.manual_seed(config.seed)
    corpus = MotionCorpus.load(config.corpus)
    training, held_out = (WindowSampler(corpus, bodies, config.draw, held_out=h) for h in (False, True))
    encoder = ImuEncoder(
        AnymoEncoderConfig(
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            num_heads=config.num_heads,
            rate_hz=config.draw.rate_hz,
        )
    )
    text = TextTower(TextTowerConfig())
    text.centre(corpus.texts(training.clips))
    task = PretrainTask(encoder, text, config.objective)
    trained = train(
        task,
        partial(training.batch, phrase_share=config.objective.phrase_share),
        config.optim,
        config.output,
        seed=config.seed,
        config=config,
        name="pre-train",
        validate=partial(_validate, held_out, config.seed),
    )
    if is_main_process():
        extractor = AnymoFeatureExtractor(
            rate_hz=config.draw.rate_hz, window_s=config.draw.window_s, hop_s=config.draw.window_s
        )
        with replacing(config.output / "text") as folder:
            trained.text.save_pretrained(folder)
        with replacing(config.output / "encoder") as folder:
            trained.encoder.save_pretrained(folder)
            extractor.save_pretrained(folder)
    return config.output


def _validate(sampler: WindowSampler, seed: int, task: PretrainTask) -> dict[str, float]:
    """Retrieval of the short phrase of held-out windows, the same draw every time."""
    batch = sampler.batch(256, np.random.default_rng([seed, 2**31 + 7]), num_views=1).to(task.unit.device)
    phrases = sorted(set(batch.phrase))
    embedding = task.encoder(batch.views[0]).embedding
    similarity = (embedding @ task.text(phrases).T).numpy(force=True)
    truth = np.array([[p == q for q in phrases] for p in batch.phrase])
    return {"phrase_r1": float((similarity.argmax(1) == truth.argmax(1)).mean())}
