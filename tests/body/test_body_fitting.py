"""Bodies with the bone lengths of a motion, and points brought to their skin."""

import re

import numpy as np
import pytest

from anymo import body, motion
from anymo.body.nearest import nearest_on_triangles
from anymo.records import Placement
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, PARENTS, PLACEMENTS

LIMBS = tuple(f"{side}{limb}" for side in ("Left", "Right") for limb in ("UpperArm", "ForeArm", "LowerLeg"))


def volume(wearer: body.Body) -> float:
    corner = wearer.vertices[wearer.faces]
    return float(np.einsum("fi,fi->", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])) / 6)


def ring(wearer: body.Body, segment: int, along: float) -> np.ndarray:
    """Distances from the bone of the segment's vertices about one place of it, m."""
    start, end = wearer.joint_position[segment], wearer.joint_position[PARENTS.index(segment)]
    axis = (end - start) / np.linalg.norm(end - start)
    arm = wearer.offset_m[wearer.vertex_segment == segment] - along * (end - start)
    reach = arm @ axis
    return np.linalg.norm((arm - np.outer(reach, axis))[np.abs(reach) < 0.03], axis=1)


def assert_follows(adult: body.Body, fitted: body.Body, offsets: np.ndarray) -> None:
    np.testing.assert_allclose(fitted.joint_offsets, offsets, atol=1e-9)
    assert fitted.vertices[:, 2].min() == 0.0
    np.testing.assert_allclose(fitted.joint_position[0, :2], 0.0, atol=1e-12)
    turned = np.sum(adult._face_cross * fitted._face_cross, axis=1)
    assert (turned > 0).all()
    g = np.ptp(fitted.vertices[:, 2]) / np.ptp(adult.vertices[:, 2])
    assert 0.6 < volume(fitted) / (g**3 * volume(adult)) < 1.3
    for name in LIMBS:
        before, after = (np.mean(ring(b, INDEX[name], 0.5)) for b in (adult, fitted))
        assert after / before == pytest.approx(g, rel=0.12), name


@pytest.mark.parametrize("case", ["own", "default", "child", "long arms", "short legs", "broad"])
def test_skin_follows_the_bones(anny_adult, case):
    offsets = {
        "own": anny_adult.joint_offsets,
        "default": DEFAULT_JOINT_OFFSETS,
        "child": 0.7 * anny_adult.joint_offsets,
    }.get(case, anny_adult.joint_offsets).copy()
    for name, i in INDEX.items():
        if case == "long arms" and name.endswith(("ForeArm", "Hand")):
            offsets[i] *= 1.2
        if case == "short legs" and name.endswith(("LowerLeg", "Foot")):
            offsets[i] *= 0.85
        if case == "broad" and name.endswith("UpperArm"):
            offsets[i] *= 1.2
    fitted = anny_adult.fitted(offsets)
    assert_follows(anny_adult, fitted, offsets)
    if case == "own":
        np.testing.assert_allclose(fitted.vertices, anny_adult.vertices, atol=1e-6)
    if case == "child":
        np.testing.assert_allclose(fitted.vertices, 0.7 * anny_adult.vertices, atol=0.01)


@pytest.mark.parametrize("joint", ["LeftForeArm", "RightHand", "LeftLowerLeg", "RightFoot"])
def test_skin_about_a_joint_moves_with_it(anny_adult, joint):
    """The vertices that two segments share keep their middle at the joint, in units of the body's size."""
    offsets = anny_adult.joint_offsets.copy()
    offsets[INDEX[joint]] *= 1.15
    fitted = anny_adult.fitted(offsets)
    i = INDEX[joint]
    shared = np.minimum(anny_adult.skin_weights[:, i], anny_adult.skin_weights[:, PARENTS[i]]) > 0.2
    moved = [(b.vertices[shared].mean(axis=0) - b.joint_position[i]) for b in (anny_adult, fitted)]
    assert shared.sum() > 10
    np.testing.assert_allclose(moved[1], moved[0], atol=0.006)


@pytest.mark.data
@pytest.mark.parametrize("folder", ["cmu/clips", "bandai_namco"])
def test_skin_follows_the_bones_of_real_rigs(anny_adult, data_root, folder):
    files = sorted(f for f in (data_root / "motion" / folder).rglob("*.bvh*"))
    for file in files[:: max(1, len(files) // 3)][:3]:
        offsets = motion.load(file).joint_offsets
        fitted = anny_adult.fitted(offsets)
        np.testing.assert_allclose(fitted.joint_offsets, offsets, atol=1e-9)
        assert (np.sum(anny_adult._face_cross * fitted._face_cross, axis=1) > 0).all()
        assert 0.015 < volume(fitted) < 0.15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda o: o[:22], r"must be \(23, 3\) finite metres, got \(22, 3\)"),
        (lambda o: o * np.nan, r"must be \(23, 3\) finite metres"),
        (lambda o: 100 * o, "expected 0.3 to 2.5 m; give metres"),
        (lambda o: o * [1, -1, 1], "is y to the left"),
        (lambda o: np.where(np.arange(23)[:, None] == INDEX["LeftHand"], -o, o), "bone of LeftForeArm is"),
        (lambda o: np.where(np.arange(23)[:, None] == INDEX["Head"], 0 * o, o), "bone of Neck is"),
    ],
)
def test_skeletons_of_no_human_are_refused(anny_adult, change, message):
    with pytest.raises(ValueError, match=message):
        anny_adult.fitted(change(anny_adult.joint_offsets))


def test_nearest_point_against_a_dense_search():
    rng = np.random.default_rng(0)
    triangles = rng.normal(size=(12, 3, 3))
    share = rng.dirichlet(np.ones(3), 40_000)
    edge = np.linspace(0, 1, 400)[:, None]
    share = np.concatenate(
        [share, *(edge * a + (1 - edge) * b for a, b in zip(np.eye(3), np.eye(3)[[1, 2, 0]], strict=True))]
    )
    cloud = np.einsum("nk,fki->nfi", share, triangles).reshape(-1, 3)
    for point in rng.normal(size=(30, 3)):
        face, own = nearest_on_triangles(point, triangles)
        assert own.min() >= 0
        assert own.sum() == pytest.approx(1.0)
        distance = np.linalg.norm(own @ triangles[face] - point)
        dense = np.linalg.norm(cloud - point, axis=1).min()
        assert dense - 0.03 < distance <= dense + 1e-9
    corner = nearest_on_triangles(triangles[3, 1], triangles)[1] @ triangles[3]
    np.testing.assert_allclose(corner, triangles[3, 1], atol=1e-9)


def test_a_point_near_the_skin_is_brought_to_it(anny_adult):
    usual = anny_adult.placement("left thigh")
    lifted = usual.offset_m + 0.02 * usual.rotation[:, 2]
    there = anny_adult.placement_at("LeftUpperLeg", lifted, name="taped")
    assert there.name == "taped"
    assert np.linalg.norm(there.offset_m - usual.offset_m) < 0.006
    np.testing.assert_allclose(there.rotation[:, 2], usual.rotation[:, 2], atol=0.1)
    np.testing.assert_allclose(anny_adult.placement_at("left thigh", lifted).offset_m, there.offset_m)
    turned = Placement(
        segment="LeftUpperLeg", offset_m=lifted, rotation=usual.rotation[:, [1, 2, 0]], name="t"
    )
    kept = anny_adult.on_skin(turned)
    np.testing.assert_array_equal(kept.rotation, turned.rotation)
    np.testing.assert_array_equal(kept.offset_m, there.offset_m)
    every = anny_adult.placement_at("LeftUpperLeg", usual.offset_m)
    np.testing.assert_allclose(every.offset_m, usual.offset_m, atol=1e-9)
    np.testing.assert_allclose(every.rotation, usual.rotation, atol=1e-6)


def test_a_point_off_the_body_is_refused_with_the_nearest_spot(anny_adult):
    usual = anny_adult.placement("left thigh")
    far = Placement(segment="LeftUpperLeg", offset_m=usual.offset_m + 0.2 * usual.rotation[:, 2], name="far")
    with pytest.raises(ValueError, match=r"placement 'far'.*m off the body, expected within 0.05 m") as error:
        anny_adult.on_skin(far)
    found = re.search(r"is (0\.\d+) m off.*nearest spot is (\[.*?\]), near '(.*)'", str(error.value), re.S)
    assert found is not None
    assert 0.1 < float(found[1]) <= 0.2
    assert found[3] in PLACEMENTS
    assert PLACEMENTS[found[3]] == "LeftUpperLeg"
    assert anny_adult.on_skin(far, within_m=0.25).segment == "LeftUpperLeg"
    with pytest.raises(ValueError, match=r"must be \(3,\) finite metres"):
        anny_adult.placement_at("Head", np.array([0.0, np.nan, 0.0]))


def test_joints_in_one_place_leave_every_frame_sound() -> None:
    """As in CMU's rigs, whose L5 starts where the pelvis does."""
    offsets = DEFAULT_JOINT_OFFSETS.copy()
    offsets[[INDEX["L5"], INDEX["LeftShoulder"]]] = 0.0
    worn = body.load().fitted(offsets)
    np.testing.assert_allclose(np.linalg.norm(worn.axes, axis=1), 1.0)
    np.testing.assert_allclose(np.linalg.det(worn.frame), 1.0)
