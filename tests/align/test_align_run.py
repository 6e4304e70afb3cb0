"""A whole run with every task and both contrastive losses, on simulated windows."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import align_toy
import pytest
import torch
from align_toy import EVEN
from safetensors.torch import load_file, save_file

from anymo import body
from anymo.align import MotionLanguageModel
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig
from anymo.encoders import ImuEncoder
from anymo.tokenizer import MotionTokenizer
from anymo.training.align import train_language_model
from anymo.training.align_config import AlignConfig, ContrastConfig
from anymo.training.align_tasks import TASKS, TaskMix
from anymo.training.engine import OptimConfig


@pytest.fixture
def config(
    model_folder: Path,
    tiny_corpus: MotionCorpus,
    base: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AlignConfig:
    """Two steps of every task and both contrastive losses."""
    monkeypatch.setattr(MotionCorpus, "load", lambda _folder: tiny_corpus)
    return AlignConfig(
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


def test_every_loss_is_logged_and_the_model_is_whole(config: AlignConfig, tmp_path: Path) -> None:
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


def test_a_model_is_trained_on_from_where_it_is(config: AlignConfig, tmp_path: Path) -> None:
    """The first step of the second run has the loss of what the first has learnt, on the same windows."""
    train_language_model(replace(config, output=tmp_path / "first"), [body.load()])
    start = tmp_path / "first" / "language_model"
    still = replace(config.optim, steps=1, lr=1e-30)
    new, on = (
        replace(config, output=tmp_path / name, start=begun, optim=still)
        for name, begun in (("new", None), ("on", start))
    )
    for each in (new, on):
        train_language_model(each, [body.load()])
    begun, learnt = (load_file(folder / "motion_embedding.safetensors") for folder in (
        tmp_path / "on" / "language_model", start,
    ))  # fmt: skip
    for name, weights in learnt.items():
        torch.testing.assert_close(begun[name], weights)
    assert losses_of(tmp_path / "on")[0]["loss"] != losses_of(tmp_path / "new")[0]["loss"]


def test_a_start_of_another_shape_or_tokenizer_is_refused(
    config: AlignConfig, model_folder: Path, tmp_path: Path
) -> None:
    train_language_model(replace(config, output=tmp_path / "first"), [body.load()])
    begun = replace(config, start=tmp_path / "first" / "language_model", output=tmp_path / "second")
    with pytest.raises(FileNotFoundError, match=r"expected .*alignment\.json"):
        train_language_model(replace(begun, start=tmp_path / "none"), [body.load()])
    with pytest.raises(ValueError, match="has lora_rank 2 and contrastive embeddings of 8"):
        train_language_model(replace(begun, contrast=ContrastConfig()), [body.load()])
    folder = Path(shutil.copytree(model_folder, tmp_path / "models"))
    torch.manual_seed(1)
    other = MotionTokenizer(MotionTokenizer.from_pretrained(folder / "tokenizer").config)
    other.save_pretrained(folder / "tokenizer")
    with pytest.raises(ValueError, match="tokens of another tokenizer"):
        train_language_model(replace(begun, tokenizer=folder / "tokenizer"), [body.load()])


@pytest.mark.parametrize("part", ["encoder", "tokenizer"])
def test_a_run_is_not_resumed_on_another_model_in_the_same_folder(
    config: AlignConfig, model_folder: Path, tmp_path: Path, part: str
) -> None:
    kind = {"encoder": ImuEncoder, "tokenizer": MotionTokenizer}[part]
    folder = Path(shutil.copytree(model_folder, tmp_path / "models"))
    again = replace(
        config, encoder=folder / "encoder", tokenizer=folder / "tokenizer", output=tmp_path / "run",
        mix=TaskMix(caption=1), contrast=ContrastConfig(), optim=replace(config.optim, steps=1),
    )  # fmt: skip
    train_language_model(again, [body.load()])
    train_language_model(again, [body.load()])  # as it is finished
    torch.manual_seed(1)
    kind(kind.from_pretrained(folder / part).config).save_pretrained(folder / part)
    with pytest.raises(ValueError, match=rf"belongs to another run \({part}_sha256"):
        train_language_model(again, [body.load()])


def test_a_run_is_not_resumed_on_another_corpus_or_base_in_the_same_place(
    config: AlignConfig, tiny_corpus: MotionCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Path(shutil.copytree(config.base, tmp_path / "base"))
    again = replace(
        config, base=str(base), output=tmp_path / "run",
        mix=TaskMix(caption=1), contrast=ContrastConfig(), optim=replace(config.optim, steps=1),
    )  # fmt: skip
    train_language_model(again, [body.load()])
    with monkeypatch.context() as patch:
        patch.setattr(MotionCorpus, "load", lambda _folder: replace(tiny_corpus, content="other frames"))
        with pytest.raises(ValueError, match=r"belongs to another run \(corpus_sha256"):
            train_language_model(again, [body.load()])
    weights = load_file(base / "model.safetensors")
    save_file({n: w + 1 for n, w in weights.items()}, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"belongs to another run \(base_sha256"):
        train_language_model(again, [body.load()])


@pytest.mark.slow
def test_a_killed_run_is_the_straight_run(base: Callable[[str], str], tmp_path: Path) -> None:
    """A real SIGKILL in the draw of step 5, after the checkpoint of step 4; losses and weights are alike."""
    optim = {"steps": 6, "batch_size": 16, "micro_batches": 2, "save_every": 2}
    mix = {name: getattr(EVEN, name) for name in EVEN.shares}
    settings = {"base": base("llama"), "optim": optim, "mix": mix, "text": 1.0}
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    expected = align_toy.run(**settings, folder=str(straight))
    command = json.dumps(settings | {"folder": str(cut), "die_at": 1 + 2 * 4})  # one for the count of FLOPs
    done = subprocess.run(
        [sys.executable, align_toy.__file__, command], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert json.loads((cut / "checkpoint" / "step.json").read_text())["step"] == 4
    resumed = align_toy.run(**settings, folder=str(cut))
    assert losses_of(cut) == losses_of(straight)
    assert len(losses_of(cut)) == 6
    for name, weights in expected.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weights), name


def losses_of(folder: Path) -> list[dict[str, float]]:
    """Every number of every step that does not tell the time."""
    cost = {"items_per_s", "draw_share", "seconds_left", "mfu"}
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in cost} for row in rows]


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
