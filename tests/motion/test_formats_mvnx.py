"""Xsens MVNX: round trips, calibration poses, hostile XML, frames that are missing or wrong."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.motion import load
from anymo.records import Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, SEGMENTS, forward_kinematics

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- applications refuse it otherwise.\n'
    '<!DOCTYPE mvnx SYSTEM "http://www.xsens.com/mvn/mvnx/schema.dtd">\n-->\n'
    '<mvnx xmlns="http://www.xsens.com/mvn/mvnx" version="4">\n<mvn version="2019.0.0"/>\n'
)


def numbers(values: np.ndarray) -> str:
    return " ".join(f"{v:.6f}" for v in values.ravel())


def quaternions(turn: np.ndarray) -> np.ndarray:
    flat = Rotation.from_matrix(turn.reshape(-1, 3, 3)).as_quat(scalar_first=True)
    return flat.reshape(*turn.shape[:-2], 4)


def frame(kind: str, turn: np.ndarray, position: np.ndarray, extra: str = "") -> str:
    return (
        f'<frame {extra} type="{kind}">\n<orientation>{numbers(quaternions(turn))}</orientation>\n'
        f"<position>{numbers(position)}</position>\n<velocity>{numbers(position)}</velocity>\n</frame>\n"
    )


def mvnx(motion: Motion, rate_hz: float | None = None, order: tuple[str, ...] = SEGMENTS) -> str:
    position, turn = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    picks = [SEGMENTS.index(name) for name in order]
    still = np.tile(np.eye(3), (23, 1, 1))
    rest = forward_kinematics(np.zeros((1, 3)), still[None], DEFAULT_JOINT_OFFSETS)[0][0]
    segments = "".join(
        f'<segment label="{name}" id="{i}"><points><point label="p"/></points></segment>\n'
        for i, name in enumerate(order, start=1)
    )
    leaning = Rotation.from_euler("y", 6, degrees=True).as_matrix() @ still
    frames = [
        frame("identity", still, rest[picks]),
        frame("tpose", leaning, rest),
        frame("tpose-isb", leaning, rest),
    ]
    frames += [
        frame(
            "normal",
            turn[k, picks],
            position[k, picks],
            f'time="{round(1000 * k / motion.rate_hz)}" index="{k}"',
        )
        for k in range(len(position))
    ]
    return (
        f'{HEAD}<subject label="Suit 1" frameRate="{rate_hz or motion.rate_hz:g}" segmentCount="23">\n'
        f'<segments>\n{segments}</segments>\n<frames segmentCount="23">\n'
        f"{''.join(frames)}</frames>\n</subject>\n</mvnx>\n"
    )


@pytest.fixture
def motion(hand_motion: Callable[..., Motion]) -> Motion:
    return hand_motion(4, duration_s=0.5)


@pytest.mark.parametrize("packed", [False, True])
def test_round_trip(motion: Motion, tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("a.mvnx.gz" if packed else "a.mvnx")
    text = mvnx(motion, order=SEGMENTS[::-1]).encode()
    path.write_bytes(gzip.compress(text) if packed else text)
    back = load(path)
    assert len(back.root_position) == len(motion.root_position)  # calibration poses left out
    np.testing.assert_allclose(back.rotations, motion.rotations, atol=5e-6)
    np.testing.assert_allclose(back.joint_offsets, motion.joint_offsets, atol=5e-6)
    step = np.diff(back.root_position, axis=0)
    np.testing.assert_allclose(step, np.diff(motion.root_position, axis=0), atol=5e-6)
    assert back.rate_hz == 60.0
    assert back.name == "a"


FIRST = 'type="normal">\n<orientation>'


def edited(motion: Motion, folder: Path, old: str, new: str) -> Path:
    text = mvnx(motion)
    assert old in text
    path = folder / "x.mvnx"
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('index="7"', 'index="9"', "frame 9 follows frame 6; .*missing"),
        ('frameRate="60"', 'frameRate="120"', r"states 120 frames per second, .* give 6\d.*pass rate_hz"),
        ('frameRate="60"', "", "frameRate must be positive"),
        ('label="LeftToe"', 'label="LeftFin"', "lacks LeftToe, has besides LeftFin"),
        ("</frames>", "</frame>", "not a whole MVNX file: mismatched tag"),
        ("</mvnx>", "", "not a whole MVNX file: no element found"),
        ("<mvn ", "<!DOCTYPE a><mvn ", "not a whole MVNX file"),
        (FIRST, f"{FIRST}0.5 ", r"frame 0 .* has 93 numbers, expected 92"),
        (FIRST, f"{FIRST}1 0 0 0</orientation>\n<orientation>", r"frame 0 \(.* has a second orientation"),
        ("<segments>", "<segments>" + '<segment label="Prop"/>' * 100, "more than 100 segments"),
        ('type="tpose">\n<orientation>', 'type="identity">\n<orientation>1 ', "has 93 numbers"),
        (FIRST, f"{FIRST}x", "could not convert"),
    ],
)  # fmt: skip
def test_broken_files_say_what_is_wrong(
    motion: Motion, tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load(edited(motion, tmp_path, old, new))


def test_a_quaternion_of_zero_is_named(motion: Motion, tmp_path: Path) -> None:
    text = mvnx(motion)
    turn = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)[1]
    row = quaternions(turn)[3]
    assert numbers(row) in text
    row[6] = 0.0
    path = tmp_path / "x.mvnx"
    path.write_text(text.replace(numbers(quaternions(turn)[3]), numbers(row)))
    with pytest.raises(
        ValueError, match=r"frame 3 \(counted from 0\), Head: quaternion of length 0, expected 1"
    ):
        load(path)


def test_an_identity_pose_that_is_none(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="identity pose has other rotations"):
        load(edited(motion, tmp_path, "<orientation>1.000000 0.000000", "<orientation>0.000000 1.000000"))


def test_a_stated_rate_beats_the_header(motion: Motion, tmp_path: Path) -> None:
    path = edited(motion, tmp_path, 'frameRate="60"', 'frameRate="120"')
    assert load(path, rate_hz=60.0).rate_hz == 60.0


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol" * 10}">' for i in range(9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"<!DOCTYPE m [{LAUGHS}]><mvnx>&l8;</mvnx>", "a document type"),
        ('<!DOCTYPE m SYSTEM "file:///etc/passwd"><mvnx/>', "a document type"),
        ("<a>" * 100_000, "nested more than 32 deep"),
        ('<a b="' + "x" * 3_000_000, "a tag longer than 1 MiB|unclosed token"),
        ("<mvnx><frame><orientation>" + "1 " * 3_000_000, "longer than 1 MiB"),
        ("no xml at all", "not a whole MVNX file"),
        ("", "not a whole MVNX file"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.mvnx"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load(path)
