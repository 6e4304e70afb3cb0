"""`anymo classify`: labels in plain words for a recording, or for its stretches."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anymo.cli.model import AsJson, Model, pipeline, say, span
from anymo.cli.recording import File, check_stated, recording_of, takes_statement

if TYPE_CHECKING:
    from anymo.pipeline import Segment
    from anymo.pipeline.pieces import Stated
    from anymo.records import Recording

_PICTURES = (".png", ".pdf", ".svg")
Smooth = Annotated[
    int, typer.Option(min=1, help="With --stream or --plot: the majority of so many windows decides; odd.")
]


@takes_statement
def classify(
    stated: "Stated",
    file: File,
    *,
    labels: Annotated[str, typer.Option(help="Two or more phrases with commas: walking,riding a bicycle.")],
    route: Annotated[
        Literal["embedding", "likelihood", "generate"],
        typer.Option(
            help="Compare with the labels' embeddings, ask the language model how likely each is, "
            "or let it choose."
        ),
    ] = "embedding",
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Label stretches of time instead, reading the file in pieces: for hours of recording. "
            "With --json a line each.",
        ),
    ] = False,
    smooth: Smooth = 1,
    on_gap: Annotated[
        Literal["error", "split"],
        typer.Option(help="With --stream: refuse a gap of over a second, or go on after it."),
    ] = "error",
    plot: Annotated[
        Path | None, typer.Option(help="Draw the labels over the signal into this picture.")
    ] = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Rank labels in plain words for a recording, best first; or say when it was what.

    anymo classify watch.csv --rate 50 --acc-unit g --gyro-unit deg/s --gravity included
    --placement "left wrist" --labels walking,running,cycling
    """
    phrases = [label.strip() for label in labels.split(",")]
    check_stated(file, stated)
    _check_options(stream=stream, smooth=smooth, on_gap=on_gap, plot=plot)
    recording = None if stream and plot is None else recording_of(file, stated)
    pipe = pipeline(model)
    options = {"labels": phrases, "route": route, "smooth": smooth}
    found: Iterable[Segment] = (  # nothing is run before it is asked for
        pipe.stream(file, on_gap=on_gap, **options, **stated)  # type: ignore[arg-type]
        if recording is None or stream
        else pipe.stream(recording, **options)  # type: ignore[arg-type]
    )
    if stream:
        found = _told(found, as_json=as_json)
    elif recording is not None:
        (whole,) = pipe.classify(recording, labels=phrases, route=route)
        _rank(recording.name, route, whole.scores, as_json=as_json)
    if recording is not None and plot is not None:
        _draw(plot, recording, found)


def _rank(name: str, route: str, scores: Mapping[str, float], *, as_json: bool) -> None:
    """Labels, best first."""
    ranked = dict(sorted(scores.items(), key=lambda item: -item[1]))
    width = max(len(label) for label in ranked)
    say(
        (f"{label:{width}}  {score:6.1%}" for label, score in ranked.items()),
        {"recording": name, "route": route, "scores": ranked},
        as_json=as_json,
    )


def _told(found: "Iterable[Segment]", *, as_json: bool) -> "list[Segment]":
    """Each segment as soon as it is known; then all of them."""
    told = []
    for segment in found:
        row = f"{span(segment.start_s, segment.end_s)}  {segment.score:6.1%}  {segment.label}"
        typer.echo(json.dumps(asdict(segment), ensure_ascii=False) if as_json else row)
        told.append(segment)
    return told


def _check_options(*, stream: bool, smooth: int, on_gap: str, plot: Path | None) -> None:
    if not stream and (on_gap == "split" or (smooth > 1 and plot is None)):
        raise ValueError(
            "classify: --on-gap goes with --stream, and --smooth with --stream or --plot; add it, or leave "
            "them out"
        )
    if plot is None:
        return
    if plot.suffix not in _PICTURES:
        raise ValueError(f"--plot: expected a name ending in {', '.join(_PICTURES)}, got {plot.name!r}")
    if not plot.parent.is_dir():
        raise FileNotFoundError(f"{plot}: no folder {plot.parent}; make it first")


def _draw(target: Path, recording: "Recording", found: "Iterable[Segment]") -> None:
    from anymo import plots
    from anymo.cli.simulate import write_whole

    spans = [(segment.start_s, segment.end_s, segment.label) for segment in found]
    figure = plots.label_timeline(recording.sensors[0], spans)
    write_whole(target, lambda path: figure.savefig(path, dpi=plots.DPI))
