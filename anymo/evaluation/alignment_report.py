"""The numbers of `anymo.evaluation.alignment` as tables: aligned text, or Markdown with what was said."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from anymo.evaluation.captioning import CONTROLS, METRICS, SYSTEMS
from anymo.evaluation.real_captions import REAL_SYSTEMS
from anymo.metrics import seeds_interval
from anymo.tables import markdown_table, terminal_table

_SHOWN = 12  # held-out windows whose captions are printed
_TITLES = {
    "model": "model",
    "alone": "language model alone",
    "frequent": "most frequent caption",
    "nearest": "nearest neighbour",
    "untuned": "untuned language model",
    "shuffled": "shuffled motion",
    "tokens_shuffled": "shuffled tokens, own proposals",
    "alone_shuffled": "alone, shuffled tokens",
}
_ZERO_SHOT = {"accuracy": "accuracy", "macro_f1": "macro-F1", "recall_at_2": "R@2"}
_RETRIEVAL = {"recall_at_1": "R@1", "recall_at_5": "R@5", "recall_at_10": "R@10", "mrr": "MRR"}
_WAYS = {"imu_to_text": "IMU to text", "text_to_imu": "text to IMU"}
Numbers = Mapping[str, Any]
Rows = list[list[str]]


def alignment_report(numbers: Numbers, *, markdown: bool = False) -> str:
    """All tables, and in Markdown the captions themselves.

    Args:
        numbers: as `run_alignment_evaluation` returns them.
        markdown: Markdown tables instead of aligned text.
    """
    draw = markdown_table if markdown else terminal_table
    captions, models = numbers["captions"], numbers["models"]
    parts = [
        ("Captions of held-out motion", _about(numbers)),
        ("", draw(["metric", *_TITLES.values()], _score_rows(captions))),
        ("", draw(["CIDEr of", *_TITLES.values()], _model_rows(models))),
        ("The model less each, paired by window", _verdict(captions)),
        ("", draw(["metric", *map(_less, CONTROLS.items())], _difference_rows(captions))),
        ("Questions about these windows, right answers in %", draw(_ASKED_COLUMNS, _asked_rows(models))),
        ("Retrieval, %", draw(["space, pool and measure", "value", "chance"], _retrieval_rows(models))),
        ("Zero-shot, %", draw(["set and route", *_zero_columns()], _zero_rows(models, "zero_shot"))),
    ]
    if "test_sets" in models[0]:
        tested = _zero_rows(models, "test_sets")
        parts.append(("Zero-shot on the test sets, %", draw(["set and route", *_zero_columns()], tested)))
    parts += [
        ("Captions of real recordings, by what their labels say", draw(_REAL_COLUMNS, _real_rows(models))),
        ("Some of them, as they are", draw(_EXAMPLE_COLUMNS, _example_rows(models[0]))),
    ]
    if markdown:
        said = markdown_table(["reference", *_TITLES.values()], _said_rows(models[0]["captions"]))
        parts.append((f"The first {_SHOWN} held-out windows", said))
    title = "## {}" if markdown else "{}"
    lines = [text for heading, body in parts for text in (title.format(heading) if heading else "", body)]
    return "\n\n".join(text for text in lines if text)


def _less(pair: tuple[str, str]) -> str:
    control, system = pair
    return _TITLES[control] if system == "model" else f"{_TITLES[system]}, less {_TITLES[control]}"


def _about(numbers: Numbers) -> str:
    captions, first = numbers["captions"], numbers["models"][0]["captions"]
    over = "models (Student's t)" if captions["interval_over"] == "models" else "clips (bootstrap)"
    return (
        f"{captions['num_windows']} windows of {captions['num_clips']} held-out clips, "
        f"{captions['num_models']} model(s) on {first['base']}; mean and 95 % interval over {over}. "
        f"BERTScore by {first['bertscore']}, not rescaled; text similarity by {first['text_similarity']}."
    )


def _verdict(captions: Numbers) -> str:
    said = [
        f"{_TITLES[b]}: {'beaten' if beaten else 'NOT beaten'}" for b, beaten in captions["verdict"].items()
    ]
    return (
        "95 % bootstrap interval over clips; * where it lies above 0 and every model is ahead. "
        f"In CIDEr and CIDEr-D: {'; '.join(said)}."
    )


def _score_rows(captions: Numbers) -> Rows:
    return [
        [title, *(_with_interval(captions["scores"][system][metric]) for system in SYSTEMS)]
        for metric, title in METRICS.items()
    ]


def _model_rows(models: Sequence[Numbers]) -> Rows:
    return [
        [model["model"], *(f"{model['caption_means'][system]['cider']:.3f}" for system in SYSTEMS)]
        for model in models
    ]


def _difference_rows(captions: Numbers) -> Rows:
    cells = captions["differences"]
    return [
        [title, *(_with_interval(c := cells[b][metric]) + (" *" if c["beats"] else "") for b in CONTROLS)]
        for metric, title in METRICS.items()
    ]


def _with_interval(cell: Numbers) -> str:
    return f"{cell['estimate']:.3f} [{cell['low']:.3f}, {cell['high']:.3f}]"


def _retrieval_rows(models: Sequence[Numbers]) -> Rows:
    rows = []
    for space, pools in models[0]["retrieval"].items():
        for pool, figures in pools.items():
            for way, direction in _WAYS.items():
                for key, title in _RETRIEVAL.items():
                    values = [m["retrieval"][space][pool][way][key] for m in models]
                    name = (
                        f"{space}, {pool.replace('_', ' ')} of {figures['num_windows']}, {direction}, {title}"
                    )
                    rows.append([name, _over_models(values), _percent(figures[way][f"chance_{key}"])])
    return rows


def _zero_columns() -> list[str]:
    return [*_ZERO_SHOT.values(), "chance accuracy"]


def _zero_rows(models: Sequence[Numbers], kind: str) -> Rows:
    """Mean over the models; with one model its bootstrap interval."""
    rows = []
    for name, routes in models[0][kind].items():
        for route, figures in routes.items():
            cells = [
                _over_models([m[kind][name][route][key] for m in models], figures["intervals"][key])
                for key in _ZERO_SHOT
            ]
            chance = figures.get("chance_accuracy", figures.get("chance", {}).get("accuracy"))
            rows.append([f"{name}, {route}", *cells, _percent(chance)])
    return rows


def _over_models(values: Sequence[float], interval: Sequence[float] | None = None) -> str:
    if len(values) > 1:
        found = seeds_interval(values)
        return f"{_percent(mean(values))} ± {_percent(found.high - found.estimate)}"
    if interval is None:
        return _percent(values[0])
    return f"{_percent(values[0])} [{_percent(interval[0])}, {_percent(interval[1])}]"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


_ASKED = ("accuracy", "untold", "majority")
_ASKED_COLUMNS = ["question", "asked", "places told", "places not told", "commonest answer"]


def _asked_rows(models: Sequence[Numbers]) -> Rows:
    return [
        [
            kind,
            str(figures["num"]),
            *(_over_models([m["questions"][kind][key] for m in models]) for key in _ASKED),
        ]
        for kind, figures in models[0]["questions"].items()
    ]


_REAL_COLUMNS = ["set and system", "text similarity to the label", "right label nearest, %", "chance, %"]


def _real_rows(models: Sequence[Numbers]) -> Rows:
    rows = []
    for name, figures in models[0]["real_captions"].items():
        for system in REAL_SYSTEMS:
            own = [model["real_captions"][name][system] for model in models]
            similarity, accuracy = ([each[key] for each in own] for key in ("text_similarity", "accuracy"))
            cells = [f"{mean(similarity):.3f}", _over_models(accuracy), _percent(1 / figures["num_labels"])]
            rows.append([f"{name}, {_TITLES[system]}", *cells])
    return rows


_EXAMPLE_COLUMNS = ["set", "label", "sensors", "caption"]


def _example_rows(model: Numbers) -> Rows:
    return [
        [e["set"], e["label"], ", ".join(dict.fromkeys(e["placements"])), e["caption"]]
        for e in model["examples"]
    ]


def _said_rows(captions: Numbers) -> Rows:
    first = enumerate(captions["references"][:_SHOWN])
    return [[refs[0], *(captions["said"][s][k] for s in SYSTEMS)] for k, refs in first]
