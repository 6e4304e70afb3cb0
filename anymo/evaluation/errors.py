"""What a model confuses, as Markdown: a table of the classes, the confusion matrix, the commonest errors."""

import numpy as np

from anymo.metrics import ClassificationResult
from anymo.tables import markdown_table

_NUM_ERRORS = 8  # pairs of truth and prediction that are listed


def error_analysis(result: ClassificationResult, title: str) -> str:
    """Figures in percent, then `class_tables`, of one model on one set.

    Args:
        result: of the model on the set.
        title: heading, of the third level, as a model card takes it (`anymo export --notes`).
    """
    figures = (
        f"Accuracy {100 * result.accuracy:.1f} % (chance {100 * result.chance.accuracy:.1f}, largest class "
        f"{100 * result.majority.accuracy:.1f}), macro-F1 {100 * result.macro_f1:.1f}, "
        f"R@2 {100 * result.recall_at[2]:.1f}."
    )
    return "\n\n".join([f"### {title}", figures, class_tables(result)])


def class_tables(result: ClassificationResult) -> str:
    """Per-class figures, confusion matrix and commonest errors of one model on one set."""
    classes = [
        [row.name, f"{row.f1:.2f}", f"{row.precision:.2f}", f"{row.recall:.2f}", row.support, row.predicted]
        for row in result.per_class
    ]
    numbers = [f"{k + 1}" for k in range(len(result.classes))]
    matrix = [
        [f"{k + 1} {name}", *counts]
        for k, (name, counts) in enumerate(zip(result.classes, result.confusion.tolist(), strict=True))
    ]
    return "\n\n".join(
        [
            markdown_table(["class", "F1", "precision", "recall", "true", "predicted"], classes),
            "Rows are the truth, columns the prediction.",
            markdown_table(["", *numbers], matrix),
            "Commonest errors:",
            markdown_table(["true", "taken for", "times", "share of the class"], _errors(result)),
        ]
    )


def _errors(result: ClassificationResult) -> list[list[object]]:
    wrong = result.confusion * (1 - np.eye(len(result.classes), dtype=np.int64))
    support = result.confusion.sum(axis=1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_NUM_ERRORS]
    pairs = [divmod(int(k), len(result.classes)) for k in order]
    return [
        [result.classes[t], result.classes[p], int(wrong[t, p]), f"{wrong[t, p] / support[t]:.0%}"]
        for t, p in pairs
        if wrong[t, p]
    ]
