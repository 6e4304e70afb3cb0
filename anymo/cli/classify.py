"""`anymo classify`: labels for a recording, or for its stretches, in plain words or as they were learnt."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anymo.cli.model import AsJson, Base, Device, Dtype, Model, pipeline, say, say_each, span
from anymo.cli.picture import Plot, draw_timeline
from anymo.cli.recording import File, Hop, OnGap, Stream, lines_of, read_whole, takes_statement

if TYPE_CHECKING:
    from anymo.pipeline import AnymoPipeline, Classifier, Segment
    from anymo.pipeline.pieces import Stated

Smooth = Annotated[
    int, typer.Option(min=1, help="With --stream or --plot: the majority of so many windows decides; odd.")
]


@takes_statement
def classify(
    stated: "Stated",
    file: File,
    *,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Two or more phrases with commas: walking,riding a bicycle; or a .txt file with one a line."
        ),
    ] = None,
    classifier: Annotated[
        Path | None, typer.Option(help="Folder that `anymo fit` made: its labels, in place of --labels.")
    ] = None,
    route: Annotated[
        Literal["embedding", "likelihood", "generate"],
        typer.Option(
            help="Compare with the labels' embeddings, ask the language model how likely each is, "
            "or let it choose."
        ),
    ] = "embedding",
    stream: Stream = False,
    hop: Hop = None,
    smooth: Smooth = 1,
    on_gap: OnGap = "error",
    plot: Plot = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many labels to show, of a recording as a whole; else all.")
    ] = None,
    model: Model = None,
    base: Base = None,
    device: Device = None,
    dtype: Dtype = "float32",
    as_json: AsJson = False,
) -> None:
    """Rank labels for a recording, best first; or with --stream say when it was what.

    anymo classify watch.csv --rate 50 --acc-unit g --gyro-unit deg/s --gravity included
    --placement "left wrist" --labels walking,running,cycling
    """
    if (labels is None) == (classifier is None):
        raise ValueError("classify: give labels in words with --labels, or a folder with --classifier")
    if classifier is not None and route != "embedding":
        raise ValueError("--route goes with --labels; leave it out where a classifier decides")
    asked: dict[str, Any] = {} if labels is None else {"labels": _phrases(labels), "route": route}
    if top is not None and stream:
        raise ValueError("--top is of a recording as a whole; leave it out, or --stream")
    for name, is_given in (("--smooth", smooth > 1), ("--hop", hop is not None)):
        if is_given and not stream and plot is None:
            raise ValueError(f"{name} goes with --stream or --plot; add one of them, or leave {name} out")
    recording = read_whole(file, stated, stream=stream, on_gap=on_gap, plot=plot)
    pipe = pipeline(model, base, device=device, dtype=dtype)
    knows = pipe if classifier is None else _learnt(classifier, pipe)
    tell, follow = partial(knows.classify, **asked), partial(knows.stream, **asked, smooth=smooth, hop_s=hop)
    found: Iterable[Segment] = (  # nothing is run before it is asked for
        follow(file, on_gap=on_gap, **stated) if recording is None or stream else follow(recording)
    )
    if stream:
        found = say_each(found, _row, as_json=as_json)
    elif recording is not None:
        (whole,) = tell(recording)
        by = {"route": route} if classifier is None else {"classifier": str(classifier)}
        _rank({"recording": recording.name, **by}, whole.scores, top, as_json=as_json)
    if recording is not None and plot is not None:
        draw_timeline(plot, recording, ((s.start_s, s.end_s, s.label) for s in found), "Labels")


def _learnt(folder: Path, pipe: "AnymoPipeline") -> "Classifier":
    from anymo.pipeline import Classifier

    return Classifier.load(folder, pipe)


def _phrases(labels: str) -> list[str]:
    """Labels with commas between them, or the lines of a text file."""
    if labels.endswith(".txt"):
        return lines_of(Path(labels), "labels")
    return [label.strip() for label in labels.split(",")]


def _row(segment: "Segment") -> str:
    return f"{span(segment.start_s, segment.end_s)}  {segment.score:6.1%}  {segment.label}"


def _rank(facts: Mapping[str, str], scores: Mapping[str, float], top: int | None, *, as_json: bool) -> None:
    """Labels, best first, the `top` of them or all, with what was asked of whom."""
    ranked = dict(sorted(scores.items(), key=lambda item: -item[1])[:top])
    width = max(len(label) for label in ranked)
    say(
        (f"{label:{width}}  {score:6.1%}" for label, score in ranked.items()),
        {**facts, "scores": ranked},
        as_json=as_json,
    )
