"""Which files make a corpus: what is wrong with a table, a pattern, an expression or a licence is said."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anymo.data.motion_files import MotionFile, files_of_folder, forbids_commerce
from anymo.records import Caption, Motion
from anymo.skeleton import forward_kinematics

Find = Callable[..., list[MotionFile]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k in range(2):
        path = tmp_path / "captures" / f"s{k}" / "take.bvh"
        path.parent.mkdir(parents=True)
        path.write_text(str(k))
    return tmp_path / "captures"


@pytest.fixture
def find(folder: Path, tmp_path: Path) -> Find:
    def call(
        *lines: str, source: Path = folder, pattern: str = "**/*.bvh", subject: str = ""
    ) -> list[MotionFile]:
        table = None
        if lines:
            table = tmp_path / "table.csv"
            table.write_bytes("\n".join(lines).encode("latin-1"))
        return list(files_of_folder(source, pattern, table=table, licence="CC0", subject=subject))

    return call


@pytest.mark.parametrize(
    "terms",
    [
        "CC BY-NC 4.0", "CC_BY_NC", "cc-by-nc-sa", "non commercial", "noncommercial",
        "not for commercial use", "no commercial use", "not for any commercial purpose",
        "academic use only", "research only", "for research purposes only", "only for research",
    ],
)  # fmt: skip
def test_terms_that_forbid_commerce(terms: str) -> None:
    assert forbids_commerce(terms)


@pytest.mark.parametrize(
    "terms", ["CC0", "CC BY 4.0", "MIT", "Acme Inc.", "free, no resale of the data", "synced, public domain"]
)
def test_terms_that_do_not(terms: str) -> None:
    assert not forbids_commerce(terms)


def test_a_licence_the_format_contradicts(find: Find, hand_motion: Callable[..., Motion]) -> None:
    file = find()[0]
    restricted = replace(hand_motion(), licence="CC BY-NC 4.0, non-commercial")
    with pytest.raises(ValueError, match=r"s0/take\.bvh: expected the licence 'CC BY-NC.*got 'CC0'; state"):
        replace(file, read=lambda: restricted).load()
    assert replace(file, read=lambda: restricted, non_commercial=True).load().licence == "CC0"
    assert replace(file, read=lambda: replace(restricted, licence="")).load().licence == "CC0"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("s0/take.bvh,a,abc,,", r"'s0/take\.bvh' has start_s 'abc', expected a positive number"),
        ("s0/take.bvh,a,-1,,", "has start_s '-1'"),
        ("s0/take.bvh,a,,nan,", "has end_s 'nan'"),
        ("s0/take.bvh,a,5,1,", "has start_s 5 and end_s 1, expected the end after the start"),
        ("s0/take.bvh,a,,,fast", "has rate_hz 'fast'"),
        ("s0/take.bvh,a,,,0", "has rate_hz '0'"),
        ("s0/take.bvh,a\xe4,,,", r"table\.csv is no CSV in UTF-8"),
        ("s0/take.bvh,A person walks, then turns.", "start_s ' then turns"),
        ("s0/take.bvh,a,1,2,60,and,more", r"more values than there are columns, from 'and' on; put a text"),
        ("s0/take.bvh,,1,2,", "has times and no text; say what holds then"),
        ("s0/take.bvh," + "a" * 200_000, r"table\.csv is no CSV in UTF-8 \(field larger"),
    ],
)
def test_what_is_wrong_in_a_table(find: Find, row: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        find("file,text,start_s,end_s,rate_hz", row)


def test_columns_of_others_are_named(find: Find, caplog: pytest.LogCaptureFixture) -> None:
    find("file,text,start,notes", "s0/take.bvh,walking,1,by night")
    assert "table.csv: left alone: notes, start; read are file, text, start_s" in caplog.text


def test_a_row_that_ends_before_its_file(find: Find) -> None:
    with pytest.raises(ValueError, match=r"lists 2 files that .* does not find, e\.g\. ''"):
        find("text,file", "a", "b,gone.bvh")


@pytest.mark.parametrize("subject", [r"^s\d", "(s"])
def test_an_expression_that_finds_no_subject(find: Find, subject: str) -> None:
    with pytest.raises(ValueError, match=r"^subject: .*(write one, e\.g\.|correct it)"):
        find(subject=subject)
    assert [f.subject for f in find(subject=r"(s0)?/")] == ["s0", ""]


@pytest.mark.parametrize("pattern", ["/captures/*.bvh", ""])
def test_a_pattern_that_is_not_under_the_folder(find: Find, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern: expected a glob under .*captures"):
        find(pattern=pattern)


def test_the_folder_one_stands_in(find: Find, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    here = find(source=Path())
    assert [(f.name, f.dataset, f.file) for f in here] == [(f.name, f.dataset, f.file) for f in find()]
    assert here[0].name == "captures/s0/take"


def test_joint_positions_by_a_table(find: Find, folder: Path, hand_motion: Callable[..., Motion]) -> None:
    """Feet and y up, of which an array says nothing."""
    motion = hand_motion(duration_s=1.0)
    position, _ = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    np.save(folder / "s0" / "points.npy", position[..., [1, 2, 0]] / 0.3048)
    lines = ("file,text,rate_hz,unit_m,skeleton,up", "s0/points.npy,a person swings,60,0.3048,segments,y")
    (file,) = find(*lines, pattern="**/*.npy")
    assert file.stated == (("rate_hz", 60.0), ("skeleton", "segments"), ("unit_m", 0.3048), ("up", "y"))
    loaded = file.load()
    assert loaded.captions == (Caption(text="a person swings"),)
    again, _ = forward_kinematics(loaded.root_position, loaded.rotations, loaded.joint_offsets)
    np.testing.assert_allclose(again, position, atol=0.15)
    (other,) = find(lines[0], lines[1].replace(",60,", ",30,"), pattern="**/*.npy")
    assert other.described() != file.described()
