"""docs/tokens.md: its code runs, and its table of token rates is what is counted."""

import re
from pathlib import Path

import pytest
import torch

from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "tokens.md").read_text(encoding="utf-8")
RATES = re.findall(r"^\| (\d+)[^|]*\| (\d+) \| (\d+) \| (\d+) \|$", DOCUMENT, re.M)


@torch.no_grad()
def test_the_code_runs() -> None:
    torch.manual_seed(0)
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.M | re.S):
        exec(compile(block, "tokens.md", "exec"), names)
    assert names["codes"].shape == (3, 10, 2)
    assert names["vectors"].shape == (2, 2048, 64)
    assert names["joints"].shape == (3, 60, 23, 3)
    assert names["signal"].shape == (3, 1, 100, 6)
    assert [sum(p.shape[1] for p in names["live"]), names["rest"].shape[1]] == [193, 7]


@pytest.mark.parametrize("row", RATES)
def test_the_table_of_rates(row: tuple[str, ...]) -> None:
    latents, steps, groups, tokens = map(int, row)
    shape = {"hidden_size": 4, "codebook_size": 8, "code_size": 2, "heads": ()}
    tokenizer = MotionTokenizer(MotionTokenizerConfig(steps_per_token=steps, num_groups=groups, **shape))
    assert tokenizer.encode(torch.zeros(1, latents, 4)).numel() == tokens


def test_the_table_is_there() -> None:
    assert len(RATES) == 7
