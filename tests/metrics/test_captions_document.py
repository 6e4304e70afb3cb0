"""docs/captions.md: its code runs and says what it says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from anymo.metrics import bertscore

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "captions.md").read_text(encoding="utf-8")


def test_the_code_runs(asset: Callable[[str], Path]) -> None:
    asset("smollm2-135m-instruct")
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.M | re.S):
        exec(compile(block, "captions.md", "exec"), names)
    assert set(names["means"]) == {"num_samples", "bleu_1", "bleu_4", "rouge_l", "meteor", "cider", "cider_d"}
    assert names["means"]["cider_d"] == pytest.approx(names["each"].mean())
    assert names["one"] > 0
    assert names["name"] == "smollm2-135m-instruct, layer 8" == f"{bertscore.ENCODER}, layer 8"
    assert names["score"].f1[1] == pytest.approx(1.0, abs=1e-5)
    assert names["score"].f1[0] < 1
