"""A corpus folder and an untrained encoder folder, as the evaluation scripts read them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from anymo.body import Body
from anymo.body import load as load_body
from anymo.data.corpus import ClipSource, store_clip, write_corpus
from anymo.records import Motion


@pytest.fixture(scope="session")
def bodies() -> tuple[Body, ...]:
    return (load_body(),)


@pytest.fixture(scope="session")
def corpus_folder(hand_motion: Callable[..., Motion], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen clips of 8 s of four phrases, some held out; every third passes for real."""
    folder = tmp_path_factory.mktemp("evaluation") / "corpus"
    motions = [hand_motion(k) for k in range(16)]
    clips = [replace(m, source="by hand" if k % 3 == 0 else "procedural") for k, m in enumerate(motions)]
    stored = [store_clip(ClipSource(motion=motion, body=0)) for motion in clips]
    write_corpus(stored, folder, held_out_fraction=0.6, seed=1)
    (folder / "config.yaml").write_text("seed: 0\nnum_bodies: 1\n")
    return folder


@pytest.fixture(scope="session")
def encoder_folder(asset: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pre-training leaves: `encoder/` and `text/`, here untrained."""
    from anymo.data.feature_extraction import AnymoFeatureExtractor
    from anymo.encoders import AnymoEncoderConfig, ImuEncoder, TextTower, TextTowerConfig

    folder = tmp_path_factory.mktemp("pretrain")
    torch.manual_seed(0)
    ImuEncoder(AnymoEncoderConfig(hidden_size=16, num_layers=1, num_heads=2)).save_pretrained(
        folder / "encoder"
    )
    AnymoFeatureExtractor(rate_hz=20.0, window_s=4.0, hop_s=4.0).save_pretrained(folder / "encoder")
    text = TextTower(TextTowerConfig(base=str(asset("wordllama-256"))))
    text.centre(["walking", "running", "standing still"])
    text.save_pretrained(folder / "text")
    logged = [{"step": 50, "text": 2.0, "lr": 1e-3}, {"step": 100, "text": 1.0, "validation_mrr": 0.1}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in logged))
    return folder
