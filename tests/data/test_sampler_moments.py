"""What ideal sensors read at drawn moments, and the pose beside it, against the simulator itself."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from anymo import body
from anymo.body import Body
from anymo.data.corpus import ClipSource, MotionCorpus, build_corpus, pose_features
from anymo.data.draws import DrawConfig
from anymo.data.moments import Moments, Sensors, ideal_signals, pose_of
from anymo.data.sampler import WindowSampler
from anymo.data.window import resample
from anymo.motion.procedural.limbs import mirrored
from anymo.records import Motion, Placement
from anymo.simulation import MotionSpline, placement_matrix, simulate
from anymo.skeleton import INDEX, SEGMENTS


@pytest.fixture(scope="module")
def adult() -> Body:
    return body.load()


def corpus_of(motion: Motion) -> MotionCorpus:
    clips = [ClipSource(motion=replace(motion, name=name), body=0) for name in ("one", "other")]
    return build_corpus(clips, held_out_fraction=0.0, seed=0)


def moments(num: int, *, start: float, speed: float = 1.0, mirror: bool = False) -> Moments:
    return Moments(
        clip=torch.ones(num, dtype=torch.long),
        start=torch.full((num,), start, dtype=torch.float64),
        speed=torch.full((num,), speed, dtype=torch.float64),
        mirrored=torch.full((num,), mirror),
    )


def ideal(corpus: MotionCorpus, at: Moments, places: list[Placement], rate_hz: float, num: int) -> np.ndarray:
    segment = torch.tensor([INDEX[p.segment] for p in places])
    offset, rotation = (
        torch.from_numpy(np.stack([getattr(p, n) for p in places])) for n in ("offset_m", "rotation")
    )
    sensors = Sensors(at, segment, placement_matrix(offset, rotation).float())
    return ideal_signals(corpus, sensors, num / rate_hz).at(rate_hz, num).numpy()


def simulated(
    motion: Motion, places: list[Placement], rate_hz: float, first_s: float, num: int
) -> np.ndarray:
    kinematics = MotionSpline(motion).at(rate_hz, first_s, first_s + (num - 0.5) / rate_hz)
    streams = simulate(kinematics, places).sensors
    return np.stack([np.concatenate([s.acc, s.gyro], axis=1) for s in streams])


def error(drawn: np.ndarray, truth: np.ndarray) -> float:
    """Largest error of a channel, in parts of its rms."""
    axes = tuple(range(truth.ndim - 1))
    return float((np.sqrt(((drawn - truth) ** 2).mean(axes)) / np.sqrt((truth**2).mean(axes))).max())


# Measured: 0.033 to 0.049 % of the rms of a channel, of joints that swing at 0.3 to 1.6 Hz.
@pytest.mark.parametrize("rate_hz", [10.0, 20.0, 52.0, 100.0])
@pytest.mark.parametrize("speed", [1.0, 0.8, 1.25])
def test_windows_against_the_simulator(
    hand_motion: Callable[..., Motion], adult: Body, rate_hz: float, speed: float
) -> None:
    places = [adult.placement(p) for p in ("left wrist", "right ankle", "waist")]
    warped = hand_motion(0, warp=speed)  # the same path, gone through `speed` times as fast
    num = round(5 * rate_hz)
    drawn = ideal(corpus_of(hand_motion(0)), moments(3, start=47.3, speed=speed), places, rate_hz, num)
    assert error(drawn, simulated(warped, places, rate_hz, 47.3 / 60 / speed, num)) < 0.001


def mirror_of(motion: Motion) -> Motion:
    root, rotations = mirrored(motion.root_position, motion.rotations)
    return replace(motion, root_position=root, rotations=rotations)


def test_a_mirrored_window_is_of_the_mirrored_motion(hand_motion: Callable[..., Motion], adult: Body) -> None:
    rng = np.random.default_rng(0)
    places = [adult.random_placement(segment, rng) for segment in SEGMENTS]
    motion = hand_motion(1)
    drawn = ideal(corpus_of(motion), moments(23, start=60.0, mirror=True), places, 60.0, 300)
    assert error(drawn, simulated(mirror_of(motion), places, 60.0, 1.0, 300)) < 1e-3
    assert error(drawn, simulated(motion, places, 60.0, 1.0, 300)) > 0.5


def test_a_mirrored_pose_is_of_the_mirrored_motion(hand_motion: Callable[..., Motion]) -> None:
    motion = hand_motion(1)
    pose = pose_of(corpus_of(motion), moments(1, start=0.0, mirror=True), 5.0)[0]
    truth = pose_features(mirror_of(motion))[: len(pose)]
    np.testing.assert_allclose(pose, truth, atol=1e-5)
    assert np.abs(pose.numpy() - pose_features(motion)[: len(pose)]).max() > 0.5


def test_pose_and_window_are_of_the_same_moment(hand_motion: Callable[..., Motion]) -> None:
    """The pose's left upper arm, against the motion at the window's own times; velocity goes with speed."""
    motion, arm = hand_motion(0), INDEX["LeftUpperArm"]
    corpus = corpus_of(motion)
    pose = pose_of(corpus, moments(1, start=90.0, speed=1.1), 5.0)[0]
    columns = pose[:, 6 * arm : 6 * arm + 6].unflatten(1, (3, 2))
    frames = np.round((1.5 + np.arange(60) * 1.1 / 12) * 60).astype(int)
    truth = torch.from_numpy(motion.rotations[frames, arm][..., :2]).float()
    # The pose sits on a 12 Hz grid: off by half a step, 42 ms, at most.
    assert float((columns - truth).abs().max()) < 0.3
    assert float((columns - truth).abs().mean()) < 0.04
    usual = pose_of(corpus, moments(1, start=90.0), 5.0)[0]
    torch.testing.assert_close(pose[0, -3:], 1.1 * usual[0, -3:])


@pytest.mark.parametrize("rate_hz", [20.0, 60.0])
def test_targets_are_ideal_signals_where_nothing_is_worn(
    hand_motion: Callable[..., Motion], adult: Body, rate_hz: float
) -> None:
    """There is one moment only in the clip, so that the simulator can be asked for the same one."""
    config = DrawConfig(rate_hz=rate_hz, num_targets=3, speed=(1.0, 1.0), mirror_share=0.0)
    motion = hand_motion(2, duration_s=(config.window_s * 60 + 9) / 60)
    sampler = WindowSampler(corpus_of(motion), [adult], config, held_out=False)
    batch = sampler.batch(40, np.random.default_rng(0))
    targets, view = batch.targets, batch.views[0]
    assert targets is not None
    assert targets.signal.shape == (40, 3, config.num_samples, 6)
    for b in range(40):
        chosen = targets.segment[b].tolist()
        assert len({*chosen, *view.segment[b][view.worn[b]].tolist()}) == 3 + int(view.worn[b].sum())
    for b in range(3):
        places = [
            Placement(segment=SEGMENTS[s], offset_m=o.double().numpy(), rotation=r.double().numpy())
            for s, o, r in zip(targets.segment[b], targets.offset[b], targets.rotation[b], strict=True)
        ]
        dense = simulated(motion, places, 60.0, 4 / 60, 301)
        truth = np.stack([resample(s, 60.0, rate_hz)[: config.num_samples] for s in dense])
        assert error(targets.signal[b].numpy(), truth) < 2e-3
