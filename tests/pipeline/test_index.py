"""The index against a search by hand; what it keeps, and which model it belongs to."""

import json
from pathlib import Path

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


def test_save_and_load(pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    index.save(folder)
    assert sorted(file.name for file in folder.iterdir()) == [
        "index.json",
        "windows.faiss",
        "windows.parquet",
    ]
    back = MotionIndex.load(folder, pipe)
    assert back.search("a person runs") == index.search("a person runs")
    assert back.recordings == ["day-0", "day-1", "day-2"]
    back.add(recording(6.0, seed=9))
    back.save(folder)
    assert len(MotionIndex.load(folder, pipe)) == len(back) == len(index) + 1


def test_an_index_of_another_model(
    pipe: AnymoPipeline, other_pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path
) -> None:
    index.save(tmp_path)
    with pytest.raises(ValueError, match=r"made with another model .* than model-1"):
        MotionIndex.load(tmp_path, other_pipe)
    with pytest.raises(ValueError, match="made with another model"):
        other_pipe.retrieve(index, "a person walks")
    assert len(json.loads((tmp_path / "index.json").read_text())["model"]) == 64


@pytest.mark.parametrize("name", ["windows.faiss", "windows.parquet"])
def test_files_that_do_not_belong_together(
    pipe: AnymoPipeline, index: MotionIndex, tmp_path: Path, name: str
) -> None:
    index.save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{name} is missing or was changed; build it again"):
        MotionIndex.load(tmp_path, pipe)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match="is missing"):
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
