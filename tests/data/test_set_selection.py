"""Which recordings of a set are read: the test part of its official split, and lengths."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from test_set_layouts import DEG, G, raw, still, write, write_unimts

from anymo.data.sets import NAMES, spec_named
from anymo.data.sets.layouts import Matlab, Tables
from anymo.data.sets.loading import Selection, read_set
from anymo.data.sets.spec import OfficialTest

OFFICIAL = Selection(split="official")


def test_a_part_is_of_these_subjects_and_these_trials() -> None:
    both = OfficialTest(subjects=("2", "3"), trials=("ADL4",))
    assert [both.has(s, t) for s, t in (("2", "ADL4"), ("2", "ADL1"), ("1", "ADL4"))] == [True, False, False]
    assert OfficialTest(subjects=("2",)).has("2", "")
    assert OfficialTest(trials=("TEST",)).has("", "TEST")
    with pytest.raises(ValueError, match="expected subjects or trials, got neither"):
        OfficialTest()


@pytest.mark.parametrize("name", [name for name in NAMES if spec_named(name).official_test])
def test_the_files_say_what_an_official_split_asks_for(name: str) -> None:
    spec = spec_named(name)
    assert spec.official_test is not None
    assert spec.split
    for layout in spec.layouts.known.values():
        if isinstance(layout, Tables | Matlab):
            assert not spec.official_test.subjects or "(?P<subject>" in layout.path
            assert not spec.official_test.trials or "(?P<trial>" in layout.path


def test_the_test_part_alone(tmp_path: Path) -> None:
    for person in (1, 2, 3):
        savemat(tmp_path / f"a1_s{person}_t1_inertial.mat", {"d_iner": raw(still(person), G, DEG)})
    loaded = read_set(spec_named("utd_mhad"), tmp_path, selection=OFFICIAL)
    assert [r.subject for r in loaded.recordings] == ["2"]
    assert loaded.report.to_dict()["left_out"] == {"outside the official test part": 2}
    assert (loaded.report.num_sensors, loaded.report.samples_out) == (1, 600)
    (tmp_path / "a1_s2_t1_inertial.mat").unlink()
    with pytest.raises(ValueError, match=r"no recording left; .*2 stretches outside the official test part"):
        read_set(spec_named("utd_mhad"), tmp_path, selection=OFFICIAL)


def test_the_test_part_of_a_session(tmp_path: Path) -> None:
    columns = [f"atr0{k}/{kind}_{a}" for k in range(1, 5) for kind in ("acc", "gyro") for a in "xyz"]
    table = pd.DataFrame(np.hstack([raw(still(k), G, DEG) for k in range(4)]), columns=columns)
    for name in ("U0102-S0300", "U0102-S0100", "U0101-S0300"):
        write(tmp_path / f"{name}.csv", table.assign(operation=100), header=True)
    (recording,) = read_set(spec_named("openpack"), tmp_path, selection=OFFICIAL).recordings
    assert recording.name == "U0102-S0300.csv[0:300]"


def test_a_split_that_is_not_known_is_refused(tmp_path: Path) -> None:
    for name, message in (
        ("pamap2", r"`official_test` for the official split, got a set that has none; read all of it"),
        ("mm_fit", r"got it in words alone \(01 02 03"),
    ):
        with pytest.raises(ValueError, match=message):
            read_set(spec_named(name), tmp_path, selection=OFFICIAL)
    write_unimts(tmp_path / "UTD-MHAD", still(1)[None], [0], 27)
    with pytest.raises(ValueError, match=r"says who was recorded .* got unimts, whose arrays are"):
        read_set(spec_named("utd_mhad"), tmp_path, "unimts", OFFICIAL)


def test_lengths(tmp_path: Path) -> None:
    for trial, num in enumerate((100, 300, 500)):
        savemat(tmp_path / f"a1_s1_t{trial}_inertial.mat", {"d_iner": raw(still(trial, num), G, DEG)})
    loaded = read_set(spec_named("utd_mhad"), tmp_path, selection=Selection(span_s=(3.0, 8.0)))
    assert [len(r.sensors[0].acc) for r in loaded.recordings] == [300]
    told = loaded.report.to_dict()
    assert told["left_out"] == {"under 3 s, as one window": 1, "over 8 s, as one window": 1}
    assert (told["num_recordings"], told["num_sensors"], told["num_samples"]) == (1, 1, 300)
    assert told["samples_out"] == 600
