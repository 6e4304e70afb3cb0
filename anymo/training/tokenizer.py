"""Training the motion tokenizer on the frozen encoder's latents of freshly simulated windows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from anymo.body import Body
from anymo.data.corpus import MotionCorpus
from anymo.data.identity import corpus_identity
from anymo.data.sampler import DrawConfig, SimulatedBatch, Targets, WindowSampler
from anymo.encoders import ImuEncoder, weights_sha256
from anymo.encoders.losses import signal_errors, signal_loss
from anymo.records import GRAVITY_MPS2
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig
from anymo.tokenizer.configuration import HEADS, Quantizer, check_levels
from anymo.training.engine import OptimConfig, TaskOutput, is_main_process, replacing, train
from anymo.training.launch import own_device

_UNIT = (GRAVITY_MPS2,) * 3 + (3.0,) * 3  # m/s² and rad/s that count as one in signals
_LAG_S = 0.05  # over which signals are differenced
_START = 2**31 + 17  # no training step draws from this stream
_OF_ENCODER = ("hidden_size", "patch_samples", "rate_hz")  # what a tokenizer has of its encoder


@dataclass(frozen=True, kw_only=True)
class HeadsConfig:
    """What codes are also turned into; a weight of 0 leaves a head out.

    Attributes:
        pose: weight of the error of the body pose decoded from codes.
        imu: weight of the error of the signals decoded from codes, at placements that nobody wears.
        num_targets: such placements per window; takes the place of draw.num_targets.
    """

    pose: float = 1.0
    imu: float = 0.25
    num_targets: int = 2

    def __post_init__(self) -> None:
        if min(self.pose, self.imu) < 0 or self.num_targets < 1:
            raise ValueError(
                "heads: expected weights of 0 or more and num_targets of 1 or more, got "
                f"{self.pose}, {self.imu} and {self.num_targets}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Heads that are there."""
        return tuple(name for name in HEADS if getattr(self, name) > 0)


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """A tokenizer run.

    Attributes:
        corpus: folder of the corpus.
        encoder: folder of the pre-trained encoder.
        output: folder of the run; `tokenizer/` is saved in it.
        seed: of initial weights and every draw.
        quantizer: "product", "residual" or "fsq" (finite scalar quantisation).
        num_groups: codebooks; each step becomes one code of each.
        codebook_size: codes of each.
        code_size: width of a code; "fsq" has as many as levels.
        levels: "fsq": values of each number of a code; their product is codebook_size.
        steps_per_token: latents, half a second each, that share one step of tokens.
        heads: what codes are also turned into.
        draw: what training windows look like.
        optim: steps, batch size, learning rate.
    """

    corpus: Path = Path("runs/demo/corpus")
    encoder: Path = Path("runs/demo/pretrain/encoder")
    output: Path = Path("runs/demo/tokenizer")
    seed: int = 0
    quantizer: Quantizer = "product"
    num_groups: int = 2
    codebook_size: int = 2048
    code_size: int = 64
    levels: tuple[int, ...] = (8, 8, 8, 4)
    steps_per_token: int = 1
    heads: HeadsConfig = field(default_factory=HeadsConfig)
    draw: DrawConfig = field(default_factory=DrawConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(steps=80, batch_size=256))

    def __post_init__(self) -> None:
        if self.quantizer == "fsq":
            check_levels(self.levels, self.codebook_size)

    def shape(self, encoder: ImuEncoder) -> MotionTokenizerConfig:
        """Shape of the tokenizer for an encoder."""
        own = ("quantizer", "num_groups", "codebook_size", "code_size", "levels", "steps_per_token")
        return MotionTokenizerConfig(
            heads=self.heads.names,
            encoder_sha256=weights_sha256(encoder),
            **{name: getattr(encoder.config, name) for name in (*_OF_ENCODER, "num_heads")},
            **{name: getattr(self, name) for name in own},
        )

    @property
    def drawn(self) -> DrawConfig:
        """What windows look like, with the targets that the heads need."""
        return replace(self.draw, complete=False, num_targets=self.heads.num_targets if self.heads.imu else 0)


class TokenizerTask(nn.Module):
    """The tokenizer, and the encoder that feeds it without being touched."""

    def __init__(
        self, encoder: ImuEncoder, tokenizer: MotionTokenizer, heads: HeadsConfig | None = None
    ) -> None:
        super().__init__()
        self.encoder, self.tokenizer = encoder.requires_grad_(False), tokenizer
        self.heads = heads or HeadsConfig()
        self.lag = max(1, round(_LAG_S * encoder.config.rate_hz))
        self.unit = nn.Buffer(torch.tensor(_UNIT), persistent=False)

    def forward(self, batch: SimulatedBatch) -> TaskOutput:
        """Loss of quantising one view of each window, and of what the heads make of it.

        Raises:
            ValueError: the IMU head is trained and the batch has no targets.
        """
        self.encoder.eval()
        with torch.no_grad():
            encoded = self.encoder(batch.views[0])
        valid = encoded.sequence_valid
        out = self.tokenizer(encoded.sequence, valid)
        loss, logs = out.loss, {"perplexity": float(out.perplexity), "relative_error": float(out.error)}
        terms = {}
        if "pose" in self.tokenizer.config.heads:
            terms["pose"] = self._pose(out.latents, valid, batch)
        if "imu" in self.tokenizer.config.heads:
            terms["imu"] = self._imu(out.latents, valid, batch.targets)
        for name, term in terms.items():
            loss, logs[name] = loss + getattr(self.heads, name) * term, float(term.detach())
        return TaskOutput(loss=loss, logs=logs)

    def _pose(self, latents: torch.Tensor, valid: torch.Tensor, batch: SimulatedBatch) -> torch.Tensor:
        """Smooth L1 of the pose features where sensors were read and the clip lasts."""
        head = self.tokenizer.pose_head
        predicted = head(latents)
        num = min(predicted.shape[1], batch.pose.shape[1])
        seen = head.valid(valid, num) & batch.pose_seen[:, :num]
        return F.smooth_l1_loss(predicted[:, :num][seen], batch.pose[:, :num][seen].to(predicted))

    def _imu(self, latents: torch.Tensor, valid: torch.Tensor, targets: Targets | None) -> torch.Tensor:
        """Error of signals and their differences at the target placements, as in pre-training."""
        if targets is None:
            raise ValueError("tokenizer: expected targets to decode, got none; set heads.num_targets")
        head, num = self.tokenizer.imu_head, targets.signal.shape[2]
        predicted = head(
            latents[:, None], valid[:, None], targets.segment, targets.offset, targets.rotation, num
        )
        seen = valid.repeat_interleave(head.patch_samples, dim=1)[:, None, :num, None].expand_as(predicted)
        predicted, signal = ((x / self.unit).flatten(0, 1) for x in (predicted, targets.signal))
        return signal_loss(signal_errors(predicted, signal, seen.flatten(0, 1), self.lag))


def train_tokenizer(config: TokenizerConfig, bodies: Sequence[Body]) -> Path:
    """Train the tokenizer and save it.

    Args:
        config: the run.
        bodies: the bodies the corpus was built with.

    Returns:
        Folder with `tokenizer/`.

    Raises:
        ValueError: there is no encoder, or it reads another rate.
    """
    torch.manual_seed(config.seed)
    corpus = MotionCorpus.load(config.corpus)
    training = WindowSampler(corpus, bodies, config.drawn, held_out=False, device=own_device())
    held_out = WindowSampler(corpus, bodies, config.drawn, held_out=True)
    encoder = read_encoder(config.encoder, config.draw)
    tokenizer = MotionTokenizer(config.shape(encoder))
    if config.heads.pose:
        tokenizer.pose_head.start_at(mean_pose(training, config.seed))
    trained = train(
        TokenizerTask(encoder, tokenizer, config.heads),
        partial(training.batch, num_views=1),
        config.optim,
        config.output,
        seed=config.seed,
        config=config,
        inputs={"corpus_sha256": corpus_identity(corpus), "encoder_sha256": weights_sha256(encoder)},
        name="tokenise",
        validate=partial(_validate, held_out, config.seed),
    )
    if is_main_process():
        with replacing(config.output / "tokenizer") as folder:
            trained.tokenizer.save_pretrained(folder)
    return config.output


def mean_pose(sampler: WindowSampler, seed: int) -> torch.Tensor:
    """(POSE_SIZE,) mean of the pose features of a draw of 256 windows."""
    batch = sampler.batch(256, np.random.default_rng([seed, _START]), num_views=1)
    return batch.pose[batch.pose_seen].mean(dim=0).cpu()


def read_encoder(folder: Path, draw: DrawConfig) -> ImuEncoder:
    """The pre-trained encoder, which must read what is drawn.

    Raises:
        ValueError: no encoder in the folder, or one of another rate than `draw.rate_hz`.
    """
    encoder: ImuEncoder = ImuEncoder.from_pretrained(written(folder, "encoder", "train/pretrain.py"))
    if draw.rate_hz != encoder.config.rate_hz:
        raise ValueError(
            f"draw.rate_hz: expected {encoder.config.rate_hz:g} Hz, which the encoder in {folder} reads, got "
            f"{draw.rate_hz:g} Hz; change it, or pre-train an encoder at it"
        )
    return encoder


def read_tokenizer(folder: Path, encoder: ImuEncoder) -> MotionTokenizer:
    """The trained tokenizer, which must be of this encoder.

    Raises:
        ValueError: no tokenizer in the folder, or one of another encoder.
    """
    tokenizer: MotionTokenizer = MotionTokenizer.from_pretrained(
        written(folder, "tokenizer", "train/tokenizer.py")
    )
    configs = tokenizer.config, encoder.config
    its, ours = ({name: getattr(config, name) for name in _OF_ENCODER} for config in configs)
    if its != ours:
        raise ValueError(
            f"tokenizer: expected one for latents of {ours}, the encoder's, {folder} is for {its}; give the "
            "encoder it was trained on, or train one on this encoder (train/tokenizer.py)"
        )
    tokenizer.check_encoder(encoder)
    return tokenizer


def written(folder: Path, option: str, script: str) -> Path:
    """The folder, if the script of an earlier stage wrote it.

    Args:
        folder: what the option names.
        option: of the configuration, for the message.
        script: that writes such a folder.

    Raises:
        ValueError: it did not.
    """
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"{option}: expected a folder that {script} wrote, got {folder}; run that first, or give another "
            f"with --{option}"
        )
    return folder


def _validate(sampler: WindowSampler, seed: int, task: TokenizerTask) -> dict[str, float]:
    """Relative error, code use and errors of the heads on held-out windows, the same draw every time."""
    batch = sampler.batch(256, np.random.default_rng([seed, 2**31 + 7]), num_views=1)
    out: TaskOutput = task(batch.to(task.encoder.device))
    return out.logs
