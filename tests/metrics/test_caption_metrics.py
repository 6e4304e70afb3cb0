from math import exp

import numpy as np
import pytest

from anymo.metrics import bleu, embedding_similarity, rouge_l, score_captions, tokenize


def test_tokens() -> None:
    assert tokenize("The person's arm, RAISED!") == ["the", "person", "s", "arm", "raised"]


def test_clipping_after_papineni() -> None:
    references = ["The cat is on the mat.", "There is a cat on the mat."]
    # "the" is in no reference more than twice, and 7 words against 7 have no penalty
    assert bleu("the the the the the the the", references, order=1) == pytest.approx(2 / 7)


def test_brevity_takes_the_closest_length() -> None:
    assert bleu("a b", ["a b c d"], order=1) == pytest.approx(exp(1 - 4 / 2))
    assert bleu("a b", ["a b c d", "a b c"], order=1) == pytest.approx(exp(1 - 3 / 2))
    assert bleu("a b", ["a b c", "x"], order=1) == pytest.approx(1.0)  # both one away: the shorter counts
    assert bleu("a b c d", ["a b"], order=1) == pytest.approx(0.5)


def test_bleu_4_by_hand() -> None:
    # a person walks forward slowly / a person walks forward quickly: 4/5, 3/4, 2/3, 1/2
    value = bleu("a person walks forward slowly", ["a person walks forward quickly"], order=4)
    assert value == pytest.approx((4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    # no 4-gram in three words: its precision is the floor
    assert bleu("a b c", ["a b c"], order=4) == pytest.approx(1e-9**0.25)
    assert bleu("walks forward slowly now", ["walks forward slowly now"], order=4) == pytest.approx(1.0)


def test_rouge_l_by_hand() -> None:
    # police … the gunman: common subsequence "police the gunman", P = R = 3/4 (Lin 2004)
    assert rouge_l("police kill the gunman", ["police killed the gunman"]) == pytest.approx(0.75)
    # common subsequence "a c": P = 2/3, R = 2/2
    assert rouge_l("a b c", ["a c"]) == pytest.approx(0.8)
    assert rouge_l("a b c", ["x y", "a c"]) == pytest.approx(0.8)
    assert rouge_l("the gunman kill police", ["police killed the gunman"]) == pytest.approx(0.5)


def test_empty_caption_scores_zero() -> None:
    result = score_captions(["", "walks"], [["a person walks"], ["walks"]])
    assert result.rouge_l.tolist() == [0.0, 1.0]
    assert result.to_dict()["bleu_1"] == pytest.approx(0.5)


def test_embedding_similarity_takes_the_best_reference() -> None:
    found = embedding_similarity([[2.0, 0.0], [1.0, 1.0]], [[[0.0, 3.0], [1.0, 1.0]], [[-1.0, -1.0]]])
    np.testing.assert_allclose(found, [2**-0.5, -1.0])


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="2 predictions and 1 lists"):
        score_captions(["a", "b"], [["a"]])
    with pytest.raises(ValueError, match="a list of one sentence or more, got 'walks'"):
        bleu("walks", "walks", order=1)
    with pytest.raises(ValueError, match="zero or non-finite row 1"):
        embedding_similarity([[1.0, 0.0], [0.0, 0.0]], [[[1.0, 0.0]], [[1.0, 0.0]]])
    with pytest.raises(ValueError, match="expected 1 arrays"):
        embedding_similarity([[1.0, 0.0]], [])
