"""Plausibility metrics against cases whose answer is known."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.metrics import motion as metrics
from anymo.metrics.joint_angles import RANGES_DEG, excess_deg, joint_angles
from anymo.metrics.motion import plausibility
from anymo.motion import generate, load
from anymo.motion.procedural.contact import FLESH_M
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, NUM_SEGMENTS, forward_kinematics

RATE_HZ = 30.0
UP = np.array([0.0, 0.0, 1.0])
SOLE_M = float(FLESH_M[INDEX["LeftToe"]])


def standing(frames: int = 60) -> np.ndarray:
    """(T, 23, 3) joints in T-pose, toes at their planted height."""
    rotations = np.broadcast_to(np.eye(3), (frames, NUM_SEGMENTS, 3, 3))
    position = forward_kinematics(np.zeros((frames, 3)), rotations, DEFAULT_JOINT_OFFSETS)[0]
    position[..., 2] += SOLE_M - position[0, INDEX["LeftToe"], 2]
    return position


def turned(segment: str, axis: str, degrees: float) -> np.ndarray:
    rotations = np.tile(np.eye(3), (2, NUM_SEGMENTS, 1, 1))
    rotations[:, INDEX[segment]] = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    return rotations


def test_standing_breaks_no_rule() -> None:
    place = standing()
    assert metrics.floor_height(place, RATE_HZ) == pytest.approx(0.0, abs=1e-12)
    assert metrics.penetration(place) == metrics.floating(place) == metrics.skating(place, RATE_HZ) == 0.0
    assert metrics.skating_ratio(place, RATE_HZ) == metrics.self_penetration(place) == 0.0


@pytest.mark.parametrize("depth_m", [0.15, 0.3])
def test_depth_and_height_are_measured_beyond_5_mm(depth_m: float) -> None:
    down, up = standing() - depth_m * UP, standing() + depth_m * UP
    assert metrics.penetration(down) == pytest.approx(depth_m - SOLE_M - 0.005)
    assert metrics.floating(up) == pytest.approx(depth_m - 0.005)
    assert metrics.floor_height(up, RATE_HZ) == pytest.approx(depth_m)
    assert metrics.floating(up, depth_m) == 0.0


def test_sliding_feet_skate_at_their_speed_and_lifted_ones_do_not() -> None:
    slide = standing() + np.linspace(0, 1.2, 60)[:, None, None] * np.array([1.0, 0, 0])
    mps = 1.2 / 59 * RATE_HZ
    assert metrics.skating(slide, RATE_HZ) == pytest.approx(mps)
    assert metrics.skating_ratio(slide, RATE_HZ) == 1.0
    assert metrics.skating_ratio(0.5 * slide, RATE_HZ) == 0.0  # 0.3 m/s is no skid
    assert metrics.skating(slide + 0.03 * UP, RATE_HZ) == 0.0  # over H
    half = metrics.skating(slide + 0.0125 * UP, RATE_HZ)
    assert half == pytest.approx(mps)  # a mean weighted by contact: less weight, same speed


def test_an_arm_through_the_trunk_is_found() -> None:
    place = standing()
    for name in ("LeftForeArm", "LeftHand"):
        place[:, INDEX[name]] = place[:, INDEX["L3"]] + [0.0, 0.1 if "Fore" in name else -0.1, 0.0]
    radius = 0.5 * (min(FLESH_M[INDEX["LeftForeArm"]], FLESH_M[INDEX["LeftHand"]]) + FLESH_M[INDEX["Neck"]])
    assert metrics.self_penetration(place) == pytest.approx(radius, abs=0.03)  # bones are sampled


@pytest.mark.parametrize(
    ("segment", "axis", "degrees", "angle", "column"),
    [
        ("LeftUpperLeg", "y", -70, "hip_flexion", 0),
        ("RightUpperLeg", "x", -30, "hip_abduction", 1),
        ("LeftLowerLeg", "y", 100, "knee_flexion", 0),
        ("RightFoot", "y", 35, "ankle_plantarflexion", 1),
        ("LeftForeArm", "z", -120, "elbow_flexion", 0),
        ("RightForeArm", "z", 120, "elbow_flexion", 1),
        ("RightHand", "x", 40, "wrist_flexion", 1),
        ("LeftHand", "z", -15, "wrist_radial", 0),
        ("T8", "y", 25, "trunk_flexion", 0),
        ("Head", "z", 50, "head_turn", 0),
    ],
)
def test_joint_angles_are_the_anatomical_ones(
    segment: str, axis: str, degrees: float, angle: str, column: int
) -> None:
    angles = joint_angles(turned(segment, axis, degrees))
    assert angles[angle][0, column] == pytest.approx(abs(degrees))
    others = [v for n, v in angles.items() if n != angle]
    assert max(np.abs(v).max() for v in others if len(v)) < abs(degrees) + 1e-9
    assert set(angles) == set(RANGES_DEG)


def test_excess_begins_ten_degrees_beyond_the_range() -> None:
    assert excess_deg(turned("LeftLowerLeg", "y", 149))["knee_flexion"].max() == 0.0
    assert excess_deg(turned("LeftLowerLeg", "y", 160))["knee_flexion"].max() == pytest.approx(10.0)
    assert excess_deg(turned("LeftLowerLeg", "y", -25))["knee_flexion"].max() == pytest.approx(5.0)


def test_sparc_of_a_reach_is_that_of_the_paper_and_does_not_scale() -> None:
    """A minimum-jerk reach has a SPARC of about -1.4; submovements and tremor make it less smooth."""
    s = np.linspace(0, 1, 101)
    reach = 30 * (s * (1 - s)) ** 2
    base = metrics.spectral_arc_length(reach, 100.0)
    assert -1.5 < base < -1.35
    assert metrics.spectral_arc_length(7.0 * reach, 100.0) == pytest.approx(base)
    slow = np.interp(np.linspace(0, 1, 201), s, reach)
    assert metrics.spectral_arc_length(slow, 100.0) == pytest.approx(base, abs=0.03)
    assert metrics.spectral_arc_length(np.tile(reach, 3), 100.0) < base - 0.5
    tremor = reach + 0.6 * np.sin(2 * np.pi * 3 * s) ** 2
    assert metrics.spectral_arc_length(tremor, 100.0) < base - 0.1
    assert np.isnan(metrics.spectral_arc_length(np.zeros(50), 100.0))


def test_differences_between_motions_are_those_of_the_losses() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 9, 23, 3))
    velocity = [np.sum(((a[i + 1] - a[i]) - (b[i + 1] - b[i])) ** 2) for i in range(8)]
    second = [a[i + 2] - 2 * a[i + 1] + a[i] - (b[i + 2] - 2 * b[i + 1] + b[i]) for i in range(7)]
    assert metrics.velocity_error(a, b) == pytest.approx(np.mean(velocity))
    assert metrics.acceleration_error(a, b) == pytest.approx(np.mean([np.sum(d**2) for d in second]))
    assert metrics.acceleration_error(a, a + 3.0) == pytest.approx(0.0, abs=1e-12)


def test_true_accelerations_agree_with_the_path_and_wrong_ones_do_not() -> None:
    t, omega = np.arange(120) / 60.0, 2 * np.pi * 1.5
    path = np.sin(omega * t)[:, None, None] * np.ones((1, 2, 3))
    acceleration = -(omega**2) * path
    error = metrics.derivative_mismatch(path, acceleration, 60.0)
    assert error < (omega / 60.0) ** 4 / 200  # Numerov: h⁴/240
    assert metrics.derivative_mismatch(path, 0.9 * acceleration, 60.0) == pytest.approx(0.1, abs=1e-3)
    assert metrics.derivative_mismatch(path, np.roll(acceleration, 3, axis=0), 60.0) > 0.4


def test_all_of_them_for_a_motion() -> None:
    walk = generate("walking", np.random.default_rng(0), rate_hz=RATE_HZ, duration_s=4.0)
    numbers = plausibility(walk, 0.0)
    assert plausibility(walk).skating_mps == pytest.approx(numbers.skating_mps, abs=0.1)  # floor estimated
    lifted = replace(walk, root_position=walk.root_position + 0.2 * UP)
    assert plausibility(lifted, 0.0).floating_mm == pytest.approx(195.0, abs=6.0)
    assert plausibility(lifted).floating_mm < 20.0
    assert len(metrics.names()) == 11


@pytest.mark.data
def test_real_clips_are_plausible_but_not_perfect(data_root: Path) -> None:
    folder = data_root / "motion" / "bandai_namco"
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        walks = [row["file"] for row in csv.DictReader(file) if row["content"] == "walk"][:4]
    for name in walks:
        numbers = plausibility(load(folder / "clips" / name))
        assert numbers.penetration_mm < 5
        assert numbers.floating_mm < 20
        assert 0 < numbers.skating_mps < 0.6
        assert 2 < numbers.speed_mps < 6


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match=r"expected \(T, 23, 3\)"):
        metrics.penetration(np.zeros((5, 22, 3)))
    with pytest.raises(ValueError, match="equal shapes"):
        metrics.velocity_error(np.zeros((5, 23, 3)), np.zeros((6, 23, 3)))
    with pytest.raises(ValueError, match="shape of position"):
        metrics.derivative_mismatch(np.zeros((5, 3)), np.zeros((4, 3)), 60.0)
    short = generate("walking", np.random.default_rng(0), rate_hz=RATE_HZ, duration_s=0.1)
    with pytest.raises(ValueError, match="more than 3 frames"):
        plausibility(short)
