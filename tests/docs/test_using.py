"""docs/using.md: its code runs, in order, in one namespace, with the model of the package."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "using.md").read_text(encoding="utf-8")


def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wave = np.random.default_rng(0).normal(loc=[0, 0, 9.8, 0, 0, 0], size=(600, 6))
    names = [f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"]
    pd.DataFrame(wave, columns=names).to_csv("watch.csv", index=False)
    space: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.M | re.S):
        exec(compile(block, "using.md", "exec"), space)
    assert space["vector"].shape == (1, 256)
    assert len(space["moments"]) == 3
    assert len(space["captions"][0]) == 2
    assert len(space["answers"]) == 1
