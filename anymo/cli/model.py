"""`anymo classify`, `caption` and `retrieve`: a trained model on a recording."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anymo.cli.info import DEFAULT_MODEL, model_folder
from anymo.cli.recording import takes_recording

if TYPE_CHECKING:
    from anymo.pipeline import AnymoPipeline
    from anymo.records import Recording

Model = Annotated[
    Path | None, typer.Option(help="Model folder; else ANYMO_MODEL.", show_default=str(DEFAULT_MODEL))
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@takes_recording
def classify(
    recording: "Recording",
    *,
    labels: Annotated[str, typer.Option(help="Two or more phrases with commas: walking,riding a bicycle.")],
    route: Annotated[
        Literal["embedding", "likelihood"],
        typer.Option(help="Compare with the labels' embeddings, or ask the language model."),
    ] = "embedding",
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Rank labels in plain words for a recording, best first."""
    phrases = [label.strip() for label in labels.split(",")]
    (found,) = _pipeline(model).classify(recording, labels=phrases, route=route)
    ranked = sorted(found.scores.items(), key=lambda item: -item[1])
    if as_json:
        typer.echo(json.dumps({"recording": recording.name, "route": route, "scores": dict(ranked)}))
        return
    width = max(len(label) for label in phrases)
    for label, score in ranked:
        typer.echo(f"{label:{width}}  {score:6.1%}")


@takes_recording
def caption(recording: "Recording", *, model: Model = None, as_json: AsJson = False) -> None:
    """Describe a recording in sentences with their times, by the language model."""
    (sentences,) = _pipeline(model).caption(recording)
    if as_json:
        typer.echo(json.dumps({"recording": recording.name, "captions": [asdict(s) for s in sentences]}))
        return
    for sentence in sentences:
        typer.echo(f"{sentence.start_s:7.1f} - {sentence.end_s:5.1f} s  {sentence.text}")


@takes_recording
def retrieve(
    recording: "Recording",
    *,
    texts: Annotated[Path, typer.Option(help="File with a sentence per line.")],
    top: Annotated[int, typer.Option(min=1, help="How many to show.")] = 5,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Find the sentences that fit a recording best."""
    sentences = [line.strip() for line in _read(texts).splitlines() if line.strip()]
    if not sentences:
        raise ValueError(f"texts: expected a sentence per line in {texts}, found none")
    (matches,) = _pipeline(model).retrieve(recording, sentences, top=top)
    if as_json:
        found = [{"text": sentences[m.index], "score": m.score} for m in matches]
        typer.echo(json.dumps({"recording": recording.name, "matches": found}))
        return
    for match in matches:
        typer.echo(f"{match.score:6.3f}  {sentences[match.index]}")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"texts: {file} is not UTF-8 text ({error}); save it as UTF-8") from error


def _pipeline(model: Path | None) -> "AnymoPipeline":
    folder = model_folder(model)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"model: no folder {folder}; run `make demo` to train it, or name one with --model or ANYMO_MODEL"
        )
    import torch

    from anymo.pipeline import AnymoPipeline

    return AnymoPipeline.from_pretrained(folder).to("cuda" if torch.cuda.is_available() else "cpu")
