"""`anymo retrieve` and `anymo index`: sentences for a recording, and moments of many recordings."""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anymo.cli.model import AsJson, Device, Dtype, Model, Top, pipeline, say, span
from anymo.cli.picture import Plot, check_picture, draw_timeline, save_picture
from anymo.cli.recording import File, Hop, OnGap, check_stated, lines_of, recording_of, takes_statement

if TYPE_CHECKING:
    from anymo.pipeline.pieces import Stated

_log = logging.getLogger(__name__)

Folder = Annotated[Path, typer.Argument(help="Folder of the index.")]
index_app = typer.Typer(no_args_is_help=True, help="Search many hours of recordings by sentence or likeness.")


@takes_statement
def retrieve(
    stated: "Stated",
    file: File,
    *,
    texts: Annotated[Path, typer.Option(help="File with a sentence per line.")],
    top: Top = 5,
    plot: Plot = None,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = "float32",
    as_json: AsJson = False,
) -> None:
    """Find the sentences that fit a recording best; --plot shows which of them fits when."""
    check_picture(plot)
    recording = recording_of(file, stated)
    sentences = lines_of(texts, "texts")
    pipe = pipeline(model, device=device, dtype=dtype)
    (matches,) = pipe.retrieve(recording, sentences, top=top)
    say(
        (f"{match.score:6.3f}  {sentences[match.index]}" for match in matches),
        {
            "recording": recording.name,
            "matches": [{"text": sentences[m.index], "score": m.score} for m in matches],
        },
        as_json=as_json,
    )
    if plot is not None:
        fits = pipe.stream_matches(recording, [sentences[match.index] for match in matches])
        draw_timeline(plot, recording, ((s.start_s, s.end_s, s.label) for s in fits), "Sentences")


@index_app.command("build")
@takes_statement
def build(
    stated: "Stated",
    folder: Folder,
    files: Annotated[
        list[Path], typer.Argument(help="Recordings, all worn and stated alike: .csv, .npz, .parquet.")
    ],
    *,
    hop: Hop = None,
    on_gap: OnGap = "error",
    model: Model = None,
    device: Device = None,
    dtype: Dtype = "float32",
    as_json: AsJson = False,
) -> None:
    """Make an index of recordings, or add to the one in the folder.

    Files are read in pieces, and the index is saved after each: the same command goes on where it was
    interrupted, and passes over what is in the index.
    """
    from anymo.pipeline import MotionIndex

    for file in files:
        check_stated(file, stated)
    pipe = pipeline(model, device=device, dtype=dtype)
    index = MotionIndex.open(folder, pipe)
    for file in files:
        facts: Any = {**stated, "name": str(file)}
        if index.add_file(file, hop_s=hop, on_gap=on_gap, **facts):
            index.save(folder)
        else:
            _log.info("%s is in the index already", file)
    totals = {"index": str(folder), "recordings": len(index.recordings), "windows": len(index)}
    say([f"{folder}: {len(index)} windows of {len(index.recordings)} recordings"], totals, as_json=as_json)


@index_app.command("search")
@takes_statement
def search(
    stated: "Stated",
    folder: Folder,
    text: Annotated[str | None, typer.Argument(help="A sentence to look for; or give --like.")] = None,
    *,
    like: Annotated[
        Path | None, typer.Option(help="A recording to look for the like of, stated by the options below.")
    ] = None,
    top: Top = 5,
    plot: Annotated[
        Path | None, typer.Option(help="Draw where the moments lie into this picture: .png, .pdf, .svg.")
    ] = None,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = "float32",
    as_json: AsJson = False,
) -> None:
    """Find the moments of an index that fit a sentence, or are like a recording."""
    from anymo.pipeline import MotionIndex

    check_picture(plot)
    if (text is None) == (like is None):
        raise ValueError("index search: give a sentence to look for, or a recording with --like")
    query = text if like is None else recording_of(like, stated)
    index = MotionIndex.load(folder, pipeline(model, device=device, dtype=dtype))
    found = index.search(query, top=top)
    say(
        (f"{m.score:6.3f}  {span(m.start_s, m.end_s)}  {m.recording}" for m in found),
        {"index": str(folder), "moments": [asdict(m) for m in found]},
        as_json=as_json,
    )
    if plot is not None:
        from anymo import plots

        rows = [(m.recording, m.start_s, m.end_s, m.score) for m in found]
        save_picture(plots.moments(rows, index.ends_s, title=text or f"like {like}"), plot)
