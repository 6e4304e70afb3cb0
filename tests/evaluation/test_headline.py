"""The first table of a report: what was measured of recognition, with intervals and both baselines."""

import numpy as np

from anymo.evaluation.held_out import HeldOutRetrieval
from anymo.evaluation.suite import Evaluation, summary_rows
from anymo.evaluation.zero_shot import ZeroShotResult
from anymo.metrics import Interval, classification, retrieval


def test_recognition_has_intervals_and_both_baselines() -> None:
    words = ("sit", "walk", "run")
    result = classification(np.eye(3)[[0, 0, 0, 1, 0]], np.array([0, 0, 0, 0, 1]), words)
    ends = {"accuracy": 0.1, "macro_f1": 0.2, "recall_at_2": 0.3}
    zero = ZeroShotResult(
        set_name="toy",
        route="embedding",
        result=result,
        intervals={name: Interval(estimate=0.5, low=low, high=0.9) for name, low in ends.items()},
        interval_over="recordings",
        words=words,
        max_windows=None,
    )
    one = retrieval(np.eye(4), np.eye(4, dtype=bool))
    found = HeldOutRetrieval(imu_to_text=one, text_to_imu=one)
    rows = summary_rows(Evaluation(zero_shot=(zero,), retrieval=found, captions=None, recordings={}))
    told = {row.metric: row for row in rows if row.task == "zero-shot toy, embedding"}
    assert {name: row.interval for name, row in told.items()} == {
        "accuracy": (0.1, 0.9),
        "macro-F1": (0.2, 0.9),
        "macro-F1, all classes": None,
        "R@2": (0.3, 0.9),
    }
    assert told["accuracy"].majority == 0.8
    assert told["macro-F1"].majority == result.majority.macro_f1
    assert told["R@2"].majority == 1.0
    assert told["macro-F1"].value > told["macro-F1, all classes"].value == result.macro_f1_all
