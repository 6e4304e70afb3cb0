"""Every clip of the shared data, by set: rates, captions, terms; and files that were mutated."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from anymo.motion import find_clips, load
from anymo.motion.clips import SETS
from anymo.motion.source import read_bytes
from anymo.records import Motion
from anymo.skeleton import INDEX, forward_kinematics

COUNTS = {"cmu": 92, "cmu_amc": 10, "cmu_asfamc": 28, "cmu_expmap": 96, "bandai_namco": 208}


def assert_human(motion: Motion) -> None:
    position, _ = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
    away = position - position[:, :1]
    assert np.linalg.norm(away, axis=-1).max() < 1.6, motion.name
    assert position[..., 2].min() > -0.35, motion.name
    speed = np.linalg.norm(np.diff(motion.root_position, axis=0), axis=-1) * motion.rate_hz
    assert np.quantile(speed, 0.99) < 8.0, motion.name  # a capture that was lost jumps when it comes back


def test_unknown_sets_and_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected names of cmu, cmu_amc"):
        find_clips(tmp_path, ("kit",))
    for name in SETS:
        with pytest.raises(ValueError, match="data root: "):
            find_clips(tmp_path, (name,))


@pytest.mark.data
def test_sets_and_their_terms(data_root: Path) -> None:
    assert set(SETS) == set(COUNTS)
    for name, count in COUNTS.items():
        clips = find_clips(data_root, (name,))
        assert len(clips) == count, name
        assert all(clip.captions and clip.captions[0].text for clip in clips)
        if name == "cmu_expmap":
            of = Counter(clip.subject for clip in clips)
            assert (of["cmu-unknown"], of["cmu-6"], of["cmu-7"]) == (82, 7, 4)
        assert {clip.non_commercial for clip in clips} == {name == "bandai_namco"}
    assert find_clips(data_root) == find_clips(data_root, ("cmu",))
    together = find_clips(data_root, COUNTS)
    assert len(together) == sum(COUNTS.values())
    assert {clip.rate_hz for clip in together} == {30.0, 60.0, 120.0}


@pytest.mark.data
def test_what_the_tables_say_of_a_trial(data_root: Path) -> None:
    trial = next(c for c in find_clips(data_root, ("cmu_asfamc",)) if c.path.name.startswith("01_01"))
    assert trial.captions[1].text.startswith("A person hops forward")
    assert (trial.captions[1].start_s, trial.captions[1].end_s) == (0.0, 22.925)
    assert trial.subject == "cmu-1"
    silent = next(c for c in find_clips(data_root, ("cmu_asfamc",)) if c.path.name.startswith("02_01"))
    assert silent.captions[0].text == "walk"


@pytest.mark.data
def test_mislabelled_rates_fall_as_gravity_says(data_root: Path) -> None:
    """In the air a body falls with 9.81 m/s²; at twice the true rate it would with 39."""
    clips = {c.path.name.split(".")[0]: c for c in find_clips(data_root, ("cmu_amc",))}
    assert [clips[n].rate_hz for n in ("088_01", "090_05", "090_08", "090_11")] == [60.0, 120.0, 60.0, 60.0]
    falls = []
    mass = {
        "Pelvis": 14,
        "T12": 14,
        "T8": 20,
        "Head": 8,
        "UpperLeg": 10,
        "LowerLeg": 4.7,
        "UpperArm": 2.8,
        "ForeArm": 2,
    }
    for name in ("088_01", "090_05", "090_08", "090_11"):
        motion = clips[name].load()
        position, _ = forward_kinematics(motion.root_position, motion.rotations, motion.joint_offsets)
        weight = np.zeros(23)
        for part, share in mass.items():
            weight[[i for segment, i in INDEX.items() if segment.endswith(part)]] = share
        height = position[..., 2] @ weight / weight.sum()
        air = np.flatnonzero(position[..., 2].min(axis=1) > position[..., 2].min() + 0.22)
        run = max(np.split(air, np.flatnonzero(np.diff(air) > 1) + 1), key=len)
        fall = 2 * np.polyfit(run / motion.rate_hz, height[run], 2)[0]
        falls.append(float(-fall))
    np.testing.assert_allclose(np.log2(np.array(falls) / 9.81), 0.0, atol=0.9)  # a rate off by 2 shows as 2


@pytest.mark.data
@pytest.mark.parametrize("name", COUNTS)
def test_some_of_every_set_load(data_root: Path, name: str) -> None:
    for clip in find_clips(data_root, (name,))[:: COUNTS[name] // 2]:
        motion = clip.load()
        assert (motion.rate_hz, motion.licence, motion.subject) == (clip.rate_hz, clip.licence, clip.subject)
        assert_human(motion)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_all_of_every_set_load(data_root: Path, name: str) -> None:
    for clip in find_clips(data_root, (name,)):
        assert_human(clip.load())


@pytest.mark.data
@pytest.mark.parametrize("name", ["cmu_asfamc/03_02.amc.gz", "cmu_asfamc/02.asf.gz"])
def test_mutated_real_files_raise_the_documented_error(data_root: Path, tmp_path: Path, name: str) -> None:
    """Bytes changed, cut out or doubled: a motion or a ValueError, nothing else."""
    rng = np.random.default_rng(7)
    folder = data_root / "motion" / "cmu_asfamc"
    good = {"a.amc": read_bytes(folder / "03_02.amc.gz")[:20_000], "a.asf": read_bytes(folder / "02.asf.gz")}
    which = "a.asf" if ".asf" in name else "a.amc"
    good["a.amc"] = good["a.amc"][: good["a.amc"].index(b"\n9\r\n") + 1]
    refused = 0
    for _ in range(60):
        raw = bytearray(good[which])
        for _ in range(int(rng.integers(1, 4))):
            at, size = int(rng.integers(len(raw))), int(rng.integers(1, 40))
            new = (rng.bytes(size), b"", bytes(raw[at : at + size]) * 2, b"9" * size)[int(rng.integers(4))]
            raw[at : at + size] = new
        for file, content in (good | {which: bytes(raw)}).items():
            (tmp_path / file).write_bytes(content)
        try:
            load(tmp_path / "a.amc", rate_hz=120.0)
        except ValueError:
            refused += 1
    assert refused > 10
