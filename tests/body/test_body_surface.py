import subprocess
import sys

import numpy as np
import pytest

from anymo import body, skeleton
from anymo.body import tpose
from anymo.body.tpose import joint_positions, pose, segment_of_bone, segment_weights
from anymo.skeleton import INDEX, MIRROR, PLACEMENTS, SEGMENTS

FLIP = np.array([1.0, -1.0, 1.0])


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANYMO_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def adult(cache):
    return body.load()


@pytest.fixture(scope="module")
def other(cache):
    return body.sample(np.random.default_rng(5))


@pytest.fixture(params=["adult", "other"])
def any_body(request):
    return request.getfixturevalue(request.param)


def test_import_leaves_anny_alone():
    code = "import sys, anymo.body; assert not {'anny', 'warp', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_body_stands_on_the_floor_and_faces_forward(any_body):
    v, segment = any_body.vertices, any_body.vertex_segment
    assert np.abs(any_body.joint_position[0, :2]).max() < 1e-12
    assert v[:, 2].min() == 0.0
    assert 1.4 < v[:, 2].max() < 2.0
    for side in ("Left", "Right"):
        foot = np.isin(segment, [INDEX[f"{side}Foot"], INDEX[f"{side}Toe"]])
        assert v[foot, 2].min() < 0.01
        assert v[foot, 0].max() > 0.1 > 0 > v[foot, 0].min() > -0.12
    nose = v[segment == INDEX["Head"]][:, 0].max()
    assert nose > any_body.joint_position[INDEX["Head"], 0] + 0.08


def test_offsets_are_mirror_symmetric_and_add_up(any_body):
    offsets = any_body.joint_offsets
    assert np.abs(offsets - offsets[list(MIRROR)] * FLIP).max() < 0.01
    identity = np.tile(np.eye(3), (1, 23, 1, 1))
    position, _ = skeleton.forward_kinematics(any_body.joint_position[:1], identity, offsets)
    np.testing.assert_allclose(position[0], any_body.joint_position, atol=1e-12)


def test_offsets_resemble_the_default_skeleton(adult):
    assert np.abs(adult.joint_offsets - skeleton.DEFAULT_JOINT_OFFSETS).max() < 0.07


@pytest.mark.parametrize(("side", "sign"), [("Left", 1.0), ("Right", -1.0)])
def test_limbs_of_the_tpose_are_straight(any_body, side, sign):
    joint = dict(zip(SEGMENTS, any_body.joint_position, strict=True))
    arm = joint[f"{side}Hand"] - joint[f"{side}UpperArm"]
    assert sign * arm[1] > np.cos(np.deg2rad(5)) * np.linalg.norm(arm)
    leg = joint[f"{side}Foot"] - joint[f"{side}UpperLeg"]
    assert -leg[2] > np.cos(np.deg2rad(5)) * np.linalg.norm(leg)
    foot = joint[f"{side}Toe"] - joint[f"{side}Foot"]
    assert foot[0] > 0.1
    assert abs(foot[1]) < 1e-6


@pytest.mark.parametrize(("side", "sign"), [("Left", 1.0), ("Right", -1.0)])
def test_palms_face_down_and_thumbs_forward(any_body, side, sign):
    hand = any_body.vertices[any_body.vertex_segment == INDEX[f"{side}Hand"]]
    wrist = any_body.joint_position[INDEX[f"{side}Hand"]]
    out = sign * (hand[:, 1] - wrist[1])
    knuckles = hand[(out > 0.07) & (out < 0.09)]
    width, depth = np.ptp(knuckles[:, 0]), np.ptp(knuckles[:, 2])
    assert width > 1.5 * depth
    # The thumb ends near the knuckles: forward of the palm, while nothing is as far behind.
    assert knuckles[:, 0].max() - wrist[0] > 1.2 * (wrist[0] - knuckles[:, 0].min())


def test_skin_is_closed_and_faces_outward(any_body):
    corner = any_body.vertices[any_body.faces]
    volume = np.einsum("fi,fi->", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])) / 6
    assert 0.03 < volume < 0.15
    np.testing.assert_allclose(any_body.skin_weights.sum(axis=1), 1.0, atol=1e-5)
    assert np.array_equal(np.unique(any_body.faces), np.arange(len(any_body.vertices)))
    assert np.bincount(any_body.vertex_segment, minlength=23).min() >= 20
    head = any_body.vertex_segment == INDEX["Head"]
    inner = np.linalg.norm(any_body.vertices[head] - any_body.vertices[head].mean(axis=0), axis=1)
    assert inner.min() > 0.03


def test_frames_are_rotations_with_the_normal_third(any_body):
    frame = any_body.frame
    np.testing.assert_allclose(
        frame @ np.swapaxes(frame, 1, 2), np.tile(np.eye(3), (len(frame), 1, 1)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(frame), 1.0, atol=1e-9)
    np.testing.assert_array_equal(frame[:, :, 2], any_body.normals)
    along = np.einsum("vi,vi->v", frame[:, :, 0], any_body.axes[any_body.vertex_segment])
    assert (along > 0).all()


@pytest.mark.parametrize("limb", ["UpperArm", "ForeArm", "UpperLeg", "LowerLeg"])
@pytest.mark.parametrize("side", ["Left", "Right"])
def test_normals_leave_the_limb(any_body, side, limb):
    segment = INDEX[side + limb]
    own = any_body.vertex_segment == segment
    bone = any_body.joint_offsets[segment + 1]
    share = any_body.offset_m[own] @ bone / (bone @ bone)
    from_axis = any_body.offset_m[own] - share[:, None] * bone
    leaves = np.sum(from_axis * any_body.normals[own], axis=1) > 0
    assert leaves[(share > 0) & (share < 1)].all()


def test_placements_mirror_each_other(any_body):
    for name, segment in PLACEMENTS.items():
        here = any_body.placement(name)
        assert here.segment == segment
        if "left" in name:
            there = any_body.placement(skeleton.mirror_words(name))
            np.testing.assert_allclose(there.offset_m, here.offset_m * FLIP, atol=0.01)
            np.testing.assert_allclose(there.rotation[:, 2], here.rotation[:, 2] * FLIP, atol=0.1)


def test_placements_sit_where_people_wear_them(any_body):
    def at(name):
        p = any_body.placement(name)
        return p.offset_m + any_body.joint_position[INDEX[p.segment]], p.rotation[:, 2]

    wrist, up = at("left wrist")
    assert wrist[1] > 0.3
    assert np.linalg.norm(wrist - any_body.joint_position[INDEX["LeftHand"]]) < 0.05
    assert up[2] > 0.9
    assert at("chest")[0][0] > 0.05
    assert at("lower back")[0][0] < -0.03
    pocket, outward = at("front right trouser pocket")
    assert outward[0] > 0.6
    assert pocket[1] < -0.05
    assert at("left ear")[0][1] > 0.04 > -0.04 > at("right ear")[0][1]
    assert at("left ankle")[0][2] < 0.2 < at("left shank")[0][2] < at("left thigh")[0][2]


def test_every_segment_has_a_usual_place(any_body):
    for segment in SEGMENTS:
        assert any_body.placement(segment).segment == segment
    np.testing.assert_array_equal(
        any_body.placement("LeftForeArm").offset_m, any_body.placement("left wrist").offset_m
    )


def test_placement_on_a_vertex_and_with_jitter(adult):
    usual = adult.placement("left wrist")
    rng = np.random.default_rng(0)
    draws = [adult.placement("left wrist", rng=rng, jitter_m=0.03) for _ in range(20)]
    apart = np.array([np.linalg.norm(p.offset_m - usual.offset_m) for p in draws])
    assert 0 < apart.max() <= 0.03
    assert all(p.rotation[:, 2] @ usual.rotation[:, 2] > 0 for p in draws)
    own = int(np.flatnonzero(adult.vertex_segment == INDEX["Head"])[7])
    np.testing.assert_array_equal(adult.placement("Head", vertex=own).offset_m, adult.offset_m[own])
    with pytest.raises(ValueError, match=rf"vertex must be one of the T8, got {own}"):
        adult.placement("chest", vertex=own)
    with pytest.raises(ValueError, match="jitter_m needs rng"):
        adult.placement("chest", jitter_m=0.02)
    with pytest.raises(ValueError, match="did you mean 'left wrist'"):
        adult.placement("left writ")


def test_random_placements_are_uniform_over_the_skin(adult):
    segment = INDEX["LeftUpperLeg"]
    offset, rotation = adult.random_placements(np.full(40_000, segment), np.random.default_rng(1))
    own = np.flatnonzero(adult.vertex_segment == segment)
    key = {tuple(o): i for i, o in zip(own, adult.offset_m[own], strict=True)}
    vertex = np.array([key[tuple(o)] for o in offset])
    corner = adult.vertices[adult.faces]
    face_area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 2
    area = np.bincount(adult.faces.ravel(), np.repeat(face_area / 3, 3))[own]
    drawn = np.bincount(vertex, minlength=len(adult.vertices))[own] / len(vertex)
    expected = area / area.sum()
    assert np.abs(drawn - expected).max() < 5 * np.sqrt(expected.max() / len(vertex))
    turned = np.swapaxes(adult.frame[vertex], 1, 2) @ rotation
    tilt = np.rad2deg(np.arccos(np.clip(turned[:, 2, 2], -1, 1)))
    assert 10 < tilt.max() < np.rad2deg(np.arccos(np.cos(np.deg2rad(10)) ** 2)) + 1e-6
    in_plane = np.arctan2(turned[:, 1, 0], turned[:, 0, 0])
    assert abs(np.exp(1j * in_plane).mean()) < 0.02


def test_random_placements_stay_on_their_segment(any_body):
    rng = np.random.default_rng(2)
    segments = rng.integers(0, 23, 50_000)
    offset, rotation = any_body.random_placements(segments, rng)
    for s in range(23):
        own = {tuple(o) for o in any_body.offset_m[any_body.vertex_segment == s]}
        assert {tuple(o) for o in offset[segments == s]} <= own
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0, atol=1e-9)
    one = any_body.random_placement("left wrist", np.random.default_rng(3))
    again = any_body.random_placement("LeftForeArm", np.random.default_rng(3))
    np.testing.assert_array_equal(one.rotation, again.rotation)
    with pytest.raises(ValueError, match="expected indices from 0 to 22, got 0 to 23"):
        any_body.random_placements(np.array([0, 23]), rng)


def test_shape_follows_the_phenotype(adult):
    tall = body.load(phenotype={"height": 0.55})
    assert tall.vertices[:, 2].max() > adult.vertices[:, 2].max() + 0.1
    assert np.abs(tall.joint_offsets - adult.joint_offsets).max() > 0.02
    heavy, light = (body.load(phenotype={"weight": w}).placement("waist").offset_m for w in (0.9, 0.1))
    assert heavy[0] > light[0] + 0.005
    phenotype = body.random_phenotype(np.random.default_rng(0))
    assert phenotype == body.random_phenotype(np.random.default_rng(0))
    assert phenotype["age"] >= 2 / 3


def test_cache_gives_the_same_arrays(adult, cache):
    files = sorted(cache.rglob("*"))
    again = body.load()
    for name in ("vertices", "faces", "joint_position", "skin_weights", "frame", "offset_m"):
        built, read = getattr(adult, name), getattr(again, name)
        assert built.dtype == read.dtype
        np.testing.assert_array_equal(built, read)
    assert sorted(cache.rglob("*")) == files
    assert all(f.suffix == ".safetensors" for f in files if f.is_file())


def test_broken_cache_is_built_again(adult, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("ANYMO_CACHE", str(tmp_path))
    body.load()
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:1000])
    np.testing.assert_array_equal(body.load().vertices, adult.vertices)
    assert "building it again" in caplog.text


@pytest.mark.parametrize(
    ("phenotype", "message"),
    [
        ({"hight": 0.5}, "expected labels among gender, age, .* got 'hight'"),
        ({"weight": 1.2}, r"weight must be in \[0, 1\], got 1.2"),
        ({"age": float("nan")}, r"age must be in \[0, 1\], got nan"),
    ],
)
def test_bad_phenotype(phenotype, message):
    with pytest.raises(ValueError, match=message):
        body.load(phenotype=phenotype)


def test_bones_have_segments():
    expected = {
        "root": "Pelvis",
        "spine05": "Pelvis",
        "spine01": "T8",
        "clavicle.L": "LeftShoulder",
        "upperarm02.R": "RightUpperArm",
        "finger5-3.L": "LeftHand",
        "toe2-3.R": "RightToe",
        "eye.L": "Head",
    }
    assert {bone: segment_of_bone(bone) for bone in expected} == expected
    with pytest.raises(ValueError, match="got 'tail'"):
        segment_of_bone("tail")
    weights = segment_weights(
        ["wrist.L", "finger1-1.L", "lowerarm01.L"], np.array([[0, 1, 2]]), np.array([[0.2, 0.3, 0.5]])
    )
    assert weights[0, INDEX["LeftHand"]] == pytest.approx(0.5)
    assert weights[0, INDEX["LeftForeArm"]] == pytest.approx(0.5)


def test_pose_turns_a_limb_about_its_joint():
    joints = np.cumsum(np.tile([0.0, 0.0, 0.1], (23, 1)), axis=0)
    turn = np.tile(np.eye(3), (23, 1, 1))
    child = INDEX["Head"]
    turn[child] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]  # z to x
    vertices = joints[[0, child]] + [0.0, 0.0, 0.2]
    weights = np.eye(23)[[0, child]]
    skin, posed = pose(vertices, weights, joints, turn)
    np.testing.assert_allclose(skin[1] - posed[child], [0.2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(skin[0] - posed[0], [0, 0, 0.2], atol=1e-12)
    assert skin[:, 2].min() == 0.0


def test_ball_of_the_foot_is_the_mean_of_the_toes():
    bones = [f"{b}.{s}" for s in "LR" for names in tpose._ORIGINS.values() for b in names]
    head = dict.fromkeys([*bones, *(b.split(".")[0] for b in bones)], np.zeros(3))
    head |= {f"toe{i}-1.L": np.array([0.0, i, 0.0]) for i in range(1, 6)}
    np.testing.assert_allclose(joint_positions(head)[INDEX["LeftToe"]], [0, 3, 0])
