"""`anymo export`: a trained model as a folder to give away, and on the hub."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[Path, typer.Argument(help="Model folder of a training run.")],
    output: Annotated[Path, typer.Argument(help="Folder of the release.")],
    *,
    name: Annotated[str, typer.Option(help="Of the model; else the folder's.")] = "",
    merged: Annotated[
        bool,
        typer.Option("--merged", help="Also the language model with its adapter, for transformers alone."),
    ] = False,
    onnx: Annotated[bool, typer.Option("--onnx", help="Also encoder.onnx; needs anymo\\[onnx].")] = False,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            help="JSON file of a script under eval/, which says its command; else FILE=COMMAND. Repeatable."
        ),
    ] = None,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a training corpus, if the run no longer finds it. Repeatable."),
    ] = None,
    notes: Annotated[
        Path | None, typer.Option(help="Markdown file: what the model confuses, a section of the card.")
    ] = None,
    push: Annotated[str, typer.Option(help="Also upload to this repository of the hub, owner/name.")] = "",
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Write a release: weights, model card, checksums; refused if any clip was for non-commercial use."""
    from anymo.release import export_model, push_to_hub

    folder = export_model(
        model,
        output,
        name=name,
        repository=push,
        merged=merged,
        onnx=onnx,
        metrics=metrics or (),
        corpora=corpus or (),
        notes=notes,
    )
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    typer.echo(f"{folder}: {size / 1e6:.1f} MB, checksums and model card in it")
    if push:
        typer.echo(push_to_hub(folder, push, private=private))
