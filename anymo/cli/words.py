"""`anymo caption` and `anymo ask`: the language model about a recording."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from anymo.cli.model import AsJson, Base, Device, Dtype, Model, pipeline, say, say_each, span
from anymo.cli.picture import Plot, draw_timeline
from anymo.cli.recording import File, Hop, OnGap, Stream, read_whole, recording_of, takes_statement

if TYPE_CHECKING:
    from anymo.pipeline import TimedCaption
    from anymo.pipeline.pieces import Stated

Proposed = Annotated[
    bool,
    typer.Option(
        "--proposed/--alone", help="Begin with an activity the encoder proposes, or leave it to the words."
    ),
]


@takes_statement
def caption(
    stated: "Stated",
    file: File,
    *,
    proposed: Proposed = True,
    stream: Stream = False,
    hop: Hop = None,
    on_gap: OnGap = "error",
    plot: Plot = None,
    model: Model = None,
    base: Base = None,
    device: Device = None,
    dtype: Dtype = "float32",
    as_json: AsJson = False,
) -> None:
    """Describe a recording in sentences with their times, by the language model."""
    if hop is not None and not stream:
        raise ValueError("--hop goes with --stream, whose windows may overlap; add it, or leave --hop out")
    recording = read_whole(file, stated, stream=stream, on_gap=on_gap, plot=plot)
    pipe = pipeline(model, base, device=device, dtype=dtype)
    if recording is None or stream:
        said = say_each(
            pipe.stream_captions(file, proposed=proposed, hop_s=hop, on_gap=on_gap, **stated),
            _row,
            as_json=as_json,
        )
    else:
        (said,) = pipe.caption(recording, proposed=proposed)
        facts = {"recording": recording.name, "captions": [asdict(s) for s in said]}
        say(map(_row, said), facts, as_json=as_json)
    if recording is not None and plot is not None:
        draw_timeline(plot, recording, ((s.start_s, s.end_s, s.text) for s in said), "Captions")


def _row(said: "TimedCaption") -> str:
    return f"{span(said.start_s, said.end_s)}  {said.text}"


@takes_statement
def ask(
    stated: "Stated",
    file: File,
    question: Annotated[str, typer.Argument(help='One that was taught: "Is the movement slow or fast?"')],
    *,
    untaught: Annotated[
        bool, typer.Option("--untaught", help="Take any question, for a model that was taught others.")
    ] = False,
    model: Model = None,
    base: Base = None,
    device: Device = None,
    dtype: Dtype = "float32",
    as_json: AsJson = False,
) -> None:
    """Ask the language model about a recording; of its answers window by window the most frequent is told.

    The questions are where the sensor is, on which side, how many there are, whether the movement is slow or
    fast, and which hand or leg it is; docs/captions.md says how often the answers are right.
    """
    recording = recording_of(file, stated)
    (answer,) = pipeline(model, base, device=device, dtype=dtype).ask(recording, question, untaught=untaught)
    facts = {"recording": recording.name, "question": question, "answer": answer}
    say([answer], facts, as_json=as_json)
