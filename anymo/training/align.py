"""Teaching the language model to read motion tokens: LoRA on simulated windows and their captions."""

import math
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from anymo.align import MotionLanguageModel
from anymo.align.base import shape_of
from anymo.align.reader import MotionReader
from anymo.body import Body
from anymo.data.corpus import MotionCorpus
from anymo.data.identity import corpus_identity
from anymo.data.sampler import WindowSampler
from anymo.encoders import weights_sha256
from anymo.encoders.losses import distinct_captions, multi_positive_contrastive
from anymo.training.align_config import AlignConfig, ContrastConfig
from anymo.training.align_tasks import TASKS, AlignBatch, Exercises, posed, worn_segments
from anymo.training.engine import TaskOutput, is_main_process, replacing, train
from anymo.training.gather import gathered, in_single, surrogate
from anymo.training.launch import own_device
from anymo.training.objectives import text_id
from anymo.training.task import averaged
from anymo.training.tokenizer import read_encoder, read_tokenizer, written

_FIT_AT_ONCE = 512  # windows drawn and read together where embeddings are started


class AlignTask(nn.Module):
    """Reader and language model; the loss is that of the exercises' answers."""

    def __init__(self, reader: MotionReader, language_model: MotionLanguageModel) -> None:
        super().__init__()
        self.reader, self.language_model = reader, language_model

    def forward(self, batch: AlignBatch) -> TaskOutput:
        """Cross-entropy of the answers, a mean over tokens within each task, over windows between them."""
        codes, worn = self.reader(batch.windows.views[0]), worn_segments(batch.windows)
        loss, logs = task_losses(self.answers(batch, codes, worn))
        return TaskOutput(loss=loss, logs=logs)

    def answers(
        self, batch: AlignBatch, codes: Sequence[torch.Tensor], worn: Sequence[Sequence[int]]
    ) -> dict[str, torch.Tensor]:
        """`losses` (B, 2) of the exercises, summed and counted over tokens, and `task` (B,) into TASKS."""
        posing = zip(batch.exercises, codes, worn, strict=True)
        prompts, answers = zip(*(posed(self.language_model, *one) for one in posing), strict=True)
        task = torch.tensor([TASKS.index(e.task) for e in batch.exercises], device=self.language_model.device)
        return {"losses": self.language_model.losses(prompts, answers), "task": task}


class ContrastiveAlignTask(AlignTask):
    """The same with contrastive losses beside them, over all windows of all parts and processes.

    Captured windows are contrasted with captured ones, generated with generated, as in pre-training.

    One mechanism serves both kinds: windows are represented by the summed losses of their answers beside
    their embeddings, `score` turns all rows into one loss, and gradient caching hands each part its rows'
    cotangents. So the loss is that of the whole batch, at the price of another forward pass.
    """

    def __init__(
        self, reader: MotionReader, language_model: MotionLanguageModel, contrast: ContrastConfig
    ) -> None:
        super().__init__(reader, language_model)
        self.contrast = contrast
        # One element, not a scalar: DeepSpeed cannot broadcast a parameter without a dimension.
        self.log_scale = nn.Parameter(torch.tensor([math.log(1 / 0.07)]))

    def forward(self, batch: AlignBatch, cotangents: Mapping[str, torch.Tensor] | None = None) -> TaskOutput:
        """Sum of both kinds, or the surrogate of the loss that the cotangents (n, ...) are of."""
        represented = self.represent(batch)
        if cotangents is not None:
            return surrogate(represented, cotangents)
        return self.score(gathered(represented))

    def represent(self, batch: AlignBatch) -> dict[str, torch.Tensor]:
        """All that the losses need of a batch: tensors (B, ...) by name, one row per window."""
        model, windows = self.language_model, batch.windows
        codes, worn = self.reader(windows.views[0]), worn_segments(windows)
        made = {"log_scale": self.log_scale.expand(len(batch), 1), "real": windows.real}
        made["motion"] = model.embed_motion([model.prompt(*one) for one in zip(codes, worn, strict=True)])
        texts = {"text": [row[0] for row in windows.texts], "label": windows.phrase}
        for name in (name for name in texts if getattr(self.contrast, name) > 0):
            distinct = {text: i for i, text in enumerate(dict.fromkeys(texts[name]))}
            made[name] = model.embed_texts(tuple(distinct))[[distinct[text] for text in texts[name]]]
            made[f"{name}_id"] = torch.tensor([text_id(text) for text in texts[name]], device=model.device)
        return made | (self.answers(batch, codes, worn) if batch.exercises else {})

    def score(self, represented: Mapping[str, torch.Tensor]) -> TaskOutput:
        """Loss of all windows that are represented; it reads no parameter, and never in half precision."""
        made = {key: in_single(tensor) for key, tensor in represented.items()}
        with torch.autocast(self.log_scale.device.type, enabled=False):
            scale = made["log_scale"].mean().exp().clamp(max=100.0)
            loss, logs = task_losses(made) if "losses" in made else (scale.new_zeros(()), {})
            alike = (made["real"][:, None] == made["real"]).float()
            for name in (name for name in ("text", "label") if name in made):
                texts, is_own = distinct_captions(made[name][:, None], made[f"{name}_id"][:, None])
                compared = alike @ is_own.float() > 0
                value = multi_positive_contrastive(made["motion"] @ texts.T, is_own, scale, compared=compared)
                loss, logs = (
                    loss + getattr(self.contrast, name) * value,
                    logs | {f"imu_{name}": float(value.detach())},
                )
        return TaskOutput(loss=loss, logs=logs | {"temperature": float(1 / scale.detach())})


def task_losses(made: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
    """Mean over tokens of each task, weighted by its share of the windows, and each by itself.

    Returns:
        The loss, a scalar, and the mean of each task by its name.
    """
    loss, logs = made["losses"].new_zeros(()), dict[str, float]()
    for k, name in enumerate(TASKS):
        rows = made["losses"][made["task"] == k]
        if len(rows):
            mean = rows[:, 0].sum() / rows[:, 1].sum()
            loss = loss + len(rows) / len(made["task"]) * mean
            logs[name] = float(mean.detach())
    return loss, logs


def train_language_model(config: AlignConfig, bodies: Sequence[Body]) -> Path:
    """Teach the language model and save what was learnt.

    Args:
        config: the run.
        bodies: the bodies the corpus was built with.

    Returns:
        Folder with `language_model/`, and with `model/`, which `AnymoPipeline.from_pretrained` loads.

    Raises:
        FileNotFoundError: `start` holds no aligned model.
        ValueError: there is no encoder with its text tower, or no tokenizer of it, or it reads another rate;
            or `start` is of another base, tokenizer or shape.
    """
    torch.manual_seed(config.seed)
    corpus = MotionCorpus.load(config.corpus)
    training = WindowSampler(corpus, bodies, config.draw, held_out=False, device=own_device())
    held_out = WindowSampler(corpus, bodies, config.draw, held_out=True)
    encoder = read_encoder(config.encoder, config.draw)
    reader = MotionReader(encoder, read_tokenizer(config.tokenizer, encoder))
    written(config.encoder.parent / "text", "encoder", "train/pretrain.py")  # for `assemble`
    begin = _new_model if config.start is None else _started
    model = begin(config, reader, training)
    if model.device.type == "cpu":  # where the backward pass of the default takes twenty times as long
        model.language_model.set_attn_implementation("eager")
    inputs = {f"{name}_sha256": weights_sha256(part) for name, part in reader.named_children()}
    inputs |= {
        "corpus_sha256": corpus_identity(corpus),
        "base_sha256": shape_of(model.language_model)["weights"],
    }
    if config.start is not None:
        inputs["start_sha256"] = weights_sha256(model)
    given = (reader, model)
    trained = train(
        ContrastiveAlignTask(*given, config.contrast) if config.contrast.is_on else AlignTask(*given),
        Exercises(training, corpus, config.mix),
        config.optim,
        config.output,
        seed=config.seed,
        config=config,
        inputs=inputs,
        name="align",
        validate=partial(_validate, Exercises(held_out, corpus, config.mix), config),
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


def _new_model(config: AlignConfig, reader: MotionReader, training: WindowSampler) -> MotionLanguageModel:
    model = MotionLanguageModel.create(
        config.base,
        reader.tokenizer.codebook,
        lora_rank=config.lora_rank,
        embedding_size=_embedding_size(config),
        activities=_activities(training),
        four_bit=config.four_bit,
    )
    _start_embeddings(model, reader, training, config)
    return model


def _started(config: AlignConfig, reader: MotionReader, training: WindowSampler) -> MotionLanguageModel:
    """What is trained on; its shape is stated by the configuration, and must be that.

    Raises:
        FileNotFoundError: no aligned model there.
        ValueError: another base, codebook, rank or width.
    """
    assert config.start is not None
    model = MotionLanguageModel.from_pretrained(config.start, base=config.base, four_bit=config.four_bit)
    codebook, own = model.motion_embedding.codebook, reader.tokenizer.codebook
    if codebook.shape != own.shape or not torch.equal(codebook, own.to(codebook)):
        raise ValueError(
            f"start: {config.start} reads motion tokens of another tokenizer than {config.tokenizer}; give "
            "that which it was aligned with, or start from null"
        )
    rank = model.language_model.peft_config["default"].r
    size = 0 if model.heads is None else model.heads.size
    if (rank, size) != (config.lora_rank, _embedding_size(config)):
        raise ValueError(
            f"start: {config.start} has lora_rank {rank} and contrastive embeddings of {size} (0: none), the "
            f"configuration says {config.lora_rank} and {_embedding_size(config)}; state them so"
        )
    model.activities = tuple(sorted({*model.activities, *_activities(training)}))
    return model.train()


def _activities(training: WindowSampler) -> tuple[str, ...]:
    """Phrases of the clips that are trained on."""
    captions = training.corpus.captions
    return tuple(sorted({captions[clip][0] for clip in training.clips.tolist()}))


def _embedding_size(config: AlignConfig) -> int:
    return config.contrast.embedding_size if config.contrast.is_on else 0


@torch.no_grad()
def _start_embeddings(
    model: MotionLanguageModel, reader: MotionReader, sampler: WindowSampler, config: AlignConfig
) -> None:
    table = model.language_model.get_input_embeddings().weight
    rng = np.random.default_rng([config.seed, 2**31 + 11])
    codes, target = list[torch.Tensor](), list[torch.Tensor]()
    for first in range(0, config.fit_windows, _FIT_AT_ONCE):
        batch = sampler.batch(min(_FIT_AT_ONCE, config.fit_windows - first), rng, num_views=1)
        words = {p: table[model.text_ids(f" {p}")].float().mean(dim=0) for p in set(batch.phrase)}
        own = reader(batch.views[0].to(reader.encoder.device))
        codes += own
        target += [words[p].expand(len(c), -1) for p, c in zip(batch.phrase, own, strict=True)]
    model.motion_embedding.fit(torch.cat(codes), torch.cat(target))


def _validate(source: Exercises, config: AlignConfig, task: AlignTask) -> dict[str, float]:
    """Losses on held-out windows, the same draw every time."""
    rng = np.random.default_rng([config.seed, 2**31 + 7])
    parts = [source(config.optim.part_size, rng) for _ in range(2 * config.optim.micro_batches)]
    outputs = [task(part.to(task.language_model.device)) for part in parts]
    return averaged([output.logs | {"loss": float(output.loss)} for output in outputs])
