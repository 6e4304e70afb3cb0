"""Classifiers of one's own labels: the protocol's fit, the same to the bit when it is read back."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anymo.pipeline import AnymoPipeline, Classifier
from anymo.pipeline.classifier import FACTS, WEIGHTS
from anymo.records import Recording, SensorStream
from anymo.training.classifiers import Probe, build_method, cut_examples, recording_scores

METHODS: tuple[Probe, ...] = ("probe", "probes")
_HZ = {"quick": 2.5, "slow": 0.7, "still": 0.0}


def swing(
    label: str, subject: str, *, placement: str = "right wrist", gravity: str = "included"
) -> Recording:
    """13 s at 50 Hz: three windows, the last of them short."""
    rng = np.random.default_rng([len(label), *map(ord, subject)])
    wave = np.sin(2 * np.pi * _HZ[label] * np.arange(650) / 50 + rng.uniform(0, 6))[:, None]
    noise = 0.1 * rng.normal(size=(650, 6))
    up = [0.0, 0.0, 9.81 if gravity == "included" else 0.0]
    stream = SensorStream(
        acc=4.0 * wave * [1, 0, 0] + up + noise[:, :3], gyro=2.0 * wave * [0, 1, 0] + noise[:, 3:],
        valid=np.ones(650, dtype=bool), rate_hz=50.0, placement=placement, gravity=gravity,  # type: ignore[arg-type]
    )  # fmt: skip
    return Recording(sensors=(stream,), subject=subject, label=label, name=f"{subject} {label}")


def swings(*subjects: str, labels: tuple[str, ...] = tuple(_HZ)) -> list[Recording]:
    return [swing(label, subject) for subject in subjects for label in labels]


@pytest.fixture(scope="module")
def fitted(pipe: AnymoPipeline) -> Classifier:
    return Classifier.fit(swings("ann", "bob"), pipe)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labels", [("slow", "still"), ("quick", "slow", "still")])
def test_it_is_the_fit_of_the_protocol(pipe: AnymoPipeline, method: Probe, labels: tuple[str, ...]) -> None:
    """The same arrays to the bit, and the same scores of a recording, whether read back or not."""
    recordings = swings("ann", "bob", labels=labels)
    own = Classifier.fit(recordings, pipe, method=method)
    assert own.labels == labels
    way = build_method(method, pipe.encoder)
    cut = cut_examples(recordings, labels, rate_hz=pipe.encoder.config.rate_hz, window_s=5.0, hop_s=5.0)
    examples = cut.with_inputs(way.represent(cut.inputs))  # type: ignore[arg-type]
    protocol = way.fit(examples, seed=0)
    assert {k: v.tobytes() for k, v in own.fitted.arrays().items()} == {
        k: v.tobytes()
        for k, v in protocol.arrays().items()  # type: ignore[attr-defined]
    }
    assert np.array_equal(own.fitted(examples.inputs), protocol(examples.inputs))
    _, expected = recording_scores(protocol, examples)
    said = [list(found.scores.values()) for found in own.classify(recordings)]
    assert np.allclose(said, expected, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labels", [("slow", "still"), ("quick", "slow", "still")])
def test_what_is_read_back_says_the_same_to_the_bit(
    pipe: AnymoPipeline, tmp_path: Path, method: Probe, labels: tuple[str, ...]
) -> None:
    own, new = Classifier.fit(swings("ann", "bob", labels=labels), pipe, method=method), swings("eve")
    own.save(tmp_path / "mine")
    read = Classifier.load(tmp_path / "mine", pipe)
    assert sorted(file.name for file in (tmp_path / "mine").iterdir()) == [FACTS, WEIGHTS]
    assert (read.method, read.counts, read.columns, read.gravity) == (
        method,
        dict.fromkeys(labels, 2),
        ("wrist",),
        ("included",),
    )
    assert read.classify(new) == own.classify(new)
    assert list(read.stream(new[0], hop_s=1.0)) == list(own.stream(new[0], hop_s=1.0))


def test_it_tells_new_people_apart(fitted: Classifier) -> None:
    new = swings("eve", "dan")
    found = fitted.classify(new)
    assert [f.label for f in found] == [r.label for r in new]
    assert all(sum(f.scores.values()) == pytest.approx(1.0) for f in found)
    (alone,) = fitted.classify(new[1])
    assert alone.scores == pytest.approx(found[1].scores, abs=1e-6)
    (other_arm,) = fitted.classify(swing("quick", "eve", placement="left wrist"))
    assert other_arm.label == "quick"


def test_stretches_of_one_label(fitted: Classifier) -> None:
    """One after the other in one stream of arrays; the scores are those of the windows."""
    parts = [np.hstack([s.acc, s.gyro])[:500] for r in swings("eve") for s in r.sensors]  # type: ignore[list-item]
    stated = {"rate_hz": 50.0, "acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included"}
    found = list(fitted.stream(iter(parts), placement="right wrist", **stated))  # type: ignore[arg-type]
    assert [f.label for f in found] == ["quick", "slow", "still"]
    assert [f.start_s for f in found] == pytest.approx([0, 10, 20], abs=0.1)
    (whole,) = fitted.stream(replace(swing("slow", "dan")), smooth=3)
    assert whole.label == "slow"
    assert 0.5 < whole.score <= 1


def test_another_encoder_is_refused(fitted: Classifier, other_pipe: AnymoPipeline, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    with pytest.raises(ValueError, match=r"fitted on another encoder .* than that of model-1 .*fit it again"):
        Classifier.load(tmp_path, other_pipe)


def test_text_does_not_matter(fitted: Classifier, other_pipe: AnymoPipeline, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    same = AnymoPipeline(fitted.pipe.encoder, other_pipe.text, Path("same"), window_s=5.0, hop_s=2.5)
    assert Classifier.load(tmp_path, same).labels == fitted.labels
    longer = AnymoPipeline(fitted.pipe.encoder, other_pipe.text, Path("longer"), window_s=8.0, hop_s=8.0)
    with pytest.raises(ValueError, match="another encoder"):
        Classifier.load(tmp_path, longer)


def other_weights(folder: Path, fitted: Classifier) -> None:
    facts = (folder / FACTS).read_text()
    Classifier.fit(swings("eve"), fitted.pipe).save(folder)
    (folder / FACTS).write_text(facts)


def without_columns(folder: Path, _: Classifier) -> None:
    facts = json.loads((folder / FACTS).read_text())
    (folder / FACTS).write_text(json.dumps({k: v for k, v in facts.items() if k != "sensors"}))


@pytest.mark.parametrize(
    "spoil",
    [
        other_weights,
        without_columns,
        lambda folder, _: (folder / WEIGHTS).unlink(),
        lambda folder, _: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-9]),
        lambda folder, _: (folder / FACTS).write_text("{"),
    ],
)
def test_files_that_were_changed(
    fitted: Classifier, tmp_path: Path, spoil: Callable[[Path, Classifier], object]
) -> None:
    fitted.save(tmp_path)
    spoil(tmp_path, fitted)
    with pytest.raises(ValueError, match=r"missing or were changed .*fit it again"):
        Classifier.load(tmp_path, fitted.pipe)


def test_no_classifier_there(pipe: AnymoPipeline, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected .*classifier.json, found none; `anymo fit`"):
        Classifier.load(tmp_path, pipe)


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ([], "two labels or more, got none; add recordings"),
        (swings("ann", "bob", labels=("slow",)), "got 2 of 'slow' alone; add recordings of what else"),
        ([*swings("ann"), replace(swing("slow", "bob"), label="")], "got none for 1, the first 'bob slow'"),
    ],
)
def test_recordings_that_teach_nothing(
    pipe: AnymoPipeline, recordings: list[Recording], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Classifier.fit(recordings, pipe)


def test_recordings_that_it_was_not_fitted_for(fitted: Classifier) -> None:
    with pytest.raises(ValueError, match=r"expected sensors on wrist, got one more on 'left ankle'.*leave"):
        fitted.classify(swing("slow", "eve", placement="left ankle"))
    with pytest.raises(ValueError, match=r"expected gravity included, as in .*got removed; record it alike"):
        fitted.classify(swing("slow", "eve", gravity="removed"))
    stated = {"rate_hz": 50.0, "acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included"}
    with pytest.raises(ValueError, match="got one more on 'chest'"):  # before anything is read
        fitted.stream(iter([]), placement="chest", **stated)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected one recording or more"):
        fitted.classify([])
    with pytest.raises(ValueError, match="expected probe or probes, got 'forest'"):
        Classifier.fit(swings("ann"), fitted.pipe, method="forest")  # type: ignore[arg-type]
