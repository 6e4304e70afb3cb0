"""What few-shot trials give: figures with intervals, differences paired over people and seeds, a table."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anymo.evaluation.splits import Amount
from anymo.metrics import Interval, classification, crossed_interval
from anymo.metrics.classification import macro_f1
from anymo.records import Array
from anymo.tables import markdown_table

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A method, what it was trained on, and how much of it."""

    method: str
    source: str
    amount: Amount

    @property
    def name(self) -> str:
        """Method, and what it was trained on unless that is real recordings alone."""
        return self.method if self.source == "real" else f"{self.method}, {self.source}"


def _accuracy(confusion: npt.NDArray[Any]) -> float:
    return float(np.trace(confusion) / confusion.sum())


MEASURES: dict[str, Callable[[npt.NDArray[Any]], float]] = {"accuracy": _accuracy, "macro_f1": macro_f1}


@dataclass(frozen=True, kw_only=True, eq=False)
class FewShotResult:
    """Scores of R recordings by every run, with every seed; higher is likelier.

    classes   labels
    truth     class of each recording                  (R,)
    subject   of each recording                        (R,)
    scores    of each run                              (seeds, R, C)
    seconds   of a fit, mean over splits and seeds
    against   the method that others are compared with, where it was run
    """

    classes: tuple[str, ...]
    truth: Ints
    subject: npt.NDArray[np.str_]
    scores: Mapping[Run, Array]
    seconds: Mapping[Run, float]
    against: str

    def confusion(self, run: Run) -> Ints:
        """Counts (subjects, seeds, C, C), rows truth, columns prediction."""
        said = self.scores[run].argmax(axis=2)
        who = np.unique(self.subject, return_inverse=True)[1]
        num = len(self.classes)
        table = np.zeros((int(who.max()) + 1, len(said), num, num), dtype=np.int64)
        for k, row in enumerate(said):
            np.add.at(table[:, k], (who, self.truth, row), 1)
        return table

    def figure(self, run: Run, measure: str) -> Interval:
        """A measure of a run, mean over seeds, with a 95 % interval over subjects and seeds."""
        return crossed_interval(
            self.confusion(run), rng=np.random.default_rng(0), statistic=MEASURES[measure]
        )

    def difference(self, run: Run, other: Run, measure: str) -> Interval:
        """How far a run is above another, paired: the same subjects and seeds are drawn for both."""
        of = MEASURES[measure]
        tables = np.stack([self.confusion(run), self.confusion(other)], axis=2)
        return crossed_interval(
            tables, rng=np.random.default_rng(0), statistic=lambda both: of(both[0]) - of(both[1])
        )

    def baseline(self, run: Run) -> Run | None:
        """The run it is compared with: `against` on as many real recordings; None for that itself."""
        other = Run(method=self.against, source="real", amount=run.amount)
        return other if other in self.scores and other != run else None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for metrics.json."""
        one = classification(next(iter(self.scores.values()))[0], self.truth, self.classes)
        return {
            "classes": list(self.classes),
            "num_recordings": len(self.truth),
            "num_subjects": len(np.unique(self.subject)),
            "chance": {"accuracy": one.chance.accuracy, "macro_f1": one.chance.macro_f1},
            "majority": {"accuracy": one.majority.accuracy, "macro_f1": one.majority.macro_f1},
            "against": self.against,
            "runs": [self._row(run) for run in self.scores],
        }

    def _row(self, run: Run) -> dict[str, Any]:
        other = self.baseline(run)
        row: dict[str, Any] = {"method": run.method, "source": run.source, "amount": run.amount.name}
        for measure in MEASURES:
            row[measure] = self.figure(run, measure).to_dict()
            if other is not None:
                row[f"{measure}_difference"] = self.difference(run, other, measure).to_dict()
        return row | {"fit_s": self.seconds[run]}


def few_shot_table(results: Mapping[str, dict[str, Any]]) -> str:
    """Markdown: for each set macro-F1 of every method and amount, then differences from the baseline.

    Args:
        results: set -> `FewShotResult.to_dict()`.
    """
    parts = []
    for name, numbers in results.items():
        chance = 100 * numbers["chance"]["macro_f1"]
        about = (
            f"**{name}**: {numbers['num_recordings']} recordings of {numbers['num_subjects']} people, "
            f"{len(numbers['classes'])} classes; macro-F1, %, 95 % intervals over people and seeds; "
            f"chance {chance:.1f}"
        )
        parts += [about, _grid(numbers["runs"], "macro_f1")]
        if any("macro_f1_difference" in row for row in numbers["runs"]):
            said = f"Above {numbers['against']}, points of macro-F1, paired:"
            parts += [said, _grid(numbers["runs"], "macro_f1_difference")]
    return "\n\n".join(parts)


def ordered_amounts(names: Iterable[str]) -> list[str]:
    """Names of amounts, each once: recordings per class, then shares, each by size."""
    return sorted(set(names), key=lambda name: (name.endswith("%"), float(name.removesuffix(" %"))))


def _grid(rows: list[dict[str, Any]], key: str) -> str:
    """A row per method and source, a column per amount."""
    rows = [row for row in rows if key in row]
    amounts = ordered_amounts(row["amount"] for row in rows)
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        run = Run(method=row["method"], source=row["source"], amount=Amount())
        estimate, low, high = (100 * row[key][k] for k in ("estimate", "low", "high"))
        cells.setdefault(run.name, {})[row["amount"]] = f"{estimate:.1f} ({low:.1f} to {high:.1f})"
    lines = [[name, *(own.get(amount, "") for amount in amounts)] for name, own in cells.items()]
    return markdown_table(["method", *amounts], lines)
