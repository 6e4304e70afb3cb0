"""Inverse kinematics: joint positions alone give back the motion they come from, turning included."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.motion import generate, load
from anymo.motion.inverse_kinematics import segment_rotations
from anymo.motion.joints import LANDMARKS, SKELETONS, complete
from anymo.records import Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, SEGMENTS, forward_kinematics

LIMBS = [
    INDEX[f"{s}{n}"] for s in ("Left", "Right") for n in ("UpperArm", "UpperLeg", "LowerLeg", "Shoulder")
]
TRUNK = [INDEX[s] for s in ("Pelvis", "L5", "L3", "T12", "T8")]
RATE_HZ = 60.0


def poses(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    return forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)


def angle_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    turn = np.swapaxes(a, -1, -2) @ b
    return np.degrees(Rotation.from_matrix(turn.reshape(-1, 3, 3)).magnitude()).reshape(turn.shape[:-2])


def gyro(rotation: np.ndarray) -> np.ndarray:
    """(T - 1, 23, 3) angular velocity in the segment, rad/s."""
    turn = np.swapaxes(rotation[:-1], -1, -2) @ rotation[1:]
    return Rotation.from_matrix(turn.reshape(-1, 3, 3)).as_rotvec().reshape(-1, 23, 3) * RATE_HZ


def posed(turns: dict[str, list[float]], frames: int = 121) -> tuple[np.ndarray, np.ndarray]:
    """World poses (T, 23) of the default body in T-pose but for these rotation vectors, degrees."""
    local = np.tile(np.eye(3), (frames, 23, 1, 1))
    for segment, degrees in turns.items():
        local[:, INDEX[segment]] = Rotation.from_rotvec(np.radians(degrees)).as_matrix()
    return forward_kinematics(np.tile([0.0, 0.0, 0.95], (frames, 1)), local, DEFAULT_JOINT_OFFSETS)


ARMS_DOWN = {"LeftUpperArm": [-80.0, 0.0, 0.0], "RightUpperArm": [80.0, 0.0, 0.0]}


@pytest.mark.parametrize(
    ("activity", "unseen"),
    [
        ("walking", 0.05),
        ("running", 0.05),
        ("squatting", 0.05),
        ("playing tennis", 0.1),
        ("jumping jacks", 0.25),
    ],
)
def test_positions_give_the_motion_back(activity: str, unseen: float) -> None:
    """Positions to the micrometre; trunk, thighs, shanks and upper arms to half a degree on average.

    `unseen`: share of the angular velocity that joints cannot show, of straight arms about themselves.
    """
    motion = generate(activity, np.random.default_rng(5), duration_s=4.0, rate_hz=RATE_HZ)
    position, rotation = poses(motion)
    again = load(position, skeleton="segments", rate_hz=RATE_HZ)
    position_again, rotation_again = poses(again)
    lift = (position_again - position)[:, :1].mean(axis=0) * [
        0.0,
        0.0,
        1.0,
    ]  # the floor is put under the feet
    np.testing.assert_allclose(position_again - lift, position, atol=1e-6)
    error = angle_deg(rotation, rotation_again)
    assert error[:, TRUNK].max() < 0.5
    assert error[:, LIMBS].mean() < 0.5
    difference = gyro(rotation)[:, LIMBS + TRUNK] - gyro(rotation_again)[:, LIMBS + TRUNK]
    assert np.sqrt(np.mean(difference**2)) < unseen * np.sqrt(np.mean(gyro(rotation)[:, LIMBS + TRUNK] ** 2))


@pytest.mark.parametrize("arms", [{}, ARMS_DOWN, ARMS_DOWN | {"LeftForeArm": [0.0, 0.0, -60.0]}])
@pytest.mark.parametrize("straight", [True, False])
def test_a_body_that_turns_at_1_rad_per_s_reads_1_rad_per_s(
    arms: dict[str, list[float]], straight: bool
) -> None:
    """On every segment, straight limbs too: what a pose moved into the body's own frame loses."""
    legs = {} if straight else {f"{s}{n}": [0, d, 0] for s in ("Left", "Right")
                                for n, d in (("UpperLeg", -30.0), ("LowerLeg", 60.0))}  # fmt: skip
    position, _ = posed(arms | legs)
    yaw = Rotation.from_rotvec(np.arange(len(position))[:, None] / RATE_HZ * [0.0, 0.0, 1.0]).as_matrix()
    turning = np.einsum("tij,tsj->tsi", yaw, position)
    motion = load(turning, skeleton="segments", rate_hz=RATE_HZ)
    _, rotation = poses(motion)
    world_rate = np.einsum("tsij,tsj->tsi", rotation[:-1], gyro(rotation))
    np.testing.assert_allclose(world_rate, np.broadcast_to([0.0, 0.0, 1.0], world_rate.shape), atol=2e-3)


def test_a_bowing_trunk_tilts() -> None:
    position, rotation = posed({"Pelvis": [0.0, 40.0, 0.0], "L3": [0.0, 20.0, 0.0]}, frames=3)
    got = poses(load(position, skeleton="segments", rate_hz=RATE_HZ))[1]
    assert angle_deg(rotation, got)[:, TRUNK].max() < 0.01


def test_the_twist_of_a_straight_arm_is_carried_on() -> None:
    """The elbow bends, stretches for a second and bends again; the arm keeps its twist of 50 degrees."""
    twist, frames = 50.0, 181
    flexion = np.radians(80.0) * np.abs(np.cos(np.pi * np.arange(frames) / (frames - 1))) ** 4
    local = np.tile(np.eye(3), (frames, 23, 1, 1))
    local[:, INDEX["LeftUpperArm"]] = Rotation.from_rotvec(np.radians([0.0, twist, 0.0])).as_matrix()
    local[:, INDEX["LeftForeArm"]] = Rotation.from_rotvec(flexion[:, None] * [0.0, 0.0, -1.0]).as_matrix()
    position, rotation = forward_kinematics(np.zeros((frames, 3)), local, DEFAULT_JOINT_OFFSETS)
    got = segment_rotations(position, RATE_HZ, {})
    assert flexion.min() < 1e-9
    assert angle_deg(rotation, got)[:, INDEX["LeftUpperArm"]].max() < 1.0
    overstretched = flexion - np.radians(4.0)
    local[:, INDEX["LeftForeArm"]] = Rotation.from_rotvec(
        overstretched[:, None] * [0.0, 0.0, -1.0]
    ).as_matrix()
    position, rotation = forward_kinematics(np.zeros((frames, 3)), local, DEFAULT_JOINT_OFFSETS)
    got = segment_rotations(position, RATE_HZ, {})
    assert angle_deg(rotation, got)[:, INDEX["LeftUpperArm"]].max() < 2.0


def test_landmarks_show_what_joints_do_not() -> None:
    """Ears and nose give the head, heels the foot, knuckles the hand's direction."""
    position, rotation = posed(
        {"Head": [10.0, 15.0, 40.0], "LeftFoot": [0.0, -20.0, 10.0], "RightHand": [30.0, 0.0, 0.0]}, frames=3
    )
    place = {
        "Nose": ("Head", [0.11, 0.0, 0.02]), "LeftEar": ("Head", [0.0, 0.08, 0.02]),
        "RightEar": ("Head", [0.0, -0.08, 0.02]), "LeftHeel": ("LeftFoot", [-0.04, 0.0, -0.06]),
        "RightHeel": ("RightFoot", [-0.04, 0.0, -0.06]), "LeftKnuckles": ("LeftHand", [0.0, 0.09, 0.0]),
        "RightKnuckles": ("RightHand", [0.0, -0.09, 0.0]),
    }  # fmt: skip
    assert set(place) == set(LANDMARKS)
    points = {
        k: position[:, INDEX[s]] + rotation[:, INDEX[s]] @ np.array(offset)
        for k, (s, offset) in place.items()
    }
    error = angle_deg(rotation, segment_rotations(position, RATE_HZ, points))[0]
    assert error[[INDEX["Head"], INDEX["LeftFoot"], INDEX["RightFoot"], INDEX["RightHand"]]].max() < 1.5
    without = angle_deg(rotation, segment_rotations(position, RATE_HZ, {}))[0]
    assert without[INDEX["Head"]] > 30.0


def as_humanml3d(position: np.ndarray) -> np.ndarray:
    """(T, 22, 3) the joints HumanML3D has, y up."""
    points = SKELETONS["humanml3d"].points
    return np.stack([position[:, INDEX[p]] for p in points], axis=1)[..., [1, 2, 0]]


def test_humanml3d_files_state_everything(tmp_path: Path) -> None:
    motion = generate("walking", np.random.default_rng(6), duration_s=4.0, rate_hz=20.0)
    position, rotation = poses(motion)
    np.save(tmp_path / "000021.npy", as_humanml3d(position).astype(np.float32))
    again = load(tmp_path / "000021.npy", skeleton="humanml3d")
    assert again.rate_hz == 20.0
    assert again.name == "000021"
    error = angle_deg(rotation, poses(again)[1])
    assert error[:, [i for i in LIMBS if "Shoulder" not in SEGMENTS[i]]].mean() < 1.5
    assert error[:, TRUNK].mean() < 15.0  # SMPL's spine leans otherwise, by a constant
    assert np.ptp(error[:, [0, INDEX["T8"]]], axis=0).max() < 1.0


def test_twelve_joints_are_enough() -> None:
    """Hips, knees, ankles, shoulders, elbows, wrists, as video gives them; the rest is put in place."""
    motion = generate("walking", np.random.default_rng(7), duration_s=3.0, rate_hz=RATE_HZ)
    position, rotation = poses(motion)
    names = [f"{s}{n}" for n in ("UpperArm", "ForeArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
             for s in ("Left", "Right")]  # fmt: skip
    millimetres = 1000.0 * position[:, [INDEX[n] for n in names]]
    columns = {n: k for k, n in enumerate(names)}
    again = load(millimetres, skeleton=columns, rate_hz=RATE_HZ, up="z", unit_m=0.001)
    error = angle_deg(rotation, poses(again)[1])
    assert error[:, [i for i in LIMBS if "Shoulder" not in SEGMENTS[i]]].mean() < 3.0
    assert error[:, [0, INDEX["T8"]]].mean() < 20.0
    assert complete({n: position[:, INDEX[n]] for n in names}).shape == position.shape


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "need skeleton=, one of humanml3d, smpl, segments"),
        ({"skeleton": "coco"}, "got 'coco'"),
        ({"skeleton": "segments"}, "do not tell rate_hz; pass rate_hz"),
        ({"skeleton": "smpl", "rate_hz": 30.0}, r"\(T, 24, 3\) .* got \(5, 23, 3\)"),
        ({"skeleton": {"Pelvis": 0}}, "lacks LeftUpperArm, .*; arms and legs must be whole"),
        ({"skeleton": {"Hip": 0}}, "skeleton names 'Hip'; known are Pelvis"),
        ({"skeleton": dict.fromkeys(SEGMENTS, 3)}, "column 3, which is negative or taken"),
        ({"skeleton": {s: i for i, s in enumerate(SEGMENTS)}, "rate_hz": 30.0}, "do not tell up"),
        ({"skeleton": "segments", "rate_hz": 30.0, "up": "x"}, "up must be 'y' or 'z', got 'x'"),
        ({"skeleton": "segments", "rate_hz": -1.0}, "must be positive"),
        ({"skeleton": "segments", "rate_hz": np.inf}, "must be positive and finite"),
        ({"skeleton": "segments", "rate_hz": 30.0, "unit_m": 0.01}, "m tall, expected"),
        (
            {"skeleton": "segments", "rate_hz": 30.0, "asf": "x"},
            "no option 'asf'; it takes captions, rate_hz",
        ),
    ],
)
def test_what_an_array_cannot_tell_is_demanded(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(posed({}, frames=5)[0], **options)  # type: ignore[arg-type]


def test_arrays_that_are_no_joints_are_refused() -> None:
    position, _ = posed({}, frames=5)
    for broken, message in (
        (position[0], "expected joint positions"),
        (position[:1], "2 frames or more"),
        (
            np.repeat(position, 2, axis=1),
            r"\(T, 23, 3\) .* got \(5, 46, 3\); pass these joints only, or a mapping",
        ),
        (position.astype(str), "expected numbers"),
        (np.where(np.arange(5)[:, None, None] == 2, np.nan, position), "NaN or infinity in 1 of 5 frames"),
        (np.zeros_like(position), "has no length in frame 0"),
    ):
        with pytest.raises(ValueError, match=message):
            load(broken, skeleton="segments", rate_hz=30.0)
