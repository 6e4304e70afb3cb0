"""A whole run with every task and both contrastive losses, on simulated windows."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from align_toy import EVEN

from anymo import body
from anymo.align import MotionLanguageModel
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig
from anymo.training.align import AlignConfig, ContrastConfig, train_language_model
from anymo.training.align_tasks import TASKS
from anymo.training.engine import OptimConfig


def test_every_loss_is_logged_and_the_model_is_whole(
    model_folder: Path,
    tiny_corpus: MotionCorpus,
    base: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(MotionCorpus, "load", lambda _folder: tiny_corpus)
    config = AlignConfig(
        encoder=model_folder / "encoder",
        tokenizer=model_folder / "tokenizer",
        output=tmp_path,
        base=base("llama"),
        lora_rank=2,
        fit_windows=16,
        mix=EVEN,
        contrast=ContrastConfig(text=1.0, label=1.0, embedding_size=8),
        draw=DrawConfig(window_s=4.0),
        optim=OptimConfig(steps=2, batch_size=16, micro_batches=2, log_every=1, warmup_steps=0),
    )
    train_language_model(config, [body.load()])
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = {*TASKS, "imu_text", "imu_label", "loss"}
    assert losses <= set(rows[0])
    assert {f"validation_{name}" for name in losses} <= set(rows[-1])
    model = MotionLanguageModel.from_pretrained(tmp_path / "model" / "language_model")
    assert model.heads is not None
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "encoder", "language_model", "text", "tokenizer",
    ]  # fmt: skip


def test_an_encoder_without_its_text_tower_is_refused_before_training(
    model_folder: Path, tiny_corpus: MotionCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MotionCorpus, "load", lambda _folder: tiny_corpus)
    encoder = shutil.copytree(model_folder / "encoder", tmp_path / "encoder")
    config = AlignConfig(
        encoder=encoder,
        tokenizer=model_folder / "tokenizer",
        base="/no/such",
        draw=DrawConfig(window_s=4.0),
    )
    with pytest.raises(
        ValueError, match=r"encoder: expected a folder that train/pretrain.py wrote, got .*text"
    ):
        train_language_model(config, [body.load()])
