"""What a changed wearing does to signals, and that no change is no change."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo.body import Body
from anymo.data import SETS, load_set
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.evaluation.robustness import (
    CONDITIONS,
    Change,
    changed,
    random_turns,
    real_curves,
    simulated_curves,
)
from anymo.evaluation.scene import PLACES, Scene, Wearing, held_out_scene, recordings
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording


@pytest.fixture(scope="module")
def sampler(corpus_folder: Path, bodies: tuple[Body, ...]) -> WindowSampler:
    return WindowSampler(MotionCorpus.load(corpus_folder), bodies, DrawConfig(window_s=4.0), held_out=True)


@pytest.fixture(scope="module")
def scene(sampler: WindowSampler, bodies: tuple[Body, ...]) -> Scene:
    return held_out_scene(sampler, bodies, num_phrases=4, num_windows=9, window_s=4.0, seed=0)


class NormPipeline:
    """An encoder that hears nothing but the length of the acceleration, and words that ask for it."""

    def embed(self, worn: list[Recording]) -> torch.Tensor:
        mean = [float(np.linalg.norm(r.sensors[0].acc, axis=1).std()) for r in worn]
        return torch.tensor([[m, 1.0] for m in mean])

    def embed_labels(self, labels: list[str]) -> torch.Tensor:
        level = torch.linspace(0, 6, len(labels))
        return torch.stack([level, -(level**2) / 2], dim=1)


def norms(worn: list[Recording]) -> np.ndarray:
    return np.array([np.linalg.norm(s.acc, axis=1) for r in worn for s in r.sensors])


def test_scene_is_held_out_and_generated(scene: Scene) -> None:
    assert scene.corpus.held_out[scene.clip].all()
    assert {scene.corpus.sources[c] for c in scene.clip} == {"procedural"}
    for clip, truth in zip(scene.clip, scene.truth, strict=True):
        assert scene.corpus.captions[clip][0] == scene.phrases[truth]


def test_places_take_turns(scene: Scene) -> None:
    for k, recording in zip(scene.place, recordings(scene, Wearing(num_sensors=3)), strict=True):
        assert [s.placement for s in recording.sensors] == [PLACES[(k + j) % 8] for j in range(3)]
    alone = recordings(scene, Wearing())
    assert [r.sensors[0].placement for r in alone] == [PLACES[k] for k in scene.place]


def test_each_clip_of_a_phrase_is_seen_from_all_places(
    sampler: WindowSampler, bodies: tuple[Body, ...]
) -> None:
    """Else accuracy hangs on which phrase met which place."""
    for num in (2, 4):
        long = held_out_scene(sampler, bodies, num_phrases=num, num_windows=200, window_s=4.0, seed=0)
        seen = {c: set(long.place[long.clip == c].tolist()) for c in long.clip.tolist()}
        assert set(map(len, seen.values())) == {len(PLACES)}


def test_errors_do_not_hang_on_the_number_worn(scene: Scene) -> None:
    alone, both = (recordings(scene, Wearing(num_sensors=n)) for n in (1, 2))
    for one, two in zip(alone, both, strict=True):
        np.testing.assert_allclose(one.sensors[0].acc, two.sensors[0].acc, atol=1e-4)
        np.testing.assert_allclose(one.sensors[0].gyro, two.sensors[0].gyro, atol=1e-4)


def test_a_turn_moves_axes_and_no_length(scene: Scene) -> None:
    plain, turned = (recordings(scene, Wearing(turn_deg=a)) for a in (0.0, 90.0))
    # device errors, in sensor axes, are the same in both: bias 0.2 m/s², scale 0.4 %, noise 0.01
    np.testing.assert_allclose(norms(turned), norms(plain), atol=1.5)
    assert np.abs(turned[0].sensors[0].acc - plain[0].sensors[0].acc).max() > 3.0
    np.testing.assert_array_equal(recordings(scene, Wearing())[0].sensors[0].acc, plain[0].sensors[0].acc)


def test_turns_are_by_the_angle() -> None:
    for angle in (0.0, 30.0, 180.0):
        turns = random_turns(50, angle, np.random.default_rng(0))
        trace = np.trace(turns, axis1=1, axis2=2)
        np.testing.assert_allclose(trace, 1 + 2 * np.cos(np.deg2rad(angle)), atol=1e-12)
    np.testing.assert_array_equal(
        random_turns(5, 0.0, np.random.default_rng(0)), np.tile(np.eye(3), (5, 1, 1))
    )


@pytest.mark.parametrize(
    "wearing",
    [Wearing(shift_m=0.1), Wearing(next_segment=True), Wearing(rate_hz=10.0), Wearing(has_gyro=False)],
)
def test_what_is_declared_stays(scene: Scene, wearing: Wearing) -> None:
    for plain, other in zip(recordings(scene, Wearing()), recordings(scene, wearing), strict=True):
        (a,), (b,) = plain.sensors, other.sensors
        assert (a.placement, a.gravity) == (b.placement, b.gravity)
        assert (b.rate_hz, b.gyro is not None) == (wearing.rate_hz, wearing.has_gyro)
        assert len(b.acc) == round(4.0 * wearing.rate_hz) + 1
        if wearing.rate_hz == a.rate_hz and wearing.has_gyro:
            assert not np.array_equal(a.acc, b.acc)


def test_curves_of_an_invariant_model_are_level_under_turns(scene: Scene) -> None:
    curves = {c.condition: c for c in simulated_curves(NormPipeline(), scene)}
    assert set(curves) == set(CONDITIONS)
    assert curves["sensors worn"].accuracy == (curves["sensors worn"].accuracy[0],) * 8  # it hears the first
    plain = {c.accuracy[0] for name, c in curves.items() if name != "device rate, Hz"}
    assert len(plain) == 1  # no turn, one sensor, no shift, gyroscope on: all the same
    assert curves["channels"].accuracy[0] == curves["channels"].accuracy[1]
    assert np.ptp(curves["mounting turned, °"].accuracy) <= 2 / 9  # device errors lie in the sensor's axes


def test_angle_zero_is_the_plain_accuracy(encoder_folder: Path) -> None:
    pipe, real = AnymoPipeline.from_pretrained(encoder_folder), load_set("basic_motions")[::4]
    curves = {c.condition: c for c in real_curves(pipe, "basic_motions", real, seed=0)}
    spec = SETS["basic_motions"]
    scores = pipe.scores(real, labels=[spec.words[label] for label in spec.labels])
    truth = np.array([spec.labels.index(r.label) for r in real])
    plain = float((scores.argmax(dim=1).numpy() == truth).mean())
    assert curves["mounting turned, °"].accuracy[0] == plain
    assert curves["channels"].accuracy[0] == plain
    assert (
        dict(zip(curves["device rate, Hz"].ticks, curves["device rate, Hz"].accuracy, strict=True))["10"]
        == plain
    )
    assert curves["device rate, Hz"].ticks == ("5", "10")  # never under 5 Hz


def test_changes_of_recordings() -> None:
    real = load_set("basic_motions")[:3]
    same = changed(real, Change(), seed=0)
    for a, b in zip(real, same, strict=True):
        np.testing.assert_array_equal(a.sensors[0].acc, b.sensors[0].acc)
    np.testing.assert_allclose(norms(changed(real, Change(turn_deg=77.0), seed=0)), norms(real), atol=1e-12)
    (thin,) = changed(real[:1], Change(keep_every=2, has_gyro=False), seed=0)[0].sensors
    np.testing.assert_array_equal(thin.acc, real[0].sensors[0].acc[::2])
    assert (thin.rate_hz, thin.gyro) == (5.0, None)


def test_scene_refuses_what_cannot_be(sampler: WindowSampler, bodies: tuple[Body, ...]) -> None:
    with pytest.raises(ValueError, match=r"windows up to 4.0 s, got 5.0"):
        held_out_scene(sampler, bodies, num_phrases=4, num_windows=9, window_s=5.0, seed=0)
    corpus = replace(sampler.corpus, captions=tuple(("the same",) for _ in sampler.corpus.captions))
    alike = WindowSampler(corpus, bodies, DrawConfig(window_s=4.0), held_out=True)
    with pytest.raises(ValueError, match="two phrases or more"):
        held_out_scene(alike, bodies, num_phrases=4, num_windows=9, window_s=4.0, seed=0)
