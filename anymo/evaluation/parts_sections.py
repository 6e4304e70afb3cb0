"""Parts of a release as sections of its report, and all recognition figures as one Markdown table."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from anymo import plots
from anymo.evaluation.encoder import robustness_figure
from anymo.evaluation.few_shot_run import efficiency_figure
from anymo.evaluation.ledger import FEW_SHOT
from anymo.evaluation.report import Figure, Section, Table
from anymo.evaluation.virtual_imu import VIRTUAL
from anymo.tables import Cell, markdown_table

_RECOGNITION = (
    "set", "classes", "samples", "accuracy", "macro-F1", "macro-F1, all classes", "R@2", "chance, accuracy",
    "majority, accuracy",
)  # fmt: skip
_OF_CLASS = {
    "class": "name", "F1": "f1", "precision": "precision", "recall": "recall", "true": "support",
    "predicted": "predicted",
}  # fmt: skip


def parts_sections(parts: Mapping[str, Any]) -> list[Section]:
    """Sections of `measure_parts`' numbers."""
    return [
        _pools(parts["encoder"]["retrieval"]),
        *_places(parts["encoder"]),
        *_robustness(parts["encoder"]),
        *_few_labels(parts),
        *_more_sets(parts),
    ]


def recognition_table(parts: Mapping[str, Any]) -> str:
    """Zero-shot recognition on every set, then the classes of each, as Markdown for a model card."""
    sets = parts["encoder"]["zero_shot"]
    rows = [*(_row(name, found) for name, found in sets.items()), *_rows(parts)]
    tables = [markdown_table(_RECOGNITION, [*rows, *_mean({**sets, **_measured(parts)})])]
    for name, found in (sets | parts["other_sets"]).items():
        table = class_table(f"{name}, by class", found["per_class"])
        rows = [[f"{cell:.2f}" if isinstance(cell, float) else cell for cell in row] for row in table.rows]
        tables += [f"**{table.title}**", markdown_table(table.columns, rows)]
    return "\n\n".join(tables) + "\n"


def class_table(title: str, per_class: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each class, from `per_class` of `ClassificationResult.to_dict`."""
    return Table(
        title=title,
        caption="How many recordings are of the class, and how many are said to be.",
        columns=tuple(_OF_CLASS),
        rows=[[row[key] for key in _OF_CLASS.values()] for row in per_class],
    )


def _pools(pools: Mapping[str, Any]) -> Section:
    ways = {"imu_to_text": "IMU to text", "text_to_imu": "text to IMU"}
    rows: list[list[Cell]] = [
        [
            pool.replace("_", " "),
            title,
            round(numbers[way]["gallery_size"], 1),
            *(numbers[way][key] for key in ("recall_at_1", "recall_at_5", "recall_at_10", "mrr")),
            _ends(numbers[way]),
            numbers[way]["chance_mrr"],
        ]
        for pool, numbers in pools.items()
        for way, title in ways.items()
    ]
    columns = ("pool", "way", "candidates", "R@1", "R@5", "R@10", "MRR", "95 %, over clips", "chance, MRR")
    said = "Clips the model never saw; identical texts are merged; small pools are means over draws."
    return Section(title="Retrieval", items=[Table(title="Pools", caption=said, columns=columns, rows=rows)])


def _places(encoder: Mapping[str, Any]) -> list[Section]:
    if not (everyday := encoder.get("everyday")):
        return []
    classes = next(iter(everyday.values()))["classes"]
    rows: list[list[Cell]] = [
        [
            place,
            _share(found["accuracy"], found.get("intervals", {}).get("accuracy")),  # older parts have none
            *(each["recall"] for each in found["per_class"]),
        ]
        for place, found in everyday.items()
    ]
    table = Table(
        title="Gaits and postures at usual places",
        caption="One simulated device, mounted as usual, on held-out motion: accuracy in percent, with its "
        "interval over clips, then the share that is found of each class.",
        columns=("place", "accuracy", *classes),
        rows=rows,
    )
    return [Section(title="Simulated everyday activities", items=[table])]


def _robustness(encoder: Mapping[str, Any]) -> list[Section]:
    if (figure := robustness_figure({"model": encoder})) is None:
        return []
    shown = Figure(
        title="Worn otherwise",
        caption="Accuracy when sensors are turned, shifted, fewer, slower or without a gyroscope.",
        image=plots.png_data_uri(figure),
    )
    return [Section(title="Robustness", items=[shown])]


def _few_labels(parts: Mapping[str, Any]) -> list[Section]:
    sets = parts["few_shot"]
    logged = {line["set"]: line for line in parts["test_sets"] if line["route"] == FEW_SHOT}
    if not sets and not logged:
        return []
    curves = Figure(
        title="Macro-F1 against the number of recordings trained on",
        caption="By people held out; 95 % intervals over people and seeds.",
        image=plots.png_data_uri(efficiency_figure({**sets, **logged})),
    )
    tables = [table for name, n in sets.items() for table in (_runs(name, n), *_virtual(name, n))]
    tables += [_runs(f"{name} (test)", line) for name, line in logged.items()]
    return [Section(title="Few labels", items=[curves, *tables])]


def _runs(name: str, numbers: Mapping[str, Any]) -> Table:
    rows: list[list[Cell]] = [
        [row["method"], row["source"], row["amount"], _interval(row["macro_f1"]),
         _interval(row.get("macro_f1_difference"))]
        for row in numbers["runs"]
    ]  # fmt: skip
    against = numbers["against"]
    return Table(
        title=name,
        caption=f"Macro-F1 in percent, and points above {against} on the same recordings, paired.",
        columns=("method", "trained on", "recordings of each class", "macro-F1", f"above {against}"),
        rows=rows,
    )


def _virtual(name: str, numbers: Mapping[str, Any]) -> list[Table]:
    """How near virtual recordings come to real ones, and what they show; nothing where there are none."""
    if "fidelity" not in numbers:
        return []
    near = numbers["fidelity"]
    rows: list[list[Cell]] = [
        ["other people" if kind == "real" else kind, near[kind]["frechet"], near[kind]["discriminator"]]
        for kind in ("real", *VIRTUAL)
    ]
    shown: list[list[Cell]] = [
        [label, ", ".join(f"{phrase} ({cosine:.2f})" for phrase, cosine in own.items())]
        for label, own in numbers["activities"].items()
    ]
    return [
        Table(
            title=f"{name}: virtual recordings beside real ones",
            caption=f"Of embeddings of {near['num_windows']} windows each, against real ones of half of the "
            f"people; the discriminator is tested on {near['held_out']} it did not see, 0.5 is a guess.",
            columns=("windows of", "Fréchet distance", "accuracy of a discriminator"),
            rows=rows,
        ),
        Table(
            title=f"{name}: what virtual recordings show",
            caption="Activities of the corpus whose phrases are nearest to a label, with the cosine of both.",
            columns=("label", "activities"),
            rows=shown,
        ),
    ]


def _ends(numbers: Mapping[str, float]) -> str:
    return f"{numbers['mrr_low']:.3f} to {numbers['mrr_high']:.3f}" if "mrr_low" in numbers else "-"


def _interval(figure: Mapping[str, float] | None) -> str | None:
    if figure is None:
        return None
    estimate, low, high = (100 * figure[key] for key in ("estimate", "low", "high"))
    return f"{estimate:.1f} ({low:.1f} to {high:.1f})"


def _more_sets(parts: Mapping[str, Any]) -> list[Section]:
    if not (rows := _rows(parts)):
        return []
    table = Table(
        title="Zero-shot by embedding",
        caption="Percent, with 95 % intervals. Test sets run once for a model; their figures are the log's.",
        columns=_RECOGNITION,
        rows=rows,
    )
    classes = [class_table(f"{name}, by class", n["per_class"]) for name, n in parts["other_sets"].items()]
    return [Section(title="Other sets", items=[table, *classes])]


def _measured(parts: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Other sets, and the log's lines of test sets that are not among them."""
    tested = {f"{line['set']} (test)": line for line in parts["test_sets"] if line["route"] == "embedding"}
    other = parts["other_sets"]
    return {**other, **{name: line for name, line in tested.items() if line["set"] not in other}}


def _rows(parts: Mapping[str, Any]) -> list[list[Cell]]:
    return [_row(name, found) for name, found in _measured(parts).items()]


def _mean(sets: Mapping[str, Mapping[str, Any]]) -> list[list[Cell]]:
    """The row that papers print: each set counts alike; none for a single set."""
    if len(sets) < 2:
        return []
    keys = ("accuracy", "macro_f1", "macro_f1_all", "recall_at_2")
    means = [f"{100 * fmean(found[key] for found in sets.values()):.1f}" for key in keys]
    return [[f"mean of {len(sets)} sets", "", "", *means, "", ""]]


def _row(name: str, found: Mapping[str, Any]) -> list[Cell]:
    accuracy, macro_f1, recall_at_2 = (
        _share(found[key], found["intervals"][key]) for key in ("accuracy", "macro_f1", "recall_at_2")
    )
    every = f"{100 * found['macro_f1_all']:.1f}"
    guesses = (_guessed(found, "chance"), _guessed(found, "majority"))
    return [
        name,
        found["num_classes"],
        found["num_samples"],
        accuracy,
        macro_f1,
        every,
        recall_at_2,
        *guesses,
    ]


def _guessed(found: Mapping[str, Any], kind: str) -> str:
    """Accuracy without looking; the log of test sets has it in one word, its older lines no majority."""
    share = found[kind]["accuracy"] if kind in found else found.get(f"{kind}_accuracy")
    return "" if share is None else f"{100 * share:.1f}"


def _share(value: float, interval: Sequence[float] | None) -> str:
    low_high = "-" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
    return f"{100 * value:.1f} ({low_high})"
