"""Zero-shot on one registered set, or on a set of one's own: what `anymo evaluate` runs."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anymo import plots
from anymo.config import write_text
from anymo.data.sets import NAMES, DatasetSpec, LoadedSet, LoadReport
from anymo.data.sets.loading import Selection
from anymo.data.sets.spec import Split
from anymo.data.test_sets import read_test_set
from anymo.evaluation.aligned_test_sets import PARTS
from anymo.evaluation.confused_signals import confused_classes
from anymo.evaluation.errors import class_tables
from anymo.evaluation.ledger import (
    AGAIN,
    LEDGER,
    earlier_run,
    model_hash,
    refuse_second_run,
    write_lines,
    zero_shot_line,
)
from anymo.evaluation.other_sets import read_files
from anymo.evaluation.window_rules import ONE_WINDOW_S, RULES, Rule
from anymo.evaluation.zero_shot import ZeroShotResult, zero_shot
from anymo.pipeline import TEMPLATES, AnymoPipeline, Route
from anymo.records import Recording
from anymo.tables import markdown_table

_FEW_UNITS = 8  # of the bootstrap; with fewer its 95 % are far from 95
_LOGGED = {"accuracy": "accuracy", "macro-F1": "macro_f1", "R@2": "recall_at_2"}

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SetEvaluation:
    """Zero-shot figures on one set, and what was read of it."""

    spec: DatasetSpec
    layout: str
    split: Split
    report: LoadReport
    zero_shot: ZeroShotResult
    recordings: Sequence[Recording]
    repeats: dict[str, Any] | None = None  # the log's line of the same run of this model on a test set

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and words for metrics.json."""
        return {
            "set": self.spec.name,
            "role": self.spec.role,
            "layout": self.layout,
            "split": self.split,
            "route": self.zero_shot.route,
            **self.zero_shot.to_dict(),
            "loaded": self.report.to_dict(),
            "notes": self.spec.notes,
            "licence": self.spec.licence,
            "repeats": self.repeats,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProtocol:
    """How a set is read and classified.

    layout  of its files; the usual one where left out
    route   as `AnymoPipeline.classify`
    rule    a key of `window_rules.RULES`; "as-one" leaves out what is too long for one window, and counts it
    split   "all", or "official": the test part of the set's official split
    seed    of the bootstrap
    ledger  log of test sets; one in the clone, none elsewhere
    """

    layout: str | None = None
    route: Route = "embedding"
    rule: Rule = "recording"
    split: Split = "all"
    seed: int = 0
    ledger: Path = LEDGER


def evaluate_set(
    pipe: AnymoPipeline, spec: DatasetSpec, data: Path | None, protocol: SetProtocol | None = None
) -> SetEvaluation:
    """Zero-shot on a set; on people of a test set once for each model, logged before anybody sees a figure.

    The same run of the same model again is let through, beside what the log has, and logged as such: weights
    are the same, but code and words may have changed.

    Args:
        pipe: the model.
        spec: of the set.
        data: folder with its files; None for the sets that are found without one (development sets by
            `anymo.assets`, test sets by ANYMO_DATA).
        protocol: how.

    Raises:
        FileNotFoundError: the files, or the ledger of a test set, are not there.
        ValueError: what reading or classifying refuses; or the ledger has this model on this test set, read
            in another way.
    """
    how = protocol or SetProtocol()
    if not spec.looks_at:
        return _run(pipe, _read(spec, data, how), how)
    if not how.ledger.parent.is_dir():
        raise FileNotFoundError(
            f"set {spec.name}: each look at the test set {spec.looks_at} is logged, and there is no "
            f"{how.ledger} here; state a file to keep the log in (--ledger test_sets.jsonl), the same for "
            "all models you compare"
        )
    parts = PARTS if how.route != "embedding" else PARTS[:2]
    layout = how.layout or spec.usual_layout
    run = {"set": spec.name, "route": how.route, "layout": layout, "split": how.split, "rule": how.rule}
    earlier = earlier_run(model_hash(pipe.folder, parts), run | {"max_windows": None}, how.ledger)
    if earlier is not None:
        found = replace(_run(pipe, _read(spec, data, how), how), repeats=earlier)
        line = zero_shot_line(found.to_dict()) | {"looks_at": spec.looks_at, "route": f"{how.route} {AGAIN}"}
        write_lines(how.ledger, pipe.folder, earlier["sha256"], [line])
        return found
    sha256 = refuse_second_run(pipe.folder, [_own(spec)], how.ledger, parts, routes=[how.route])
    found = _run(pipe, _read(spec, data, how), how)
    line = zero_shot_line(found.to_dict()) | {"looks_at": spec.looks_at}
    write_lines(how.ledger, pipe.folder, sha256, [line])
    return found


def _own(spec: DatasetSpec) -> str:
    """What a look at a set is one of: a registered set itself, else the test set whose people it shows."""
    return spec.name if spec.name in NAMES else spec.looks_at


def _read(spec: DatasetSpec, data: Path | None, how: SetProtocol) -> LoadedSet:
    span_s = (spec.span_s or ONE_WINDOW_S) if how.rule == "as-one" else None
    selection = Selection(split=how.split, span_s=span_s)
    if spec.role == "test":
        return read_test_set(spec.name, data, how.layout, selection)
    return read_files(spec, data, how.layout, selection)


def _run(pipe: AnymoPipeline, loaded: LoadedSet, how: SetProtocol) -> SetEvaluation:
    result = zero_shot(
        pipe, loaded.spec.name, how.route, recordings=loaded.recordings, spec=loaded.spec, rule=how.rule,
        seed=how.seed,
    )  # fmt: skip
    return SetEvaluation(
        spec=loaded.spec,
        layout=how.layout or loaded.spec.usual_layout,
        split=how.split,
        report=loaded.report,
        zero_shot=result,
        recordings=loaded.recordings,
    )


def summary(found: SetEvaluation) -> list[str]:
    """Lines of the printed table."""
    zero, result = found.zero_shot, found.zero_shot.result
    chance, majority = result.chance, result.majority
    recall = [of.recall_at[2] for of in (result, chance, majority)]
    rows = [
        ("accuracy", result.accuracy, _interval(zero, "accuracy"), chance.accuracy, majority.accuracy),
        ("macro-F1", result.macro_f1, _interval(zero, "macro_f1"), chance.macro_f1, majority.macro_f1),
        ("macro-F1, all classes", result.macro_f1_all, "", "", ""),
        ("R@2", recall[0], _interval(zero, "recall_at_2"), *recall[1:]),
    ]
    over = _over(found) if zero.interval else "One recording has no interval"
    return [
        f"{found.spec.title or 'set'} ({found.spec.name}, {found.spec.role}): {len(result.classes)} classes, "
        f"{len(result.prediction)} samples; layout {found.layout}, "
        f"{'official test part' if found.split == 'official' else 'all recordings'}; route {zero.route}; "
        f"{RULES[zero.rule]}",
        *_repeated(found),
        "",
        f"{'':24}{'%':>7}{'95 % interval':>17}{'chance':>9}{'majority':>10}",
        *(
            f"{name:24}{_percent(value):>7}{interval:>17}{_percent(uniform):>9}{_percent(largest):>10}".rstrip()
            for name, value, interval, uniform, largest in rows
        ),
        "",
        *class_tables(result).splitlines(),
        *_by_placement(zero),
        "",
        *found.report.lines(),
        f"{over}. Templates: "
        f"{', '.join(map(repr, TEMPLATES)) if zero.route == 'embedding' else 'none'}. {found.spec.notes}",
    ]


def _by_placement(zero: ZeroShotResult) -> list[str]:
    if not zero.by_placement:
        return []
    rows = [
        [place, len(r.prediction), _percent(r.accuracy), _percent(r.macro_f1)]
        for place, r in zero.by_placement.items()
    ]
    table = markdown_table(["worn on", "samples", "accuracy, %", "macro-F1, %"], rows)
    return ["", "By where the sensors are worn:", "", *table.splitlines()]


def _over(found: SetEvaluation) -> str:
    unit = found.zero_shot.interval_over
    of = {"subjects": len({r.subject for r in found.recordings}), "recordings": len(found.recordings)}
    num = of.get(unit, len(found.zero_shot.result.prediction))
    doubt = "" if num >= _FEW_UNITS else ", too few for an interval to be trusted"
    return f"Intervals are over {num} {unit}{doubt}"


def _repeated(found: SetEvaluation) -> list[str]:
    if (line := found.repeats) is None:
        return []
    figures = ", ".join(f"{name} {_percent(line[key])}" for name, key in _LOGGED.items())
    return [f"The run of this model of {line['date'][:10]} again, which the log has with {figures} %"]


def write_evaluation(found: SetEvaluation, folder: Path, pipe: AnymoPipeline) -> None:
    """metrics.json, per_class.csv, confusion.csv and confusion.png of an evaluation, and confused.png.

    The last shows recordings of the classes that are confused most (`confused_classes`) and is left out where
    nothing is confused, and of a test set, whose signals are not to be looked at.

    Args:
        found: of `evaluate_set`.
        folder: made if missing.
        pipe: the model that was evaluated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    zero, result = found.zero_shot, found.zero_shot.result
    write_text(folder / "metrics.json", json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n")
    columns = ("name", "precision", "recall", "f1", "support", "predicted")
    classes = [[getattr(row, column) for column in columns] for row in result.per_class]
    write_text(folder / "per_class.csv", _csv([list(columns), *classes]))
    matrix = [[name, *row] for name, row in zip(result.classes, result.confusion.tolist(), strict=True)]
    write_text(folder / "confusion.csv", _csv([["true / predicted", *result.classes], *matrix]))
    figure = plots.confusion(result.confusion, result.classes, title=f"{found.spec.name} by {zero.route}")
    _save(figure, folder / "confusion.png")
    seen = [] if found.spec.looks_at else confused_classes(pipe, result, found.recordings)
    if seen:
        _save(plots.signal_pairs([each.signals for each in seen]), folder / "confused.png")


def _save(figure: "Figure", file: Path) -> None:
    draft = file.with_name(f"{file.name}.tmp")
    figure.savefig(draft, format="png", dpi=plots.DPI)
    draft.replace(file)


def _interval(zero: ZeroShotResult, name: str) -> str:
    interval = zero.intervals[name]
    return "-" if interval is None else f"{_percent(interval.low)} to {_percent(interval.high)}"


def _percent(share: object) -> str:
    return f"{100 * share:.1f}" if isinstance(share, float) else str(share)


def _csv(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
