"""Which activities stand for a label, training on virtual recordings, and how near they come to real ones."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo.body import Body
from anymo.data.blocks import Blocks
from anymo.data.corpus import MotionCorpus
from anymo.evaluation.few_shot import NOTHING, FewShotProtocol, few_shot
from anymo.evaluation.few_shot_result import Run
from anymo.evaluation.fidelity import fidelity, fidelity_table
from anymo.evaluation.virtual_imu import VIRTUAL, Activity, VirtualImu, find_virtual_imu
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording


@pytest.fixture(scope="module")
def pipe(encoder_folder: Path) -> AnymoPipeline:
    return AnymoPipeline.from_pretrained(encoder_folder)


@pytest.fixture(scope="module")
def virtual(corpus_folder: Path, bodies: tuple[Body, ...]) -> VirtualImu:
    """Labels a and b are shown by one training phrase each."""
    corpus = MotionCorpus.load(corpus_folder)
    phrases = sorted({corpus.captions[c][0] for c in corpus.clips(held_out=False).tolist()})
    activities = {
        label: (Activity(phrase=p, similarity=1.0),) for label, p in zip("ab", phrases, strict=False)
    }
    assert len(activities) == 2
    return VirtualImu(corpus=corpus, bodies=bodies, activities=activities)


@pytest.fixture(scope="module")
def people(virtual: VirtualImu) -> list[Recording]:
    """Three people who pass for real: other draws of the same activities."""
    from anymo.records import SensorStream

    blank = np.zeros((10, 3))
    worn = SensorStream(
        acc=blank, gyro=blank, valid=np.ones(10, dtype=bool), rate_hz=25.0, placement="left wrist",
        gravity="included",
    )  # fmt: skip
    like = [Recording(sensors=(worn,))]
    made = []
    for k in range(3):
        own = virtual.recordings(like, num=5, duration_s=4.0, seed=100 + k)
        made += [replace(r, subject=f"p{k}", name=f"p{k} {r.name}", source="people") for r in own]
    return made


def test_activities_are_the_nearest_and_each_label_has_its_own(
    pipe: AnymoPipeline, virtual: VirtualImu, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = virtual.corpus
    phrases = sorted({corpus.captions[c][0] for c in corpus.clips(held_out=False).tolist()})
    words = {label: phrases[-1 - k] for k, label in enumerate("xy")}
    found = find_virtual_imu(pipe, corpus, virtual.bodies, words, num_activities=1)
    assert {label: [a.phrase for a in own] for label, own in found.activities.items()} == {
        label: [word] for label, word in words.items()
    }
    assert all(own[0].similarity > 0.9 for own in found.activities.values())
    for label, own in found.clips.items():
        assert {corpus.captions[c][0] for c in own} == {words[label]}
        assert not corpus.held_out[torch.tensor(own)].any()
    # one label's best is also the other's: it goes where the sum is greatest
    table = torch.tensor([[0.9, 0.8, *[0.0] * (len(phrases) - 2)], [0.85, 0.1, *[0.0] * (len(phrases) - 2)]])
    monkeypatch.setattr(pipe, "embed_labels", lambda labels: table)
    monkeypatch.setattr(pipe, "embed_text", lambda texts: torch.eye(len(texts)))
    found = find_virtual_imu(pipe, corpus, virtual.bodies, {"x": "one", "y": "two"}, num_activities=2)
    assert found.activities["x"][0].phrase == phrases[1]
    assert found.activities["y"][0].phrase == phrases[0]
    many = {str(k): str(k) for k in range(len(phrases) + 1)}
    with pytest.raises(ValueError, match=r"a phrase in the corpus for each of .* take a corpus of more"):
        find_virtual_imu(pipe, corpus, virtual.bodies, many)


def test_every_source_is_trained_on(
    pipe: AnymoPipeline, virtual: VirtualImu, people: list[Recording]
) -> None:
    sources = ("real", "real+virtual", "real+virtual+class_rank", "virtual", "virtual+rank")
    protocol = FewShotProtocol(
        methods=("probe",), sources=sources, shots=(1,), shares=(), num_folds=3, seeds=(0,), num_virtual=4,
        against="probe",
    )  # fmt: skip
    result = few_shot(people, pipe, protocol, virtual=virtual)
    assert [(run.source, run.amount.num) for run in result.scores] == [
        (s, 0 if s == "virtual" else 1) for s in sources
    ]
    real, mixed, *_, alone, _ = result.scores
    assert not np.allclose(result.scores[real], result.scores[mixed])
    assert result.baseline(mixed) == real
    assert alone == Run(method="probe", source="virtual", amount=NOTHING)
    assert result.baseline(alone) is None


def test_other_virtual_recordings_are_trained_on_anew(
    pipe: AnymoPipeline, virtual: VirtualImu, people: list[Recording], tmp_path: Path
) -> None:
    """The same activities of a corpus that has changed."""
    protocol = FewShotProtocol(
        methods=("probe",), sources=("real+virtual",), shots=(1,), shares=(), num_folds=3, seeds=(0,),
        num_virtual=2, against="probe",
    )  # fmt: skip

    def keys(source: VirtualImu) -> set[str]:
        few_shot(people, pipe, protocol, virtual=source, cells=tmp_path)
        return {json.loads(file.read_text())["key"] for file in tmp_path.rglob("*.json")}

    first = keys(virtual)
    assert len(first) == 3
    assert keys(virtual) == first
    louder = Blocks([1.5 * block for block in virtual.corpus.features.blocks])
    assert not keys(replace(virtual, corpus=replace(virtual.corpus, features=louder))) & first


def test_fidelity_finds_the_same_motion_near_and_noise_far(
    virtual: VirtualImu, people: list[Recording], asset: Callable[[str], Path]
) -> None:
    pipe = AnymoPipeline.from_pretrained()
    near = fidelity(pipe, people, virtual, num_virtual=5, seed=0)
    table = fidelity_table({"toy": near})
    assert table.count("| toy |") == 1 + len(VIRTUAL)
    rng = np.random.default_rng(0)
    noisy = [
        replace(r, sensors=tuple(replace(s, acc=30 * rng.normal(size=s.acc.shape)) for s in r.sensors))
        for r in people
    ]
    far = fidelity(pipe, noisy, virtual, num_virtual=5, seed=0)
    assert far["virtual"]["frechet"] > 2 * near["virtual"]["frechet"]
    assert far["virtual"]["discriminator"] > near["virtual"]["discriminator"]
    with pytest.raises(ValueError, match=r"two people or more, got \['p0'\]"):
        fidelity(pipe, people[:10], virtual, num_virtual=5, seed=0)
