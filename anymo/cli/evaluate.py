"""`anymo evaluate`: zero-shot on a real data set of the registry, or on one's own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anymo.cli.model import AsJson, Base, Device, Dtype, Model, pipeline, say

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
            "(UniMTS); or the whole recording as one window (AnyMo), up to a minute."
        ),
    ] = "recording",
    split: Annotated[
        Literal["all", "official"],
        typer.Option(help="All recordings, or the test part of the set's official split."),
    ] = "all",
    max_refused: Annotated[
        float | None,
        typer.Option(help="Share of its sensors, 0 to 1, that may contradict what the set's spec states."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for metrics.json, tables and pictures.")] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Log of the runs on test sets; a clone of the repository has its own.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="List the sets, and stop.")] = False,
    model: Model = None,
    base: Base = None,
    device: Device = None,
    dtype: Dtype = "float32",
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
    from anymo.data.sets import spec_from
    from anymo.evaluation.real_sets import SetProtocol, evaluate_set, summary, write_evaluation

    spec = spec_from(dataset)
    if max_refused is not None:
        spec = _tolerant(spec, max_refused)
    how = SetProtocol(layout=layout, route=route, rule=window, split=split, ledger=_log(ledger))
    spec.layout(layout)  # refused before a model is loaded
    pipe = pipeline(model, base, device=device, dtype=dtype)
    found = evaluate_set(pipe, spec, data, how)
    if output is not None:
        write_evaluation(found, output, pipe)
    say(summary(found), found.to_dict(), as_json=as_json)


def _tolerant(spec: "DatasetSpec", max_refused: float) -> "DatasetSpec":
    """The spec with another share of sensors that may be left out."""
    if spec.role == "test":
        raise ValueError(
            f"evaluate: --max-refused is for sets of other people, got {max_refused:g} for the test set "
            f"{spec.name}, which is read in one way; leave it out"
        )
    return replace(spec, max_refused=max_refused)


def _log(stated: Path | None) -> Path:
    """The one log of test sets: the repository's, or a stated one where there is none."""
    from anymo.evaluation.ledger import LEDGER

    if stated is not None and LEDGER.is_file():
        raise ValueError(
            f"evaluate: runs on test sets go into the log of this clone, {LEDGER}, got --ledger {stated}; "
            "leave it out, as a second log would not know of the runs in the first"
        )
    return stated or LEDGER


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
