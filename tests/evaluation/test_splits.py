"""Splits by subject and nested draws, as properties over random sets of recordings."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from anymo.data.leaks import inseparable
from anymo.evaluation.splits import Amount, drawn, subject_splits
from anymo.records import Recording, SensorStream


def random_set(seed: int, num_subjects: int = 6, num: int = 90) -> list[Recording]:
    rng = np.random.default_rng(seed)
    made = []
    for k in range(num):
        acc = rng.normal(size=(40, 3))
        stream = SensorStream(
            acc=acc, gyro=None, valid=np.ones(40, dtype=bool), rate_hz=20.0, placement="left wrist",
            gravity="included",
        )  # fmt: skip
        subject, label = f"s{rng.integers(num_subjects)}", "abc"[k % 3]
        made.append(Recording(sensors=(stream,), subject=subject, label=label, name=f"r{k}", source="made"))
    return made


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("num_folds", [0, 2, 4, 6])
def test_every_subject_is_tested_once_and_never_trained_on(seed: int, num_folds: int) -> None:
    recordings = random_set(seed)
    owner = np.array([r.subject for r in recordings])
    splits = subject_splits(recordings, num_folds, seed)
    assert len(splits) == (num_folds or len(set(owner)))
    for split in splits:
        assert not set(owner[split.train]) & set(owner[split.test])
        assert sorted([*split.train, *split.test]) == list(range(len(recordings)))
        assert sorted(split.order) == sorted(split.train)
    assert Counter(i for s in splits for i in s.test.tolist()) == Counter(range(len(recordings)))


def test_splits_are_those_of_their_seed() -> None:
    recordings = random_set(0)

    def facts(num_folds: int, seed: int) -> list[tuple[str, list[int]]]:
        return [(s.name, s.order.tolist()) for s in subject_splits(recordings, num_folds, seed)]

    assert facts(3, 1) == facts(3, 1)
    assert facts(3, 1) != facts(3, 2)
    assert (
        [n for n, _ in facts(0, 1)] == [n for n, _ in facts(0, 2)] == sorted({r.subject for r in recordings})
    )
    assert facts(0, 1) != facts(0, 2)


def test_draws_are_nested_and_as_many_as_asked_for() -> None:
    recordings = random_set(3)
    label = np.array(["abc".index(r.label) for r in recordings])
    for split in subject_splits(recordings, 3, 7):
        for amounts in (
            [Amount(num=k) for k in (0, 1, 2, 3, 5, 10)],
            [Amount(share=s) for s in (0.25, 0.5, 0.75, 1.0)],
        ):
            draws = [drawn(split, label, a) for a in amounts]
            for smaller, greater in pairwise(draws):
                assert set(smaller) < set(greater)
            assert all(set(d) <= set(split.train) for d in draws)
        count = np.bincount(label[split.train])
        assert (np.bincount(label[drawn(split, label, Amount(num=5))]) == 5).all()
        assert (np.bincount(label[drawn(split, label, Amount(share=0.25))]) == np.ceil(count / 4)).all()
        assert np.array_equal(drawn(split, label, Amount(share=1.0)), split.train)


def test_people_who_share_samples_stay_together(caplog: pytest.LogCaptureFixture) -> None:
    recordings = random_set(0)
    assert inseparable(recordings) == [[f"s{k}"] for k in range(6)]
    assert not caplog.messages
    first, last = (next(r for r in recordings if r.subject == s) for s in ("s1", "s5"))
    twins = [replace(first, subject="another", name="twin"), replace(last, subject="another", name="other")]
    everybody = [*recordings, *twins]
    assert inseparable(everybody) == [["another", "s1", "s5"], ["s0"], ["s2"], ["s3"], ["s4"]]
    assert "subjects another, s1, s5 share samples" in caplog.text
    splits = subject_splits(everybody, 0, 0)
    assert sorted(s.name for s in splits) == ["another-s1-s5", "s0", "s2", "s3", "s4"]
    assert Counter(i for s in splits for i in s.test.tolist()) == Counter(range(len(everybody)))


def test_errors_say_what_to_do() -> None:
    recordings = random_set(0)
    label = np.array(["abc".index(r.label) for r in recordings])
    with pytest.raises(ValueError, match="a subject for each recording, got none for 1, the first 'r0'"):
        subject_splits([replace(recordings[0], subject=""), *recordings[1:]], 2, 0)
    with pytest.raises(
        ValueError, match="0 or 2 to 6 folds, as there are 6 subjects that share nothing, got 7"
    ):
        subject_splits(recordings, 7, 0)
    split = subject_splits(recordings, 2, 0)[0]
    with pytest.raises(ValueError, match="expected 40 recordings or more of class 0 to train on, got"):
        drawn(split, label, Amount(num=40))
    with pytest.raises(ValueError, match=r"or a share from 0 to 1, got 0 and 1\.5"):
        Amount(share=1.5)


def test_amounts_have_names() -> None:
    assert [a.name for a in (Amount(), Amount(num=5), Amount(share=0.25), Amount(share=1.0))] == [
        "0",
        "5",
        "25 %",
        "100 %",
    ]
