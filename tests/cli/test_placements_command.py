"""`anymo placements` as a user meets it."""

import json
from functools import partial

import numpy as np
import pytest

from anymo import body
from anymo.skeleton import PLACEMENTS


@pytest.fixture
def run(run_anymo):
    return partial(run_anymo, "placements")


def test_table_names_every_placement_with_its_segment(run):
    code, out, _ = run()
    assert code == 0
    rows = out.splitlines()
    assert len(rows) == len(PLACEMENTS)
    for row, (name, segment) in zip(rows, PLACEMENTS.items(), strict=True):
        assert row.startswith(name)
        assert segment in row
    assert "screen to the body" in next(row for row in rows if row.startswith("back left"))


def test_json_is_what_the_body_gives(run):
    code, out, _ = run("--json", "--only", "Left wrist, watch", "--only", "shirt pocket")
    assert code == 0
    said = json.loads(out)
    assert said["body"] == "anny"
    assert [row["name"] for row in said["placements"]] == ["left wrist watch", "shirt pocket"]
    place = body.load().placement("left wrist watch")
    np.testing.assert_allclose(said["placements"][0]["offset_m"], place.offset_m, atol=1e-4)
    np.testing.assert_allclose(said["placements"][0]["segment_from_sensor"], place.rotation, atol=1e-4)


def test_picture_is_drawn(run, tmp_path):
    code, out, err = run("--only", "chest", "--only", "upper back", "--plot", "body.png")
    assert code == 0, err
    assert (tmp_path / "body.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "body.png" in out
    assert [f.name for f in tmp_path.iterdir()] == ["body.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "wrist"], "did you mean 'left wrist' or 'right wrist'"),
        (["--body", "smplx.npz"], "no file smplx.npz"),
        (["--plot", "nowhere/body.png"], "no folder nowhere"),
        (["--plot", "body.txt"], "ending in .png, .pdf, .svg"),
    ],
)
def test_errors_take_one_line(run, arguments, message):
    code, out, err = run(*arguments)
    assert code == 1
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert len(err.splitlines()) == 1
