"""The trained model that several commands use, and how they answer."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anymo.cli.info import DEFAULT_MODEL, model_folder

if TYPE_CHECKING:
    from anymo.pipeline import AnymoPipeline

Model = Annotated[
    Path | None,
    typer.Option(
        help="Model folder, or owner/name on the hub; else ANYMO_MODEL.", show_default=str(DEFAULT_MODEL)
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Top = Annotated[int, typer.Option(min=1, help="How many to show.")]


def pipeline(model: Path | None) -> "AnymoPipeline":
    """The pipeline of a model folder, on a GPU where there is one.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    folder = model_folder(model)
    if folder == DEFAULT_MODEL and not folder.is_dir():
        raise FileNotFoundError(
            f"model: no folder {folder}; run `make demo` to train it, or name one with --model or ANYMO_MODEL"
        )
    import torch

    from anymo.pipeline import AnymoPipeline

    return AnymoPipeline.from_pretrained(folder).to("cuda" if torch.cuda.is_available() else "cpu")


def say(lines: Iterable[str], facts: dict[str, Any], *, as_json: bool) -> None:
    """Lines of a table, or the same facts as JSON."""
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    for line in lines:
        typer.echo(line)


def span(start_s: float, end_s: float) -> str:
    """A stretch of time in a table."""
    return f"{start_s:8.1f} - {end_s:6.1f} s"
