from itertools import permutations

import numpy as np
import pytest

from anymo.metrics import merge_duplicates, retrieval


def by_every_order(similarity: np.ndarray, positives: np.ndarray, k: int) -> tuple[float, float, float]:
    """Slow and obvious: sort the gallery under every order of its items, find the first positive."""
    recalls, reciprocals, medians = [], [], []
    for scores, positive in zip(similarity, positives, strict=True):
        ranks = []
        for order in permutations(range(len(scores))):
            listed = sorted(order, key=lambda item: -scores[item])  # stable: ties stay in `order`
            ranks.append(next(place for place, item in enumerate(listed, start=1) if positive[item]))
        recalls.append(np.mean([r <= k for r in ranks]))
        reciprocals.append(np.mean([1 / r for r in ranks]))
        medians.append(np.mean(ranks))
    return float(np.mean(recalls)), float(np.mean(reciprocals)), float(np.median(medians))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [1, 2, 3, 1000])
def test_equals_the_slow_implementation(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = rng.integers(0, levels, (4, 6)).astype(float)
    positives = rng.random((4, 6)) < 0.4
    positives[np.arange(4), rng.integers(0, 6, 4)] = True
    result = retrieval(similarity, positives, ks=(2,))
    found = (result.recall_at[2], result.mrr, result.median_rank)
    assert found == pytest.approx(by_every_order(similarity, positives, 2))


def test_constant_scorer_gets_chance() -> None:
    result = retrieval(np.ones((100, 100)), np.eye(100, dtype=bool))
    assert result.mrr == pytest.approx(result.chance_mrr)
    assert result.chance_mrr == pytest.approx(sum(1 / r for r in range(1, 101)) / 100)  # H_n/n
    assert result.chance_mrr == pytest.approx(0.0519, abs=5e-5)
    assert result.recall_at == pytest.approx({1: 0.01, 5: 0.05, 10: 0.1})
    assert result.median_rank == pytest.approx(50.5)


def test_hand_values_and_first_of_several_positives() -> None:
    similarity = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    positives = np.array([[False, True, True], [True, False, True]])
    result = retrieval(similarity, positives, ks=(1, 5))
    assert result.recall_at == {1: 0.5, 5: 1.0}
    assert result.mrr == pytest.approx(0.75)
    assert result.median_rank == 1.5
    np.testing.assert_allclose(result.reciprocal_rank, [0.5, 1.0])
    assert result.chance_recall_at[1] == pytest.approx(2 / 3)
    assert result.to_dict()["gallery_size"] == 3


def test_relabelling_the_gallery_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    similarity, positives = rng.integers(0, 5, (20, 30)), rng.random((20, 30)) < 0.2
    positives[:, 0] = True
    order = rng.permutation(30)
    a, b = retrieval(similarity, positives), retrieval(similarity[:, order], positives[:, order])
    assert a.to_dict() == pytest.approx(b.to_dict())


def test_identical_texts_are_one_item() -> None:
    unique, index = merge_duplicates(["walk", "run", "walk", "sit"])
    assert unique == ("walk", "run", "sit")
    np.testing.assert_array_equal(index, [0, 1, 0, 2])
    to_text = index[:, None] == np.arange(3)
    assert retrieval(to_text.astype(float), to_text).mrr == 1.0
    assert retrieval(to_text.T.astype(float), to_text.T).mrr == 1.0


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"none for query 1 \(1 such\)"):
        retrieval(np.zeros((2, 2)), [[True, False], [False, False]])
    with pytest.raises(ValueError, match=r"got \(2, 2\), \(2, 3\)"):
        retrieval(np.zeros((2, 2)), np.ones((2, 3), dtype=bool))
    with pytest.raises(ValueError, match="infinity at query 1"):
        retrieval([[0.0], [np.nan]], [[True], [True]])
