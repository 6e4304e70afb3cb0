"""A recording in pieces against the same recording whole; what is refused on the way, and where."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from anymo.data import load_set, read_recording
from anymo.data.window import windows
from anymo.pipeline import AnymoPipeline
from anymo.pipeline.files import ROWS
from anymo.pipeline.stretches import Cut, timed_windows

STATED: Any = {
    "acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included", "placement": "left wrist", "name": "w"
}  # fmt: skip
LABELS = [
    "walking",
    "running",
    "cycling",
    "sitting",
    "climbing stairs",
    "jumping",
    "waving",
    "throwing a ball",
]


def signal(duration_s: float, rate_hz: float, seed: int = 0) -> np.ndarray:
    """(T, 6): gravity, and noise coloured so that no two windows are alike."""
    rng = np.random.default_rng([seed, 7])
    num = round(duration_s * rate_hz)
    wave = np.cumsum(rng.normal(size=(num, 6)), axis=0)
    wave -= pd.DataFrame(wave).rolling(int(rate_hz), min_periods=1).mean().to_numpy()
    turns = [0.5] * 3 + [0.1] * 3  # so little that gravity may stay where it is
    return np.asarray(wave * turns + [0, 0, 9.8, 0, 0, 0])


def pieces_of(values: np.ndarray, num: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng([seed, 8])
    return np.split(values, np.sort(rng.choice(len(values), num, replace=False)))


def streamed(source: Any, cut: Cut, on_gap: Any = "error", **stated: Any) -> tuple[torch.Tensor, ...]:
    batches = [(b, torch.as_tensor(s)) for b, s in timed_windows(source, {**STATED, **stated}, cut, on_gap)]
    parts = [(b.signal, b.sample_valid, s) for b, s in batches]
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))


@pytest.mark.parametrize("rate_hz", [10.0, 20.0, 50.0, 102.4, 97.31])
@pytest.mark.parametrize("hop_s", [5.0, 1.7])
@pytest.mark.parametrize("duration_s", [0.7, 5.0, 33.3])
def test_windows_are_those_of_the_whole(rate_hz: float, hop_s: float, duration_s: float) -> None:
    values = signal(duration_s, rate_hz)
    whole, starts = windows(
        read_recording(values, rate_hz=rate_hz, **STATED), rate_hz=20.0, window_s=5.0, hop_s=hop_s
    )
    cut = Cut(20.0, 5.0, hop_s)
    for num in (0, 3, min(200, len(values) - 1)):
        found, valid, at = streamed(pieces_of(values, num), cut, rate_hz=rate_hz)
        np.testing.assert_allclose(at, starts, atol=1e-9)
        assert torch.equal(valid, whole.sample_valid)
        near = 1e-4 if rate_hz in (10.0, 20.0, 50.0) else 0.05  # m/s², as no sample lies on the new grid
        torch.testing.assert_close(found[valid], whole.signal[valid], atol=near, rtol=0)


def test_holes_are_masked_as_in_the_whole() -> None:
    values = signal(40.0, 50.0)
    frame = pd.DataFrame(values, columns=["ax", "ay", "az", "gx", "gy", "gz"])
    frame.insert(0, "time_s", np.arange(len(frame)) / 50.0)
    frame.loc[700:705, "ay"] = np.nan
    frame = frame.drop(index=[50, 51, 800, *range(1000, 1030)])
    recording = read_recording(frame, nan="mask", **STATED)
    whole, starts = windows(recording, rate_hz=20.0, window_s=5.0, hop_s=5.0)
    parts = [frame.iloc[k : k + 77] for k in range(0, len(frame), 77)]
    found, valid, at = streamed(parts, Cut(20.0, 5.0, 5.0), nan="mask")
    np.testing.assert_allclose(at, starts, atol=1e-9)
    assert torch.equal(valid, whole.sample_valid)
    torch.testing.assert_close(found[valid], whole.signal[valid], atol=1e-3, rtol=0)


def test_it_may_begin_with_missing_values() -> None:
    """More of them than the samples by which units are told."""
    values, cut = signal(30.0, 50.0), Cut(20.0, 5.0, 5.0)
    values[:400] = np.nan
    found, valid, at = streamed(pieces_of(values, 9), cut, rate_hz=50.0, nan="mask")
    expected, _, from_there = streamed([values[400:]], cut, rate_hz=50.0)
    np.testing.assert_allclose(at, np.add(from_there, 8.0), atol=1e-9)
    torch.testing.assert_close(found[valid], expected[valid], atol=1e-4, rtol=0)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_files_are_read_in_pieces(tmp_path: Path, suffix: str) -> None:
    num = 2 * ROWS + 123
    values = signal(num / 100, 100.0)
    columns = {"time": np.arange(num) / 100.0, "acc": values[:, :3], "gyro": values[:, 3:]}
    file = tmp_path / f"w{suffix}"
    frame = pd.DataFrame(values, columns=[f"{k}_{x}" for k in ("acc", "gyro") for x in "xyz"])
    frame.insert(0, "time", columns["time"])
    if suffix == ".npz":
        np.savez_compressed(file, **columns)
    elif suffix == ".csv":
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file)
    whole, starts = windows(read_recording(file, **STATED), rate_hz=20.0, window_s=5.0, hop_s=5.0)
    found, valid, at = streamed(file, Cut(20.0, 5.0, 5.0))
    np.testing.assert_allclose(at, starts, atol=1e-6)
    assert torch.equal(valid, whole.sample_valid)
    torch.testing.assert_close(found, whole.signal, atol=1e-3, rtol=0)


def spans(found: Iterator[Any]) -> list[tuple[float, float, str]]:
    return [(round(s.start_s, 6), round(s.end_s, 6), s.label) for s in found]


@pytest.mark.parametrize(("hop_s", "smooth"), [(5.0, 1), (1.0, 5)])
def test_a_real_recording_has_the_labels_of_the_whole(
    pipe: AnymoPipeline, asset: Callable[[str], Path], hop_s: float, smooth: int
) -> None:
    asset("spar-watch")
    several = [r for r in load_set("spar") if r.sensors[0].placement == "left wrist"][:4]
    sensors = [r.sensors[0] for r in several]
    values = np.concatenate([np.concatenate([s.acc, s.gyro], axis=1) for s in sensors])
    stated: Any = {**STATED, "gravity": sensors[0].gravity, "rate_hz": sensors[0].rate_hz}
    whole = read_recording(values, **stated)
    options: Any = {"labels": LABELS, "hop_s": hop_s, "smooth": smooth}
    expected = spans(pipe.stream(whole, **options))
    assert spans(pipe.stream(pieces_of(values, 50), **options, **stated)) == expected
    assert expected[-1][1] == pytest.approx(len(values) / sensors[0].rate_hz, abs=2.5)


def test_a_recording_that_is_read_already(pipe: AnymoPipeline) -> None:
    recording = read_recording(signal(30.0, 50.0), rate_hz=50.0, **STATED)
    found = list(pipe.stream(recording, labels=LABELS))
    assert (found[0].start_s, found[-1].end_s) == (0.0, 30.0)
    assert all(a.end_s == b.start_s and a.label != b.label for a, b in itertools.pairwise(found))


def test_a_recording_is_read_a_few_windows_at_a_time(
    pipe: AnymoPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = read_recording(signal(15.0, 50.0), rate_hz=50.0, **STATED)
    batch, _ = next(pipe.windows(recording, hop_s=0.05))
    expected = pipe.window_scores(batch, LABELS, "embedding")
    sizes, scores = list[int](), pipe.window_scores
    monkeypatch.setattr(
        pipe, "window_scores", lambda batch, *how: sizes.append(len(batch)) or scores(batch, *how)
    )
    found = list(pipe.stream(recording, labels=LABELS, hop_s=0.05))
    assert (max(sizes), sum(sizes)) == (64, len(batch))
    labels = [LABELS[row] for row in expected.argmax(dim=1)]
    assert [s.label for s in found] == [label for label, _ in itertools.groupby(labels)]


def test_memory_does_not_grow() -> None:
    """What is held after an hour is what is held after a minute."""
    from anymo.pipeline.pieces import Pieces
    from anymo.pipeline.stretches import _Stretch

    minute = signal(60.0, 50.0)
    stretch, held = None, []
    pieces = Pieces(itertools.repeat(minute, 12), {**STATED, "rate_hz": 50.0}, "error")
    for piece in pieces:
        stretch = stretch or _Stretch(piece, Cut(20.0, 5.0, 5.0), "w")
        stretch.add(piece)
        stretch.ready()
        held.append((len(stretch._signal), len(pieces._positions), len(pieces._values)))
    assert len(set(held[2:])) == 1


def table(times: Sequence[float]) -> pd.DataFrame:
    values = signal(len(times) / 50.0, 50.0)
    frame = pd.DataFrame(values, columns=["ax", "ay", "az", "gx", "gy", "gz"])
    frame.insert(0, "time_s", times)
    return frame


def test_a_gap_is_named_or_splits() -> None:
    times = np.concatenate([np.arange(1000), np.arange(1000) + 1200]) / 50.0
    parts = [table(times)[k : k + 300] for k in range(0, 2000, 300)]
    cut = Cut(20.0, 5.0, 5.0)
    with pytest.raises(
        ValueError, match=r"recording 'w': no sample from 19.98 to 24.00 s; .*on_gap=\"split\""
    ):
        streamed(parts, cut)
    found, valid, at = streamed(parts, cut, on_gap="split")
    assert at.tolist() == pytest.approx([0, 5, 10, 15, 24, 29, 34, 39], abs=1e-6)
    assert valid.all()
    for part, first in ((table(times)[:1000], 0), (table(times)[1000:], 4)):
        alone, _, _ = streamed([part], cut)
        torch.testing.assert_close(
            found[first : first + 4], alone, atol=0.01, rtol=0
        )  # the rate's last bit pads the filter


def test_a_missing_value_is_named_with_its_row_and_time() -> None:
    values = signal(60.0, 50.0)
    values[1234, 2] = np.nan
    with pytest.raises(ValueError, match=r"NaN or infinity at row 1234, 24.68 s"):
        streamed(pieces_of(values, 20), Cut(20.0, 5.0, 5.0), rate_hz=50.0)


@pytest.mark.parametrize(
    ("factor", "word"),
    [(2.0, "the rate changes"), (0.5, "irregular"), (1.25, "irregular"), (1.04, "the rate changes")],
)
def test_a_rate_that_changes_is_named(factor: float, word: str) -> None:
    steps = np.concatenate([np.full(1500, 0.02), np.full(1500, 0.02 * factor)])
    frame = table(np.cumsum(steps))
    with pytest.raises(ValueError, match=rf"recording 'w'.*{word}"):
        streamed([frame[k : k + 250] for k in range(0, 3000, 250)], Cut(20.0, 5.0, 5.0))


def test_a_rate_that_halves_in_a_recording_read_whole(pipe: AnymoPipeline) -> None:
    """On the grid of the first rate every second sample is missing, and nearly no window is left to read."""
    frame = table(np.cumsum(np.concatenate([np.full(1500, 0.02), np.full(700, 0.04)])))
    with pytest.raises(
        ValueError, match=r"the rate changes: from (29|30)\.\d s on samples come at 25 Hz, else"
    ):
        pipe.embed(read_recording(frame, **STATED))
    rng = np.random.default_rng(0)
    lost = table(np.arange(1500) / 50.0)[rng.random(1500) > 0.4]
    assert pipe.embed(read_recording(lost, **STATED)).shape == (1, 256)  # lost here and there: no other rate


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        ({"gravity": "removed"}, "gravity='removed'"),
        ({"acc_unit": "g"}, "acc_unit='g'"),
        ({"placement": "left writ"}, "did you mean 'left wrist'"),
        ({"placement": None}, "state placement; nothing is guessed"),
        ({"rate_hz": None}, "the sampling rate is not known"),
        ({"gyro_unit": None}, "no gyro_unit"),
    ],
)
def test_what_is_stated_is_checked(spoil: dict[str, Any], word: str) -> None:
    still = np.random.default_rng(0).normal(size=(3000, 6)) * 0.05 + [0, 0, 9.8, 0, 0, 0]
    with pytest.raises(ValueError, match=word):
        streamed(pieces_of(still, 9), Cut(20.0, 5.0, 5.0), **{"rate_hz": 50.0, **spoil})


@pytest.fixture(scope="module")
def badminton(asset: Callable[[str], Path]) -> np.ndarray:
    """(2000, 6) at 10 Hz of rallies without gravity."""
    asset("basic-motions")
    rallies = [r.sensors[0] for r in load_set("basic_motions") if r.label == "Badminton"]
    return np.concatenate([np.concatenate([s.acc, s.gyro], axis=1) for s in rallies])


def test_a_second_of_vigorous_movement_is_not_judged_alone(badminton: np.ndarray) -> None:
    """A second of it seems to have gravity in it now and then; with those before it, it does not."""
    stated: Any = {"rate_hz": 10.0, "gravity": "removed"}
    found, valid, _ = streamed(np.split(badminton, range(10, 2000, 10)), Cut(20.0, 5.0, 5.0), **stated)
    assert len(found) == 40
    assert valid.all()


@pytest.mark.parametrize(
    ("turns", "gravity", "word"),
    [(180 / np.pi, "removed", 'state gyro_unit="deg/s"'), (1.0, "included", 'state gravity="removed"')],
)
def test_a_real_recording_stated_wrong(
    pipe: AnymoPipeline, badminton: np.ndarray, turns: float, gravity: str, word: str
) -> None:
    parts = np.split(badminton * np.repeat([1.0, turns], 3), range(10, 2000, 10))
    stated: Any = {**STATED, "rate_hz": 10.0, "gravity": gravity}
    with pytest.raises(ValueError, match=rf"recording 'w': .*{word}"):
        next(pipe.stream(parts, labels=LABELS, **stated))


@pytest.mark.parametrize(
    ("spoil", "error", "word"),
    [
        ({"labels": ["walking"]}, ValueError, "two or more different"),
        ({"smooth": 2}, ValueError, "expected an odd number"),
        ({"on_gap": "skip"}, ValueError, "on_gap: expected one of"),
        ({"hop_s": 0.0}, ValueError, "hop_s one sample or more"),
        ({"hop_s": -1.0}, ValueError, "hop_s one sample or more"),
        ({"acc_unit": "km"}, ValueError, 'acc_unit must be one of "g"'),
        ({"gyro_unit": "turns"}, ValueError, 'gyro_unit must be one of "rad/s"'),
        ({"placement": "left writ"}, ValueError, "did you mean 'left wrist'"),
        ({"gravity": None}, ValueError, "state gravity; nothing is guessed"),
        ({"rate_hz": 0.5}, ValueError, "rate_hz must lie between"),
        ({"rate": 50.0}, TypeError, r"what read_recording asks for, got rate; correct the name"),
        ({"source": 3}, ValueError, "expected a Recording, a path, or an iterable"),
        ({"source": "gone.csv"}, FileNotFoundError, r"no file gone\.csv"),
        ({"route": "likelihood"}, FileNotFoundError, "for the routes of the language model"),
    ],
)
def test_what_is_wrong_is_said_at_the_call(
    pipe: AnymoPipeline, spoil: dict[str, Any], error: type[Exception], word: str
) -> None:
    endless = itertools.repeat(signal(9.0, 50.0))
    whole: Any = {"source": endless, "labels": LABELS, "rate_hz": 50.0, **STATED, **spoil}
    with pytest.raises(error, match=word):
        pipe.stream(whole.pop("source"), **whole)


def test_what_a_recording_knows_itself(pipe: AnymoPipeline) -> None:
    known = read_recording(signal(9.0, 50.0), rate_hz=50.0, **STATED)
    for told in ({"rate_hz": 50.0}, {"on_gap": "split"}):
        with pytest.raises(ValueError, match=f"a Recording knows its own {next(iter(told))}; leave them out"):
            pipe.stream(known, labels=LABELS, **told)


def test_too_short_a_source_and_no_language_model(pipe: AnymoPipeline) -> None:
    with pytest.raises(FileNotFoundError, match="captions and questions, found none"):
        pipe.stream_captions([signal(9.0, 50.0)], rate_hz=50.0, **STATED)
    with pytest.raises(ValueError, match=r"lasts 0.2 s|0.5 s or more"):
        list(pipe.stream([signal(0.2, 50.0)], labels=LABELS, rate_hz=50.0, **STATED))
    (only,) = pipe.stream([signal(9.0, 50.0)], labels=LABELS, rate_hz=50.0, **STATED)
    assert only.label in LABELS


def test_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "w.npz"
    np.savez(file, acc=signal(20.0, 50.0)[:, :3])
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"w\.npz does not read as npz"):
        streamed(file, Cut(20.0, 5.0, 5.0), rate_hz=50.0, gyro_unit=None)


def test_columns_that_change_on_the_way() -> None:
    frame = table(np.arange(200) / 50.0)
    with pytest.raises(
        ValueError, match=r"the columns change from time_s, ax, .*, gz to time_s, ax, ay, az;"
    ):
        streamed([frame, frame.drop(columns=["gx", "gy", "gz"])], Cut(20.0, 5.0, 5.0))


def test_what_is_no_source() -> None:
    with pytest.raises(ValueError, match="expected a Recording, a path, or an iterable"):
        streamed(3, Cut(20.0, 5.0, 5.0), rate_hz=50.0)


def test_uneven_stamps_are_resampled_piece_by_piece() -> None:
    seconds = np.arange(1500) / 50 + np.random.default_rng(4).normal(0, 0.004, 1500).clip(-0.009, 0.009)
    frame = table(np.round(seconds - seconds[0], 3))
    pieces = [frame[:700], frame[700:701], frame[701:1200], frame[1200:]]
    cut = Cut(20.0, 5.0, 5.0)
    with pytest.raises(ValueError, match=r'irregular.*times="resample"'):
        streamed(pieces, cut, rate_hz=50.0)
    recording = read_recording(frame, rate_hz=50.0, times="resample", **STATED)
    whole, starts = windows(recording, rate_hz=20.0, window_s=5.0, hop_s=5.0)
    found, valid, at = streamed(pieces, cut, rate_hz=50.0, times="resample")
    np.testing.assert_allclose(at, starts, atol=1e-9)
    assert torch.equal(valid, whole.sample_valid)
    torch.testing.assert_close(found[valid], whole.signal[valid], atol=1e-4, rtol=0)
    ignored, _, _ = streamed(pieces, cut, rate_hz=50.0, times="ignore")
    assert ignored.shape == found.shape
    frame.loc[1300, "ax"] = np.nan
    with pytest.raises(ValueError, match=r"NaN or infinity at row 1300, time stamp 2[56]\."):
        streamed([frame[:700], frame[700:]], cut, rate_hz=50.0, times="resample")
