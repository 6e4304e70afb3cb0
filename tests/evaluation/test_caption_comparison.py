"""Intervals and verdicts of caption scores, whose numbers are known here."""

from typing import Any

import numpy as np
import pytest

from anymo.evaluation.alignment_report import alignment_report
from anymo.evaluation.caption_comparison import compare
from anymo.evaluation.captioning import BASELINES, METRICS, SYSTEMS, exchange
from anymo.evaluation.real_captions import REAL_SYSTEMS
from anymo.metrics import bootstrap_interval

NUM = 40
CLIP = [k // 2 for k in range(NUM)]


def run(model: float, seed: int, **others: float) -> dict[str, Any]:
    """Scores of all systems with means near these; baselines that are not named have 0.2."""
    rng = np.random.default_rng(seed)
    means = dict.fromkeys(SYSTEMS, 0.2) | {"model": model} | others
    return {
        s: {m: (mean + 0.1 * rng.normal(size=NUM)).tolist() for m in METRICS} for s, mean in means.items()
    }


def test_one_model_is_judged_by_its_clips() -> None:
    scores = run(0.5, 0, nearest=0.5)
    found = compare([scores], CLIP, seed=0)
    assert (found["num_windows"], found["num_clips"], found["interval_over"]) == (40, 20, "clips")
    own = found["scores"]["model"]["cider_d"]
    assert own["estimate"] == pytest.approx(np.mean(scores["model"]["cider_d"]))
    groups = np.array(CLIP).astype(str)
    direct = bootstrap_interval(scores["model"]["cider_d"], rng=np.random.default_rng(0), groups=groups)
    assert own == pytest.approx(direct.to_dict())
    assert found["verdict"] == {"frequent": True, "nearest": False, "untuned": True, "shuffled": True}
    gain = found["differences"]["frequent"]["cider"]
    paired = np.subtract(scores["model"]["cider"], scores["frequent"]["cider"])
    assert gain["estimate"] == pytest.approx(paired.mean())
    assert gain["beats"] == (gain["low"] > 0)
    gain = found["differences"]["alone_shuffled"]["cider"]
    paired = np.subtract(scores["alone"]["cider"], scores["alone_shuffled"]["cider"])
    assert gain["estimate"] == pytest.approx(paired.mean())


def test_several_models_are_judged_by_their_spread() -> None:
    runs = [run(mean, k) for k, mean in enumerate((0.4, 0.5, 0.6))]
    found = compare(runs, CLIP, seed=0)
    own, each = found["scores"]["model"]["meteor"], [np.mean(r["model"]["meteor"]) for r in runs]
    assert found["interval_over"] == "models"
    half = 4.303 * np.std(each, ddof=1) / 3**0.5  # t(0.975, 2)
    assert own["high"] - own["estimate"] == pytest.approx(half, rel=1e-3)
    gain = found["differences"]["untuned"]["meteor"]
    assert np.mean(gain["by_model"]) == pytest.approx(gain["estimate"])
    assert all(found["verdict"].values())


def test_a_model_that_fails_spoils_the_verdict() -> None:
    """Two of three are so far ahead that the mean is clear of 0, but the third is behind."""
    found = compare([run(1.0, 0), run(1.0, 1), run(0.1, 2)], CLIP, seed=0)
    gain = found["differences"]["shuffled"]["cider"]
    assert gain["low"] > 0
    assert not gain["beats"]
    assert not any(found["verdict"].values())


def test_tokens_are_exchanged_between_clips() -> None:
    clip = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3])
    for seed in range(20):
        order = exchange(clip, np.random.default_rng(seed))
        assert sorted(order) == list(range(9))
        assert (clip[order] != clip).all()
    assert sorted(exchange(np.zeros(3, dtype=int), np.random.default_rng(0))) == [0, 1, 2]


def test_the_report_has_it_all() -> None:
    figures = {"accuracy": 0.5, "macro_f1": 0.4, "recall_at_2": 0.7}
    chance = {"accuracy": 0.25, "macro_f1": 0.25, "recall_at_2": 0.5}
    zero = figures | {"chance": chance, "intervals": {k: [v - 0.1, v + 0.1] for k, v in figures.items()}}
    keys = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr")
    way = {f"{c}{k}": 0.1 for c in ("", "chance_") for k in keys}
    pool = {"num_windows": 8, "num_pools": 1, "imu_to_text": way, "text_to_imu": way}
    said = {s: [f"what {s} says"] * NUM for s in SYSTEMS}
    about = {"said": said, "references": [["a | b"]] * NUM, "base": "lm", "bertscore": "lm, layer 8"}
    example = {"set": "spar", "label": "a label", "placements": ["right wrist"], "caption": "as it is."}
    near = {"text_similarity": 0.5, "accuracy": 0.75}
    model = {
        "model": "seed-0/model",
        "caption_means": {s: {"cider": k / 8} for k, s in enumerate(SYSTEMS)},
        "captions": about | {"text_similarity": "words"},
        "retrieval": {"encoder alone": {"real": pool}},
        "zero_shot": {"spar": {"likelihood": zero}},
        "examples": [example],
        "questions": {"Where?": {"num": 7, "accuracy": 0.5, "untold": 0.25, "majority": 0.125}},
        "real_captions": {"spar": {"num_labels": 4} | dict.fromkeys(REAL_SYSTEMS, near)},
    }
    one = {"captions": compare([run(0.5, 0, nearest=0.5)], CLIP, seed=0), "models": [model]}
    page = alignment_report(one, markdown=True)
    assert "nearest neighbour: NOT beaten" in page
    assert "| seed-0/model | 0.000 | 0.125 | 0.250 | 0.375 | 0.500 |" in page
    assert "| spar, likelihood | 50.0 [40.0, 60.0] | 40.0 [30.0, 50.0] | 70.0 [60.0, 80.0] | 25.0 |" in page
    assert "| encoder alone, real of 8, IMU to text, R@1 | 10.0 | 10.0 |" in page
    assert "| Where? | 7 | 50.0 | 25.0 | 12.5 |" in page
    assert "| spar, language model alone | 0.500 | 75.0 | 25.0 |" in page
    assert "| spar | a label | right wrist | as it is. |" in page
    assert "| a \\| b | what model says | what alone says | what frequent says |" in page
    assert all(title in page for title in METRICS.values())
    tested = dict(zero) | {"chance_accuracy": chance["accuracy"]}
    several = [model | {"test_sets": {"hapt": {"generate": tested}}}] * 3
    text = alignment_report(
        {"captions": compare([run(0.5, k) for k in range(3)], CLIP, seed=0), "models": several}
    )
    assert "hapt, generate" in text
    assert "50.0 ± 0.0" in text
    assert set(BASELINES) < set(SYSTEMS)
