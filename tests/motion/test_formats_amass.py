"""AMASS and SMPL-X arrays: round trips, joint centres of a model file, axes, rates, wrong shapes."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from smplx.lbs import batch_rigid_transform

from anymo.motion import load
from anymo.motion.amass import _JOINT_PARENTS, SEGMENT_JOINTS, joint_centres
from anymo.records import Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, forward_kinematics

# Our axes (x forward, y left, z up) from the model's (x left, y up, z forward).
OURS = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
CARRIER = {joint: segment for segment, joint in reversed(list(enumerate(SEGMENT_JOINTS)))}


@pytest.fixture
def motion(hand_motion: "object") -> Motion:
    """L3 follows L5, as in SMPL, which has three joints for our four segments of the spine."""
    swing = hand_motion(2, duration_s=3.0)  # type: ignore[operator]
    rotations = swing.rotations.copy()
    rotations[:, INDEX["L3"]] = np.eye(3)
    return replace(swing, rotations=rotations)


def amass_arrays(motion: Motion, width: int = 156, up: str = "z") -> dict[str, np.ndarray]:
    """The arrays of an AMASS file that shows this motion."""
    world = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)[1]
    axes = OURS if up == "y" else np.eye(3)
    poses = np.zeros((len(world), width))
    for joint, parent in enumerate(_JOINT_PARENTS):
        turn = axes.T @ world[:, CARRIER[joint]] @ OURS
        if parent >= 0:
            above = axes.T @ world[:, CARRIER[parent]] @ OURS
            turn = np.swapaxes(above, -1, -2) @ turn
        poses[:, 3 * joint : 3 * joint + 3] = Rotation.from_matrix(turn).as_rotvec()
    return {
        "poses": poses,
        "trans": motion.root_position @ axes,
        "betas": np.zeros(16),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(motion.rate_hz),
        "dmpls": np.zeros((len(poses), 8)),
    }


def smplx_arrays(motion: Motion) -> dict[str, np.ndarray]:
    arrays = amass_arrays(motion, 165)
    poses = arrays["poses"]
    return {
        "root_orient": poses[:, :3],
        "pose_body": poses[:, 3:66],
        "pose_hand": np.zeros((len(poses), 90)),
        "pose_jaw": np.zeros((len(poses), 3)),
        "trans": arrays["trans"],
        "betas": np.zeros(16),
        "surface_model_type": np.array("smplx"),
        "mocap_frame_rate": np.array(motion.rate_hz),
    }


def assert_same(back: Motion, motion: Motion) -> None:
    np.testing.assert_allclose(back.rotations, motion.rotations, atol=1e-9)
    np.testing.assert_allclose(back.joint_offsets, motion.joint_offsets, atol=1e-9)
    shift = back.root_position - motion.root_position
    np.testing.assert_allclose(shift, np.tile(shift[0], (len(shift), 1)), atol=1e-9)
    assert back.rate_hz == motion.rate_hz


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_amass_round_trip(
    motion: Motion, tmp_path: Path, width: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "A1_poses.npz"
    np.savez(path, **amass_arrays(motion, width))  # type: ignore[arg-type]
    with caplog.at_level(logging.INFO):
        back = load(path)
    assert_same(back, motion)
    assert back.name == "A1_poses"
    assert "bone lengths are those of the default adult" in caplog.text


def test_smplx_round_trip_and_pickled_extras_are_left_alone(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "walk_stageii.npz"
    extras = {"labels": np.array([["LFWT", None]], dtype=object)}
    np.savez(path, **smplx_arrays(motion), **extras)  # type: ignore[arg-type]
    back = load(path)
    assert_same(back, motion)
    assert back.source == "amass layout, smplx"


def test_y_up_files_and_the_warning_that_tells(motion: Motion, caplog: pytest.LogCaptureFixture) -> None:
    standing = replace(motion, rotations=np.broadcast_to(np.eye(3), motion.rotations.shape).copy())
    arrays = amass_arrays(standing, up="y")
    assert_same(load(arrays, up="y"), standing)
    assert "lies" not in caplog.text
    load(arrays)
    assert "the body lies most of the time" in caplog.text
    assert "up='y'" in caplog.text


def body_model(path: Path, seed: int = 5) -> Path:
    """A model file whose joints are the default adult's, moved by two shape coefficients."""
    rng = np.random.default_rng(seed)
    ours = forward_kinematics(np.zeros((1, 3)), np.tile(np.eye(3), (1, 23, 1, 1)), DEFAULT_JOINT_OFFSETS)[0][
        0
    ]
    joints = ours[[CARRIER[j] for j in range(22)]] @ OURS + [0.0, -0.24, 0.03]
    regressor = np.zeros((24, 60))
    regressor[np.arange(24), np.arange(24)] = 1.0
    template = rng.normal(size=(60, 3))
    template[:22] = joints
    np.savez(path, v_template=template, shapedirs=rng.normal(0, 0.01, (60, 3, 10)), J_regressor=regressor)
    return path


def test_joint_centres_and_pose_agree_with_smplx(motion: Motion, tmp_path: Path) -> None:
    """Posed joints against smplx's own rigid transform, two implementations."""
    model = body_model(tmp_path / "SMPLH_NEUTRAL.npz")
    arrays = amass_arrays(motion) | {"betas": np.array([1.5, -2.0, *[0.0] * 14])}
    raw = np.load(model)
    shaped = raw["v_template"] + raw["shapedirs"][..., 0] * 1.5 - raw["shapedirs"][..., 1] * 2.0
    joints = (raw["J_regressor"] @ shaped)[:22]
    np.testing.assert_allclose(joint_centres(model, arrays["betas"]), joints, atol=1e-12)
    turns = Rotation.from_rotvec(arrays["poses"][:, :66].reshape(-1, 3)).as_matrix().reshape(-1, 22, 3, 3)
    posed = batch_rigid_transform(
        torch.as_tensor(turns), torch.as_tensor(np.tile(joints, (len(turns), 1, 1))),
        torch.as_tensor(_JOINT_PARENTS), dtype=torch.float64,
    )[0].numpy() + arrays["trans"][:, None]  # fmt: skip
    back = load(arrays, body_model=model)
    position = forward_kinematics(back.root_position, back.rotations, back.joint_offsets)[0]
    both = [s for s in range(23) if s != INDEX["L3"]]
    away = position[:, both] - posed[:, [SEGMENT_JOINTS[s] for s in both]]
    np.testing.assert_allclose(away - away[0, 0], 0.0, atol=1e-9)
    np.testing.assert_allclose(away[..., :2], 0.0, atol=1e-9)  # the pelvis stands at J0 + trans


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poses": np.zeros((9, 155))}, r"poses must be \(T, n\) with n one of 66"),
        ({"poses": np.zeros(156)}, r"poses must be"),
        ({"trans": np.zeros((5, 3))}, r"trans must be \(\d+, 3\), got \(5, 3\)"),
        ({"mocap_framerate": np.array(0.0)}, "must be positive"),
        ({"mocap_framerate": np.zeros(0)}, r"mocap_framerate must be one number, got shape \(0,\)"),
        ({"mocap_framerate": np.array([60.0, 30.0])}, r"must be one number, got shape \(2,\)"),
        ({"mocap_framerate": np.array("60")}, "mocap_framerate must hold real numbers"),
        ({"poses": np.zeros((9, 156), dtype=complex)}, "poses must hold real numbers, got complex128"),
        ({"trans": np.zeros((9, 3), dtype="datetime64[s]")}, "trans must hold real numbers"),
        ({"betas": np.zeros(16, dtype=[("a", "f8")])}, "betas must hold real numbers"),
        ({"mocap_framerate": None}, "states no mocap_framerate; pass rate_hz"),
        ({"trans": None}, "of no known kind"),
    ],
)
def test_wrong_arrays_say_what_is_wrong(
    motion: Motion, change: dict[str, np.ndarray | None], message: str
) -> None:
    arrays = {k: v for k, v in (amass_arrays(motion) | change).items() if v is not None}
    with pytest.raises(ValueError, match=message):
        load(arrays)


def test_a_model_type_that_is_not_said(motion: Motion) -> None:
    arrays = smplx_arrays(motion) | {"surface_model_type": np.array([], dtype=str)}
    assert load(arrays).source == "amass layout, SMPL-X"


def test_expressions_of_short_smplx_files_are_no_shape(tmp_path: Path) -> None:
    """Ten shape coefficients, then ten of expression: the eleventh beta has nothing to drive."""
    rng = np.random.default_rng(0)
    model = {"v_template": rng.normal(size=(60, 3)), "shapedirs": rng.normal(size=(60, 3, 20))}
    betas = np.arange(1.0, 17.0)
    for joints, used in ((55, 10), (52, 16)):
        regressor = rng.random((joints, 60))
        np.savez(tmp_path / "m.npz", **model, J_regressor=regressor)
        shaped = model["v_template"] + model["shapedirs"][:, :, :used] @ betas[:used]
        np.testing.assert_allclose(joint_centres(tmp_path / "m.npz", betas), (regressor @ shaped)[:22])


def test_nan_and_wrong_widths(motion: Motion) -> None:
    arrays = amass_arrays(motion)
    arrays["poses"][3, 7] = np.nan
    with pytest.raises(ValueError, match="hold NaN or infinity"):
        load(arrays)
    halves = smplx_arrays(motion)
    halves["pose_body"] = halves["pose_body"][:, :60]
    with pytest.raises(ValueError, match=r"must be \(T, 3\) and \(T, 63\)"):
        load(halves)


def test_broken_model_files(motion: Motion, tmp_path: Path) -> None:
    arrays = amass_arrays(motion)
    path = tmp_path / "m.npz"
    np.savez(path, v_template=np.zeros((60, 3)))
    with pytest.raises(ValueError, match=r"lacks shapedirs; download the \.npz"):
        load(arrays, body_model=path)
    np.savez(path, v_template=np.array(1.0), shapedirs=np.zeros((60, 3, 10)), J_regressor=np.zeros((24, 60)))
    with pytest.raises(ValueError, match=r"v_template \(\), .* do not fit one another"):
        load(arrays, body_model=path)
    np.savez(
        path, v_template=np.zeros((60, 3)), shapedirs=np.zeros((50, 3, 10)), J_regressor=np.zeros((24, 60))
    )
    with pytest.raises(ValueError, match="do not fit one another"):
        load(arrays, body_model=path)
    np.savez(
        path, v_template=np.zeros((60, 3)), shapedirs=np.zeros((60, 3, 10)), J_regressor=np.zeros((24, 60))
    )
    with pytest.raises(ValueError, match=r"no length|m tall"):
        load(arrays, body_model=path)
