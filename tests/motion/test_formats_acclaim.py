"""ASF/AMC: units, axes and orders, broken files, and CMU's own files against the BVH made from them."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.motion import load
from anymo.motion.acclaim import parse_amc, parse_asf
from anymo.motion.bvh_file import parse_bvh
from anymo.motion.source import read_text
from anymo.skeleton import INDEX, forward_kinematics

# Bone, parent, direction, length, axis, dof: a plain body in CMU's names, ASF units.
SIDE = [
    ("hipjoint", "root", "1 -1 0", 2.2, "0 0 0", ""),
    ("femur", "hipjoint", "0 -1 0", 7.2, "0 0 20", "rx ry rz"),
    ("tibia", "femur", "0 -1 0", 7.2, "0 0 20", "rx"),
    ("foot", "tibia", "0 -0.3 1", 2.2, "-90 0 20", "rx rz"),
    ("toes", "foot", "0 0 1", 1.1, "-90 0 20", "rx"),
    ("clavicle", "thorax", "1 0.2 0", 3.3, "0 0 0", "ry rz"),
    ("humerus", "clavicle", "1 0 0", 5.2, "180 -30 -90", "rx ry rz"),
    ("radius", "humerus", "1 0 0", 3.3, "180 -30 -90", "rx"),
    ("wrist", "radius", "1 0 0", 1.7, "0 90 90", "ry"),
    ("hand", "wrist", "1 0 0", 0.7, "0 90 90", "rx rz"),
    ("fingers", "hand", "1 0 0", 0.6, "0 90 90", "rx"),
]
TRUNK = [("lowerback", "root"), ("upperback", "lowerback"), ("thorax", "upperback"), ("lowerneck", "thorax"),
         ("upperneck", "lowerneck"), ("head", "upperneck")]  # fmt: skip
UNIT_M = 0.0254 / 0.45


def bones() -> list[tuple[str, str, str, float, str, str]]:
    rows = [(n, p, "0 1 0", 2.0 if "neck" not in n else 1.6, "0 0 0", "rx ry rz") for n, p in TRUNK]
    for side, sign in (("l", 1), ("r", -1)):
        for name, parent, direction, length, axis, dof in SIDE:
            x, rest = direction.split(" ", 1)
            above = parent if parent in ("root", "thorax") else side + parent
            rows.append((side + name, above, f"{sign * float(x)} {rest}", length, axis, dof))
    return rows


def asf() -> str:
    blocks = "\n".join(
        f"begin\n id {i}\n name {n}\n direction {d}\n length {length}\n axis {a} XYZ\n"
        + (f" dof {dof}\n limits (-1 1)\n" if dof else "") + "end"
        for i, (n, _, d, length, a, dof) in enumerate(bones(), start=1)
    )  # fmt: skip
    tree = "\n".join(f"{p} {n}" for n, p, *_ in bones())
    return (
        "# made by hand\n:version 1.10\n:name TEST\n:units\n mass 1.0\n length 0.45\n angle deg\n:root\n"
        " order TX TY TZ RX RY RZ\n axis XYZ\n position 0 0 0\n orientation 0 0 0\n"
        f":bonedata\n{blocks}\n:hierarchy\nbegin\n{tree}\nend\n"
    )


def amc(root: list[str], angles: dict[str, str] | None = None) -> str:
    lines = ["#!OML:ASF x", ":FULLY-SPECIFIED", ":DEGREES"]
    for k, values in enumerate(root, start=1):
        lines += [str(k), f"root {values}"]
        lines += [f"{n} {(angles or {}).get(n, ' '.join('0' * len(d.split())))}" for n, *_, d in bones() if d]
    return "\n".join(lines) + "\n"


def written(folder: Path, root: list[str], angles: dict[str, str] | None = None) -> Path:
    (folder / "07.asf").write_text(asf())
    path = folder / "07_01.amc"
    path.write_text(amc(root, angles))
    return path


REST = ["0 17 0 0 0 0"] * 3


def test_rest_pose_units_and_axes(tmp_path: Path) -> None:
    motion = load(written(tmp_path, ["0 17 0 0 90 0", "1 17 2 0 90 0", "1 17 2 0 90 0"]), rate_hz=120.0)
    position, rotation = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    np.testing.assert_allclose(rotation[0, 0], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-9)  # turned left
    step = motion.root_position[1] - motion.root_position[0]
    np.testing.assert_allclose(step, np.array([2.0, 1.0, 0.0]) * UNIT_M, atol=1e-9)
    thigh = position[0, INDEX["LeftLowerLeg"]] - position[0, INDEX["LeftUpperLeg"]]
    np.testing.assert_allclose(thigh, [0, 0, -7.2 * UNIT_M], atol=1e-9)
    forearm = position[0, INDEX["LeftHand"]] - position[0, INDEX["LeftForeArm"]]
    np.testing.assert_allclose(forearm, [-5.0 * UNIT_M, 0, 0], atol=1e-9)  # radius and wrist
    assert motion.name == "07_01"


def test_axis_and_order_rules() -> None:
    """R = C M Cᵀ, M about fixed axes in the order written; the root's without C."""
    skeleton = parse_asf(asf(), "x")
    values, degrees = parse_amc(amc(["1 2 3 10 20 30"], {"lfemur": "10 20 30"}), skeleton, "x")
    start, turn = skeleton.world_pose(values, degrees)
    names = [bone.name for bone in skeleton.bones]

    def about(x: float, y: float, z: float) -> np.ndarray:
        cx, cy, cz = np.cos(np.radians([x, y, z]))
        sx, sy, sz = np.sin(np.radians([x, y, z]))
        return (
            np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
            @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
            @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        )

    root = about(10, 20, 30)
    np.testing.assert_allclose(turn[0, 0], root, atol=1e-12)
    np.testing.assert_allclose(start[0, 0], [1, 2, 3])
    axes = about(0, 0, 20)
    np.testing.assert_allclose(
        turn[0, names.index("lfemur")], root @ axes @ about(10, 20, 30) @ axes.T, atol=1e-12
    )
    knee = start[0, names.index("ltibia")]
    hip = start[0, names.index("lfemur")]
    np.testing.assert_allclose(knee - hip, turn[0, names.index("lfemur")] @ [0, -7.2, 0], atol=1e-12)


def test_pronation_turns_the_forearm_and_leaves_the_wrist_in_place(tmp_path: Path) -> None:
    plain = load(written(tmp_path, REST), rate_hz=60.0)
    turned = load(written(tmp_path, REST, {"lwrist": "40"}), rate_hz=60.0)
    pose = [forward_kinematics(m.root_position, m.rotations, m.joint_offsets) for m in (plain, turned)]
    np.testing.assert_allclose(pose[0][0], pose[1][0], atol=1e-9)
    forearm = pose[0][1][0, INDEX["LeftForeArm"]].T @ pose[1][1][0, INDEX["LeftForeArm"]]
    rotvec = Rotation.from_matrix(forearm).as_rotvec(degrees=True)
    np.testing.assert_allclose(np.abs(rotvec), [0, 40, 0], atol=1e-6)


def test_radians_gzip_and_a_skeleton_given(tmp_path: Path) -> None:
    path = written(tmp_path, ["0 17 0 0 90 0"] * 2)
    other = tmp_path / "away" / "07_01.amc.gz"
    other.parent.mkdir()
    text = path.read_text().replace(":DEGREES", ":RADIANS").replace(" 90 ", f" {np.pi / 2} ")
    other.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(ValueError, match=r"expected its skeleton beside it.*07\.asf.*pass asf="):
        load(other, rate_hz=60.0)
    motion = load(other, rate_hz=60.0, asf=tmp_path / "07.asf")
    np.testing.assert_allclose(motion.rotations, load(path, rate_hz=60.0).rotations, atol=1e-9)


def test_rate_must_be_stated(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="state no frame rate; pass rate_hz"):
        load(written(tmp_path, REST))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\n2\n", "\n5\n", "frame 5 follows 1"),
        ("\nlfemur 0 0 0", "\nlfemur 0 0", r"frame 0.*expected 'lfemur' and 3 numbers"),
        ("\nlfemur 0 0 0", "\nlfemur 0 0 x", "no number"),
        ("\nlfemur 0 0 0", "\nlfemur 0 0 nan", "no number .NaN"),
        ("\nlfemur 0 0 0", "\nlshin 0 0 0", "motion and skeleton differ.*pass the skeleton of this subject"),
        ("\nlfemur 0 0 0", "", "frame 1 .* has another number of bones"),
        ("\n1\n", "\n", "no frames|another number"),
    ],
)
def test_broken_motions_say_what_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path, REST)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        load(path, rate_hz=120.0)


def test_a_motion_cut_short_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, REST)
    path.write_text("\n".join(path.read_text().splitlines()[:-3]))
    with pytest.raises(ValueError, match="cut short"):
        load(path, rate_hz=120.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":hierarchy", ":tree", "no :hierarchy section"),
        (" length 0.45", "", "breaks at 'length'"),
        (" length 0.45", " length 0", "length 0"),
        ("name lfemur", "name lthigh", "breaks at 'lfemur'"),
        ("root lhipjoint", "root", "breaks at 'lhipjoint'"),
        ("lhipjoint lfemur", "lhipjoint lfemur rfemur", "hangs from two"),
        ("order TX TY TZ", "order TX TY", "root order"),
        ("position 0 0 0", "position 0 1 0", "position or orientation is not 0 0 0"),
        ("dof rx ry rz", "dof rx ry tz", "known are rx, ry, rz"),
        ("axis 0 0 20 XYZ", "axis 0 0 XYZ", "could not convert"),
    ],
)
def test_broken_skeletons_say_what_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path, REST)
    text = asf()
    assert old in text
    (tmp_path / "07.asf").write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        load(path, rate_hz=120.0)


def test_a_wrong_unit_shows_in_the_height(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"m tall.*unit_m"):
        load(written(tmp_path, REST), rate_hz=120.0, unit_m=0.01)


# The same trial, CMU's file and cgspeed's conversion: joints of the one and bones of the other.
SAME = {
    "Hips": "root", "LowerBack": "lowerback", "Spine": "upperback", "Spine1": "thorax", "Neck": "lowerneck",
    "Neck1": "upperneck", "Head": "head",
    **{f"{side}{joint}": f"{side[0].lower()}{bone}" for side in ("Left", "Right") for joint, bone in (
        ("UpLeg", "femur"), ("Leg", "tibia"), ("Foot", "foot"), ("ToeBase", "toes"), ("Shoulder", "clavicle"),
        ("Arm", "humerus"), ("ForeArm", "radius"), ("Hand", "wrist"), ("FingerBase", "hand"))},
}  # fmt: skip


@pytest.mark.data
def test_the_same_trial_from_amc_and_bvh(data_root: Path) -> None:
    """All bones turn alike to 0.001°; they stand alike to 0.1 mm, but for two lengths that the BVH lost.

    cgspeed's conversion gives no length to bones that branch: the thorax (11.65 cm in subject 01) and the
    wrists (9.8 cm). What hangs from them stands as much too near.
    """
    folder = data_root / "motion"
    bvh = parse_bvh(folder / "cmu" / "clips" / "001_01__facebookresearch.bvh.gz")
    bvh_start, bvh_turn = (array[1:] for array in bvh.world_pose(tuple(SAME)))  # the first frame is a T-pose
    skeleton = parse_asf(read_text(folder / "cmu_asfamc" / "01.asf.gz"), "01.asf")
    values, degrees = parse_amc(read_text(folder / "cmu_asfamc" / "01_01.amc.gz"), skeleton, "01_01.amc")
    start, turn = skeleton.world_pose(values, degrees)
    names = [bone.name for bone in skeleton.bones]
    thorax, lost = names.index("thorax"), set(SAME) & {"Neck", "Neck1", "Head"}
    for i, (joint, bone) in enumerate(SAME.items()):
        j = names.index(bone)
        angle = Rotation.from_matrix(np.swapaxes(bvh_turn[:, i], 1, 2) @ turn[:, j]).magnitude()
        assert np.degrees(angle.max()) < 1e-3, joint
        away = start[:, j] - bvh_start[:, i]
        if joint in lost or "Shoulder" in joint or "Arm" in joint or "Hand" in joint or "Finger" in joint:
            away = away - turn[:, thorax] @ skeleton.bones[thorax].reach
        if "Finger" in joint:
            wrist = names.index(f"{bone[0]}wrist")
            away = away - turn[:, wrist] @ skeleton.bones[wrist].reach
        assert np.abs(away).max() * UNIT_M < 1e-4, joint


@pytest.mark.data
def test_a_frozen_capture_is_reported(data_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = data_root / "motion" / "cmu_asfamc"
    load(folder / "02_01.amc.gz", rate_hz=120.0)
    assert not caplog.text
    load(folder / "03_02.amc.gz", rate_hz=120.0)
    assert "03_02.amc.gz: frames 10 to 23 repeat one pose" in caplog.text


@pytest.mark.data
def test_the_same_trial_as_motion(data_root: Path) -> None:
    """Through both readers: all 23 segments turn alike, below the thorax they stand alike.

    What hangs from the thorax stands 11.7 cm lower in the BVH file, which lost that bone's length.
    """
    folder = data_root / "motion"
    pair = (
        load(folder / "cmu" / "clips" / "001_01__facebookresearch.bvh.gz"),
        load(folder / "cmu_asfamc" / "01_01.amc.gz", rate_hz=120.0),
    )
    (start, turn), (same, also) = (
        forward_kinematics(m.root_position, m.rotations, m.joint_offsets) for m in pair
    )
    assert len(start) == len(same)
    odd = np.swapaxes(turn, -1, -2) @ also
    assert np.abs(odd - np.swapaxes(odd, -1, -2)).max() / 2 < np.radians(1e-3)
    away = (start - start[:, :1]) - (same - same[:, :1])
    legs = [i for name, i in INDEX.items() if name.endswith(("Leg", "Foot", "Toe", "L5", "L3", "T12", "T8"))]
    assert np.abs(away[:, legs]).max() < 1e-5
    above = [i for name, i in INDEX.items() if name.endswith(("Head", "Shoulder", "Arm", "Hand"))]
    assert np.abs(away[:, above] - away[:, [INDEX["Neck"]]]).max() < 1e-5
    assert np.linalg.norm(away[:, INDEX["Neck"]], axis=-1).max() < 0.117


@pytest.mark.data
def test_real_trials_stand_on_the_floor_and_walk_forward(data_root: Path) -> None:
    motion = load(data_root / "motion" / "cmu_asfamc" / "02_01.amc.gz", rate_hz=120.0)
    position, _ = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    way = np.diff(motion.root_position[:, :2], axis=0)
    speed = np.linalg.norm(way, axis=1).mean() * motion.rate_hz
    assert 1.0 < speed < 1.8
    assert (way * motion.rotations[:-1, 0, :2, 0]).sum() / np.linalg.norm(way, axis=1).sum() > 0.95
    assert position[..., 2].min() == pytest.approx(0.0, abs=1e-6)
    assert 1.3 < position[:, INDEX["Head"], 2].mean() < 1.6
