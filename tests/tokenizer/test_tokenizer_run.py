"""A tokenizer run: the encoder's file stays as it is, a resumed run is the straight one, heads learn."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo import body
from anymo import config as configuration
from anymo.align.reader import MotionReader
from anymo.data.corpus import ClipSource, MotionCorpus, store_clip, write_corpus
from anymo.data.sampler import WindowSampler
from anymo.encoders import AnymoEncoderConfig, ImuEncoder, weights_sha256
from anymo.records import Motion
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig
from anymo.training.align_config import AlignConfig
from anymo.training.engine import OptimConfig, Paused, train
from anymo.training.pretrain import PretrainConfig
from anymo.training.tokenizer import (
    HeadsConfig,
    TokenizerConfig,
    TokenizerTask,
    read_tokenizer,
    train_tokenizer,
)

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SMALL = {"codebook_size": 16, "code_size": 4, "levels": (4, 4)}
OPTIM = OptimConfig(steps=3, batch_size=16, warmup_steps=1, log_every=1, validate_every=3, save_every=1)


def untrained() -> ImuEncoder:
    torch.manual_seed(0)
    return ImuEncoder(AnymoEncoderConfig(hidden_size=16, num_layers=1, num_heads=2))


@pytest.fixture(scope="module")
def config(hand_motion: Callable[..., Motion], tmp_path_factory: pytest.TempPathFactory) -> TokenizerConfig:
    folder = tmp_path_factory.mktemp("run")
    stored = [store_clip(ClipSource(motion=hand_motion(k), body=0)) for k in range(6)]
    write_corpus(stored, folder / "corpus", held_out_fraction=0.4, seed=1)
    untrained().save_pretrained(folder / "encoder")
    where = {name: folder / name for name in ("corpus", "encoder", "output")}
    return TokenizerConfig(**where, **SMALL, optim=OPTIM)


def digests(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


def test_a_run_leaves_the_encoder_byte_identical(config: TokenizerConfig) -> None:
    before = digests(config.encoder)
    folder = train_tokenizer(config, [body.load()])
    assert digests(config.encoder) == before
    tokenizer = MotionTokenizer.from_pretrained(folder / "tokenizer")
    assert tokenizer.codebook.shape == (2, 16, 4)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    names = {"loss", "perplexity", "relative_error", "pose", "imu"}
    assert names <= rows[0].keys()
    assert {f"validation_{name}" for name in names - {"loss"}} <= rows[-1].keys()


def test_a_run_is_not_resumed_on_another_encoder_in_its_folder(
    config: TokenizerConfig, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    again = replace(config, encoder=tmp_path / "encoder", output=tmp_path / "run")
    untrained().save_pretrained(again.encoder)
    train_tokenizer(again, [body.load()])
    ImuEncoder(untrained().config).save_pretrained(again.encoder)
    with pytest.raises(ValueError, match=r"belongs to another run \(encoder_sha256"):
        train_tokenizer(again, [body.load()])


def test_a_run_is_not_resumed_on_another_corpus_in_its_folder(
    config: TokenizerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = replace(config, output=tmp_path)
    train_tokenizer(again, [body.load()])
    other = replace(MotionCorpus.load(config.corpus), content="other frames")
    monkeypatch.setattr(MotionCorpus, "load", lambda _folder: other)
    with pytest.raises(ValueError, match=r"belongs to another run \(corpus_sha256"):
        train_tokenizer(again, [body.load()])


def test_a_tokenizer_is_of_one_encoder(config: TokenizerConfig, tmp_path: Path) -> None:
    folder = train_tokenizer(replace(config, output=tmp_path / "run"), [body.load()]) / "tokenizer"
    encoder = ImuEncoder.from_pretrained(config.encoder)
    assert read_tokenizer(folder, encoder).config.encoder_sha256 == weights_sha256(encoder.to(torch.float64))
    torch.manual_seed(1)
    other = ImuEncoder(encoder.config)
    with pytest.raises(ValueError, match=r"trained on another encoder \(\w{12}\) than this one"):
        read_tokenizer(folder, other)
    with pytest.raises(ValueError, match="trained on another encoder"):
        MotionReader(other, MotionTokenizer.from_pretrained(folder))


@pytest.mark.parametrize("quantizer", ["product", "fsq"])
def test_a_resumed_run_is_the_straight_run(quantizer: str, tiny_corpus: MotionCorpus, tmp_path: Path) -> None:
    config = TokenizerConfig(quantizer=quantizer, **SMALL, heads=HeadsConfig(imu=0.0))
    source = partial(
        WindowSampler(tiny_corpus, [body.load()], config.drawn, held_out=False).batch, num_views=1
    )

    def run(folder: Path, deadline_s: float = np.inf) -> dict[str, torch.Tensor]:
        encoder = untrained()
        task = TokenizerTask(encoder, MotionTokenizer(config.shape(encoder)), config.heads)
        done = train(task, source, OPTIM, folder, seed=0, name="tokenise", deadline_s=deadline_s)
        return done.tokenizer.state_dict()

    straight = run(tmp_path / "straight")
    with pytest.raises(Paused):
        run(tmp_path / "cut", time.monotonic())
    resumed = run(tmp_path / "cut")
    assert straight.keys() == resumed.keys()
    assert [name for name in straight if not torch.equal(straight[name], resumed[name])] == []


def test_no_gradient_reaches_the_encoder_and_heads_learn(tiny_corpus: MotionCorpus) -> None:
    config = TokenizerConfig(**SMALL, steps_per_token=2)
    sampler = WindowSampler(tiny_corpus, [body.load()], config.drawn, held_out=False)
    encoder = untrained()
    task = TokenizerTask(encoder, MotionTokenizer(config.shape(encoder)), config.heads).train()
    batch = sampler.batch(32, np.random.default_rng(0), num_views=1)
    optimizer, logs = torch.optim.AdamW([p for p in task.parameters() if p.requires_grad], lr=1e-2), []
    for _ in range(25):
        output = task(batch)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        logs.append(output.logs)
    assert all(p.grad is None for p in encoder.parameters())
    assert logs[-1]["pose"] < 0.9 * logs[0]["pose"]
    assert logs[-1]["imu"] < 0.95 * logs[0]["imu"]


def test_heads_that_are_off_are_not_there(tiny_corpus: MotionCorpus) -> None:
    config = TokenizerConfig(**SMALL, heads=HeadsConfig(pose=0.0, imu=0.0))
    assert config.drawn.num_targets == 0
    task = TokenizerTask(untrained(), MotionTokenizer(config.shape(untrained())), config.heads)
    sampler = WindowSampler(tiny_corpus, [body.load()], config.drawn, held_out=False)
    output = task(sampler.batch(4, np.random.default_rng(0), num_views=1))
    assert output.logs.keys() == {"perplexity", "relative_error"}
    assert not [name for name, _ in task.tokenizer.named_parameters() if "head" in name]
    wanted = replace(config, heads=HeadsConfig(imu=1.0, pose=0.0))
    task = TokenizerTask(untrained(), MotionTokenizer(wanted.shape(untrained())), wanted.heads)
    with pytest.raises(ValueError, match="expected targets"):
        task(sampler.batch(4, np.random.default_rng(0), num_views=1))


def test_the_released_stages_follow_on_each_other() -> None:
    stages = {"pretrain": PretrainConfig, "tokenizer": TokenizerConfig, "align": AlignConfig}
    pretrain, tokenizer, align = (
        configuration.load(cls, ["--config_path", str(CONFIGS / stage / "release.yaml")])
        for stage, cls in stages.items()
    )
    assert pretrain.corpus == tokenizer.corpus == align.corpus
    assert pretrain.output / "encoder" == tokenizer.encoder == align.encoder
    assert tokenizer.output / "tokenizer" == align.tokenizer
    assert tokenizer.draw == align.draw == replace(pretrain.draw, num_targets=0)
    shape = pretrain.encoder
    encoder = ImuEncoder(AnymoEncoderConfig(hidden_size=shape.hidden_size, patch_samples=shape.patch_samples))
    usual = MotionTokenizerConfig(num_heads=shape.num_heads, encoder_sha256=weights_sha256(encoder))
    assert tokenizer.shape(encoder).to_dict() == usual.to_dict()


def test_configurations_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="product is codebook_size 512"):
        TokenizerConfig(quantizer="fsq", codebook_size=512)
    with pytest.raises(ValueError, match="heads: expected weights of 0 or more"):
        HeadsConfig(pose=-1.0)
