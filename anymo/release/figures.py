"""What was measured of a model, from the JSON files that the scripts under eval/ write."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# How it was measured and what took long are not figures of the model.
_NO_FIGURES = ("protocol", "config", "environment", "stages", "seconds", "seed", "max_windows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one file by their path in it, and the command that made them."""

    file: str
    command: str
    values: Mapping[str, float]


def read_figures(stated: str, hashes: frozenset[str]) -> Figures:
    """Figures of a file.

    Args:
        stated: `FILE`, whose JSON has a `command`, or `FILE=COMMAND`.
        hashes: SHA-256 that stand for the model; a file or an entry of its `models` that names others is not
            about it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no JSON object with numbers, says no command, or is about another model.
    """
    name, _, command = stated.partition("=")
    file = Path(name)
    if not file.is_file():
        raise FileNotFoundError(f"metrics: no file {file}; give one that a script under eval/ wrote")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        command = command or content.get("command", "")
    except (ValueError, AttributeError) as error:
        raise ValueError(f"metrics: expected a JSON object in {file} ({error})") from error
    values = dict(_numbers(_of_model(content, hashes, file)))
    if not values or not command:
        raise ValueError(
            f"metrics: expected figures and the command that made them in {file}, found "
            f'{len(values)} figures and {command or "no command"}; give "{file}=python eval/..."'
        )
    return Figures(file=file.name, command=command, values=values)


def _of_model(content: dict[str, Any], hashes: frozenset[str], file: Path) -> dict[str, Any]:
    named = [part for part in (content, *content.get("models", [])) if "sha256" in part]
    own = [part for part in named if part["sha256"] in hashes]
    if named and not own:
        raise ValueError(
            f"metrics: expected figures of the model that is exported, got {file} about "
            f"{', '.join(str(part.get('model', part['sha256'])) for part in named)}; measure this one"
        )
    return own[0] if own else content


def _numbers(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, float]]:
    """Numbers in nested mappings; lists hold what is behind them (confusions, curves), or are intervals."""
    for key, value in tree.items():
        if key in _NO_FIGURES or value is None:  # an interval over one recording
            continue
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{path}{key} ")
        elif path.endswith("intervals "):
            yield from zip((f"{path}{key} low", f"{path}{key} high"), value, strict=True)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{path}{key}", float(value)
