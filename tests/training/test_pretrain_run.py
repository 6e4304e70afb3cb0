"""A whole pre-training run in little, and runs that cannot work, which are refused before they begin."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from anymo import body
from anymo.data.clip import store_clip
from anymo.data.corpus import ClipSource, write_corpus
from anymo.data.sampler import DrawConfig
from anymo.encoders import ImuEncoder, TextTower, TextTowerConfig
from anymo.records import Motion
from anymo.training.engine import OptimConfig
from anymo.training.objectives import TERMS, ObjectiveConfig, PretrainTask, scale
from anymo.training.pretrain import EncoderShape, PretrainConfig, _check_captions, _validate, pretrain
from anymo.training.tokenizer import read_encoder


@pytest.fixture(scope="module")
def corpus(hand_motion: Callable[..., Motion], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    clips = [store_clip(ClipSource(motion=hand_motion(k), body=0)) for k in range(8)]
    write_corpus(clips, folder, held_out_fraction=0.4, seed=1)
    return folder


def test_a_run_logs_each_objective_and_saves_what_it_trained(corpus: Path, tmp_path: Path) -> None:
    config = PretrainConfig(
        corpus=corpus,
        output=tmp_path / "run",
        encoder=EncoderShape(hidden_size=16, num_layers=1, num_heads=2),
        draw=DrawConfig(window_s=2.0, num_targets=2),
        objective=ObjectiveConfig(**dict.fromkeys(TERMS, 1.0), num_captions=2),
        optim=OptimConfig(steps=2, batch_size=4, warmup_steps=1, micro_batches=2, log_every=1),
    )
    folder = pretrain(config, [body.load()])
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[0].keys() >= {*TERMS, "temperature", "loss"}
    assert lines[-1].keys() >= {"validation_mrr", "validation_imu_to_text_r1", "validation_text_to_imu_r5"}
    encoder = ImuEncoder.from_pretrained(folder / "encoder")
    assert (encoder.config.hidden_size, encoder.config.rate_hz) == (16, 20.0)
    text = TextTower.from_pretrained(folder / "text")
    assert text(("walking",)).shape == (1, 256)
    log_scale = load_file(folder / "best" / "model.safetensors")["log_scale"]
    assert text.config.temperature == pytest.approx(float((-log_scale).exp()))
    assert text.config.temperature != TextTowerConfig().temperature  # it has learnt something


def test_the_temperature_starts_where_the_text_tower_says() -> None:
    text = TextTower(TextTowerConfig(temperature=0.2))
    task = PretrainTask(
        ImuEncoder(EncoderShape(hidden_size=16, num_layers=1, num_heads=2).at(20.0)), text, ObjectiveConfig()
    )
    assert 1 / scale(task.log_scale).item() == pytest.approx(0.2)


def test_without_text_the_last_weights_are_kept(corpus: Path, tmp_path: Path) -> None:
    weights = dict.fromkeys(TERMS, 0.0) | {"reconstruction": 1.0, "pose": 1.0}
    config = PretrainConfig(
        corpus=corpus,
        output=tmp_path,
        encoder=EncoderShape(hidden_size=16, num_layers=1, num_heads=2),
        draw=DrawConfig(window_s=2.0),
        objective=ObjectiveConfig(**weights),
        optim=OptimConfig(steps=2, batch_size=4, warmup_steps=1, validate_every=1),
    )
    pretrain(config, [body.load()])
    assert not (tmp_path / "best").exists()
    saved, last = (load_file(tmp_path / name / "model.safetensors") for name in ("encoder", "checkpoint"))
    assert all(torch.equal(weight, last[f"encoder.{name}"]) for name, weight in saved.items())
    assert ObjectiveConfig(text=0.0).aligns_text  # over the pose


def test_a_run_goes_on_from_another_model(corpus: Path, tmp_path: Path) -> None:
    config = PretrainConfig(
        corpus=corpus,
        output=tmp_path / "first",
        encoder=EncoderShape(hidden_size=16, num_layers=1, num_heads=2),
        draw=DrawConfig(window_s=2.0),
        objective=ObjectiveConfig(**dict.fromkeys(TERMS, 0.0) | {"text": 1.0}),
        optim=OptimConfig(steps=2, batch_size=4, warmup_steps=0),
    )
    first = pretrain(config, [body.load()])
    still = replace(config.optim, steps=1, lr=1e-12, weight_decay=0.0)
    on = replace(config, start=first, output=tmp_path / "second", seed=1, optim=still)
    second = pretrain(on, [body.load()])
    for part in ("encoder", "text"):
        before, after = (load_file(folder / part / "model.safetensors") for folder in (first, second))
        assert all(torch.allclose(after[name], weight, atol=1e-6) for name, weight in before.items())
    assert "start_sha256" in (second / "checkpoint" / "step.json").read_text()

    with pytest.raises(ValueError, match=r"has encoder\.num_heads 2, the configuration says 4; change"):
        pretrain(replace(on, encoder=replace(on.encoder, num_heads=4)), [body.load()])
    with pytest.raises(ValueError, match=r"has draw\.rate_hz 20\.0, the configuration says 40\.0"):
        pretrain(replace(on, draw=replace(on.draw, rate_hz=40.0)), [body.load()])
    with pytest.raises(FileNotFoundError, match="encoder of a model, found none; name its folder"):
        pretrain(replace(on, start=tmp_path), [body.load()])


def test_a_run_is_not_resumed_on_another_corpus_in_its_folder(
    hand_motion: Callable[..., Motion], tmp_path: Path
) -> None:
    """Other frames alone; names, words and lengths are the same."""

    def write(first: int) -> None:
        motions = [replace(hand_motion(first + k), name=f"swing-{k}") for k in range(8)]
        clips = [store_clip(ClipSource(motion=motion, body=0)) for motion in motions]
        write_corpus(clips, tmp_path / "corpus", held_out_fraction=0.4, seed=1)

    config = PretrainConfig(
        corpus=tmp_path / "corpus",
        output=tmp_path / "run",
        text_base="wordllama-256",
        encoder=EncoderShape(hidden_size=16, num_layers=1, num_heads=2),
        draw=DrawConfig(window_s=2.0),
        objective=ObjectiveConfig(**dict.fromkeys(TERMS, 0.0) | {"text": 1.0}),
        optim=OptimConfig(steps=1, batch_size=4, warmup_steps=0),
    )
    write(first=0)
    pretrain(config, [body.load()])
    write(first=0)
    pretrain(config, [body.load()])  # as it is finished
    write(first=8)
    with pytest.raises(ValueError, match=r"belongs to another run \(corpus_sha256 \w+ there and \w+ here\)"):
        pretrain(config, [body.load()])


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (
            {"optim": OptimConfig(steps=1, batch_size=1, warmup_steps=0)},
            "batch_size: expected 2 or more.*got 1.*micro_batches",
        ),
        ({"draw": DrawConfig(window_s=2.3)}, r"window_s: expected a multiple of 0\.5 s.*got 2\.3"),
        (
            {
                "draw": DrawConfig(rate_hz=25.0, num_targets=1),
                "objective": ObjectiveConfig(pose_to_imu=1.0),
            },
            "rate_hz: expected a multiple of 2 Hz.*got 25",
        ),
        ({"objective": ObjectiveConfig(synthesis=1.0)}, "num_targets: expected 1 or more.*got 0"),
        ({"draw": DrawConfig(num_targets=2)}, "num_targets.*got 2"),
        (
            {"draw": DrawConfig(complete=True), "objective": ObjectiveConfig(cross_view=0.0)},
            "complete: expected false",
        ),
    ],
)
def test_what_cannot_work_is_refused_as_it_is_read(blocks: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PretrainConfig(**blocks)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="num_heads must divide hidden_size, got 5 and 192"):
        EncoderShape(num_heads=5)


def test_a_later_stage_names_the_earlier_one_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"encoder: expected a folder that train/pretrain\.py wrote.*--encoder"
    ):
        read_encoder(tmp_path / "encoder", DrawConfig())
    ImuEncoder(EncoderShape(hidden_size=16, num_layers=1, num_heads=2).at(20.0)).save_pretrained(tmp_path)
    assert read_encoder(tmp_path, DrawConfig()).config.hidden_size == 16
    with pytest.raises(ValueError, match=r"draw\.rate_hz: expected 20 Hz.*got 25 Hz"):
        read_encoder(tmp_path, DrawConfig(rate_hz=25.0))


def test_one_caption_for_all_is_refused_where_text_is_learnt() -> None:
    with pytest.raises(ValueError, match=r"two different captions.*\['moving'\].*objective\.text"):
        _check_captions(["moving"], ObjectiveConfig())
    _check_captions(["moving"], ObjectiveConfig(text=0.0, pose_text=0.0))


class Seen:
    """Windows whose embeddings are known."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, _device: torch.device) -> "Seen":
        return self

    def select(self, rows: slice) -> "Seen":
        return Seen(self.rows[rows])


@pytest.mark.parametrize(("turned", "expected"), [(False, 1.0), (True, 0.5)])
def test_validation_is_retrieval_both_ways_with_phrases_merged(turned: bool, expected: float) -> None:
    words = {"walk": torch.tensor([1.0, 0.0]), "run": torch.tensor([0.0, 1.0])}
    phrase = ("walk", "walk", "run", "walk")
    seen = torch.stack([words[p] for p in phrase])
    task = SimpleNamespace(
        unit=torch.zeros(1),
        encoder=lambda view: SimpleNamespace(embedding=view.rows.flip(-1) if turned else view.rows),
        text=lambda phrases: torch.stack([words[p] for p in phrases]),
    )
    values = _validate(SimpleNamespace(views=(Seen(seen),), phrase=phrase), task)  # type: ignore[arg-type]
    assert values["imu_to_text_mrr"] == expected
    assert values["imu_to_text_r1"] == (0.0 if turned else 1.0)
    assert values["imu_to_text_r5"] == 1.0
    assert values["mrr"] == pytest.approx((values["imu_to_text_mrr"] + values["text_to_imu_mrr"]) / 2)
    assert np.isfinite(list(values.values())).all()
