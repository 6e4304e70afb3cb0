"""Virtual recordings: worn as the set's are, of the right clips, and calibrated to their distribution."""

from dataclasses import replace

import numpy as np
import pytest

from anymo.body import Body
from anymo.body import load as load_body
from anymo.data.corpus import MotionCorpus
from anymo.data.virtual import calibrated, virtual_recordings
from anymo.records import Recording, SensorStream


@pytest.fixture(scope="module")
def bodies() -> tuple[Body, ...]:
    return (load_body(),)


def worn(*placements: str, gravity: str = "included", gyro: bool = True, label: str = "x") -> Recording:
    rng = np.random.default_rng(len(placements))
    acc, turn = rng.normal(size=(2, 120, 3))
    streams = tuple(
        SensorStream(
            acc=2.0 * acc + [1.0, 2.0, 3.0],
            gyro=0.5 * turn if gyro else None,
            valid=np.ones(120, dtype=bool),
            rate_hz=40.0,
            placement=place,
            gravity=gravity,  # type: ignore[arg-type]
        )
        for place in placements
    )
    return Recording(sensors=streams, label=label, subject="s1", name="real")


def made(corpus: MotionCorpus, bodies: tuple[Body, ...], like: Recording, seed: int = 0) -> list[Recording]:
    clips = {
        label: [c for c in range(len(corpus)) if corpus.captions[c][0].endswith(label)] for label in "12"
    }
    return virtual_recordings(
        corpus, bodies, clips, [like], num=3, duration_s=4.0, rng=np.random.default_rng(seed)
    )


def test_they_are_worn_as_the_given_ones_are(tiny_corpus: MotionCorpus, bodies: tuple[Body, ...]) -> None:
    like = worn("left wrist", "right ankle", gyro=False)
    recordings = made(tiny_corpus, bodies, like)
    assert [r.label for r in recordings] == ["1"] * 3 + ["2"] * 3
    for r in recordings:
        assert r.text == f"move {r.label}"
        assert [s.placement for s in r.sensors] == ["left wrist", "right ankle"]
        assert all(s.gyro is None and s.rate_hz == 40.0 and len(s.acc) == 160 for s in r.sensors)
    again = made(tiny_corpus, bodies, like)
    assert all(
        np.array_equal(a.sensors[0].acc, b.sensors[0].acc) for a, b in zip(recordings, again, strict=True)
    )
    other = made(tiny_corpus, bodies, like, seed=1)
    assert not np.array_equal(recordings[0].sensors[0].acc, other[0].sensors[0].acc)


def test_no_sample_of_the_set_is_read(tiny_corpus: MotionCorpus, bodies: tuple[Body, ...]) -> None:
    like = worn("left wrist")
    blank = replace(like, sensors=tuple(replace(s, acc=np.zeros_like(s.acc)) for s in like.sensors))
    pair = [made(tiny_corpus, bodies, r) for r in (like, blank)]
    assert all(np.array_equal(a.sensors[0].acc, b.sensors[0].acc) for a, b in zip(*pair, strict=True))


def test_gravity_is_what_the_set_has(tiny_corpus: MotionCorpus, bodies: tuple[Body, ...]) -> None:
    kept, removed = (
        made(tiny_corpus, bodies, worn("lower back", gravity=gravity)) for gravity in ("included", "removed")
    )
    for with_it, without in zip(kept, removed, strict=True):
        gap = np.linalg.norm(with_it.sensors[0].acc - without.sensors[0].acc, axis=1)
        assert gap.mean() == pytest.approx(9.81, abs=0.3)


def test_calibration_gives_the_distribution_of_the_real_ones(
    tiny_corpus: MotionCorpus, bodies: tuple[Body, ...]
) -> None:
    real = worn("right wrist")
    virtual = made(tiny_corpus, bodies, worn("left wrist"))  # a pair's sides share a map
    mapped = calibrated(virtual, [real], by_class=False)
    for name in ("acc", "gyro"):
        before, after, wanted = (
            np.concatenate([getattr(r.sensors[0], name) for r in side]) for side in (virtual, mapped, [real])
        )
        assert np.abs(after.mean(0) - wanted.mean(0)).max() < 0.05
        assert np.abs(after.std(0) - wanted.std(0)).max() < 0.1
        assert np.abs(before.mean(0) - wanted.mean(0)).max() > 0.05
    bare = calibrated(made(tiny_corpus, bodies, worn("left wrist", gyro=False)), [real], by_class=False)
    assert all(r.sensors[0].gyro is None for r in bare)


def test_calibration_by_class_takes_each_class_by_itself(
    tiny_corpus: MotionCorpus, bodies: tuple[Body, ...]
) -> None:
    high = worn("left wrist", label="2")
    high = replace(high, sensors=tuple(replace(s, acc=s.acc + 20.0) for s in high.sensors))
    mapped = calibrated(made(tiny_corpus, bodies, high), [worn("left wrist", label="1"), high], by_class=True)
    mean = {label: np.mean([r.sensors[0].acc.mean() for r in mapped if r.label == label]) for label in "12"}
    assert mean["1"] == pytest.approx(2.0, abs=0.3)
    assert mean["2"] == pytest.approx(22.0, abs=0.3)


def test_errors_say_what_to_do(tiny_corpus: MotionCorpus, bodies: tuple[Body, ...]) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"clips for each label, got 1 and none for \['a'\]"):
        virtual_recordings(
            tiny_corpus, bodies, {"a": []}, [worn("left wrist")], num=1, duration_s=4.0, rng=rng
        )
    virtual = made(tiny_corpus, bodies, worn("left wrist"))
    with pytest.raises(ValueError, match="real recordings with a sensor on 'wrist', got none"):
        calibrated(virtual, [worn("chest")], by_class=False)
    with pytest.raises(ValueError, match="were recorded but not simulated"):
        calibrated(virtual, [worn("left wrist", label="9")], by_class=True)
