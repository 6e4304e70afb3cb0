"""Procedural motion: plausible accelerations, feet on the floor, words that fit."""

import re
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.motion import ACTIVITIES, ProceduralSource, generate, procedural
from anymo.motion.procedural import SYNONYMS
from anymo.motion.procedural.words import describe
from anymo.records import Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, MIRROR, forward_kinematics

FEET = [INDEX[n] for n in ("LeftFoot", "LeftToe", "RightFoot", "RightToe")]
RATE_HZ = 60.0


def positions(motion: Motion) -> np.ndarray:
    return forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)[0]


def acceleration(motion: Motion, segment: str) -> np.ndarray:
    second = np.diff(positions(motion)[:, INDEX[segment]], 2, axis=0) * motion.rate_hz**2
    return np.linalg.norm(second, axis=-1)


def turn_rate(motion: Motion, segment: str) -> np.ndarray:
    world = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)[1][
        :, INDEX[segment]
    ]
    step = np.swapaxes(world[:-1], -1, -2) @ world[1:]
    return np.asarray(Rotation.from_matrix(step).magnitude() * motion.rate_hz)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2)))


def made(activity: str, seed: int = 0, **how: object) -> Motion:
    return generate(activity, np.random.default_rng(seed), **how)  # type: ignore[arg-type]


def test_there_are_many_activities() -> None:
    assert len(ACTIVITIES) >= 135
    assert len({a.phrase for a in ACTIVITIES.values()}) == len(ACTIVITIES)


def test_every_activity_has_synonyms_of_its_own() -> None:
    assert set(SYNONYMS) == set(ACTIVITIES)
    names = Counter(n for a, spec in ACTIVITIES.items() for n in {spec.phrase, *SYNONYMS[a]})
    assert [n for n, count in names.items() if count > 1] == []
    for activity, words in SYNONYMS.items():
        assert 2 <= len(words) == len(set(words)) <= 5, activity
        assert ACTIVITIES[activity].phrase not in words
        for word in words:
            assert 1 <= len(word.split()) <= 8, word
            assert re.fullmatch(r"[A-Za-z' -]+", word), word
            assert ("left" in word.split()) == ("right" in word.split()), word  # motion is mirrored


def test_no_words_are_another_activity_s_in_another_order() -> None:
    """A static sentence model takes "from sitting to lying" and "from lying to sitting" for the same."""
    of = defaultdict(set)
    for activity, spec in ACTIVITIES.items():
        for text in (spec.phrase, *SYNONYMS[activity], *spec.verbs):
            of[tuple(sorted(re.findall(r"\w+", text.lower())))].add(activity)
    assert [said_of for said_of in of.values() if len(said_of) > 1] == []


@pytest.mark.parametrize(
    "activity", ["sitting down", "standing up", "lying back", "getting up from the floor"]
)
def test_what_happens_once_happens_in_the_middle(activity: str) -> None:
    """A window of "standing up" that shows somebody who stands would be a lie."""
    for seed in range(4):
        head = positions(made(activity, seed, duration_s=10.0))[:, INDEX["Head"]]
        travelled = np.linalg.norm(head[180:420] - head[180], axis=-1).max()
        assert travelled > 0.8 * np.linalg.norm(head - head[0], axis=-1).max() > 0.2


def test_sentences_vary_and_are_no_other_activity_s() -> None:
    """Twelve descriptions of each activity; the words alone, as `generate` draws them."""
    of = defaultdict(set)
    for activity, spec in ACTIVITIES.items():
        rng = np.random.default_rng(7)
        for _ in range(12):
            side, (speed, size) = str(rng.choice(["left", "right"])), np.exp(0.15 * rng.standard_normal(2))
            for caption in describe(rng, spec.phrase, spec.verbs, side, speed, size, {}):
                of[caption.text].add(activity)
    assert [text for text, said_of in of.items() if len(said_of) > 1] == []
    assert len(of) > 20 * len(ACTIVITIES)
    length = [len(text.split()) for text in of]
    assert max(length) <= 25


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_feet_stay_above_the_floor_and_words_fit(activity: str) -> None:
    for seed in range(2):
        motion = made(activity, seed, rate_hz=20.0)  # Motion itself checks that rotations are rotations
        if ACTIVITIES[activity].family != "ride":  # lifts leave the floor where it was
            assert positions(motion)[..., 2].min() > -0.01
        words = [c.text for c in motion.captions]
        assert words[0] == ACTIVITIES[activity].phrase
        assert 4 <= len(words) == len(set(words)) <= 6
        assert not any("{" in w for w in words)
        assert motion.name.startswith(f"{activity}-")
        assert (motion.source, motion.licence) == ("procedural", "Apache-2.0")


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_movement_has_no_kinks(activity: str) -> None:
    """Doubling the rate of a C² curve leaves its peak acceleration nearly as it was; a kink doubles it."""
    place = positions(made(activity, 5, rate_hz=480.0, duration_s=2.0))
    fine, coarse = (np.diff(place[::k], 2, axis=0) * (480.0 / k) ** 2 for k in (1, 2))
    peaks = [np.linalg.norm(a, axis=-1).max(axis=0) for a in (fine[:-2], coarse)]
    assert (peaks[0] < 1.25 * peaks[1] + 0.5).all()


def test_same_seed_same_motion() -> None:
    one, two, other = (ProceduralSource().generate(seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.rotations, two.rotations)
    np.testing.assert_array_equal(one.root_position, two.root_position)
    assert one.captions == two.captions
    assert other.name != one.name


def contacts(motion: Motion, side: str) -> np.ndarray:
    return positions(motion)[:, INDEX[f"{side}Toe"], 2] < 0.032


@pytest.mark.parametrize("activity", ["walking", "walking slowly", "running"])
def test_gait_alternates_and_planted_feet_do_not_slide(activity: str) -> None:
    motion = made(activity, 2, rate_hz=120.0)
    place = positions(motion)
    landings = []
    for side in ("Left", "Right"):
        down = contacts(motion, side)
        starts = np.flatnonzero(down[1:] & ~down[:-1]) + 1
        landings += [(s, side) for s in starts]
        for start in starts[:-1]:
            length = np.argmin(down[start:])
            toe = place[start : start + length, INDEX[f"{side}Toe"], :2]
            assert np.ptp(toe[len(toe) // 6 : -len(toe) // 6], axis=0).max() < 0.02
    order = [side for _, side in sorted(landings)]
    assert len(order) > 8
    assert all(a != b for a, b in pairwise(order))


def test_running_has_flight_and_a_runner_s_cadence() -> None:
    motion = made("running", 1, speed=1.0)
    feet = positions(motion)[:, FEET, 2]
    in_air = (feet > [0.085, 0.03, 0.085, 0.03]).all(axis=1)
    assert 0.1 < in_air.mean() < 0.5
    landings = np.count_nonzero(contacts(motion, "Left")[1:] & ~contacts(motion, "Left")[:-1])
    assert 150 <= 2 * landings / motion.duration_s * 60 <= 190
    walk = positions(made("walking", 1))[:, FEET, 2]
    assert (walk[:, [1, 3]] < 0.06).any(axis=1).all()


@pytest.mark.parametrize("heading", [0.0, 2.0, -1.3])
def test_walking_follows_its_heading(heading: float) -> None:
    motion = made("walking", 4, heading_rad=heading)
    way = motion.root_position[-1, :2] - motion.root_position[0, :2]
    assert way @ [np.cos(heading), np.sin(heading)] > 0.95 * np.linalg.norm(way) > 5.0
    facing = motion.rotations[:, 0, :2, 0].mean(axis=0)
    assert facing @ way > 0.9 * np.linalg.norm(way)


@pytest.mark.parametrize(
    ("activity", "acc_range", "gyro_range"),
    [
        ("walking", (1.5, 6.0), (0.7, 2.6)),
        ("running", (10.0, 27.0), (3.0, 7.0)),
        ("jogging", (10.0, 24.0), (2.5, 6.0)),
    ],
)
def test_wrist_of_gait_reads_as_real_ones(
    activity: str, acc_range: tuple[float, float], gyro_range: tuple[float, float]
) -> None:
    made_ones = [made(activity, seed, speed=1.0, amplitude=1.0) for seed in range(6)]
    acc = np.mean([rms(acceleration(m, "LeftHand")) for m in made_ones])
    gyro = np.mean([rms(turn_rate(m, "LeftForeArm")) for m in made_ones])
    assert acc_range[0] < acc < acc_range[1]
    assert gyro_range[0] < gyro < gyro_range[1]


def test_standing_is_quiet_and_a_rally_is_not() -> None:
    still = [acceleration(made("standing still", seed), "LeftHand") for seed in range(6)]
    assert np.mean([rms(a) for a in still]) < 1.0
    rally = [made("playing tennis", seed, side="right", speed=1.0, amplitude=1.0) for seed in range(6)]
    peaks = [acceleration(m, "RightHand").max() for m in rally]
    assert 20.0 < np.median(peaks) < 120.0
    assert 8.0 < np.median([turn_rate(m, "RightForeArm").max() for m in rally]) < 22.0
    assert min(np.quantile(acceleration(m, "RightHand"), 0.25) for m in rally) < 5.0


def test_side_chooses_the_arm_and_the_words() -> None:
    left, right = (made("raising arm forward", 0, side=s, heading_rad=0.0) for s in ("left", "right"))
    np.testing.assert_allclose(positions(left)[:, list(MIRROR)] * [1, -1, 1], positions(right), atol=1e-9)
    assert rms(acceleration(left, "LeftHand")) > 3 * rms(acceleration(left, "RightHand"))
    assert any("left" in c.text for c in left.captions)
    assert not any("right" in c.text for c in left.captions)


def test_joints_bend_as_people_s_do() -> None:
    for activity in ACTIVITIES:
        motion = made(activity, 1, rate_hz=20.0)
        for name in ("LeftLowerLeg", "RightLowerLeg"):
            knee = Rotation.from_matrix(motion.rotations[:, INDEX[name]]).as_rotvec()[:, 1]
            assert knee.min() > -0.1, activity
        for name, sign in (("LeftForeArm", -1), ("RightForeArm", 1)):
            hand = motion.rotations[:, INDEX[name]] @ [0.0, -sign, 0.0]
            assert hand[:, 0].min() >= 0.0, activity  # the hand goes forward in T-pose
    still = positions(made("standing still", 0, heading_rad=0.0)).mean(axis=0)
    assert still[INDEX["LeftHand"], 2] < still[INDEX["LeftForeArm"], 2] < still[INDEX["LeftUpperArm"], 2]
    assert still[INDEX["LeftHand"], 1] > 0.1 > -0.1 > still[INDEX["RightHand"], 1]


def test_body_shape_is_kept_and_scales_the_stride() -> None:
    small = made("walking", 6, joint_offsets=0.7 * DEFAULT_JOINT_OFFSETS)
    tall = made("walking", 6, joint_offsets=1.1 * DEFAULT_JOINT_OFFSETS)
    assert positions(small)[:, FEET, 2].min() > -0.02
    strides = [np.linalg.norm(m.root_position[-1] - m.root_position[0]) for m in (small, tall)]
    assert strides[0] < 0.95 * strides[1]
    np.testing.assert_array_equal(small.joint_offsets, 0.7 * DEFAULT_JOINT_OFFSETS)


def test_speed_words_follow_the_speed() -> None:
    slow = " ".join(c.text for c in made("sweeping", 0, speed=0.6).captions)
    fast = " ".join(c.text for c in made("sweeping", 0, speed=1.6).captions)
    assert any(w in slow for w in ("slow", "unhurried"))
    assert any(w in fast for w in ("quickly", "fast", "briskly"))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"activity": "walkin"}, "did you mean 'walking'"),
        ({"activity": "walking", "side": "top"}, "expected 'left' or 'right'"),
        ({"activity": "walking", "speed": -1.0}, "speed: expected"),
        ({"activity": "walking", "duration_s": 0.0}, "2 frames or more"),
    ],
)
def test_bad_requests_say_what_is_wrong(how: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(rng=np.random.default_rng(0), **how)  # type: ignore[arg-type]


def test_the_core_is_of_the_library() -> None:
    assert len(set(procedural.CORE)) == 50
    assert set(procedural.CORE) < set(procedural.ACTIVITIES)
