"""A wrong frame rate gives itself away in free fall and gait: closed form, and real clips at wrong rates."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anymo.motion import find_clips
from anymo.motion.frame_rate import free_falls, rate_error, walk_ratio
from anymo.records import Array, Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, NUM_SEGMENTS, forward_kinematics

RATE = 100.0


def standing(frames: int) -> Array:
    """(T, 23, 3) of a body at rest."""
    identity = np.tile(np.eye(3), (frames, NUM_SEGMENTS, 1, 1))
    return forward_kinematics(np.zeros((frames, 3)), identity, np.array(DEFAULT_JOINT_OFFSETS))[0]


def jumping() -> Array:
    """Three jumps forward of half a second each."""
    t = np.arange(0, 3, 1 / RATE)
    position, phase = standing(len(t)), t % 1.0
    position[..., 2] += np.where(phase < 0.5, 9.81 / 2 * phase * (0.5 - phase), 0.0)[:, None]
    position[..., 0] += (np.floor(t) + np.minimum(2 * phase, 1.0))[:, None]
    return position


def walking(step_s: float = 0.5, speed_mps: float = 1.4) -> Array:
    t = np.arange(0, 5, 1 / RATE)
    position = standing(len(t))
    position[..., 0] += speed_mps * t[:, None]
    swing = 0.3 * np.sin(np.pi * t / step_s)[:, None]
    for side, sign in (("Left", 1), ("Right", -1)):
        position[:, [INDEX[side + "Foot"], INDEX[side + "Toe"]], 0] += sign * swing
    return position


def test_jumps_fall_with_gravity_and_with_the_square_of_a_wrong_rate() -> None:
    for factor in (0.5, 1.0, 2.0):
        falls = free_falls(jumping(), factor * RATE)
        assert len(falls) == 3
        np.testing.assert_allclose(falls, 9.81 * factor**2, rtol=0.01)
        seen = rate_error(jumping(), factor * RATE)
        assert (seen is None) == (factor == 1)
        assert seen is None or seen[0] == pytest.approx(factor, rel=0.01)


def test_what_is_held_up_is_no_flight() -> None:
    hanging = standing(300)
    hanging[100:, :, 2] += 0.5
    assert len(free_falls(hanging, RATE)) == 0
    swing = 0.1 * np.sin(np.arange(200) / 20)
    hanging[100:, :, 2] += swing[:, None] ** 2
    hanging[100:, :, 0] += swing[:, None]
    assert len(free_falls(hanging, RATE)) == 0
    assert rate_error(hanging, RATE) is None


def test_walk_ratio_of_known_steps() -> None:
    hip, knee, ankle = (standing(1)[0, INDEX[f"Left{n}"]] for n in ("UpperLeg", "LowerLeg", "Foot"))
    leg = np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle)
    expected = 1.4 * 0.5 * 0.5 / leg * np.sqrt(9.80665 / leg)
    bent = walking()  # the feet reach further than straight legs: the median of the bones is a little longer
    assert walk_ratio(bent, RATE) == pytest.approx(expected, rel=0.1)
    assert rate_error(bent, RATE) is None
    for factor in (0.5, 2.0):
        seen = rate_error(bent, factor * RATE)
        assert seen is not None
        assert seen[0] == pytest.approx(factor, rel=0.25)
    assert walk_ratio(bent[:120], RATE) is None  # too few steps
    assert walk_ratio(standing(300), RATE) is None


@pytest.mark.data
@pytest.mark.parametrize("file", ["001_01.bvh.gz", "002_01__TMoCo.bvh.gz", "060_06.bvh.gz"])
def test_a_doubled_rate_is_warned_of(file: str, data_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Jumps, a walk, and a salsa whose header is wrong."""
    clip = next(c for c in find_clips(data_root) if c.path.name == file)
    with caplog.at_level(logging.WARNING, "anymo.motion.frame_rate"):
        right = clip.load()
        assert not caplog.records
        doubled = clip.reader(clip.path, rate_hz=2 * clip.rate_hz)
    assert "pass rate_hz if the header is wrong" in caplog.text
    assert doubled.rate_hz == 2 * right.rate_hz  # nothing is corrected


def errors(motion: Motion) -> list[tuple[float, str] | None]:
    position = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)[0]
    return [rate_error(position, factor * motion.rate_hz) for factor in (1.0, 0.5, 2.0)]


@pytest.mark.data
@pytest.mark.slow
def test_share_of_clips_whose_wrong_rate_is_seen(data_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    sets: tuple[tuple[Callable[[float], bool], str], ...] = (
        (lambda share: share <= 0.01, "right"),
        (lambda share: share >= 0.45, "half"),
        (lambda share: share >= 0.4, "twice"),
    )
    clips = find_clips(data_root, ("cmu", "cmu_asfamc", "cmu_expmap"))
    seen = [errors(clip.load()) for clip in clips]
    for (holds, rate), found in zip(sets, zip(*seen, strict=True), strict=True):
        assert holds(sum(e is not None for e in found) / len(clips)), rate
