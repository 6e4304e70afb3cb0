"""`anymo evaluate`: zero-shot on a real data set of the registry, or on one's own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anymo.cli.model import AsJson, Base, Model, pipeline, say

if TYPE_CHECKING:
    from anymo.data.sets import DatasetSpec


def evaluate(
    *,
    dataset: Annotated[
        str | None, typer.Option(help="Name of a set (--list shows them), or a .yaml file of your own.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with its files; a set that can be fetched needs none.")
    ] = None,
    layout: Annotated[
        Literal["segments", "original", "tables", "matlab", "unimts"] | None,
        typer.Option(help="How the files are laid out, if not in the set's usual way."),
    ] = None,
    route: Annotated[
        Literal["embedding", "likelihood", "generate"], typer.Option(help="As in `anymo classify`.")
    ] = "embedding",
    window: Annotated[
        Literal["recording", "window", "first-10s", "as-one"],
        typer.Option(
            help="Average all windows of a recording; or take each window for a sample; or the first 10 s "
            "(UniMTS); or the whole recording as one window (AnyMo)."
        ),
    ] = "recording",
    output: Annotated[Path | None, typer.Option(help="Folder for metrics.json, tables and pictures.")] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Log of the runs on test sets, where this is not a clone.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="List the sets, and stop.")] = False,
    model: Model = None,
    base: Base = None,
    as_json: AsJson = False,
) -> None:
    """Measure zero-shot recognition on a real data set: a closed list of labels in plain words.

    anymo evaluate --dataset pamap2 --data PAMAP2_Dataset --output runs/pamap2
    """
    if show:
        _list(as_json=as_json)
        return
    if dataset is None:
        raise ValueError("evaluate: state --dataset, a name of `anymo evaluate --list` or a .yaml file")
    spec = _spec(dataset)
    from anymo.evaluation.ledger import LEDGER
    from anymo.evaluation.real_sets import SetProtocol, evaluate_set, summary, write_evaluation

    how = SetProtocol(layout=layout, route=route, rule=window, ledger=ledger or LEDGER)
    spec.layout(layout)  # refused before a model is loaded
    pipe = pipeline(model, base)
    found = evaluate_set(pipe, spec, data, how)
    if output is not None:
        write_evaluation(found, output, pipe)
    say(summary(found), found.to_dict(), as_json=as_json)


def _spec(dataset: str) -> "DatasetSpec":
    """A set of the registry, or of a file; only the registry has test sets."""
    from anymo.data.sets import NAMES, read_spec, spec_named

    if not dataset.endswith((".yaml", ".yml")):
        return spec_named(dataset)
    spec = read_spec(Path(dataset))
    if spec.role == "test" or spec.name in NAMES:
        raise ValueError(
            f"{dataset}: expected a name of its own and no test set, got {spec.name!r} ({spec.role}); "
            f"registered sets go by name, --dataset {spec.name}"
        )
    return spec


def _list(*, as_json: bool) -> None:
    from anymo.config import encoded
    from anymo.data.sets import NAMES, spec_named
    from anymo.evaluation.overview import sets_table

    specs = [spec_named(name) for name in NAMES]
    if as_json:
        facts: list[dict[str, Any]] = [encoded(spec) for spec in specs]
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    typer.echo(sets_table(specs))
