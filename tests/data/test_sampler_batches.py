"""Batches as training sees them: words, weights, mirrored and complete windows, and what is refused."""

import itertools
import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from anymo import body
from anymo.body import Body
from anymo.data.arrow import POSE_HZ, POSE_SIZE
from anymo.data.corpus import ClipSource, MotionCorpus, build_corpus
from anymo.data.draws import SEGMENT_WEIGHT, DrawConfig, draw_captions, draw_segments, segment_weights
from anymo.data.moments import busier_side
from anymo.data.sampler import SimulatedBatch, WindowSampler
from anymo.data.wearers import Wearers
from anymo.records import Caption, Motion
from anymo.skeleton import INDEX, NUM_SEGMENTS, SEGMENTS, mirror_words


@pytest.fixture(scope="module")
def adult() -> Body:
    return body.load()


def sampler_of(corpus: MotionCorpus, adult: Body, *, held_out: bool = False, **draw: object) -> WindowSampler:
    return WindowSampler(corpus, [adult], DrawConfig(**draw), held_out=held_out)


def flat(batch: SimulatedBatch) -> list[torch.Tensor]:
    views = [
        t for v in (*batch.views, *batch.complete) for t in (v.signal, v.sample_valid, v.has_gyro, v.segment)
    ]
    targets = [] if batch.targets is None else [batch.targets.signal, batch.targets.rotation]
    return [*views, *targets, batch.pose, batch.clip]


def test_blocks_are_what_they_are_in_any_order(tiny_corpus: MotionCorpus, adult: Body) -> None:
    sampler = sampler_of(tiny_corpus, adult, num_targets=2, preset_share=1.0)

    def block(k: int) -> SimulatedBatch:
        return sampler.batch(4, np.random.default_rng([7, k]), num_captions=2, phrase_share=0.5)

    forward = SimulatedBatch.joined([block(k) for k in range(3)])
    backward = [block(k) for k in (2, 1, 0)]
    joined = SimulatedBatch.joined(backward[::-1])
    assert all(torch.equal(a, b) for a, b in zip(flat(forward), flat(joined), strict=True))
    assert forward.texts == joined.texts
    assert len(forward) == 12
    assert forward.targets is not None
    assert forward.targets.signal.shape == (12, 2, 100, 6)


def test_views_are_part_of_the_complete_ones(tiny_corpus: MotionCorpus, adult: Body) -> None:
    batch = sampler_of(tiny_corpus, adult, complete=True, num_targets=2, max_sensors=5).batch(
        30, np.random.default_rng(0)
    )
    assert len(batch.complete) == len(batch.views) == 2
    for view, complete in zip(batch.views, batch.complete, strict=True):
        assert complete.signal.shape == (30, NUM_SEGMENTS, 100, 6)
        assert complete.worn.all()
        assert torch.equal(complete.segment, torch.arange(NUM_SEGMENTS).expand(30, -1))
        assert view.signal is complete.signal
        assert {1, 5} <= set(view.worn.sum(dim=1).tolist()) <= {1, 2, 3, 4, 5}
        assert torch.equal(view.sample_valid, complete.sample_valid & view.worn[..., None])
        assert torch.equal(view.has_gyro, complete.has_gyro & view.worn)
        assert torch.equal(view.has_gravity, complete.has_gravity & view.worn)
        assert (complete.signal.std(dim=2) > 0).any(dim=-1).all()
    assert batch.targets is not None
    assert not batch.views[0].worn.gather(1, batch.targets.segment).any()
    assert not sampler_of(tiny_corpus, adult).batch(2, np.random.default_rng(0)).complete


@pytest.fixture(scope="module")
def sided_corpus(hand_motion: Callable[..., Motion]) -> MotionCorpus:
    captions = tuple(
        Caption(text=t) for t in ("left kick", "a person kicks with the left leg", "kicking, left side first")
    )
    clips = [ClipSource(motion=replace(hand_motion(k), captions=captions), body=0) for k in range(6)]
    return build_corpus(clips, held_out_fraction=0.4, seed=1)


def test_mirrored_windows_say_the_other_side(sided_corpus: MotionCorpus, adult: Body) -> None:
    def sides(share: float, *, held_out: bool = False) -> list[bool]:
        sampler = sampler_of(sided_corpus, adult, held_out=held_out, mirror_share=share)
        batch = sampler.batch(100, np.random.default_rng(0), num_views=1, num_captions=2, phrase_share=0.3)
        mirrored = ["right" in phrase for phrase in batch.phrase]
        for said, right in zip(batch.texts, mirrored, strict=True):
            assert all((("right" in t), ("left" in t)) == (right, not right) for t in said)
        return mirrored

    assert all(sides(1.0))
    assert not any(sides(0.0))
    assert 30 < sum(sides(0.5)) < 70
    assert not any(sides(1.0, held_out=True))


@pytest.mark.parametrize(
    ("said", "mirrored_said"),
    [
        ("Left-handed, she turns right.", "Right-handed, she turns left."),
        (
            "steps leftwards and right after that jumps upright",
            "steps rightwards and right after that jumps upright",
        ),
        ("turns clockwise", "turns counterclockwise"),
        ("turns counter-clockwise", "turns clockwise"),
    ],
)
def test_words_that_name_a_side_are_mirrored(said: str, mirrored_said: str) -> None:
    assert mirror_words(said) == mirrored_said


def test_captions_are_distinct_as_long_as_they_last() -> None:
    rng, sentences = np.random.default_rng(0), ("a", "b", "c")
    drawn = [draw_captions(("phrase", "synonym"), sentences, 3, 0.5, rng) for _ in range(4000)]
    assert all(len(set(d)) == 3 for d in drawn)
    assert all(len({"phrase", "synonym"} & set(d)) <= 1 for d in drawn)
    named = [[t in ("phrase", "synonym") for t in d] for d in drawn]
    assert np.mean(named, axis=0) == pytest.approx([0.5, 0.25, 0.125], abs=0.03)
    assert np.mean(["synonym" in d for d in drawn]) == pytest.approx(0.875 / 2, abs=0.03)
    assert all("phrase" not in draw_captions(("phrase",), sentences, 3, 0.0, rng) for _ in range(99))
    assert draw_captions(("phrase",), (), 3, 0.0, rng) == ("phrase",) * 3
    five = draw_captions(("phrase",), sentences, 5, 1.0, rng)
    assert five[0] == five[4] == "phrase"
    assert len(set(five)) == 4


def test_clips_are_drawn_by_weight(tiny_corpus: MotionCorpus, adult: Body) -> None:
    clips = tiny_corpus.clips(held_out=False)
    weight = torch.zeros(len(tiny_corpus), dtype=torch.float64)
    weight[clips[0]], weight[clips[2]] = 3.0, 1.0
    sampler = sampler_of(replace(tiny_corpus, weight=weight), adult)
    clip = sampler.batch(400, np.random.default_rng(0), num_views=1).clip
    assert set(clip.tolist()) == {int(clips[0]), int(clips[2])}
    assert float((clip == clips[0]).float().mean()) == pytest.approx(0.75, abs=0.06)


def test_segments_are_distinct_and_never_those_taken() -> None:
    rng = np.random.default_rng(0)
    taken = rng.random((5000, NUM_SEGMENTS)) < 0.5
    segment = draw_segments(np.where(taken, 0.0, SEGMENT_WEIGHT), 3, rng)
    assert not np.take_along_axis(taken, segment, axis=1).any()
    assert all(len(set(row)) == 3 for row in segment.tolist())
    first = np.bincount(
        draw_segments(np.tile(SEGMENT_WEIGHT, (20_000, 1)), 1, rng)[:, 0], minlength=NUM_SEGMENTS
    )
    np.testing.assert_allclose(first / 20_000, SEGMENT_WEIGHT / SEGMENT_WEIGHT.sum(), atol=0.01)


def test_another_body_lends_its_shape_not_its_bones(adult: Body) -> None:
    """Along the forearm the sensor stays at the same share of the bone that moves it."""
    wearers = Wearers([adult, body.sample(np.random.default_rng(0))])
    segment = np.full(500, INDEX["LeftForeArm"])
    zero, one = np.zeros(500, dtype=np.int64), np.ones(500, dtype=np.int64)
    arms = [b.joint_position[INDEX["LeftHand"]] - b.joint_position[segment[0]] for b in wearers.bodies]
    ratio = np.linalg.norm(arms[0]) / np.linalg.norm(arms[1])
    assert abs(ratio - 1) > 1e-4
    for usual in (0.0, 1.0):
        own, rotation = mounted(wearers, segment, one, one, usual_share=usual, upright_share=1 - usual)
        lent, same = mounted(wearers, segment, one, zero, usual_share=usual, upright_share=1 - usual)
        np.testing.assert_allclose(lent, own * ratio)
        np.testing.assert_array_equal(rotation, same)


def test_a_window_with_one_sensor(tiny_corpus: MotionCorpus, adult: Body) -> None:
    sampler = sampler_of(tiny_corpus, adult, max_sensors=1, num_targets=1, usual_share=1.0, upright_share=0.0)
    batch = sampler.batch(1, np.random.default_rng(0))
    assert batch.views[0].signal.shape[:2] == (1, 1)
    assert batch.targets is not None
    assert batch.targets.offset.shape == (1, 1, 3)


def mounted(wearers: Wearers, *where: np.ndarray, **shares: float) -> tuple[np.ndarray, np.ndarray]:
    return wearers.mount(*where, **shares, rng=np.random.default_rng(1))


def test_mountings_of_three_kinds(adult: Body) -> None:
    """Usual ones are near a named placement and its quarter turns, flat ones on the skin, others anyhow."""
    wearers, num = Wearers([adult]), 4000
    where = np.full(num, INDEX["LeftForeArm"]), np.zeros(num, dtype=np.int64), np.zeros(num, dtype=np.int64)

    offset, rotation = mounted(wearers, *where, usual_share=1.0, upright_share=0.0)
    named = [adult.placement(n) for n in ("left wrist", "left forearm", "left wrist watch")]
    distance = np.linalg.norm(offset[:, None] - [p.offset_m for p in named], axis=-1)
    assert distance.min(axis=1).max() < 0.05
    assert np.bincount(distance[:, :2].argmin(axis=1)) / num == pytest.approx([2 / 3, 1 / 3], abs=0.03)
    nearest = np.array([p.rotation for p in named])[distance.argmin(axis=1)]
    turn = Rotation.from_matrix(nearest.swapaxes(1, 2) @ rotation)
    is_usual = turn.magnitude() < np.deg2rad(45)
    assert is_usual.mean() == pytest.approx(0.5, abs=0.03)
    assert np.rad2deg(turn[is_usual].as_rotvec().std(axis=0)) == pytest.approx([8, 8, 8], abs=0.5)
    assert (turn.as_matrix()[:, 2, 2] < -0.5).mean() == pytest.approx(0.1, abs=0.02)  # face to the body

    _, turned = mounted(wearers, *where, usual_share=0.0, upright_share=0.0)
    assert np.abs(turned.mean(axis=0)).max() < 0.05  # uniform over SO(3)
    _, mixed = mounted(wearers, *where, usual_share=0.5, upright_share=0.0)
    assert np.abs(mixed.mean(axis=0)).max() > 0.1


def test_what_cannot_work_is_said_at_start(
    tiny_corpus: MotionCorpus, adult: Body, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=r"the 2 or more bodies the corpus was built with, got 1"):
        sampler_of(replace(tiny_corpus, body=tiny_corpus.body + 1), adult)
    with pytest.raises(ValueError, match=r"expected shares from 0 to 1, got {'mirror_share': 1.5}"):
        DrawConfig(mirror_share=1.5)
    with pytest.raises(
        ValueError, match=r"usual_share and upright_share of 1 together or less, got 0.8 and 0.6"
    ):
        DrawConfig(upright_share=0.6)
    with pytest.raises(ValueError, match="fit 23 segments together, got 22 and 2"):
        DrawConfig(max_sensors=22, num_targets=2)
    with pytest.raises(ValueError, match="up to the 60 Hz of the corpus"):
        DrawConfig(rate_hz=100.0)
    with pytest.raises(ValueError, match="positive device_rates_hz"):
        DrawConfig(device_rates_hz=(0.0, 50.0))


def test_short_clips_are_counted_and_named(
    hand_motion: Callable[..., Motion], adult: Body, caplog: pytest.LogCaptureFixture
) -> None:
    clips = [
        ClipSource(motion=hand_motion(k, duration_s=d), body=0) for k, d in enumerate((8.0, 3.0, 0.7, 8.0))
    ]
    corpus = build_corpus(clips, held_out_fraction=0.0, seed=0)
    with caplog.at_level(logging.DEBUG, logger="anymo"):
        sampler = sampler_of(corpus, adult)
    assert "2 of 4 training clips are shorter than a window, 1 too short to draw" in caplog.text
    assert "not drawn: swing-2" in caplog.text
    assert set(sampler.batch(90, np.random.default_rng(0), num_views=1).clip.tolist()) == {0, 1, 3}
    held_out = replace(corpus, held_out=torch.ones(4, dtype=torch.bool))
    assert sampler_of(held_out, adult, held_out=True).clips.tolist() == [0, 3]


def test_a_short_clip_gives_windows_that_end_with_it(hand_motion: Callable[..., Motion], adult: Body) -> None:
    """Nothing past the end of a clip is seen, by devices or as a pose, and all before it may be."""
    clips = [ClipSource(motion=hand_motion(k, duration_s=d), body=0) for k, d in enumerate((9.0, 3.0))]
    corpus = build_corpus(clips, held_out_fraction=0.0, seed=0)
    sampler = sampler_of(corpus, adult, short_share=0.0, ideal_share=1.0)
    batch = sampler.batch(200, np.random.default_rng(0), clips=torch.arange(200) % 2)
    length_s = (181 - 10) / 60 / torch.tensor([1.15, 0.85])
    for seen, rate_hz in ((batch.views[0].sample_valid[:, 0], 20.0), (batch.pose_seen, 12.0)):
        count = seen.sum(dim=1)
        assert (seen == (torch.arange(seen.shape[1]) < count[:, None])).all()
        assert (count[::2] == 5 * rate_hz).all()
        low, high = (length_s * rate_hz).tolist()
        assert low <= count[1::2].min() < low + 3
        assert high - 3 < count[1::2].max() <= high + 1


def test_speed_and_start_are_spread_over_the_clip(tiny_corpus: MotionCorpus, adult: Body) -> None:
    sampler = sampler_of(tiny_corpus, adult)
    moments = sampler._moments(2000, np.random.default_rng(0), None)
    assert moments.speed.min() < 0.87
    assert moments.speed.max() > 1.13
    frames = torch.from_numpy(sampler.frames[0:1])
    end = moments.start + 5 * moments.speed * 60
    assert moments.start.min() < 10
    assert (end < frames).all()
    assert end.max() > frames - 10
    pairs = itertools.combinations([moments.start, moments.speed, moments.mirrored.double()], 2)
    assert all(abs(float(torch.corrcoef(torch.stack(pair))[0, 1])) < 0.35 for pair in pairs)


def test_words_are_those_of_the_moment(tiny_corpus: MotionCorpus, adult: Body) -> None:
    """A caption of the other half of a clip is not said of this one."""
    halves = np.array([[0.0, 4.0], [4.0, 8.0], [0.0, np.inf]])
    corpus = replace(
        tiny_corpus,
        captions=(("first", "second", "always"),) * len(tiny_corpus),
        spans=(halves,) * len(tiny_corpus),
        synonyms=(("one",),) * len(tiny_corpus),
    )
    sampler = sampler_of(corpus, adult, window_s=2.0, mirror_share=0.0)
    clip = int(sampler.clips[0])
    assert sampler._words(clip, 30.0, 1.0, False) == (("first", "one"), ("always",))
    assert sampler._words(clip, 330.0, 1.0, False) == (("second",), ("always",))
    batch = sampler.batch(50, np.random.default_rng(0), num_views=1, phrase_share=1.0)
    assert set(batch.phrase) == {"first", "second"}
    assert {t for (t,) in batch.texts} == {"first", "one", "second"}


@pytest.mark.gpu
def test_the_same_windows_on_a_gpu(tiny_corpus: MotionCorpus, adult: Body) -> None:
    """Without a device's noise, whose deviates are drawn where the signal is."""
    config = DrawConfig(ideal_share=1.0, num_targets=2)
    one, other = (
        WindowSampler(tiny_corpus, [adult], config, held_out=False, device=d).batch(
            16, np.random.default_rng(0)
        )
        for d in ("cpu", "cuda")
    )
    assert other.views[0].signal.is_cuda
    assert one.texts == other.texts
    for here, there in zip(flat(one), flat(other), strict=True):
        torch.testing.assert_close(there.cpu(), here, atol=1e-3, rtol=1e-4)


def test_the_busier_limb_wears_the_sensor_more_often(tiny_corpus: MotionCorpus) -> None:
    """The left upper arm turns by 1 rad/s, the right one rests: the left arm is busier down to the hand."""
    frames, angle = 40, np.arange(40) / POSE_HZ
    pose = torch.zeros(1, frames, POSE_SIZE)
    rotation = Rotation.from_rotvec(angle[:, None] * [0.0, 1.0, 0.0]).as_matrix()
    sixth = 6 * INDEX["LeftUpperArm"]
    pose[0, :, sixth : sixth + 6] = torch.from_numpy(rotation[..., :2].reshape(frames, 6)).float()
    busier = busier_side(pose).numpy()
    arm = {"LeftUpperArm", "LeftForeArm", "LeftHand"}
    assert {SEGMENTS[i] for i in busier[0].nonzero()[0]} == arm
    weight = segment_weights(busier, 0.8)[0]
    left, right = INDEX["LeftForeArm"], INDEX["RightForeArm"]
    assert weight[left] / (weight[left] + weight[right]) == pytest.approx(0.8)
    assert weight.sum() == pytest.approx(SEGMENT_WEIGHT.sum())
    np.testing.assert_allclose(segment_weights(busier, 0.5)[0], SEGMENT_WEIGHT)
