"""Pre-training the graph encoder: against text and pose, across views, and by giving signals back."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from anymo.body import Body
from anymo.data.compact import CompactCorpus
from anymo.data.corpus import POSE_HZ, MotionCorpus
from anymo.data.identity import corpus_identity
from anymo.data.sampler import DrawConfig, SimulatedBatch, WindowSampler
from anymo.encoders import (
    AnymoEncoderConfig,
    ImuEncoder,
    PoseEncoderConfig,
    TextTower,
    TextTowerConfig,
)
from anymo.encoders.identity import weights_sha256
from anymo.metrics.retrieval import merge_duplicates, retrieval
from anymo.training.engine import OptimConfig, is_main_process, replacing, train
from anymo.training.launch import own_device
from anymo.training.objectives import PAIRS, ObjectiveConfig, PretrainTask, scale

_POOL = 256  # held-out windows of the validation's retrieval
_POOL_PART = 32  # of these encoded at once, which bounds the memory of 23-node graphs


@dataclass(frozen=True, kw_only=True)
class EncoderShape:
    """Shape of the encoder: fields of `AnymoEncoderConfig`, which checks them.

    Attributes:
        architecture: "worn" encodes the sensors worn, "stgcn" all 23 nodes, as AnyMo and UniMTS do.
        hidden_size: width of the latents.
        num_layers: blocks of "worn"; "stgcn" has 10.
        num_heads: attention heads, of "worn", predictor and decoders.
        patch_samples: samples of one latent of "worn"; those of "stgcn" are 4.
        stem_stride: step of the convolution under the patches of "worn", samples.
        use_gyro: read gyroscopes where there are any.
        rotation: "worn": "augmented", "invariant", "levelled" or "both".
        masked_nodes: "stgcn": a learned "token" for missing values, or "zero".
    """

    architecture: Literal["worn", "stgcn"] = "worn"
    hidden_size: int = 192
    num_layers: int = 2
    num_heads: int = 6
    patch_samples: int = 10
    stem_stride: int = 1
    use_gyro: bool = True
    rotation: Literal["augmented", "invariant", "levelled", "both"] = "both"
    masked_nodes: Literal["token", "zero"] = "token"

    def __post_init__(self) -> None:
        self.at(20.0)

    def at(self, rate_hz: float) -> AnymoEncoderConfig:
        """Configuration of the encoder that reads this rate."""
        return AnymoEncoderConfig(**asdict(self), rate_hz=rate_hz)


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """A pre-training run; what cannot work is refused as it is read.

    Attributes:
        corpus: folder of the corpus (data_prep/simulate.py writes it).
        output: folder of the run; `encoder/` and `text/` are saved in it.
        start: folder of a model whose encoder and text tower are trained on, of a run or a release; null for
            random weights.
        seed: of initial weights and every draw.
        text_base: sentence model of the text tower: asset name, folder or hub repository.
        text_prompt: put before every sentence, as INSTRUCTOR-like models want it.
        encoder: shape of the encoder.
        draw: what training windows look like.
        objective: weights of the objectives.
        optim: steps, batch size, learning rate.
    """

    corpus: Path = Path("runs/demo/corpus")
    output: Path = Path("runs/demo/pretrain")
    start: Path | None = None
    seed: int = 0
    text_base: str = "minilm-l6-v2"
    text_prompt: str = ""
    encoder: EncoderShape = field(default_factory=EncoderShape)
    draw: DrawConfig = field(default_factory=DrawConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(steps=340, batch_size=96))

    def __post_init__(self) -> None:
        for message in _refusals(self.draw, self.objective, self.optim):
            raise ValueError(message)


def _refusals(draw: DrawConfig, objective: ObjectiveConfig, optim: OptimConfig) -> Iterator[str]:
    """Why a run cannot work, and what would."""
    on, frames = objective.uses, PoseEncoderConfig().patch_frames
    if on(*PAIRS, "cross_view") and optim.batch_size < 2:
        yield (
            "optim.batch_size: expected 2 or more, as contrastive objectives compare windows, got "
            f"{optim.batch_size}; to save memory raise optim.micro_batches instead"
        )
    if on("pose", "pose_text", "pose_to_imu") and draw.window_s * POSE_HZ % frames:
        yield (
            f"draw.window_s: expected a multiple of {frames / POSE_HZ:g} s, a token of the pose, got "
            f"{draw.window_s:g}; change it, or set objective.pose, pose_text and pose_to_imu to 0"
        )
    if on("pose_to_imu") and draw.rate_hz * frames % POSE_HZ:
        yield (
            f"draw.rate_hz: expected a multiple of {POSE_HZ / frames:g} Hz, whole samples per token of the "
            f"pose, got {draw.rate_hz:g}; change it, or set objective.pose_to_imu to 0"
        )
    if on("pose_to_imu", "synthesis") != bool(draw.num_targets):
        yield (
            "draw.num_targets: expected 1 or more where objective.pose_to_imu or synthesis has a weight, and "
            f"else 0, got {draw.num_targets}; change it, or the weights"
        )
    if draw.complete and not on("cross_view"):
        yield (
            "draw.complete: expected false, as only objective.cross_view looks at complete views; give it a "
            "weight, or draw.complete false"
        )


def pretrain(
    config: PretrainConfig,
    bodies: Sequence[Body],
    *,
    compact: CompactCorpus | None = None,
    deadline_s: float = math.inf,
) -> Path:
    """Pre-train the encoder on a corpus and save it.

    Args:
        config: the run.
        bodies: the bodies the corpus was built with.
        compact: the corpus read already, with the embeddings of its captions.
        deadline_s: on the clock of `time.monotonic`, after which no step is begun, s.

    Returns:
        Folder with `encoder/` (ImuEncoder and its feature extractor) and `text/` (TextTower): the best by
        retrieval on held-out windows, or the last where nothing brings IMU and text together.

    Raises:
        FileNotFoundError: `start` holds no encoder or text tower.
        ValueError: the corpus has no clip as long as a window, or says the same of all clips; or `start` is
            of another shape or sentence model.
        Paused: the deadline has come before the last step; the same call goes on.
    """
    torch.manual_seed(config.seed)
    objective = config.objective
    corpus = MotionCorpus.load(config.corpus) if compact is None else compact.corpus
    training = WindowSampler(corpus, bodies, config.draw, held_out=False, device=own_device())
    plain = replace(config.draw, num_targets=0, complete=False)
    held_out = WindowSampler(corpus, bodies, plain, held_out=True)
    captions = corpus.texts(training.clips)
    _check_captions(captions, objective)
    task = _new_task(config, captions, compact)
    inputs = {"corpus_sha256": corpus_identity(corpus)}
    if config.start is not None:
        inputs["start_sha256"] = weights_sha256(task.encoder, task.text)
    pool = held_out.batch(_POOL, np.random.default_rng([config.seed, 2**31 + 7]), num_views=1)
    trained = train(
        task,
        partial(
            training.batch,
            num_views=objective.num_views,
            num_captions=objective.num_captions,
            phrase_share=objective.phrase_share,
        ),
        config.optim,
        config.output,
        seed=config.seed,
        config=config,
        inputs=inputs,
        name="pre-train",
        validate=partial(_validate, pool),
        best="mrr" if objective.aligns_text else None,
        deadline_s=deadline_s,
    )
    if is_main_process():
        _save(trained, config)
    return config.output


def _new_task(config: PretrainConfig, captions: Sequence[str], compact: CompactCorpus | None) -> PretrainTask:
    if config.start is not None:
        encoder, text = _started(config, config.start)
        if compact is not None:
            _remember(text, config, compact)
        return PretrainTask(encoder, text, config.objective)
    text = _text_tower(config, compact)
    text.centre(captions)
    return PretrainTask(ImuEncoder(config.encoder.at(config.draw.rate_hz)), text, config.objective)


def _started(config: PretrainConfig, folder: Path) -> tuple[ImuEncoder, TextTower]:
    """Encoder and text tower of another model, if they are what the configuration describes."""
    for part in ("encoder", "text"):
        if not (folder / part / "config.json").is_file():
            raise FileNotFoundError(
                f"start: expected {folder / part} of a model, found none; name its folder"
            )
    encoder, text = ImuEncoder.from_pretrained(folder / "encoder"), TextTower.from_pretrained(folder / "text")
    wanted = config.encoder.at(config.draw.rate_hz)
    facts = {f"encoder.{name}": name for name in asdict(config.encoder)} | {"draw.rate_hz": "rate_hz"}
    pairs = [
        *((field, getattr(encoder.config, name), getattr(wanted, name)) for field, name in facts.items()),
        ("text_base", text.config.base, config.text_base),
        ("text_prompt", text.config.prompt, config.text_prompt),
    ]
    for name, found, stated in pairs:
        if found != stated:
            raise ValueError(
                f"start: {folder} has {name} {found!r}, the configuration says {stated!r}; change {name}, or "
                "start from another model"
            )
    return encoder, text


def _text_tower(config: PretrainConfig, compact: CompactCorpus | None) -> TextTower:
    """On the sentence model, or on the embeddings that came with the corpus, which are of one."""
    if compact is None:
        return TextTower.create(config.text_base, config.text_prompt)
    width = len(next(iter(compact.embeddings.values())))
    text = TextTower(TextTowerConfig(base=compact.text_base, hidden_size=width))
    _remember(text, config, compact)
    return text


def _remember(text: TextTower, config: PretrainConfig, compact: CompactCorpus) -> None:
    if (config.text_base, config.text_prompt) != (compact.text_base, ""):
        raise ValueError(
            f"text_base: expected {compact.text_base} without a prompt, of which the compact corpus brings "
            f"embeddings, got {config.text_base} and prompt {config.text_prompt!r}; change text_base, or "
            "write the compact corpus anew"
        )
    text.remember(compact.embeddings)


def _save(task: PretrainTask, config: PretrainConfig) -> None:
    from anymo.data.feature_extraction import AnymoFeatureExtractor

    draw = config.draw
    task.text.config.temperature = 1 / scale(task.log_scale).item()
    with replacing(config.output / "text") as folder:
        task.text.save_pretrained(folder)
    with replacing(config.output / "encoder") as folder:
        task.encoder.save_pretrained(folder)
        extractor = AnymoFeatureExtractor(rate_hz=draw.rate_hz, window_s=draw.window_s, hop_s=draw.window_s)
        extractor.save_pretrained(folder)


def _check_captions(captions: Sequence[str], objective: ObjectiveConfig) -> None:
    if objective.uses("text", "pose_text") and len(captions) < 2:
        raise ValueError(
            f"pre-training: expected two different captions or more to tell apart, got {list(captions)}; "
            "caption the corpus, or set objective.text and pose_text to 0"
        )


def _validate(batch: SimulatedBatch, task: PretrainTask) -> dict[str, float]:
    """Retrieval both ways between held-out windows and their phrases, each phrase once in its pool."""
    phrases, which = merge_duplicates(batch.phrase)
    view = batch.views[0].to(task.unit.device)
    parts = [view.select(slice(k, k + _POOL_PART)) for k in range(0, len(view), _POOL_PART)]
    embedding = torch.cat([task.encoder(part).embedding for part in parts])
    similarity = (embedding @ task.text(phrases).T).float().numpy(force=True)
    positive = which[:, None] == np.arange(len(phrases))
    to_text = retrieval(similarity, positive, ks=(1, 5))
    to_imu = retrieval(similarity.T, positive.T, ks=(1, 5))
    values = {"mrr": (to_text.mrr + to_imu.mrr) / 2}
    for name, found in (("imu_to_text", to_text), ("text_to_imu", to_imu)):
        values |= {f"{name}_r{k}": recall for k, recall in found.recall_at.items()}
        values[f"{name}_mrr"] = found.mrr
    return values
