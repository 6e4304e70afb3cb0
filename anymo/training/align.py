"""Teaching the language model to read motion tokens: LoRA on simulated windows and their captions."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from anymo.align import MotionLanguageModel
from anymo.align.model import MotionPrompt
from anymo.align.prompts import activity, answer
from anymo.align.reader import MotionReader
from anymo.body import Body
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, SimulatedBatch, WindowSampler
from anymo.tokenizer import MotionTokenizer
from anymo.training.engine import OptimConfig, TaskOutput, is_main_process, replacing, train
from anymo.training.tokenizer import read_encoder, written


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """An alignment run.

    Attributes:
        corpus: folder of the corpus.
        encoder: folder of the pre-trained encoder.
        tokenizer: folder of the motion tokenizer.
        output: folder of the run; `language_model/` and the whole `model/` are saved in it.
        base: language model, by asset name or path.
        seed: of initial weights and every draw.
        lora_rank: rank of the adapter.
        fit_windows: windows from which the motion embeddings are started by regression.
        draw: what training windows look like.
        optim: steps, batch size, learning rate.
    """

    corpus: Path = Path("runs/demo/corpus")
    encoder: Path = Path("runs/demo/pretrain/encoder")
    tokenizer: Path = Path("runs/demo/tokenizer/tokenizer")
    output: Path = Path("runs/demo/align")
    base: str = "smollm2-135m-instruct"
    seed: int = 0
    lora_rank: int = 16
    fit_windows: int = 512
    draw: DrawConfig = field(default_factory=DrawConfig)
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(
            steps=44,
            batch_size=16,
            micro_batches=2,
            lr=1e-3,
            warmup_steps=8,
            validate_every=44,
            save_every=22,
        )
    )


class AlignTask(nn.Module):
    """Reader and language model; the loss is that of the answers."""

    def __init__(self, reader: MotionReader, language_model: MotionLanguageModel) -> None:
        super().__init__()
        self.reader, self.language_model = reader, language_model

    def prompts(self, batch: SimulatedBatch) -> list[MotionPrompt]:
        """Motion tokens and sensors of each window."""
        windows = batch.views[0]
        segments = (s[w].tolist() for s, w in zip(windows.segment, windows.worn, strict=True))
        return [
            self.language_model.prompt(codes, worn)
            for codes, worn in zip(self.reader(windows), segments, strict=True)
        ]

    def forward(self, batch: SimulatedBatch) -> TaskOutput:
        """Cross-entropy of the answers."""
        answers = [answer(phrase, text) for phrase, (text, *_) in zip(batch.phrase, batch.texts, strict=True)]
        return TaskOutput(loss=self.language_model(self.prompts(batch), answers), logs={})


def train_language_model(config: AlignConfig, bodies: Sequence[Body]) -> Path:
    """Teach the language model and save what was learnt.

    Args:
        config: the run.
        bodies: the bodies the corpus was built with.

    Returns:
        Folder with `language_model/`, and with `model/`, which `AnymoPipeline.from_pretrained` loads.

    Raises:
        ValueError: there is no encoder or tokenizer, or the encoder reads another rate.
    """
    torch.manual_seed(config.seed)
    corpus = MotionCorpus.load(config.corpus)
    training, held_out = (WindowSampler(corpus, bodies, config.draw, held_out=h) for h in (False, True))
    tokenizer = MotionTokenizer.from_pretrained(written(config.tokenizer, "tokenizer", "train/tokenizer.py"))
    reader = MotionReader(read_encoder(config.encoder, config.draw), tokenizer)
    codebook = reader.tokenizer.quantizer.codes
    model = MotionLanguageModel.create(config.base, codebook, lora_rank=config.lora_rank)
    rng = np.random.default_rng([config.seed, 2**31 + 11])
    _start_embeddings(model, reader, training.batch(config.fit_windows, rng, num_views=1))
    trained = train(
        AlignTask(reader, model),
        partial(training.batch, num_views=1),
        config.optim,
        config.output,
        seed=config.seed,
        config=config,
        name="align",
        validate=partial(_validate, held_out, config),
    )
    if is_main_process():
        with replacing(config.output / "language_model") as folder:
            trained.language_model.save_pretrained(folder)
        assemble(config, config.output / "model")
    return config.output


def assemble(config: AlignConfig, model: Path) -> None:
    """Copy the trained parts into one folder that `AnymoPipeline.from_pretrained` loads.

    Args:
        config: of a finished alignment; the text tower lies beside its encoder.
        model: the folder, replaced as a whole.
    """
    parts = {
        "encoder": config.encoder,
        "text": config.encoder.parent / "text",
        "tokenizer": config.tokenizer,
        "language_model": config.output / "language_model",
    }
    with replacing(model) as folder:
        for name, source in parts.items():
            shutil.copytree(source, folder / name)


def _start_embeddings(model: MotionLanguageModel, reader: MotionReader, batch: SimulatedBatch) -> None:
    table = model.language_model.get_input_embeddings().weight
    words = {p: table[model.text_tokenizer(activity(p))["input_ids"]].mean(dim=0) for p in set(batch.phrase)}
    codes = reader(batch.views[0])
    target = torch.stack([words[p] for p, c in zip(batch.phrase, codes, strict=True) for _ in range(len(c))])
    model.motion_embedding.fit(torch.cat(codes), target.detach())


def _validate(sampler: WindowSampler, config: AlignConfig, task: AlignTask) -> dict[str, float]:
    """Loss of the answers on held-out windows, the same draw every time."""
    rng = np.random.default_rng([config.seed, 2**31 + 7])
    parts = [
        sampler.batch(config.optim.batch_size // config.optim.micro_batches, rng, num_views=1)
        for _ in range(2 * config.optim.micro_batches)
    ]
    losses = [float(task(part.to(task.language_model.device)).loss) for part in parts]
    return {"loss": sum(losses) / len(losses)}
