"""Several recipes over several seeds as one table: means, and 95 % t-intervals over the seeds."""

from collections.abc import Callable, Mapping
from functools import partial
from statistics import mean
from typing import Any

from anymo.metrics import seeds_interval
from anymo.tables import markdown_table, terminal_table

Run = Mapping[str, Any]
Runs = Mapping[str, Mapping[str, Run]]


def comparison_table(runs: Runs, *, markdown: bool = False) -> str:
    """A row per measure, a column per recipe, in percent; under it the gain in mean macro-F1.

    Args:
        runs: recipe -> seed -> numbers of `anymo.evaluation.encoder`, with `training_s` and `steps`.
        markdown: a Markdown table instead of aligned text.
    """
    first = next(iter(next(iter(runs.values())).values()))
    rows = [
        [name, *(_cell([measure(run) for run in seeds.values()]) for seeds in runs.values()), chance]
        for name, measure, chance in _measures(first)
    ]
    for title, key in (("training, s", "training_s"), ("steps", "steps"), ("parameters", "parameters")):
        cells = (f"{mean(run[key] for run in seeds.values()):.0f}" for seeds in runs.values())
        rows.append([title, *cells, ""])
    columns = ["measure, %", *runs, "chance"]
    table = markdown_table(columns, rows) if markdown else terminal_table(columns, rows)
    return "\n\n".join([table, *_gains(runs)])


def encoder_table(numbers: Run) -> str:
    """Every measure of one encoder beside chance and, where subjects or recordings give one, its interval."""
    rows = []
    for name, measure, chance in _measures(numbers):
        rows.append([name, _percent(measure(numbers)), _bootstrap(numbers, name), chance])
    return terminal_table(["measure, %", "value", "95 %", "chance"], rows)


def mean_macro_f1(run: Run, kind: str = "zero_shot") -> float:
    """Mean macro-F1 over the sets of one run: "zero_shot" the development sets, or "test_sets"."""
    return mean(float(figures["macro_f1"]) for figures in run[kind].values())


def _measures(first: Run) -> list[tuple[str, Callable[[Run], float], str]]:
    """Name, how it is read from a run, and its chance level."""
    measures: list[tuple[str, Callable[[Run], float], str]] = []
    for kind in ("zero_shot", "test_sets"):
        for name, figures in first.get(kind, {}).items():
            for key, title in _ZERO_SHOT.items():
                measures.append(
                    (f"{name}, {title}", _path(kind, name, key), _percent(figures["chance"][key]))
                )
        if kind in first:
            title = "development" if kind == "zero_shot" else "test"
            measures.append((f"mean macro-F1, {title} sets", partial(mean_macro_f1, kind=kind), ""))
    for pool, figures in first["retrieval"].items():
        for way, title in (("imu_to_text", "IMU to text"), ("text_to_imu", "text to IMU")):
            for key in ("recall_at_1", "recall_at_5", "recall_at_10", "mrr"):
                name = f"{pool.replace('_', ' ')} of {figures['num_windows']}, {title}, {_TITLES[key]}"
                chance = _percent(figures[way][f"chance_{key}"])
                measures.append((name, _path("retrieval", pool, way, key), chance))
    return measures


_ZERO_SHOT = {"accuracy": "accuracy", "macro_f1": "macro-F1", "recall_at_2": "R@2"}
_TITLES = {"recall_at_1": "R@1", "recall_at_5": "R@5", "recall_at_10": "R@10", "mrr": "MRR"}


def _bootstrap(numbers: Run, measure: str) -> str:
    """The bootstrap interval of a zero-shot measure; empty for others."""
    name, _, title = measure.partition(", ")
    figures = numbers["zero_shot"].get(name, numbers.get("test_sets", {}).get(name))
    if figures is None:
        return ""
    low, high = figures["intervals"][{t: k for k, t in _ZERO_SHOT.items()}[title]]
    return f"{_percent(low)} to {_percent(high)}"


def _path(*keys: str) -> Callable[[Run], float]:
    def read(run: Run) -> float:
        value: Any = run
        for key in keys:
            value = value[key]
        return float(value)

    return read


def _cell(values: list[float]) -> str:
    if len(values) < 2:
        return _percent(values[0])
    interval = seeds_interval(values)
    return f"{_percent(interval.estimate)} ± {_percent(interval.high - interval.estimate)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _gains(runs: Runs) -> list[str]:
    """How far the first recipe is ahead of each other one in mean macro-F1, relative."""
    first, *others = runs
    lines = []
    for kind, title in (("zero_shot", "development"), ("test_sets", "test")):
        if all(kind in run for seeds in runs.values() for run in seeds.values()):
            score = {n: mean(mean_macro_f1(run, kind) for run in seeds.values()) for n, seeds in runs.items()}
            lines += [
                f"{first} against {other}, mean macro-F1 on the {title} sets: "
                f"{100 * (score[first] / score[other] - 1):+.1f} % relative."
                for other in others
            ]
    return ["  \n".join(lines)] if lines else []
