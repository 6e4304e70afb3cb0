"""Recordings of the classes that are confused most, beside simulations of what they say."""

from pathlib import Path

import numpy as np
import pytest

from anymo.evaluation.confused_signals import confused_classes, most_confused
from anymo.metrics import ClassificationResult, classification
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording, SensorStream

WORDS = ("waving", "sitting", "standing still")


def result(truth: list[int], said: list[int]) -> ClassificationResult:
    return classification(np.eye(3)[said], np.array(truth), WORDS)


def recorded(label: str, duration_s: float, level: float) -> Recording:
    """A watch on the left wrist whose acceleration is its level, then twice as much, at 25 Hz."""
    num = round(25 * duration_s)
    acc = np.full((num, 3), level) * np.where(np.arange(num) < num / 2, 1, 2)[:, None]
    worn = SensorStream(
        acc=acc, gyro=None, valid=np.ones(num, bool), rate_hz=25.0, placement="left wrist", gravity="removed"
    )
    return Recording(sensors=(worn,), text=label)


def test_the_commonest_error_is_found() -> None:
    assert most_confused(result([0, 0, 1, 1, 1, 2], [0, 1, 0, 2, 2, 2])) == (1, 2)
    assert most_confused(result([0, 1, 2], [0, 1, 2])) is None


@pytest.fixture(scope="module")
def pipe(encoder_folder: Path) -> AnymoPipeline:
    return AnymoPipeline.from_pretrained(encoder_folder)


def test_both_classes_are_shown_as_they_were_recorded_and_as_simulated(pipe: AnymoPipeline) -> None:
    recordings = [recorded("waving", 20.0, 1.0), recorded("waving", 8.0, 5.0), recorded("sitting", 6.0, 3.0)]
    wave, sit = confused_classes(pipe, result([0, 0, 1], [1, 1, 1]), recordings)
    assert [(each.label, each.phrase) for each in (wave, sit)] == [
        ("waving", "waving"),
        ("sitting", "sitting"),
    ]
    real, synthetic, *titles = wave.signals
    assert titles == ["waving\nrecorded", "waving\nsimulated"]
    np.testing.assert_array_equal(real.acc[:, 0], np.repeat([1.0, 2.0], 125))  # the middle of the first
    assert (len(sit.signals.real.acc), len(sit.signals.synthetic.acc)) == (150, 150)
    for stream in (synthetic, sit.signals.synthetic):
        assert (stream.rate_hz, stream.placement, stream.gravity) == (25.0, "left wrist", "removed")
    moves = [each.signals.synthetic.acc.std(axis=0).max() for each in (wave, sit)]
    assert moves[0] > 2.0 > 1.0 > moves[1]  # the hand that wears it waves
    assert confused_classes(pipe, result([0, 1, 2], [0, 1, 2]), recordings) == []


def test_a_class_that_nobody_recorded_is_left_out(pipe: AnymoPipeline) -> None:
    (shown,) = confused_classes(pipe, result([0], [2]), [recorded("waving", 6.0, 1.0)])
    assert shown.label == "waving"
