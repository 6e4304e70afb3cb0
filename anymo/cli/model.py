"""The trained model that several commands use, and how they answer."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from anymo.cli.info import model_folder

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from anymo.pipeline import AnymoPipeline

T = TypeVar("T", bound="DataclassInstance")

Model = Annotated[
    Path | None,
    typer.Option(
        help="Model folder, or owner/name on the hub; else ANYMO_MODEL, else the one that comes with anymo."
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        help="Where the language model's base is now, if not where it was when it was aligned: folder, asset "
        "or owner/name on the hub."
    ),
]
Device = Annotated[
    str | None, typer.Option(help="Where to compute: cpu, cuda, cuda:1; else on a GPU where there is one.")
]
Dtype = Annotated[
    Literal["float32", "bfloat16", "float16"],
    typer.Option(help="Precision there; half of it halves the memory of the language model."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Top = Annotated[int, typer.Option(min=1, help="How many to show.")]


def pipeline(
    model: Path | None, base: str | None = None, *, device: str | None = None, dtype: str = "float32"
) -> "AnymoPipeline":
    """The pipeline of a model folder.

    Args:
        model: the folder, or a repository of the hub.
        base: where the language model's base is now.
        device: where it computes; None is a GPU where there is one.
        dtype: name of a type of torch, in which it computes.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no such device.
    """
    import torch

    from anymo.pipeline import AnymoPipeline

    pipe = AnymoPipeline.from_pretrained(model_folder(model), base=base)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return pipe.to(device, getattr(torch, dtype))


def say(lines: Iterable[str], facts: dict[str, Any], *, as_json: bool) -> None:
    """Lines of a table, or the same facts as JSON."""
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    for line in lines:
        typer.echo(line)


def say_each(found: Iterable[T], row: Callable[[T], str], *, as_json: bool) -> list[T]:
    """A line for each as soon as it is known, of a table or of JSON; then all of them.

    Args:
        found: dataclasses.
        row: its line in a table.
        as_json: a line of JSON instead.
    """
    told = []
    for one in found:
        typer.echo(json.dumps(asdict(one), ensure_ascii=False) if as_json else row(one))
        told.append(one)
    return told


def span(start_s: float, end_s: float) -> str:
    """A stretch of time in a table."""
    return f"{start_s:8.1f} - {end_s:6.1f} s"
