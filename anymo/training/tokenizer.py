"""Training the motion tokenizer on the frozen encoder's latents of freshly simulated windows."""

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
from anymo.encoders import ImuEncoder
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig
from anymo.training.engine import OptimConfig, TaskOutput, is_main_process, replacing, train


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """A tokenizer run.

    Attributes:
        corpus: folder of the corpus.
        encoder: folder of the pre-trained encoder.
        output: folder of the run; `tokenizer/` is saved in it.
        seed: of initial weights and every draw.
        num_groups: codebooks.
        codebook_size: codes of each.
        code_size: width of a code.
        draw: what training windows look like.
        optim: steps, batch size, learning rate.
    """

    corpus: Path = Path("runs/demo/corpus")
    encoder: Path = Path("runs/demo/pretrain/encoder")
    output: Path = Path("runs/demo/tokenizer")
    seed: int = 0
    num_groups: int = 2
    codebook_size: int = 512
    code_size: int = 64
    draw: DrawConfig = field(default_factory=DrawConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(steps=80, batch_size=256))


class TokenizerTask(nn.Module):
    """The tokenizer, and the encoder that feeds it without being touched."""

    def __init__(self, encoder: ImuEncoder, tokenizer: MotionTokenizer) -> None:
        super().__init__()
        self.encoder, self.tokenizer = encoder.requires_grad_(False), tokenizer

    def forward(self, batch: SimulatedBatch) -> TaskOutput:
        """Loss of quantising one view of each window."""
        self.encoder.eval()
        with torch.no_grad():
            latents = self.encoder(batch.views[0])
        out = self.tokenizer(latents.sequence, latents.sequence_valid)
        logs = {"perplexity": float(out.perplexity), "relative_error": float(out.error)}
        return TaskOutput(loss=out.loss, logs=logs)


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
    training, held_out = (WindowSampler(corpus, bodies, config.draw, held_out=h) for h in (False, True))
    encoder = read_encoder(config.encoder, config.draw)
    shape = MotionTokenizerConfig(
        hidden_size=encoder.config.hidden_size,
        num_groups=config.num_groups,
        codebook_size=config.codebook_size,
        code_size=config.code_size,
    )
    trained = train(
        TokenizerTask(encoder, MotionTokenizer(shape)),
        partial(training.batch, num_views=1),
        config.optim,
        config.output,
        seed=config.seed,
        config=config,
        name="tokenise",
        validate=partial(_validate, held_out, config.seed),
    )
    if is_main_process():
        with replacing(config.output / "tokenizer") as folder:
            trained.tokenizer.save_pretrained(folder)
    return config.output


def read_encoder(folder: Path, draw: DrawConfig) -> ImuEncoder:
    """The pre-trained encoder, which must read what is drawn."""
    encoder: ImuEncoder = ImuEncoder.from_pretrained(written(folder, "encoder", "train/pretrain.py"))
    if draw.rate_hz != encoder.config.rate_hz:
        raise ValueError(
            f"draw.rate_hz: expected {encoder.config.rate_hz:g} Hz, which the encoder in {folder} reads, got "
            f"{draw.rate_hz:g} Hz; change it, or pre-train an encoder at it"
        )
    return encoder


def written(folder: Path, option: str, script: str) -> Path:
    """The folder, if the script of an earlier stage wrote it."""
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"{option}: expected a folder that {script} wrote, got {folder}; run that first, or give another "
            f"with --{option}"
        )
    return folder


def _validate(sampler: WindowSampler, seed: int, task: TokenizerTask) -> dict[str, float]:
    """Relative error and code use on held-out windows, the same draw every time."""
    batch = sampler.batch(256, np.random.default_rng([seed, 2**31 + 7]), num_views=1)
    out: TaskOutput = task(batch.to(task.encoder.device))
    return out.logs
