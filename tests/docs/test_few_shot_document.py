"""docs/few_shot.md: its code runs, in order, in one namespace, on the model that comes with the package."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from anymo.evaluation.virtual_imu import SOURCES
from anymo.training.classifiers import METHODS

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "few_shot.md").read_text(encoding="utf-8")


def test_the_code_runs(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    asset: Callable[[str], Path],
) -> None:
    asset("spar-watch")
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.M | re.S):
        exec(compile(block, "few_shot.md", "exec"), space)
    said = capsys.readouterr().out
    right = re.search(r"right: ([\d.]+)", said)
    assert right is not None
    assert float(right[1]) > 0.6
    assert (tmp_path / "my_classifier" / "classifier.json").is_file()
    assert "| probes |" in said


def test_it_names_every_method_and_source() -> None:
    assert [name for name in (*METHODS, *SOURCES) if f"`{name}`" not in DOCUMENT] == []
