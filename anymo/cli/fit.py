"""`anymo fit`: a classifier of labels of one's own, out of a set of labelled recordings."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from anymo.cli.model import AsJson, Device, Dtype, Model, pipeline, say


def fit(
    *,
    dataset: Annotated[
        str,
        typer.Option(
            help="A .yaml file that says what your files mean (docs/datasets.md), or a name of "
            "`anymo evaluate --list`."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder for the classifier.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder with its files; a set that can be fetched needs none.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option(help="How the files are laid out, if not in the set's usual way.")
    ] = None,
    method: Annotated[
        Literal["probes", "probe"],
        typer.Option(help="Read the encoder's latents and features by hand, or the latents alone."),
    ] = "probes",
    seed: Annotated[int, typer.Option(help="Of who is held out to choose the penalty.")] = 0,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = "float32",
    as_json: AsJson = False,
) -> None:
    """Learn labels from labelled recordings; `anymo classify --classifier` finds them in others.

    anymo fit --dataset my_set.yaml --data recordings --output my_classifier
    """
    from anymo.data.sets import spec_from
    from anymo.evaluation.other_sets import read_files
    from anymo.pipeline import Classifier

    spec = spec_from(dataset)
    if spec.looks_at:
        raise ValueError(
            f"fit: expected a set of other people than the test sets', got {spec.name}; each look at "
            f"{spec.looks_at} is logged: eval/few_shot.py --test_sets learns from it, once for each model"
        )
    recordings = read_files(spec, data, layout).recordings
    pipe = pipeline(model, device=device, dtype=dtype)
    classifier = Classifier.fit(recordings, pipe, method=method, seed=seed)
    classifier.save(output)
    width = max(map(len, classifier.labels))
    say(
        [f"{label:{width}}  {num:5} recordings" for label, num in classifier.counts.items()],
        {"classifier": str(output), "method": method, "recordings": classifier.counts},
        as_json=as_json,
    )
