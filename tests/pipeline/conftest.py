"""A tiny untrained pipeline without a language model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from anymo.encoders import AnymoEncoderConfig, ImuEncoder, TextTower, TextTowerConfig
from anymo.pipeline import AnymoPipeline


def tiny_pipeline(base: Path, seed: int = 0) -> AnymoPipeline:
    torch.manual_seed(seed)
    encoder = ImuEncoder(AnymoEncoderConfig(hidden_size=32, num_layers=1, num_heads=2))
    text = TextTower(TextTowerConfig(base=str(base)))
    return AnymoPipeline(encoder, text, Path(f"model-{seed}"), window_s=5.0, hop_s=5.0)


@pytest.fixture(scope="package")
def pipe(asset: Callable[[str], Path]) -> AnymoPipeline:
    return tiny_pipeline(asset("wordllama-256"))


@pytest.fixture(scope="package")
def other_pipe(asset: Callable[[str], Path]) -> AnymoPipeline:
    return tiny_pipeline(asset("wordllama-256"), seed=1)
