"""The index against a search by hand; what it keeps, and which model it belongs to."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from anymo.pipeline import AnymoPipeline, MotionIndex
from anymo.records import Recording, SensorStream


def recording(duration_s: float, seed: int, name: str = "") -> Recording:
    rng = np.random.default_rng([seed, 2])
    wave = np.cumsum(rng.normal(size=(round(50 * duration_s), 6)), axis=0) * 0.3
    wrist = SensorStream(
        acc=wave[:, :3] + [0.0, 0.0, 9.8], gyro=wave[:, 3:], valid=np.ones(len(wave), dtype=bool),
        rate_hz=50.0, placement="left wrist", gravity="included",
    )  # fmt: skip
    return Recording(sensors=(wrist,), name=name or f"day-{seed}")


@pytest.fixture(scope="module")
def days() -> list[Recording]:
    return [recording(s, seed=k) for k, s in enumerate((12.0, 26.0, 0.8))]


@pytest.fixture(scope="module")
def index(pipe: AnymoPipeline, days: list[Recording]) -> MotionIndex:
    index = MotionIndex(pipe)
    index.add(days[:2], hop_s=2.0)
    index.add(days[2])
    return index


def test_search_is_that_by_hand(pipe: AnymoPipeline, days: list[Recording], index: MotionIndex) -> None:
    rows, places = [], []
    for day, hop_s in zip(days, (2.0, 2.0, 5.0), strict=True):
        for batch, starts in pipe.windows(day, hop_s=hop_s):
            rows.append(pipe.embed_windows(batch))
            places += [(day.name, start) for start in starts.tolist()]
    assert len(index) == len(places)
    scores = torch.cat(rows) @ pipe.embed_text(["a person walks"])[0]
    found = index.search("a person walks", top=6)
    assert [(m.recording, m.start_s) for m in found] == [
        places[i] for i in scores.argsort(descending=True)[:6]
    ]
    assert [m.score for m in found] == pytest.approx(
        scores.sort(descending=True).values[:6].tolist(), abs=1e-5
    )
    assert pipe.retrieve(index, "a person walks", top=6) == found
    assert len(index.search("a person walks", top=999)) == len(index)


def test_a_recording_finds_itself(days: list[Recording], index: MotionIndex) -> None:
    best = index.search(days[2], top=1)[0]
    assert (best.recording, best.start_s) == ("day-2", 0.0)
    assert best.end_s == pytest.approx(0.8, abs=0.06)
    assert best.score == pytest.approx(1.0, abs=1e-4)


def files(folder: Path) -> dict[str, int]:
    """Names, and when each was written."""
    return {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}


def test_save_and_load(pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    index.save(folder)
    before = files(folder)
    assert {Path(name).suffix for name in before} == {".json", ".parquet"}
    assert len(before) == 1 + 3
    back = MotionIndex.load(folder, pipe)
    assert back.search("a person runs") == index.search("a person runs")
    assert back.recordings == ["day-0", "day-1", "day-2"]
    back.add(recording(6.0, seed=9))
    back.save(folder)
    assert len(MotionIndex.load(folder, pipe)) == len(back) == len(index) + 1
    after = files(folder)
    assert {name: at for name, at in after.items() if name in before and name != "index.json"} == {
        name: at for name, at in before.items() if name != "index.json"
    }  # what was there is not written again
    index.save(folder)
    assert files(folder).keys() == before.keys()  # the recording that this one has not is gone


def test_a_save_that_is_killed_leaves_what_was_saved_before(
    pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.save(tmp_path)
    more = MotionIndex.load(tmp_path, pipe)
    more.add([recording(6.0, seed=7), recording(6.0, seed=8)])
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target.name == "index.json":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        more.save(tmp_path)
    monkeypatch.undo()
    assert MotionIndex.load(tmp_path, pipe).recordings == index.recordings
    more.save(tmp_path)
    assert MotionIndex.load(tmp_path, pipe).search("a person runs") == more.search("a person runs")


def test_windows_are_read_a_few_at_a_time(
    pipe: AnymoPipeline, index: MotionIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a quarter of a minute at a window every 0.05 s, no more than 64 are held."""
    day, sizes, embed = recording(15.0, seed=5), list[int](), pipe.embed_windows
    monkeypatch.setattr(pipe, "embed_windows", lambda batch: sizes.append(len(batch)) or embed(batch))
    found = MotionIndex(pipe)
    found.add(day, hop_s=0.05)
    assert (max(sizes), sum(sizes)) == (64, 201)
    monkeypatch.undo()
    batch, starts = next(pipe.windows(day, hop_s=0.05))
    scores = pipe.embed_windows(batch) @ pipe.embed_text(["a person walks"])[0]
    best = found.search("a person walks", top=1)[0]
    assert best.start_s == pytest.approx(starts[int(scores.argmax())])
    assert best.score == pytest.approx(float(scores.max()), abs=1e-5)


STATED: Any = {
    "rate_hz": 50.0, "acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included",
    "placement": "left wrist",
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Half a minute as a file."""
    (wrist,) = recording(30.0, seed=6).sensors
    np.savez(tmp_path / "monday.npz", acc=wrist.acc, gyro=wrist.gyro)
    return tmp_path / "monday.npz"


def test_a_file_is_that_recording_and_is_taken_in_once(pipe: AnymoPipeline, file: Path) -> None:
    found, whole = MotionIndex(pipe), MotionIndex(pipe)
    assert found.add_file(file, hop_s=2.0, **STATED)
    whole.add(recording(30.0, seed=6, name="monday"), hop_s=2.0)
    ours, theirs = found.search("a person walks", top=99), whole.search("a person walks", top=99)
    assert [(m.recording, m.start_s) for m in ours] == [(m.recording, m.start_s) for m in theirs]
    assert [m.score for m in ours] == pytest.approx([m.score for m in theirs], abs=1e-4)
    found.save(file.parent / "index")
    again = MotionIndex.load(file.parent / "index", pipe)
    assert not again.add_file(file, hop_s=2, **{**STATED, "rate_hz": 50})
    assert len(again) == len(found)
    for other in ({"hop_s": 2.5}, {"hop_s": 2.0, "placement": "right wrist"}):
        with pytest.raises(ValueError, match="expected a name that is not taken, got 'monday'"):
            again.add_file(file, **{**STATED, **other})
    with np.load(file) as arrays:
        np.savez(file, acc=arrays["acc"][:-50], gyro=arrays["gyro"][:-50])
    with pytest.raises(ValueError, match="not taken, got 'monday'; give what changed"):
        again.add_file(file, hop_s=2.0, **STATED)
    assert again.add_file(file, hop_s=2.0, **STATED, name="monday, shorter")


def test_a_file_that_is_refused_leaves_nothing(pipe: AnymoPipeline, file: Path) -> None:
    with np.load(file) as arrays:
        acc = arrays["acc"].copy()
    acc[1200] = np.nan
    np.savez(file, acc=acc)
    found = MotionIndex(pipe)
    with pytest.raises(ValueError, match="NaN or infinity at row 1200"):
        found.add_file(file, **{**STATED, "gyro_unit": None})
    assert (len(found), found.recordings) == (0, [])


def test_an_index_of_another_model(
    pipe: AnymoPipeline, other_pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path
) -> None:
    index.save(tmp_path)
    with pytest.raises(ValueError, match=r"made with another model .* than model-1"):
        MotionIndex.load(tmp_path, other_pipe)
    with pytest.raises(ValueError, match="made with another model"):
        other_pipe.retrieve(index, "a person walks")
    assert len(json.loads((tmp_path / "index.json").read_text())["model"]) == 64


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_files_that_do_not_belong_together(
    pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path, kind: str
) -> None:
    index.save(tmp_path)
    spoilt = next(tmp_path.glob(f"*.{kind}"))
    spoilt.write_bytes(spoilt.read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf"{spoilt.name} is missing or was changed; build the index again"):
        MotionIndex.load(tmp_path, pipe)
    spoilt.unlink()
    with pytest.raises((ValueError, FileNotFoundError), match=r"is missing|anymo index build"):
        MotionIndex.load(tmp_path, pipe)


def test_a_recording_that_was_exchanged(pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    one, another, _ = sorted(tmp_path.glob("*.parquet"))
    one.write_bytes(another.read_bytes())
    with pytest.raises(ValueError, match=rf"{one.name} is missing or was changed"):
        MotionIndex.load(tmp_path, pipe)


def test_what_cannot_be_found_again_or_looked_for(
    pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="expected a name that is not taken, got 'day-1'"):
        index.add(recording(1.0, seed=1))
    with pytest.raises(ValueError, match="expected a sentence or a recording"):
        index.search(" ")
    with pytest.raises(ValueError, match="top: expected 1 or more, got 0"):
        index.search("a person walks", top=0)
    with pytest.raises(FileNotFoundError, match="anymo index build"):
        MotionIndex.load(tmp_path, pipe)
    empty = MotionIndex(pipe)
    assert empty.search("a person walks") == []
    empty.save(tmp_path)
    assert len(MotionIndex.load(tmp_path, pipe)) == 0
