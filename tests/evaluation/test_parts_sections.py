"""Parts of a release as sections of its report: what is shown of which numbers."""

from typing import Any

import numpy as np

from anymo.evaluation.few_shot_result import FewShotResult, Run
from anymo.evaluation.ledger import FEW_SHOT
from anymo.evaluation.parts_sections import parts_sections, recognition_table
from anymo.evaluation.report import Table, render
from anymo.evaluation.splits import Amount
from anymo.evaluation.virtual_imu import VIRTUAL
from anymo.metrics import classification

NOTHING: dict[str, Any] = {
    "encoder": {"retrieval": {}, "zero_shot": {}},
    "few_shot": {},
    "other_sets": {},
    "test_sets": [],
}


def few_labels() -> dict[str, Any]:
    """Numbers of a set on which one method was trained on one recording of each class."""
    run = Run(method="probe", source="real", amount=Amount(num=1))
    truth = np.arange(8) % 2
    result = FewShotResult(
        classes=("a", "b"),
        truth=truth,
        subject=np.array([f"s{k // 2}" for k in range(8)]),
        scores={run: np.eye(2)[truth][None]},
        seconds={run: 1.0},
        against="scratch",
    )
    return result.to_dict()


def tables(parts: dict[str, Any]) -> dict[str, Table]:
    items = [item for section in parts_sections(parts) for item in section.items]
    return {item.title: item for item in items if isinstance(item, Table)}


def test_parts_that_were_kept_before_there_were_intervals_are_shown() -> None:
    """`kept` reads what an earlier commit measured, with a warning."""
    told = classification(np.eye(2)[[0, 1, 1, 1]], np.array([0, 0, 1, 1]), ["sit", "run"]).to_dict()
    for more, shown in (({}, "75.0 (-)"), ({"intervals": {"accuracy": [0.5, 1.0]}}, "75.0 (50.0 to 100.0)")):
        encoder = {"retrieval": {}, "zero_shot": {}, "everyday": {"waist": told | more}}
        table = tables(NOTHING | {"encoder": encoder})["Gaits and postures at usual places"]
        assert table.rows == [["waist", shown, 0.5, 1.0]]


def test_virtual_recordings_are_shown_where_there_are_any() -> None:
    real = few_labels()
    assert set(tables(NOTHING | {"few_shot": {"toy": real}})) == {"Pools", "toy"}
    near = {kind: {"frechet": 0.25 + k, "discriminator": 0.5} for k, kind in enumerate(("real", *VIRTUAL))}
    numbers = real | {
        "fidelity": {"num_windows": 40, "held_out": "people", **near},
        "activities": {"a": {"climbing stairs": 0.913, "walking": 0.5}, "b": {"sitting": 1.0}},
    }
    parts = NOTHING | {"few_shot": {"toy": numbers}}
    shown = tables(parts)
    assert [row[:2] for row in shown["toy: virtual recordings beside real ones"].rows] == [
        ["other people", 0.25],
        *([kind, 1.25 + k] for k, kind in enumerate(VIRTUAL)),
    ]
    assert shown["toy: what virtual recordings show"].rows == [
        ["a", "climbing stairs (0.91), walking (0.50)"],
        ["b", "sitting (1.00)"],
    ]
    assert "Of embeddings of 40 windows each" in render("run", [], parts_sections(parts))


def test_every_set_has_its_classes_and_its_baselines() -> None:
    scores = np.eye(3)[[0, 0, 0, 1, 2]]
    found = classification(scores, np.array([0, 0, 0, 0, 1]), ("sit", "walk", "run")).to_dict()
    found |= {"intervals": {key: [0.25, 0.75] for key in ("accuracy", "macro_f1", "recall_at_2")}}
    parts = NOTHING | {
        "encoder": NOTHING["encoder"] | {"zero_shot": {"one": found}},
        "other_sets": {"two": found},
    }
    (line,) = (line for line in recognition_table(parts).splitlines() if line.startswith("| one |"))
    f1 = f"{100 * (6 / 7) / 3:.1f}"
    told = f"60.0 (25.0 to 75.0) | {f1} (25.0 to 75.0) | {f1} | 80.0 (25.0 to 75.0) | 33.3 | 80.0"
    assert line == f"| one | 3 | 5 | {told} |"
    for name in ("one", "two"):
        table = recognition_table(parts).partition(f"**{name}, by class**\n\n")[2]
        assert table.splitlines()[:3] == [
            "| class | F1 | precision | recall | true | predicted |",
            "| --- | --- | --- | --- | --- | --- |",
            "| sit | 0.86 | 1.00 | 0.75 | 4 | 3 |",
        ]
    assert tables(parts)["two, by class"].rows[1] == ["walk", 0.0, 0.0, 0.0, 1, 1]
    assert "(test)" not in recognition_table(parts)
    mean = f"60.0 | {f1} | {f1} | 80.0"
    assert f"| mean of 2 sets |  |  | {mean} |  |  |" in recognition_table(parts)
    assert "mean of" not in recognition_table(parts | {"other_sets": {}})


def test_the_log_of_test_sets_has_its_tables() -> None:
    """Few labels as they were logged; a run as it is, beside the mean of all sets."""
    trials = few_labels() | {"set": "hapt", "route": FEW_SHOT}
    parts = NOTHING | {"test_sets": [trials]}
    assert tables(parts)["hapt (test)"].rows[0][:3] == ["probe", "real", "1"]
    assert [s.title for s in parts_sections(parts)] == ["Retrieval", "Few labels"]
