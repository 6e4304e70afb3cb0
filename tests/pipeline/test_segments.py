"""Windows to segments, against what can be said by hand."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from anymo.data import read_recording, windows
from anymo.pipeline.batches import spans_s
from anymo.pipeline.results import Segment
from anymo.pipeline.segments import check_smoothing, segments

LABELS = ["a", "b", "c"]


def said(text: str, hop_s: float = 5.0, window_s: float = 5.0, smooth: int = 1) -> list[Segment]:
    """Segments of windows whose labels are the letters, each with a share of 0.8; a blank is left out."""
    scored = []
    for k, letter in enumerate(text):
        if letter != " ":
            row = torch.full((3,), 0.1)
            row[LABELS.index(letter)] = 0.8
            scored.append((k * hop_s, k * hop_s + window_s, row))
    return list(segments(scored, LABELS, smooth))


def spans(found: list[Segment]) -> list[tuple[float, float, str]]:
    return [(s.start_s, s.end_s, s.label) for s in found]


def test_neighbours_of_one_label_are_one() -> None:
    found = said("aabbba")
    assert spans(found) == [(0, 10, "a"), (10, 25, "b"), (25, 30, "a")]
    assert [s.score for s in found] == pytest.approx([0.8] * 3)
    assert said("") == []


def test_where_windows_overlap_the_border_is_in_the_middle() -> None:
    assert spans(said("aab", hop_s=2.0)) == [(0, 5.5, "a"), (5.5, 9, "b")]


def test_nothing_spans_what_was_left_out() -> None:
    assert spans(said("aa ab")) == [(0, 10, "a"), (15, 20, "a"), (20, 25, "b")]


@pytest.mark.parametrize(("gap_s", "found"), [(0.9, [(0, 10, "a")]), (1.1, [(0, 5, "a"), (6.1, 10, "a")])])
def test_samples_lost_for_over_a_second_part_a_stretch(gap_s: float, found: list[object]) -> None:
    row = torch.tensor([0.8, 0.1, 0.1])
    assert spans(list(segments([(0.0, 5.0, row), (5.0 + gap_s, 10.0, row)], LABELS, 1))) == found


def test_a_window_reaches_from_its_first_sample_to_its_last() -> None:
    values = np.tile([0.0, 0.0, 9.81], (500, 1))
    values[100:300] = np.nan
    recording = read_recording(
        values, rate_hz=50, acc_unit="m/s^2", gravity="included", placement="left wrist", nan="mask"
    )
    batch, starts = windows(recording, rate_hz=20.0, window_s=5.0, hop_s=5.0)
    np.testing.assert_allclose(spans_s(batch, starts), [[0, 2], [6, 10]], atol=0.11)


@pytest.mark.parametrize(
    ("text", "smooth", "expected"),
    [
        ("aabaa", 3, "aaaaa"),
        ("abab", 3, "aabb"),  # at the ends of two: its own
        ("abc", 3, "abc"),  # all equal: its own
        ("aabbcabb", 5, "aabbbbbb"),
        ("b", 7, "b"),
        ("ccab", 1, "ccab"),
    ],
)
def test_the_majority_decides(text: str, smooth: int, expected: str) -> None:
    assert spans(said(text, smooth=smooth)) == spans(said(expected))


@pytest.mark.parametrize("smooth", [3, 5])
def test_smoothing_is_the_majority_of_every_neighbourhood(smooth: int) -> None:
    letters = "".join(LABELS[i] for i in torch.randint(3, (60,), generator=torch.Generator().manual_seed(1)))
    half = smooth // 2
    expected = ""
    for k, own in enumerate(letters):
        near = letters[max(0, k - half) : k + half + 1]
        most = max(near.count(x) for x in LABELS)
        first = next(x for x in near if near.count(x) == most)
        expected += own if near.count(own) == most else first
    assert spans(said(letters, smooth=smooth)) == spans(said(expected))


def test_the_score_is_of_the_label_that_stands() -> None:
    (found,) = said("aba", smooth=3)
    assert found.score == pytest.approx((0.8 + 0.1 + 0.8) / 3)


@pytest.mark.parametrize("smooth", [0, 2, -1])
def test_a_majority_has_a_middle(smooth: int) -> None:
    with pytest.raises(ValueError, match="expected an odd number of windows"):
        check_smoothing(smooth)


def test_segments_come_as_soon_as_they_are_known() -> None:
    taken = []

    def scored() -> Iterator[tuple[float, float, torch.Tensor]]:
        for k, label in enumerate("aabb"):
            taken.append(k)
            yield (
                5.0 * k,
                5.0 * k + 5,
                torch.nn.functional.one_hot(torch.tensor(LABELS.index(label)), 3).float(),
            )

    first = next(segments(scored(), LABELS, 1))
    assert (first.label, taken) == ("a", [0, 1, 2])
