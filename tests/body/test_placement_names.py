"""Names of placements: their spellings, where they lie, and how a device is turned there."""

import numpy as np
import pytest

from anymo import body
from anymo.body.mounting import _MOUNTS, mount_of
from anymo.skeleton import ALIASES, INDEX, PLACEMENTS, SEGMENTS, placement_name, segment_of

FIRST_NAMES = list(PLACEMENTS)[:28]  # of version 0.1: their spots and axes stay


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("left wrist", "left wrist"),
        ("Left_Wrist", "left wrist"),
        ("left wrist, watch", "left wrist watch"),
        ("smartwatch on the right wrist", "right wrist watch"),
        ("right front pants pocket", "front right trouser pocket"),
        ("front pocket of the jeans, left", "front left trouser pocket"),
        ("phone in the right trouser pocket", "front right trouser pocket phone"),
        ("in the left hand", "in the left hand"),
        ("hand, left", "left hand"),
        ("belt, right hip", "right hip"),
        ("bag/backpack", "backpack"),
        ("breast pocket", "shirt pocket"),
        ("R ankle", "right ankle"),
        ("left shoe", "left foot"),
        ("LeftToe", "LeftToe"),
    ],
)
def test_spellings(said, meant):
    assert placement_name(said) == meant
    assert segment_of(said) == PLACEMENTS.get(meant, meant)


def test_names_mean_themselves_and_aliases_name_a_placement():
    assert [placement_name(name) for name in (*PLACEMENTS, *SEGMENTS)] == [*PLACEMENTS, *SEGMENTS]
    assert {placement_name(alias) for alias in ALIASES} == set(ALIASES.values()) <= set(PLACEMENTS)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("wrist", "'left wrist' or 'right wrist'"),
        ("left writ", "'left wrist'"),
        ("chest strop", "'chest strap'"),
    ],
)
def test_unknown_names_get_a_hint(said, hint):
    with pytest.raises(ValueError, match=f"did you mean {hint}"):
        placement_name(said)


def test_mountings_turn_devices_without_mirroring_them():
    for name in (*PLACEMENTS, *SEGMENTS):
        assert np.linalg.det(mount_of(name).mounting.rotation) == 1.0
    assert {n.replace("left ", "").replace("right ", "") for n in PLACEMENTS} <= _MOUNTS.keys()


def test_first_names_lie_flat_on_a_vertex_of_their_segment(anny_adult):
    for name in FIRST_NAMES:
        place = anny_adult.placement(name)
        own = anny_adult.vertex_segment == INDEX[place.segment]
        at = np.flatnonzero(own & (anny_adult.offset_m == place.offset_m).all(axis=1))
        assert len(at) == 1
        np.testing.assert_array_equal(place.rotation, anny_adult.frame[at[0]])


def world(wearer: body.Body, name: str) -> tuple[np.ndarray, np.ndarray]:
    place = wearer.placement(name)
    return wearer.joint_position[INDEX[place.segment]] + place.offset_m, place.rotation


UP, DOWN, FRONT, BACK, LEFT, RIGHT = (np.array(v) for v in (
    (0, 0, 1), (0, 0, -1), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0),
))  # fmt: skip


@pytest.mark.parametrize(
    ("name", "axis", "towards"),
    [
        ("left wrist watch", "x", LEFT),  # the crown, to the hand
        ("left wrist watch", "y", BACK),  # 12 o'clock, to the little finger of a hand with its palm down
        ("right wrist watch", "x", LEFT),  # the crown, to the elbow
        ("right wrist watch", "y", BACK),
        ("right wrist watch", "z", UP),
        ("in the left hand", "y", LEFT),  # top of the phone to the finger tips
        ("in the left hand", "z", DOWN),  # screen away from the palm
        ("right upper arm band", "y", LEFT),  # top to the shoulder
        ("right upper arm band", "z", UP),
        ("front right trouser pocket phone", "y", DOWN),
        ("front right trouser pocket phone", "z", BACK + LEFT),
        ("back left trouser pocket", "y", UP),
        ("back left trouser pocket", "z", FRONT),
        ("shirt pocket", "y", UP),
        ("shirt pocket", "z", BACK),
        ("right hip", "y", UP),
        ("right hip", "z", RIGHT),
        ("backpack", "z", FRONT),
        ("chest strap", "z", FRONT),
        ("top of the head", "z", UP),
    ],
)
def test_device_axes_point_as_documented(anny_adult, name, axis, towards):
    column = world(anny_adult, name)[1][:, "xyz".index(axis)]
    assert column @ towards / np.linalg.norm(towards) > 0.8


def test_new_names_lie_where_people_wear_them(anny_adult):
    at = {name: world(anny_adult, name)[0] for name in PLACEMENTS}
    assert at["waist"][2] < at["chest strap"][2] < at["sternum"][2] < at["chest"][2]
    assert at["chest strap"][2] == pytest.approx(0.71 * anny_adult.vertices[:, 2].max(), abs=0.03)
    assert at["shirt pocket"][1] > 0.03
    assert at["shirt pocket"][0] > 0.08
    for side, sign in (("left", 1), ("right", -1)):
        assert sign * at[f"{side} hip"][1] > 0.12
        assert abs(at[f"{side} hip"][2] - at["waist"][2]) < 0.1
        pocket = at[f"back {side} trouser pocket"]
        assert pocket[0] < -0.08
        assert 0.04 < sign * pocket[1] < 0.13
        assert at[f"{side} calf"][0] < at[f"{side} shank"][0] - 0.05
        assert at[f"in the {side} hand"][2] < at[f"{side} hand"][2] - 0.02
        assert at[f"{side} ankle"][2] < at[f"{side} sock"][2] < at[f"{side} shank"][2]
        lift = np.linalg.norm(at[f"{side} jacket pocket"] - anny_adult.vertices, axis=1).min()
        assert lift == pytest.approx(0.03, abs=0.002)
    assert at["backpack"][0] < at["upper back"][0] - 0.08
    assert at["glasses"][2] < at["head"][2] < at["top of the head"][2]


def test_what_sits_on_the_ribs_goes_with_them(anny_adult):
    strap = anny_adult.placement("chest strap")
    spot = anny_adult.joint_position[INDEX["T8"]] + strap.offset_m
    vertex = np.linalg.norm(anny_adult.vertices - spot, axis=1).argmin()
    assert strap.segment == "T8"
    assert SEGMENTS[anny_adult.vertex_segment[vertex]] == "T12"
    moved = anny_adult.placement("chest strap", rng=np.random.default_rng(0), jitter_m=0.02)
    assert 0 <= np.linalg.norm(moved.offset_m - strap.offset_m) <= 0.02
