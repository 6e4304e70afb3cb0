"""Every activity keeps to the floor, to its joints' ranges and to what the literature measured."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from anymo.data.clip import ClipSource, store_clip
from anymo.data.generated import GENERATED_CUTOFF_HZ
from anymo.metrics.joint_angles import excess_deg, joint_angles
from anymo.metrics.motion import derivative, floating, penetration, skating
from anymo.motion import ACTIVITIES, generate
from anymo.motion.procedural.contact import FLESH_M, settle_always
from anymo.motion.procedural.limbs import Body, Curves
from anymo.motion.procedural.literature import QUANTITIES, SOURCES
from anymo.motion.procedural.words import describe
from anymo.records import Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, forward_kinematics

REPOSITORY = Path(__file__).resolve().parents[2]
RANGED = [(n, r) for n, a in ACTIVITIES.items() for r in a.ranges]


def made(activity: str, seed: int = 0, **how: object) -> Motion:
    how = {"speed": 1.0, "amplitude": 1.0, "side": "right"} | how
    return generate(activity, np.random.default_rng(seed), **how)  # type: ignore[arg-type]


def positions(motion: Motion) -> np.ndarray:
    return forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)[0]


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_joints_stay_in_range_and_bodies_on_the_floor(activity: str) -> None:
    for seed in range(2):
        motion = generate(activity, np.random.default_rng(seed), rate_hz=20.0)  # any speed and amplitude
        beyond = {name: e.max() for name, e in excess_deg(motion.rotations).items()}
        assert max(beyond.values()) < 6.0, beyond
        if ACTIVITIES[activity].flat_floor:
            place = positions(motion)
            assert penetration(place) == 0.0
            assert floating(place) < 0.045


@pytest.mark.parametrize(
    "activity", [n for n, a in ACTIVITIES.items() if a.family == "gait" and a.flat_floor]
)
def test_feet_of_gait_do_not_skate_more_than_captured_ones(activity: str) -> None:
    """CMU walks: 0.06 to 0.44 m/s from 5 to 95 % of clips (benchmarks/plausibility.py)."""
    motion = made(activity, rate_hz=30.0)
    assert skating(positions(motion), 30.0) < 0.4


@pytest.mark.parametrize("activity", ["jumping", "hopping", "jumping jacks", "rope skipping"])
def test_slow_jumps_begin_in_a_squat_and_not_below(activity: str) -> None:
    """Force lasts longer in a slower jump, and the dip grows with the square of that."""
    leg = float(
        np.linalg.norm(DEFAULT_JOINT_OFFSETS[[INDEX["LeftLowerLeg"], INDEX["LeftFoot"]]], axis=1).sum()
    )
    slowest, slow = (made(activity, speed=speed).root_position[:, 2] for speed in (0.4, 0.8))
    assert 0.35 * leg < slowest.min() < slow.min()
    clip = ClipSource(motion=made(activity, speed=0.4), body=0, cutoff_hz=GENERATED_CUTOFF_HZ)
    assert store_clip(clip).name  # refuses what no body does


def planted(path: np.ndarray, height: float) -> np.ndarray:
    """Horizontal speed, m/s, of a joint while it is at a height."""
    low = (path[:-1, 2] < height) & (path[1:, 2] < height)
    return np.linalg.norm(derivative(path[:, :2], 120.0, 1), axis=-1)[low]


@pytest.mark.parametrize("activity", ["push-ups", "plank", "crawling"])
def test_hands_do_not_slip_on_the_floor(activity: str) -> None:
    place = positions(made(activity, 1, rate_hz=120.0))
    for name in ("LeftHand", "RightHand"):
        hand = place[:, INDEX[name]]
        slip = planted(hand, float(FLESH_M[INDEX[name]]) + 0.002)
        assert len(slip) > 0.4 * len(hand)
        assert np.quantile(slip, 0.9) < 0.05
    if activity == "crawling":
        assert np.linalg.norm(place[-1, 0, :2] - place[0, 0, :2]) > 1.5
        knee = place[:, INDEX["LeftLowerLeg"]]
        assert np.quantile(planted(knee, float(FLESH_M[INDEX["LeftLowerLeg"]]) + 0.004), 0.8) < 0.08


def test_push_ups_bend_the_elbows_and_the_body_stays_straight() -> None:
    angles = joint_angles(made("push-ups", 0).rotations)
    assert np.ptp(angles["elbow_flexion"]) > 80
    assert np.ptp(angles["knee_flexion"]) < 20
    assert np.ptp(joint_angles(made("plank", 0).rotations)["elbow_flexion"]) < 45


def peak(motion: Motion, what: str) -> float:
    place = positions(motion)
    if what.endswith("_deg"):
        return float(joint_angles(motion.rotations)[f"{what.split('_')[0]}_flexion"].max())
    order = 1 if "speed" in what else 2
    part = {"hand": "RightHand", "foot": "RightFoot", "pelvis": "Pelvis"}[what.split("_")[0]]
    return float(np.linalg.norm(derivative(place[:, INDEX[part]], motion.rate_hz, order), axis=-1).max())


@pytest.mark.parametrize(("activity", "known"), RANGED, ids=[f"{n}-{r.what}" for n, r in RANGED])
def test_activities_are_within_what_was_measured_of_people(activity: str, known: object) -> None:
    what, low, high, _, _ = known  # type: ignore[misc]
    values = []
    for seed in range(4):
        if what.startswith(("mps", "per_", "sec", "cabin", "shake")):
            curves = Curves(np.arange(480) / 60.0, Body(DEFAULT_JOINT_OFFSETS))
            rng = np.random.default_rng(seed)
            values.append(ACTIVITIES[activity].choreography(curves, rng, 1.0, 1.0)[what])
        else:
            values.append(peak(made(activity, seed), what))
    assert low <= min(values) <= max(values) <= high, values


def test_every_source_is_cited_and_every_quantity_used() -> None:
    assert {r.source for _, r in RANGED} == set(SOURCES)
    assert {r.what for _, r in RANGED} == set(QUANTITIES)


def test_facts_are_those_of_the_motion() -> None:
    for activity in ("walking", "walking backwards", "crawling", "running"):
        curves = Curves(np.arange(480) / 60.0, Body(DEFAULT_JOINT_OFFSETS))
        facts = ACTIVITIES[activity].choreography(curves, np.random.default_rng(3), 1.0, 1.0)
        way = np.linalg.norm([np.ptp(curves["x"]), np.ptp(curves["y"])]) / curves.t[-1]
        assert way == pytest.approx(facts["mps"], rel=0.1)


def test_throws_of_everyday_life_are_not_a_pitcher_s() -> None:
    throws = [made("throwing", seed, rate_hz=120.0) for seed in range(6)]
    assert max(peak(m, "hand_acceleration") for m in throws) < 160
    assert (
        max(peak(generate("throwing", np.random.default_rng(s)), "hand_acceleration") for s in range(6)) < 230
    )


def test_falls_end_lying_and_the_hip_lands_at_a_real_speed() -> None:
    """Hsiao and Robinovitch (1998): 2 to 3.5 m/s."""
    for activity in ("falling forward", "falling backward", "falling sideways"):
        for seed in range(3):
            motion = made(activity, seed, rate_hz=120.0)
            hip = positions(motion)[:, INDEX["RightUpperLeg"], 2]
            assert hip[0] > 0.8
            assert hip[-1] < 0.25
            assert 1.5 < -derivative(hip, 120.0, 1).min() < 4.0


def test_ways_between_postures_end_in_the_other_one() -> None:
    height = {
        n: positions(made(n, 2))[:, INDEX["Head"], 2] for n in ACTIVITIES if ACTIVITIES[n].family == "posture"
    }
    for name, low_at_end in (
        ("sitting down", 0.75), ("lying down from standing", 0.2), ("lying back", 0.35),
    ):  # fmt: skip
        assert height[name][-1] < low_at_end * height[name][0] + 0.05
    for name in ("standing up", "getting up from the floor", "sitting up"):
        assert height[name][-1] > 1.25 * height[name][0]


def test_a_rolling_body_touches_the_floor_and_its_support_does_not_slide() -> None:
    motion = made("getting up from the floor", 0, rate_hz=120.0)
    t = np.arange(len(motion.rotations)) / 120.0
    root = settle_always(motion.root_position, motion.rotations, motion.joint_offsets, t, 0.01)
    place = forward_kinematics(root, motion.rotations, motion.joint_offsets)[0]
    lowest = (place[..., 2] - FLESH_M).min(axis=1)
    assert -1e-9 < lowest.min() <= lowest.max() < 0.01 * np.log(23)
    toe = place[-120:, INDEX["LeftToe"], :2]  # standing at last
    assert np.ptp(toe, axis=0).max() < 0.02


def test_lifts_go_up_and_down_and_people_ride_along() -> None:
    up, down = (made(f"riding a lift {way}", 1) for way in ("up", "down"))
    assert up.root_position[-1, 2] > up.root_position[0, 2] + 2
    assert down.root_position[-1, 2] < down.root_position[0, 2] - 2
    place = positions(up)
    assert np.ptp(place[:, INDEX["Head"], 2] - place[:, INDEX["LeftToe"], 2]) < 0.1


@pytest.mark.parametrize("scale", [0.75, 1.15])
def test_other_bodies_keep_to_the_floor_too(scale: float) -> None:
    for activity, spec in ACTIVITIES.items():
        if spec.flat_floor:
            place = positions(made(activity, rate_hz=15.0, joint_offsets=scale * DEFAULT_JOINT_OFFSETS))
            assert penetration(place) < 0.002, activity
            assert floating(place) < 0.06, activity


def test_captions_state_what_was_drawn() -> None:
    def said(facts: dict[str, float]) -> str:
        rng = np.random.default_rng(0)
        verbs = ("goes", "moves", "travels", "proceeds", "keeps on")
        return " ".join(
            c.text for _ in range(40) for c in describe(rng, "going", verbs, "right", 1.0, 1.0, facts)
        )

    gait = said({"mps": 1.32, "per_minute": 112.0})
    assert "about 1.3 meters per second" in gait
    assert "about 110 steps per minute" in gait
    assert "5 km/h" in gait
    assert "about 30 times a minute" in said({"per_minute": 31.0})
    assert "times" not in said({"per_minute": 5.0})


def test_the_list_in_the_documents_is_the_library_s() -> None:
    page = runpy.run_path(str(REPOSITORY / "docs" / "activities.py"))["page"]()
    assert (REPOSITORY / "docs" / "activities.md").read_text(encoding="utf-8") == page
