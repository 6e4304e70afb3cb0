"""The same movement through any rig: axes of bones, names, unit and up axis must not show in the motion."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.motion import generate, load
from anymo.motion.anatomy import BONES, HINGES, alignment, frame, turn_between, unit
from anymo.motion.joints import WORLD_FROM
from anymo.motion.retarget import motion_from_poses
from anymo.records import Motion
from anymo.skeleton import INDEX, PARENTS, SEGMENTS, forward_kinematics

MIXAMO = {
    "Pelvis": "Hips", "L5": "Spine", "T12": "Spine1", "T8": "Spine2", "Neck": "Neck", "Head": "Head",
} | {
    f"{side}{ours}": f"{side}{theirs}"
    for side in ("Left", "Right")
    for ours, theirs in {
        "Shoulder": "Shoulder", "UpperArm": "Arm", "ForeArm": "ForeArm", "Hand": "Hand",
        "UpperLeg": "UpLeg", "LowerLeg": "Leg", "Foot": "Foot", "Toe": "ToeBase",
    }.items()
}  # fmt: skip


TOLERANCE_DEG = 2.0  # a forearm that hardly turns about itself is held in neutral pronation


def poses(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    return forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)


def angle_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T, 23) angle between rotations."""
    turn = np.swapaxes(a, -1, -2) @ b
    return np.degrees(Rotation.from_matrix(turn.reshape(-1, 3, 3)).magnitude()).reshape(turn.shape[:-2])


def written(
    motion: Motion,
    path: Path,
    names: Sequence[str] = SEGMENTS,
    up: str = "y",
    unit_m: float = 0.01,
    bone_axes: np.ndarray | None = None,
) -> Path:
    """A BVH file of the motion; bone_axes (23, 3, 3) turns each bone's axes, so that zero is no T-pose."""
    basis = WORLD_FROM[up]
    axes = np.tile(np.eye(3), (23, 1, 1)) if bone_axes is None else bone_axes
    position, world = poses(motion)
    bone = basis.T @ world @ basis @ axes
    local = bone.copy()
    for child, parent in enumerate(PARENTS[1:], start=1):
        local[:, child] = np.swapaxes(bone[:, parent], -1, -2) @ bone[:, child]
    angles = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_euler("ZXY", degrees=True).reshape(-1, 23, 3)
    place = position[:, 0] @ basis / unit_m
    order: list[int] = []

    def block(i: int) -> str:
        order.append(i)
        offset = axes[PARENTS[i]].T @ basis.T @ motion.joint_offsets[i] / unit_m if i else np.zeros(3)
        children = [k for k in range(23) if PARENTS[k] == i]
        inner = "".join(map(block, children)) or "End Site\n{\nOFFSET 0 0 1\n}\n"
        channels = "6 Xposition Yposition Zposition" if i == 0 else "3"
        return (
            f"{'JOINT' if i else 'ROOT'} {names[i]}\n{{\n"
            f"OFFSET {offset[0]:.9g} {offset[1]:.9g} {offset[2]:.9g}\n"
            f"CHANNELS {channels} Zrotation Xrotation Yrotation\n{inner}}}\n"
        )

    tree = block(0)
    rows = np.concatenate([place, angles[:, order].reshape(len(place), -1)], axis=1)
    lines = "\n".join(" ".join(f"{v:.8g}" for v in row) for row in rows)
    path.write_text(
        f"HIERARCHY\n{tree}MOTION\nFrames: {len(rows)}\nFrame Time: {1 / motion.rate_hz:.9g}\n{lines}\n"
    )
    return path


@pytest.fixture(scope="module")
def walk() -> Motion:
    return generate("walking", np.random.default_rng(4), duration_s=3.0)  # forearms near neutral


@pytest.fixture(scope="module")
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("unit_m", [1.0, 0.0254, 0.01, 0.001])
def test_up_axis_and_unit_are_found(tmp_path: Path, walk: Motion, up: str, unit_m: float) -> None:
    motion = load(written(walk, tmp_path / "x.bvh", up=up, unit_m=unit_m))
    np.testing.assert_allclose(motion.joint_offsets, walk.joint_offsets, atol=1e-4)
    want, got = poses(walk)[1], poses(motion)[1]
    heading = want[0, 0] @ got[0, 0].T
    assert angle_deg(want, heading @ got).max() < TOLERANCE_DEG
    assert abs(heading[2, 2]) == pytest.approx(1.0, abs=1e-6)


def test_mixamo_names_with_prefix_and_given_names_are_the_same(tmp_path: Path, walk: Motion) -> None:
    names = [f"mixamorig:{MIXAMO[s]}" if s in MIXAMO else f"Extra{s}" for s in SEGMENTS]
    known = load(written(walk, tmp_path / "known.bvh", names))
    assert known.source == "bvh, Mixamo"
    odd = [f"b{i}" for i in range(23)]
    with pytest.raises(ValueError, match=r"no known skeleton fits.*pass bones="):
        load(written(walk, tmp_path / "odd.bvh", odd))
    limbs = {s: odd[i] for i, s in enumerate(SEGMENTS) if s in MIXAMO}
    given = load(tmp_path / "odd.bvh", bones=limbs)
    limb = [INDEX[s] for s in SEGMENTS if s.startswith(("Left", "Right"))]
    assert angle_deg(poses(known)[1], poses(given)[1])[:, limb].max() < 0.1
    assert angle_deg(poses(walk)[1], poses(given)[1])[:, limb].max() < TOLERANCE_DEG


@pytest.mark.parametrize(
    ("bones", "message"),
    [
        ({"Hip": "b0"}, "segment 'Hip'; known are Pelvis"),
        ({"Pelvis": "c0"}, "no bone 'c0' in the file; it has b0"),
        ({"Pelvis": "b0"}, "leaves out RightUpperArm; arms, legs and pelvis must be whole"),
    ],
)
def test_a_wrong_bone_map_is_told(tmp_path: Path, walk: Motion, bones: dict[str, str], message: str) -> None:
    path = written(walk, tmp_path / "odd.bvh", [f"b{i}" for i in range(23)])
    with pytest.raises(ValueError, match=message):
        load(path, bones=bones)


def test_bone_axes_do_not_matter_after_an_opening_t_pose(
    tmp_path: Path, walk: Motion, rng: np.random.Generator
) -> None:
    """Zero angles are no pose at all here; the T-pose frame tells the axes and is then dropped."""
    still = np.tile(np.eye(3), (1, 23, 1, 1))
    opened = replace(
        walk,
        root_position=np.concatenate([walk.root_position[:1], walk.root_position]),
        rotations=np.concatenate([still, walk.rotations]),
    )
    motion = load(written(opened, tmp_path / "x.bvh", bone_axes=Rotation.random(23, rng=rng).as_matrix()))
    assert len(motion.root_position) == len(walk.root_position)
    assert angle_deg(poses(walk)[1], poses(motion)[1]).max() < TOLERANCE_DEG


def test_bone_axes_do_not_matter_without_any_t_pose(
    tmp_path: Path, walk: Motion, rng: np.random.Generator
) -> None:
    """The joints alone tell the axes; what they do not show (head, feet, pronation) is neutral on average."""
    motion = load(written(walk, tmp_path / "x.bvh", bone_axes=Rotation.random(23, rng=rng).as_matrix()))
    error = angle_deg(poses(walk)[1], poses(motion)[1])
    shown = [INDEX[f"{s}{n}"] for s in ("Left", "Right") for n in ("UpperArm", "UpperLeg", "LowerLeg")]
    assert error[:, [0, INDEX["T8"], *shown]].max() < 1.0
    assert error.mean(axis=0).max() < 20.0
    still = np.diff(error, axis=0)
    assert np.abs(still).max() < 1.0  # a constant turn: the rig's own time course is kept


@pytest.mark.parametrize("tilt_deg", [-40.0, 25.0])
def test_hinges_undo_a_twisted_rest_pose(walk: Motion, tilt_deg: float) -> None:
    """A rig whose T-pose holds arms and legs turned about their bones: elbows and knees show by how much."""
    position, rotation = poses(walk)
    twisted = rotation.copy()
    for segment, (_, bone) in BONES.items():
        if not segment.endswith("ForeArm"):
            twisted[:, INDEX[segment]] = rotation[:, INDEX[segment]] @ turn_about(bone, tilt_deg)
    motion = motion_from_poses(position, twisted, rate_hz=walk.rate_hz, name="x", source="x")
    assert angle_deg(rotation, poses(motion)[1]).max() < TOLERANCE_DEG


def turn_about(axis: np.ndarray, degrees: float) -> np.ndarray:
    return np.asarray(Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix())


def test_straight_limbs_keep_the_rest_pose() -> None:
    """Nothing bends by 20 degrees, so that no hinge is to be seen and the rig's T-pose stands."""
    rng = np.random.default_rng(1)
    turns = Rotation.from_rotvec(rng.normal(0, 0.03, (40 * 23, 3))).as_matrix().reshape(40, 23, 3, 3)
    offsets = np.asarray(generate("walking", rng, duration_s=1.0).joint_offsets)
    position, world = forward_kinematics(np.zeros((40, 3)), turns, offsets)
    np.testing.assert_allclose(alignment(position, world), np.tile(np.eye(3), (23, 1, 1)), atol=1e-9)


def test_frame_and_turn_between() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 50, 3))
    axes = frame(a, b)
    np.testing.assert_allclose(axes @ np.swapaxes(axes, 1, 2), np.tile(np.eye(3), (50, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(axes), 1.0)
    start = unit(rng.normal(size=3))
    turn = turn_between(start, unit(a))
    np.testing.assert_allclose(turn @ start, unit(a), atol=1e-12)
    angle = np.arccos(np.clip(unit(a) @ start, -1, 1))
    np.testing.assert_allclose(Rotation.from_matrix(turn).magnitude(), angle, atol=1e-7)


def test_poses_that_are_no_body_are_refused(walk: Motion) -> None:
    position, rotation = poses(walk)

    def attempt(change: Callable[[np.ndarray], None], scale: float = 1.0) -> Motion:
        moved = position * scale
        change(moved)
        return motion_from_poses(moved, rotation, rate_hz=60.0, name="clip", source="x")

    def gap(p: np.ndarray) -> None:
        p[3, 4] = np.nan

    def short(p: np.ndarray) -> None:
        p[5, INDEX["LeftHand"]] = p[5, INDEX["LeftForeArm"]]

    with pytest.raises(ValueError, match="clip: poses hold NaN"):
        attempt(gap)
    with pytest.raises(ValueError, match="LeftForeArm has no length in frame 5"):
        attempt(short)
    with pytest.raises(ValueError, match=r"stands 1\d\.\d m tall, expected 1\.2 to 2\.2 m; pass unit_m"):
        attempt(lambda p: None, scale=10.0)


def test_a_rate_at_which_nobody_runs_is_warned_of(walk: Motion, caplog: pytest.LogCaptureFixture) -> None:
    position, rotation = poses(walk)
    motion_from_poses(position, rotation, rate_hz=60.0, name="x", source="x")
    assert not caplog.records
    motion_from_poses(position, rotation, rate_hz=3000.0, name="x", source="x")
    assert "pass rate_hz if the header is wrong" in caplog.text


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        "cmu/clips/002_05", "cmu/clips/001_01__facebookresearch", "cmu/clips/060_05", "cmu/clips/131_01",
        "bandai_namco/clips/dataset-1_walk-left_active_001",
    ],
)  # fmt: skip
def test_knees_and_elbows_of_every_rig_flex_about_the_same_axes(data_root: Path, name: str) -> None:
    position, rotation = poses(load(data_root / "motion" / f"{name}.bvh.gz"))
    for hinge in HINGES:
        normal = hinge.normal(position)
        bent = np.linalg.norm(normal, axis=1) > 0.5
        axes = unit(np.einsum("tji,tj->ti", rotation[bent, INDEX[hinge.upper]], normal[bent]))
        assert len(axes) > 10
        assert unit(axes.mean(axis=0)) @ hinge.axis > np.cos(np.radians(1.5)), hinge.upper


@pytest.mark.data
def test_the_same_cmu_trial_from_two_rigs_and_from_asf_amc(data_root: Path) -> None:
    """ASF/AMC and cgspeed's BVH are one solution. The iClone retarget to another body is not."""
    motion = data_root / "motion"
    amc = poses(load(motion / "cmu_asfamc" / "01_01.amc.gz", rate_hz=120.0))[1]
    bvh = poses(load(motion / "cmu" / "clips" / "001_01__facebookresearch.bvh.gz", rate_hz=120.0))[1]
    assert abs(len(amc) - len(bvh)) <= 1
    error = angle_deg(amc[-2700:], bvh[-2700:])
    assert error.max() < 0.05
    other = poses(load(motion / "cmu" / "clips" / "001_01.bvh.gz"))[1]
    num = min(len(other), len(bvh[::2]))
    error = angle_deg(bvh[::2][-num:], other[-num:])
    trunk = [INDEX[s] for s in ("Pelvis", "L5", "T12", "T8", "Head")]
    limbs = [INDEX[f"{s}{n}"] for s in ("Left", "Right") for n in ("UpperArm", "UpperLeg", "LowerLeg")]
    assert np.median(error, axis=0)[trunk].max() < 1.5
    assert np.median(error, axis=0)[limbs].max() < 4.0
