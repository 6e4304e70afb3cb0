import json
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import f1_score  # type: ignore[import-untyped]

from anymo.metrics import bootstrap_interval, classification, classification_intervals

NAMES = ("sit", "walk", "run", "jump")


def one_hot(guess: np.ndarray, size: int = 4) -> np.ndarray:
    return np.eye(size)[guess]


def test_hand_values() -> None:
    truth = np.array([0, 0, 0, 1])
    scores = np.array([[3, 2, 1, 0], [2, 3, 1, 0], [1, 2, 3, 0], [1, 2, 3, 0]])  # guesses 0, 1, 2, 2
    result = classification(scores, truth, NAMES, ks=(1, 2, 3, 9))
    assert result.accuracy == 0.25
    # F1: sit 2·1/(1+3), the other two 0; jump occurs in neither truth nor predictions
    assert result.macro_f1 == pytest.approx(0.5 / 3)
    assert result.macro_f1_all == pytest.approx(0.5 / 4)
    assert result.recall_at == {1: 0.25, 2: 0.75, 3: 1.0, 9: 1.0}
    assert result.chance.accuracy == 0.25
    assert result.chance.recall_at == {1: 0.25, 2: 0.5, 3: 0.75, 9: 1.0}
    assert result.majority.accuracy == 0.75
    assert result.majority.recall_at[2] == 1.0
    assert result.majority.macro_f1 == pytest.approx((2 * 3 / (4 + 3)) / 2)
    np.testing.assert_array_equal(result.confusion[0], [1, 1, 1, 0])
    assert result.per_class[0].precision == 1.0
    assert result.per_class[0].recall == pytest.approx(1 / 3)
    assert (result.per_class[2].support, result.per_class[2].predicted) == (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_that_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, guess = rng.integers(0, 3, 20), rng.integers(1, 4, 20)
    result = classification(one_hot(guess), truth, NAMES)
    assert result.macro_f1 == pytest.approx(f1_score(truth, guess, average="macro", zero_division=0))
    every = f1_score(truth, guess, average="macro", zero_division=0, labels=range(4))
    assert result.macro_f1_all == pytest.approx(every)


def test_constant_scorer_gets_chance_in_recall() -> None:
    result = classification(np.zeros((12, 4)), np.arange(12) % 4, NAMES, ks=(1, 2, 3))
    assert result.recall_at == pytest.approx(result.chance.recall_at)


def test_chance_macro_f1_is_what_random_guesses_reach() -> None:
    rng = np.random.default_rng(0)
    truth = rng.choice(4, 40_000, p=[0.6, 0.2, 0.15, 0.05])
    result = classification(rng.random((40_000, 4)), truth, NAMES)
    assert result.macro_f1 == pytest.approx(result.chance.macro_f1, abs=0.01)
    assert result.recall_at[2] == pytest.approx(0.5, abs=0.01)


def test_to_dict_is_plain() -> None:
    entry = classification(one_hot(np.array([0, 1])), np.array([0, 1]), NAMES).to_dict()
    assert entry["recall_at_2"] == 1.0
    assert entry["chance"] == {"accuracy": 0.25, "macro_f1": pytest.approx(1 / 6), "recall_at_2": 0.5}
    assert entry["num_samples"] == 2
    assert json.loads(json.dumps(entry))["per_class"][3]["support"] == 0


@pytest.mark.parametrize(
    ("scores", "truth", "names", "message"),
    [
        (np.zeros((2, 3)), [0, 1], NAMES, r"expected \(N, 4\).*got \(2, 3\)"),
        (np.zeros((2, 4)), [0, 4], NAMES, "expected 0..3, got 4 at sample 1"),
        (np.zeros((2, 4)), [0.0, 1.0], NAMES, "integers"),
        (np.full((2, 4), np.nan), [0, 1], NAMES, "NaN or infinity at sample 0"),
        (np.zeros((2, 2)), [0, 1], ("a", "a"), "different names"),
    ],
)
def test_bad_input_is_named(scores, truth, names, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        classification(scores, np.array(truth), names)


@pytest.mark.parametrize("num_groups", [None, 6])
def test_intervals_are_those_of_the_whole_result_of_each_draw(num_groups: int | None) -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=(60, 3)).round(1), rng.integers(0, 3, 60)
    groups = None if num_groups is None else rng.integers(0, num_groups, 60).astype(str)
    found = classification_intervals(scores, truth, "abc", seed=4, groups=groups)
    rows = np.column_stack([scores, truth])
    measures = {
        "accuracy": lambda r: r.accuracy,
        "macro_f1": lambda r: r.macro_f1,
        "recall_at_2": lambda r: r.recall_at[2],
    }
    assert found.keys() == measures.keys()
    for name, measure in measures.items():

        def of_draw(drawn: np.ndarray, measure: Callable[..., float] = measure) -> float:
            return measure(classification(drawn[:, :-1], drawn[:, -1].astype(int), "abc"))

        expected = bootstrap_interval(rows, rng=np.random.default_rng(4), groups=groups, statistic=of_draw)
        for end in ("low", "estimate", "high"):
            assert getattr(found[name], end) == pytest.approx(getattr(expected, end), abs=1e-12)
