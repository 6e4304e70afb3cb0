"""Numbers that are kept: read for the same facts, measured for others, and whose code is said."""

import json
from pathlib import Path

import pytest

from anymo.evaluation.kept import kept


def test_they_are_measured_once_for_the_same_facts(tmp_path: Path) -> None:
    file, done = tmp_path / "part.json", list[int]()

    def measure() -> dict[str, int]:
        done.append(1)
        return {"number": len(done)}

    assert kept(file, {"seed": 0, "sets": ("a", "b")}, measure) == {"number": 1}
    assert kept(file, {"seed": 0, "sets": ("a", "b")}, measure) == {"number": 1}
    assert kept(file, {"seed": 1, "sets": ("a", "b")}, measure) == {"number": 2}
    assert len(done) == 2


def test_numbers_of_another_commit_are_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "part.json"
    kept(file, {}, lambda: 1)
    assert kept(file, {}, lambda: 2) == 1
    assert not caplog.records
    file.write_text(json.dumps(json.loads(file.read_text()) | {"commit": "0123abc"}))
    assert kept(file, {}, lambda: 2) == 1
    assert "commit 0123abc" in caplog.text
    assert "delete the file" in caplog.text
