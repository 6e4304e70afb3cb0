"""The `anymo` command run in this process, in an empty folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from anymo.cli import main


class Said(NamedTuple):
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run_anymo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `anymo` with these arguments in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANYMO_DEBUG", raising=False)
    monkeypatch.delenv("ANYMO_MODEL", raising=False)

    def anymo_command(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["anymo", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return Said(int(stop.value.code or 0), *capsys.readouterr())

    return anymo_command
