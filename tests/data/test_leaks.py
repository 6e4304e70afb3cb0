"""The leak check: what it finds, and what it rightly lets pass."""

from dataclasses import replace

import numpy as np
import pytest

from anymo.data.leaks import check_split
from anymo.records import Recording, SensorStream


def recording(seed: int = 0, name: str = "a", subject: str = "1", num: int = 200, **facts) -> Recording:
    acc = np.random.default_rng(seed).normal(size=(num, 3)) + np.array([0.0, 0.0, 9.8])
    stream = SensorStream(
        acc=acc,
        gyro=None,
        valid=np.ones(num, dtype=bool),
        rate_hz=50.0,
        placement="waist",
        gravity="included",
    )
    return Recording(sensors=(replace(stream, **facts),), name=name, subject=subject, source="set")


def cut(whole: Recording, start: int, end: int, name: str, subject: str = "") -> Recording:
    (s,) = whole.sensors
    part = replace(s, acc=s.acc[start:end], valid=s.valid[start:end])
    return replace(whole, sensors=(part,), name=name, subject=subject)


def test_a_clean_split_passes() -> None:
    check_split([recording(0, "a", "1")], [recording(1, "b", "2")])
    check_split([recording(0, "", "")], [recording(1, "", "")])
    check_split(
        [replace(recording(0), source="one")], [replace(recording(1), source="other")]
    )  # two sets count their people alike


def test_the_same_recording_and_person_are_named() -> None:
    with pytest.raises(ValueError, match="the same recording: set a; the same samples: a of the test and a"):
        check_split([recording(0, "a", "1")], [recording(0, "a", "2")])
    with pytest.raises(ValueError, match="share the same person: set 1; split by subject"):
        check_split([recording(0, "a", "1")], [recording(1, "b", "1")])
    many = [recording(k, f"r{k}", str(k)) for k in range(5)]
    with pytest.raises(ValueError, match="the same person: set 0, set 1, set 2 and 2 more"):
        check_split(many, [recording(9 + k, f"s{k}", str(k)) for k in range(5)])
    with pytest.raises(ValueError, match="both sides, got 1 and 0"):
        check_split([recording()], [])


@pytest.mark.parametrize("start", [184, 150, 101, 37, 3])
def test_shifted_windows_of_one_recording_are_found(start: int) -> None:
    whole = recording(0, num=400)
    first, second = cut(whole, 0, 200, "w0"), cut(whole, start, start + 200, "w1")
    with pytest.raises(ValueError, match="same samples: w1 of the test and w0"):
        check_split([first, recording(3, "x")], [recording(4, "y", "2"), second])


def test_windows_side_by_side_are_no_leak_of_samples() -> None:
    whole = recording(0, num=400)
    check_split([cut(whole, 0, 200, "w0")], [cut(whole, 200, 400, "w1")])


def test_a_copy_in_single_precision_is_found() -> None:
    one = recording(0)
    copy = one.sensors[0].acc.astype(np.float32).astype(np.float64)
    with pytest.raises(ValueError, match="same samples"):
        check_split([one], [recording(0, "b", "2", acc=copy)])


def test_rest_and_missing_samples_say_nothing() -> None:
    still = np.tile([0.0, 0.0, 9.80665], (200, 1))
    check_split([recording(0, "a", "1", acc=still)], [recording(1, "b", "2", acc=still)])
    lost = np.zeros(200, dtype=bool)
    one, other = recording(0, "a", "1", valid=lost), recording(0, "b", "2", valid=lost)
    check_split([one], [other])
    check_split([recording(0, num=10)], [recording(0, "b", "2", num=10)])  # under a run: names alone
