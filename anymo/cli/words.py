"""`anymo caption` and `anymo ask`: the language model about a recording."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from anymo.cli.model import AsJson, Model, pipeline, say, span
from anymo.cli.recording import File, recording_of, takes_statement

if TYPE_CHECKING:
    from anymo.pipeline.pieces import Stated


@takes_statement
def caption(stated: "Stated", file: File, *, model: Model = None, as_json: AsJson = False) -> None:
    """Describe a recording in sentences with their times, by the language model."""
    recording = recording_of(file, stated)
    (sentences,) = pipeline(model).caption(recording)
    say(
        (f"{span(s.start_s, s.end_s)}  {s.text}" for s in sentences),
        {"recording": recording.name, "captions": [asdict(s) for s in sentences]},
        as_json=as_json,
    )


@takes_statement
def ask(
    stated: "Stated",
    file: File,
    question: Annotated[str, typer.Argument(help='In plain words: "Which arm wears the sensor?"')],
    *,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Ask the language model about a recording; of its answers window by window the most frequent is told."""
    recording = recording_of(file, stated)
    (answer,) = pipeline(model).ask(recording, question)
    facts = {"recording": recording.name, "question": question, "answer": answer}
    say([answer], facts, as_json=as_json)
