"""BVH reading: what every file must state, and what the real clips must look like."""

import gzip
import logging
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from anymo.motion import find_clips, load
from anymo.motion.bvh import _segment_poses
from anymo.motion.bvh_file import parse_bvh
from anymo.motion.rigs import RIGS, rig_of
from anymo.records import Caption, Motion
from anymo.skeleton import INDEX, forward_kinematics

LIMB_JOINTS = [
    INDEX[side + name]
    for side in ("Left", "Right")
    for name in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "ForeArm", "Hand")
]

# One line per joint: name, parent, offset in CMU units.
CGSPEED = [
    ("Hips", "", "0 0 0"),
    *((f"{s[0]}HipJoint", "Hips", "0 0 0") for s in ("Left", "Right")),
    *((f"{s}UpLeg", f"{s[0]}HipJoint", f"{x} -1.8 0") for s, x in (("Left", 1.6), ("Right", -1.6))),
    *((f"{s}Leg", f"{s}UpLeg", f"{x} -6.7 0") for s, x in (("Left", 2.4), ("Right", -2.4))),
    *((f"{s}Foot", f"{s}Leg", f"{x} -7.0 0") for s, x in (("Left", 2.5), ("Right", -2.5))),
    *((f"{s}ToeBase", f"{s}Foot", "0 -0.5 2.3") for s in ("Left", "Right")),
    ("LowerBack", "Hips", "0 0 0"), ("Spine", "LowerBack", "0 2 0"), ("Spine1", "Spine", "0 2 0"),
    ("Neck", "Spine1", "0 0 0"), ("Neck1", "Neck", "0 1.7 0"), ("Head", "Neck1", "0 1.7 0"),
    *((f"{s}Shoulder", "Spine1", "0 0 0") for s in ("Left", "Right")),
    *((f"{s}Arm", f"{s}Shoulder", f"{x} 1.2 0") for s, x in (("Left", 3.3), ("Right", -3.3))),
    *((f"{s}ForeArm", f"{s}Arm", f"{x} 0 0") for s, x in (("Left", 5), ("Right", -5))),
    *((f"{s}Hand", f"{s}ForeArm", f"{x} 0 0") for s, x in (("Left", 3.5), ("Right", -3.5))),
    *((f"{s}FingerBase", f"{s}Hand", "0 0 0") for s in ("Left", "Right")),
]  # fmt: skip


def block(name: str) -> list[str]:
    offset = next(o for n, _, o in CGSPEED if n == name)
    channels = "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation"
    rest = "CHANNELS 3 Zrotation Yrotation Xrotation"
    inner = [line for n, p, _ in CGSPEED if p == name for line in block(n)]
    end = inner or ["End Site", "{", "OFFSET 0 0 0", "}"]
    return [f"{'JOINT' if name != 'Hips' else 'ROOT'} {name}", "{", f"OFFSET {offset}",
            rest if name != "Hips" else channels, *end, "}"]  # fmt: skip


def written(path: Path, hips: list[list[float]], turns: dict[str, list[float]] | None = None) -> Path:
    """A BVH file of the cgspeed rig: six values of the hips per frame, and fixed angles of some joints."""
    lines = block("Hips")
    order = [line.split()[1] for line in lines if line.startswith(("ROOT", "JOINT"))]
    tail = [v for name in order[1:] for v in (turns or {}).get(name, [0.0, 0.0, 0.0])]
    frames = [" ".join(map(str, [*frame, *tail])) for frame in hips]
    text = ["HIERARCHY", *lines, "MOTION", f"Frames: {len(frames)}", "Frame Time: 0.02", *frames]
    path.write_text("\n".join(text) + "\n")
    return path


def pose_of(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    return forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)


def test_rest_pose_becomes_our_t_pose(tmp_path: Path) -> None:
    motion = load(written(tmp_path / "rest.bvh", [[0, 17, 0, 0, 0, 0]] * 3))
    position, rotation = pose_of(motion)
    legs = [INDEX[s + n] for s in ("Left", "Right") for n in ("UpperLeg", "LowerLeg")]
    legs += [INDEX[s + n] for s in ("Left", "Right") for n in ("Foot", "Toe")]
    others = [i for i in range(23) if i not in legs]  # the rig's legs stand apart, so theirs are turned
    np.testing.assert_allclose(rotation[0, others], np.tile(np.eye(3), (len(others), 1, 1)), atol=1e-9)
    assert motion.rate_hz == pytest.approx(50.0)
    unit = 0.0254 / 0.45
    hand = position[0, INDEX["LeftHand"]] - position[0, INDEX["LeftUpperArm"]]
    np.testing.assert_allclose(hand, [0.0, (5 + 3.5 * 1.5) * unit, 0.0], atol=1e-9)
    np.testing.assert_allclose(position[0, [INDEX["LeftToe"], INDEX["RightToe"]], 2], 0.0, atol=1e-9)
    shank = position[0, INDEX["RightFoot"]] - position[0, INDEX["RightLowerLeg"]]
    np.testing.assert_allclose(shank, np.array([0.0, -2.5, -7.0]) * unit, atol=1e-9)


def test_axes_and_turns_come_out_in_our_world(tmp_path: Path) -> None:
    """File: x left, y up, z forward. A turn about y is yaw; the knee's turn about x flexes it."""
    path = written(
        tmp_path / "turn.bvh",
        [[0, 17, 0, 0, 90, 0], [1, 17, 2, 0, 90, 0]],
        {"LeftForeArm": [0.0, -90.0, 0.0]},
    )
    motion = load(path, captions=[Caption(text="turning")])
    position, rotation = pose_of(motion)
    np.testing.assert_allclose(rotation[0, 0], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-9)
    step = motion.root_position[1] - motion.root_position[0]
    np.testing.assert_allclose(step, np.array([2.0, 1.0, 0.0]) * 0.0254 / 0.45, atol=1e-9)
    forearm = rotation[0, 0].T @ (position[0, INDEX["LeftHand"]] - position[0, INDEX["LeftForeArm"]])
    assert forearm[0] == pytest.approx(np.linalg.norm(forearm))  # the bent forearm points ahead of the body
    assert motion.captions[0].text == "turning"


def test_gzip_reads_the_same(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.bvh", [[0, 17, 0, 5, 6, 7]] * 2)
    packed = tmp_path / "a.bvh.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    np.testing.assert_array_equal(load(plain).rotations, load(packed).rotations)
    assert load(packed, rate_hz=30.0).rate_hz == 30.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "", "no HIERARCHY"),
        ("MOTION", "", "no MOTION"),
        ("Frames: 3", "Frames: 9", "states 9 frames, file holds 3"),
        ("Frame Time: 0.02", "Frame Time: soon", "expected 'Frames: N'"),
        ("Frame Time: 0.02", "Frame Time: 0", "must be positive"),
        ("0 17 0 0 0 0", "17 0 0 0 0", r"frame 0 has \d+ values, the hierarchy has"),
        ("0 17 0 0 0 0", "0 17 0 0 0 x", "no number"),
        ("0 17 0 0 0 0", "0 17 0 0 0 nan", "NaN, infinity or numbers beyond"),
        ("0 17 0 0 0 0", "0 17 0 0 0 1e999", "NaN, infinity or numbers beyond"),
        ("JOINT LeftArm", "JOINT LeftWing", "lacks LeftArm.*Bones in the file: .*LeftWing"),
        ("OFFSET 0 2 0", "OFFSET 0 2", "HIERARCHY breaks near"),
        ("OFFSET 0 2 0", "OFFSET 0 nan 0", "an offset that is NaN"),
        ("OFFSET 0 2 0", "OFFSET 0 1e300 0", "beyond 1e9"),
        ("}\nMOTION", "MOTION", "unbalanced braces"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path / "x.bvh", [[0, 17, 0, 0, 0, 0]] * 3)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        load(path)


def test_a_stated_rate_mends_a_header_without_one(tmp_path: Path) -> None:
    path = written(tmp_path / "x.bvh", [[0, 17, 0, 0, 0, 0]] * 3)
    path.write_text(path.read_text().replace("Frame Time: 0.02", "Frame Time: 0"))
    assert load(path, rate_hz=120.0).rate_hz == 120.0
    with pytest.raises(ValueError, match="rate_hz must be positive and finite, got 0"):
        load(path, rate_hz=0.0)


def test_wrong_unit_unknown_ending_and_cut_gzip(tmp_path: Path) -> None:
    path = written(tmp_path / "x.bvh", [[0, 17, 0, 0, 0, 0]] * 3)
    with pytest.raises(ValueError, match=r"stands 0\.4\d+ m tall.*pass unit_m"):
        load(path, unit_m=0.01)
    with pytest.raises(ValueError, match=r"ending in one of \.bvh, \.bvh\.gz"):
        load(tmp_path / "x.fbx")
    packed = tmp_path / "cut.bvh.gz"
    packed.write_bytes(gzip.compress(path.read_bytes())[:200])
    with pytest.raises(ValueError, match="not a whole gzip file"):
        load(packed)


def test_every_rig_finds_itself() -> None:
    for rig in RIGS:
        bones = [bone.split("|")[0] for bone in rig.bones]
        assert rig_of([*bones, *rig.turns.values(), "Tail"], "test").name == rig.name


def test_find_clips_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"manifest\.csv"):
        find_clips(tmp_path)


@lru_cache(maxsize=1)
def data_root() -> Path:
    root = Path(os.environ.get("ANYMO_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (root / "motion").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI=true, but no motion data at {root}; set ANYMO_DATA")
        pytest.skip("real clips not here; set ANYMO_DATA")
    return root


def fit_error_m(path: Path, motion: Motion) -> float:
    """Largest distance of the limb joints from the file's own, both taken from the hips."""
    file = parse_bvh(path)
    rig = rig_of([j.name for j in file.joints], path.name)
    own = _segment_poses(file, rig)[0][-len(motion.root_position) :]
    own = (own - own[:, :1])[..., [2, 0, 1]] * (rig.unit_m or 1.0)
    position = pose_of(motion)[0]
    return float(np.linalg.norm(own - (position - position[:, :1]), axis=-1)[:, LIMB_JOINTS].max())


@pytest.mark.data
def test_real_cmu_clips(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        clips = find_clips(data_root())
    assert "92 of 102 clips end in .bvh.gz" in caplog.text
    assert len(clips) == 92
    assert not any("bandai" in str(c.path) for c in clips)
    assert {c.rate_hz for c in clips} == {60.0, 120.0}
    salsa = next(c for c in clips if c.path.name.startswith("060_01"))
    assert salsa.rate_hz == 60.0  # the header says 120
    by_sentence = next(c for c in clips if c.path.name == "001_01.bvh.gz")
    assert by_sentence.captions[0].text == "playground - forward jumps, turn around"
    assert by_sentence.captions[1].text.startswith("A person hops forward")
    for clip in clips[::6]:
        motion = clip.load()
        assert fit_error_m(clip.path, motion) < 0.03, clip.path.name
        assert motion.licence.startswith("CMU")


def agreement(motion: Motion) -> float:
    """Mean cosine of the pelvis' forward axis with where it goes."""
    way = np.diff(motion.root_position[:, :2], axis=0)
    return float((way * motion.rotations[:-1, 0, :2, 0]).sum() / np.linalg.norm(way, axis=1).sum())


@pytest.mark.data
@pytest.mark.parametrize("name", ["002_01", "002_01__TMoCo", "007_05", "002_03"])
def test_real_walks_go_where_they_face(name: str) -> None:
    motion = load(data_root() / "motion" / "cmu" / "clips" / f"{name}.bvh.gz")
    position, rotation = pose_of(motion)
    assert agreement(motion) > 0.9
    assert (position[:, INDEX["Head"], 2] > position[:, 0, 2] + 0.3).all()
    across = ((position[:, INDEX["LeftHand"]] - position[:, INDEX["RightHand"]]) * rotation[:, 4, :, 1]).sum(
        axis=-1
    )
    assert across.mean() > 0.2
    hanging = rotation[:, INDEX["LeftUpperArm"], 2, 1]
    assert hanging.mean() < -0.7  # the left arm's +y points down


@pytest.mark.data
def test_t_pose_is_dropped_only_where_there_is_one() -> None:
    folder = data_root() / "motion" / "cmu" / "clips"
    for name, dropped in (("007_05.bvh.gz", 1), ("002_01.bvh.gz", 0)):
        assert len(parse_bvh(folder / name).values) - len(load(folder / name).root_position) == dropped


@pytest.mark.data
def test_real_bandai_namco_clips_load_by_path() -> None:
    clips = sorted((data_root() / "motion" / "bandai_namco" / "clips").glob("*.bvh.gz"))
    assert len(clips) == 208
    for path in clips[::10]:
        motion = load(path)
        assert fit_error_m(path, motion) < 0.03, path.name
        if "walk_" in path.name or "run_" in path.name:
            assert agreement(motion) > 0.9, path.name


@pytest.mark.data
@pytest.mark.slow
def test_every_real_clip_loads() -> None:
    paths = sorted((data_root() / "motion").glob("*/clips/*.bvh.gz"))
    assert len(paths) == 300
    for path in paths:
        assert fit_error_m(path, load(path)) < 0.03, path.name


def test_a_stated_rate_that_differs_from_the_header_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / "x.bvh", [[0, 17, 0, 0, 0, 0]] * 3)
    with caplog.at_level(logging.INFO):
        assert load(path, rate_hz=50.0).rate_hz == 50.0
        assert "header states" not in caplog.text
        assert load(path, rate_hz=25.0).rate_hz == 25.0
    assert "x.bvh: header states 0.02 s per frame, used are 25 Hz" in caplog.text


def test_lines_may_end_and_numbers_be_spaced_as_they_like(tmp_path: Path) -> None:
    path = written(tmp_path / "x.bvh", [[0, 17, 0, 5, 6, 7], [1, 17, 0, 5, 6, 7]])
    want = load(path).root_position
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"\n", b"\r"))
    np.testing.assert_array_equal(load(path).root_position, want)
    head, rows = whole.split(b"Frame Time")
    for ending, gap in ((b"\r\n", b" "), (b"\r", b"\t"), (b"\n", b"   "), (b"\n\n", b" \t ")):
        spaced = rows.replace(b" ", gap).replace(b"\n", gap + ending)
        path.write_bytes(head + b"Frame Time" + spaced)
        np.testing.assert_array_equal(load(path).root_position, want)


def test_what_points_up_must_be_clear(tmp_path: Path) -> None:
    """A person who lies all the time, in a rig that does not fix its axes."""
    names = {"Neck1": "Neck9", "LeftFingerBase": "LeftThing"}
    path = written(tmp_path / "x.bvh", [[0, 3, 0, 0, 0, 90]] * 3)
    for old, new in names.items():
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=r"T-pose says y, the clip -?z\); pass up="):
        load(path)
    position, _ = pose_of(load(path, up="y"))
    assert np.ptp(position[0, [0, INDEX["Head"]], 2]) < 0.1


def test_mutated_files_raise_value_errors_only(tmp_path: Path) -> None:
    raw = written(tmp_path / "x.bvh", [[0, 17, 0, 5, 6, 7]] * 4).read_bytes()
    rng = np.random.default_rng(0)
    scraps = [
        b"nan",
        b"1e999",
        b"{",
        b"}",
        b"\n",
        b"\x00",
        b"JOINT a",
        b"CHANNELS 99",
        b"OFFSET",
        b"MOTION",
        b"9" * 20,
    ]
    outcomes = {"read": 0, "refused": 0}
    for _ in range(300):
        broken = bytearray(raw)
        at = int(rng.integers(len(raw)))
        if rng.random() < 0.5:
            broken[at:at] = scraps[int(rng.integers(len(scraps)))]
        else:
            del broken[at : at + int(rng.integers(1, 60))]
        (tmp_path / "y.bvh").write_bytes(bytes(broken))
        try:
            load(tmp_path / "y.bvh")
            outcomes["read"] += 1
        except ValueError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 100


@pytest.mark.data
def test_xsens_bvh_in_millimetres(caplog: pytest.LogCaptureFixture) -> None:
    path = data_root() / "paired" / "neura_sparse" / "S02-Trial-Walk-1.bvh.gz"
    with caplog.at_level(logging.INFO):
        motion = load(path)
    assert motion.source == "bvh, Xsens MVN"
    assert "the T-pose that opens the clip is dropped" in caplog.text
    assert len(motion.root_position) == 2502
    assert motion.rate_hz == pytest.approx(100.0)
    thigh = np.linalg.norm(motion.joint_offsets[INDEX["LeftLowerLeg"]])
    assert thigh == pytest.approx(0.4849, abs=1e-3)
    assert agreement(motion) > 0.75  # the recording's own hips stand 23 degrees off its path
