"""docs/encoders.md: its code runs, and its table of costs is what is counted."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from window_batches import batch_of, one_per_segment

from anymo.encoders import ImuEncoder

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "encoders.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\d+) Hz \| ([\d.]+) M \|((?: [\d.]+ \|){5})$", re.M)


@pytest.fixture(scope="module")
def names(asset: Callable) -> dict[str, object]:
    asset("wordllama-256")
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.M | re.S):
        exec(compile(block, "encoders.md", "exec"), names)
    return names


def test_the_code_runs(names: dict[str, object]) -> None:
    assert names["embedding"].shape == (2, 256)
    latents = names["latents"]
    for said, shape in re.findall(r"print\(latents\.(\w+)\.shape\)  # (\(.*?\))", DOCUMENT):
        assert str(tuple(latents[said].shape)) == shape


def gflops(encoder: ImuEncoder, slots: int) -> float:
    rate = encoder.config.rate_hz
    batch = one_per_segment(batch_of(size=1, slots=4, samples=round(5 * rate)))
    fields = ("signal", "sample_valid", "has_gyro", "worn", "segment", "has_gravity")
    wide = {name: getattr(batch, name).repeat_interleave(2, 1)[:, :slots] for name in fields}
    batch = one_per_segment(replace(batch, **wide, rate_hz=rate))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder(replace(batch, worn=torch.ones_like(batch.worn)))
    return counter.get_total_flops() / 1e9


@pytest.mark.parametrize("row", ROW.findall(DOCUMENT), ids=lambda row: row[0])
def test_the_table_of_costs(names: dict[str, object], row: tuple[str, ...]) -> None:
    name, rate, millions, cells = row
    encoder = names[name]
    assert isinstance(encoder, ImuEncoder)
    assert encoder.eval().config.rate_hz == float(rate)
    parameters = sum(p.numel() for p in encoder.backbone.parameters())
    assert parameters / 1e6 == pytest.approx(float(millions), abs=0.005)
    costs = [float(cell) for cell in cells.strip(" |").split("|")]
    for slots in (1, 5):
        assert gflops(encoder, slots) == pytest.approx(costs[slots - 1], rel=0.01, abs=6e-4)


def test_every_encoder_has_its_row() -> None:
    assert [row[0] for row in ROW.findall(DOCUMENT)] == ["small", "wide", "anymo", "unimts"]
