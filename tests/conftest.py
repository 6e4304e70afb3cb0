"""What every test stands on: the hub is off, real data and fetched assets are found or said to be missing."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before any import reads it

from collections.abc import Callable
from pathlib import Path

import pytest

from anymo import assets

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def hub_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of real clips and recordings: ANYMO_DATA, or shared/data beside the repository."""
    root = Path(os.environ.get("ANYMO_DATA") or REPOSITORY.parent / "shared" / "data")
    if not root.is_dir():
        word = f"no real data at {root}; set ANYMO_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(word)
        pytest.skip(word)
    return root


@pytest.fixture(scope="session")
def asset() -> Callable[[str], Path]:
    """Folder of a fetched asset by name; a test never downloads."""

    def folder(name: str) -> Path:
        found = assets.find(name)
        if found is None:
            pytest.fail(f"asset {name!r} is not on this machine: run `make assets` first")
        return found

    return folder
