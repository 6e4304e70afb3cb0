"""Corpora from motion files: rows and back, kills, shards, refusals, and `datasets` reading them."""

import csv
import os
import runpy
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo import body
from anymo.data import conversion, motion_files
from anymo.data.arrow import StoredClip
from anymo.data.blocks import Blocks
from anymo.data.conversion import KinematicsConfig, write_kinematics
from anymo.data.corpus import ClipSource, MotionCorpus, is_held_out, store_clip, write_corpus
from anymo.data.prepare import bodies_of
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.records import Caption, Motion
from anymo.skeleton import INDEX

REPOSITORY = Path(__file__).resolve().parents[2]
Write = Callable[..., Path | None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand_motion: Callable[..., Motion]) -> Path:
    """Twelve files of four subjects, which hold the seed of a motion drawn by hand."""
    source = tmp_path / "captures"
    for k in range(12):
        path = source / f"s{k % 4}" / f"take{k}.bvh"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(k))

    def load(path: Path, *, rate_hz: float = 60.0) -> Motion:
        text = path.read_text()
        if not text.isdecimal():
            raise ValueError(f"{path.name}: not a number of frames")
        return hand_motion(int(text), duration_s=6.5, rate_hz=rate_hz)

    monkeypatch.setattr(motion_files.motion, "load", load)
    return source


@pytest.fixture
def write(folder: Path, tmp_path: Path) -> Write:
    def call(output: str = "corpus", **stated: object) -> Path | None:
        settings: dict[str, object] = {
            "source": folder, "licence": "CC0", "caption": "someone moves", "subject": r"^(s\d)/",
            "clips_per_part": 2, "num_proc": 1, "held_out_fraction": 0.3, "seed": 5, "cutoff_hz": 0.0,
        }  # fmt: skip
        return write_kinematics(KinematicsConfig(output=tmp_path / output, **{**settings, **stated}))

    return call


def manifest(corpus: Path) -> list[dict[str, str]]:
    with (corpus / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def arrows(corpus: Path) -> dict[str, bytes]:
    return {p.relative_to(corpus).as_posix(): p.read_bytes() for p in sorted(corpus.rglob("*.arrow"))}


def test_a_motion_comes_back(hand_motion: Callable[..., Motion]) -> None:
    stated = replace(
        hand_motion(3),
        captions=(Caption(text="a"), Caption(text="b", start_s=1.5, end_s=2.5)),
        licence="CC0",
        subject="s1",
    )
    motion = store_clip(ClipSource(motion=stated, body=0)).motion()
    np.testing.assert_allclose(motion.rotations, stated.rotations, atol=1e-6)
    np.testing.assert_allclose(motion.root_position, stated.root_position, atol=1e-5)
    np.testing.assert_allclose(motion.joint_offsets, stated.joint_offsets, atol=1e-7)
    words = ("captions", "name", "source", "licence", "subject", "rate_hz")
    assert [getattr(motion, w) for w in words] == [getattr(stated, w) for w in words]


def test_blocks_are_as_one_tensor() -> None:
    rng = torch.Generator().manual_seed(0)
    frames = torch.randn(100, 23, 18, generator=rng)
    blocks = Blocks([frames[:30], frames[30:31], frames[31:100]])
    starts = torch.tensor([[0], [28], [30], [95], [31], [1]])
    index = starts + torch.arange(2)
    index[2] = 30
    column = torch.tensor([[3], [0], [22], [1], [7], [7]])
    assert len(blocks) == 100
    assert torch.equal(blocks[index], frames[index])
    assert torch.equal(blocks[index, column], frames[index, column])
    assert torch.equal(blocks[index[3:5], column[3:5]], frames[index[3:5], column[3:5]])


def test_datasets_read_it(write: Write, tmp_path: Path) -> None:
    """As saved, as found by file names, and through Parquet, which is what push_to_hub sends."""
    import datasets

    corpus = write()
    assert corpus is not None
    loaded = datasets.load_from_disk(str(corpus))
    assert {s: len(loaded[s]) for s in loaded} == {"train": 9, "validation": 3}
    found = datasets.load_dataset(str(corpus), cache_dir=str(tmp_path / "cache"))
    assert found["train"]["name"] == loaded["train"]["name"]
    loaded["train"].to_parquet(tmp_path / "train.parquet")
    sent = datasets.Dataset.from_parquet(str(tmp_path / "train.parquet"), cache_dir=str(tmp_path / "cache"))
    assert sent.features == loaded["train"].features
    plain, numbers = loaded["train"][2], sent.with_format("numpy")[2]
    one, other = StoredClip.of_row(plain), StoredClip.of_row(numbers)
    assert other.features.shape == (391, 23, 18)
    for f in fields(StoredClip):
        np.testing.assert_array_equal(getattr(one, f.name), getattr(other, f.name), err_msg=f.name)
    assert one.motion().captions == (Caption(text="someone moves"),)
    datasets.DatasetDict(train=sent, validation=loaded["validation"]).save_to_disk(str(tmp_path / "back"))
    again, before = MotionCorpus.load(tmp_path / "back"), MotionCorpus.load(corpus)
    samplers = [WindowSampler(c, [body.load()], DrawConfig(), held_out=False) for c in (again, before)]
    drawn = [s.batch(8, np.random.default_rng(0)) for s in samplers]
    assert torch.equal(drawn[0].views[1].signal, drawn[1].views[1].signal)


def test_subjects_are_not_divided(write: Write) -> None:
    corpus = write()
    assert corpus is not None
    splits = {(e["subject"], e["split"]) for e in manifest(corpus)}
    assert splits == {
        (s, "validation" if is_held_out(s, 5, 0.3) else "train") for s in ("s0", "s1", "s2", "s3")
    }
    assert len(splits) == 4
    assert "no known subject is in two." in (corpus / "README.md").read_text()
    loaded = MotionCorpus.load(corpus)
    assert {loaded.names[c].split("/")[1] for c in loaded.clips(held_out=True)} == {
        s for s, split in splits if split == "validation"
    }


def test_a_killed_run_goes_on(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between an Arrow file and its ledger, and in the middle of a file."""
    whole = write("whole")
    assert whole is not None
    write_text = conversion.write_text

    def killed(path: Path, text: str) -> None:
        if path.name == "train-00001.json":
            raise KeyboardInterrupt
        write_text(path, text)

    monkeypatch.setattr(conversion, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        write()
    monkeypatch.setattr(conversion, "write_text", write_text)
    corpus = tmp_path / "corpus"
    assert sorted(arrows(corpus)) == ["train/part-00000.arrow", "train/part-00001.arrow"]
    with pytest.raises(FileNotFoundError, match=r"data_prep/kinematics\.py to its end"):
        MotionCorpus.load(corpus)
    (corpus / "train" / "part-00002.arrow.tmp").write_bytes(b"half")
    (corpus / "train" / "part-00002.arrow").write_bytes(b"half")
    kept = (corpus / "train" / "part-00000.arrow").stat().st_mtime_ns
    assert write() == corpus
    assert arrows(corpus) == arrows(whole)
    assert manifest(corpus) == manifest(whole)
    assert (corpus / "train" / "part-00000.arrow").stat().st_mtime_ns == kept
    assert list(corpus.rglob("*.tmp")) == []


def test_shards_make_the_same_corpus(write: Write, tmp_path: Path) -> None:
    whole = write("whole")
    assert whole is not None
    for shard in ("1/3", "0/3"):
        assert write(shard=shard) is None
        with pytest.raises(FileNotFoundError):
            MotionCorpus.load(tmp_path / "corpus")
    assert write(shard="2/3") == tmp_path / "corpus"
    assert arrows(tmp_path / "corpus") == arrows(whole)
    with pytest.raises(ValueError, match=r"shard i/n with i from 0 to n - 1, got '3/3'"):
        write(shard="3/3")


def test_other_files_or_settings_are_another_corpus(write: Write, folder: Path) -> None:
    write()
    with pytest.raises(ValueError, match=r"begun with other files or settings \(12 clips then, 12 now\)"):
        write(seed=6)
    (folder / "s0" / "new.bvh").write_text("7")
    with pytest.raises(ValueError, match=r"12 clips then, 13 now.*choose another --output"):
        write()


def test_a_joint_that_flips_is_refused(hand_motion: Callable[..., Motion]) -> None:
    sound = hand_motion(duration_s=2.0)
    store_clip(ClipSource(motion=sound, body=0))
    rotations = sound.rotations.copy()
    rotations[60, INDEX["LeftLowerLeg"]] = rotations[60, INDEX["LeftLowerLeg"]] @ np.diag([-1.0, 1.0, -1.0])
    with pytest.raises(ValueError, match=r"swing-0: Left\w+ is accelerated by \d+ m/s² at (0\.9|1\.0)"):
        store_clip(ClipSource(motion=replace(sound, rotations=rotations), body=0))


def test_refused_files_are_listed(write: Write, folder: Path, tmp_path: Path) -> None:
    (folder / "s1" / "take5.bvh").write_text("broken")
    with pytest.raises(
        ValueError, match=r"1 of 12 files refused, e\.g\. take5\.bvh: not a number.*max_refused"
    ):
        write(max_refused=0.05)
    with pytest.raises(FileNotFoundError):
        MotionCorpus.load(tmp_path / "corpus")
    corpus = write(max_refused=0.1)
    assert corpus is not None
    entries = manifest(corpus)
    assert [e["status"] for e in entries].count("kept") == 11
    refused = next(e for e in entries if e["status"] == "refused")
    assert (refused["file"], refused["reason"]) == ("s1/take5.bvh", "take5.bvh: not a number of frames")
    assert len(MotionCorpus.load(corpus)) == 11
    assert "1 of 12 clips were refused, and 0 were cut" in (corpus / "README.md").read_text()
    with pytest.raises(ValueError, match=r"12 of 12 files refused, e\.g\. corpus: expected a caption"):
        write("mute", caption="")
    with pytest.raises(ValueError, match="no file was kept"):
        write("mute", caption="", max_refused=1.0)


def test_terms_are_stated_and_kept(write: Write) -> None:
    with pytest.raises(ValueError, match=r"no licence for s0/take0\.bvh; state `licence`"):
        write(licence="")
    with pytest.raises(
        ValueError, match=r"captures is non-commercial \(CC BY-NC 4\.0\); give --non_commercial"
    ):
        write(licence="CC BY-NC 4.0")
    corpus = write(licence="CC BY-NC 4.0", non_commercial=True)
    assert corpus is not None
    assert {e["non_commercial"] for e in manifest(corpus)} == {"True"}
    assert "**(non-commercial)**" in (corpus / "README.md").read_text()


def test_a_table_says_more(write: Write, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(
        "file,text,start_s,end_s,subject,licence,rate_hz,colour\n"
        "s0/take0.bvh,a person waves,,2.5,anna,,30,red\ns0/take0.bvh,a person bows,2.5,,,,,\n"
        "s1/take1.bvh,a person sits,,,bert,MIT,,\n"
    )
    corpus = write(table=table, subject="")
    assert corpus is not None
    stored = {e["file"]: e for e in manifest(corpus)}
    assert [stored[f"s{k}/take{k}.bvh"]["licence"] for k in (0, 1, 2)] == ["CC0", "MIT", "CC0"]
    assert [stored[f"s{k}/take{k}.bvh"]["subject"] for k in (0, 1, 2)] == ["anna", "bert", ""]
    loaded = MotionCorpus.load(corpus)
    captions = dict(zip(loaded.names, loaded.captions, strict=True))
    assert captions["captures/s0/take0"] == ("a person waves", "a person bows")
    assert captions["captures/s2/take2"] == ("someone moves",)
    for line, said in (
        ("gone.bvh,,,,,,,", "lists 1 files that .* does not find, e.g. 'gone.bvh'"),
        ("s0/take0.bvh,,,,carl,,,", "has more than one subject: anna, carl"),
    ):
        wrong = tmp_path / "wrong.csv"
        wrong.write_text(table.read_text() + line + "\n")
        with pytest.raises(ValueError, match=said):
            write(table=wrong)
    table.write_text("path\n")
    with pytest.raises(ValueError, match=r"columns \['path'\], expected `file`"):
        write(table=table)
    with pytest.raises(ValueError, match=r"matches '\*\.fbx'"):
        write(pattern="*.fbx")
    with pytest.raises(ValueError, match="expected sets or a source folder"):
        KinematicsConfig()


def test_another_version_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write()
    assert corpus is not None
    monkeypatch.setattr("anymo.data.corpus.VERSION", 99)
    with pytest.raises(ValueError, match="made by version 3 of the processing, expected 99"):
        MotionCorpus.load(corpus)


def test_reading_needs_no_datasets(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write()
    assert corpus is not None
    monkeypatch.setitem(sys.modules, "datasets", None)  # its import fails
    assert len(MotionCorpus.load(corpus)) == 12


@pytest.mark.data
def test_the_script_on_real_files(data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared folder's table as it is, and a pattern that YAML alone would refuse."""
    bandai = data_root / "motion" / "bandai_namco"
    table = tmp_path / "table.csv"
    rows = (bandai / "manifest.csv").read_text().splitlines()
    table.write_text("\n".join([rows[0], *(r for r in rows if r.startswith("dataset-1_bow_"))]))
    command = [
        "data_prep/kinematics.py", "--config_path", str(REPOSITORY / "configs/prepare/folder.yaml"),
        "--source", str(bandai / "clips"), "--pattern", "*1_bow_*.bvh.gz", "--table", str(table),
        "--licence", "CC BY-NC 4.0", "--non_commercial", "true", "--output", str(tmp_path / "corpus"),
        "--num_proc", "1",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", command)
    runpy.run_path(str(REPOSITORY / command[0]), run_name="__main__")
    entries = manifest(tmp_path / "corpus")
    assert len(entries) == len(table.read_text().splitlines()) - 1
    assert {(e["status"], len(e["sha256"])) for e in entries} == {("kept", 64)}
    loaded = MotionCorpus.load(tmp_path / "corpus")
    assert loaded.hours * 3600 == pytest.approx(sum(float(e["seconds"]) for e in entries), rel=1e-3)
    assert all("bow" in texts[0] for texts in loaded.captions)
    assert [len(b.vertices) for b in bodies_of(tmp_path / "corpus")] == [len(body.load().vertices)]


@pytest.mark.slow
@pytest.mark.data
def test_every_shared_clip_becomes_kinematics(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over processes."""
    monkeypatch.setenv("ANYMO_DATA", str(data_root))
    sets = ("cmu", "cmu_amc", "cmu_asfamc", "cmu_expmap", "bandai_namco")
    stated = KinematicsConfig(output=tmp_path, sets=sets, non_commercial=True, num_proc=os.cpu_count() or 1)
    corpus = write_kinematics(stated)
    assert corpus is not None
    entries = manifest(corpus)
    assert {e["dataset"] for e in entries} == set(sets)
    refused = [e["reason"] for e in entries if e["status"] == "refused"]
    assert len(refused) < 40
    assert all("is accelerated by" in reason for reason in refused)
    divided = {e["subject"]: {o["split"] for o in entries if o["subject"] == e["subject"]} for e in entries}
    assert [s for s, splits in divided.items() if s and len(splits) > 1] == []
    sampler = WindowSampler(MotionCorpus.load(corpus), [body.load()], DrawConfig(), held_out=False)
    for step in range(5):
        assert torch.isfinite(sampler.batch(64, np.random.default_rng(step)).views[0].signal).all()


def test_a_resume_with_another_rate_is_refused(write: Write, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("file,rate_hz\ns0/take0.bvh,60\n")
    write(table=table, shard="0/2")
    table.write_text("file,rate_hz\ns0/take0.bvh,30\n")
    with pytest.raises(ValueError, match="begun with other files or settings"):
        write(table=table, shard="1/2")


def test_an_io_error_ends_the_run_and_is_no_refusal(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:

        def unplugged(path: Path) -> str:
            raise OSError(5, "Input/output error")

        patched.setattr(motion_files, "file_sha256", unplugged)
        with pytest.raises(OSError, match="Input/output error"):
            write(max_refused=1.0)
    corpus = write()
    assert corpus is not None
    assert {e["status"] for e in manifest(corpus)} == {"kept"}


def test_a_part_that_is_gone_is_missed(write: Write, tmp_path: Path) -> None:
    write(shard="0/2")
    lost = tmp_path / "corpus" / "train" / "part-00000.arrow"
    lost.unlink()
    with pytest.raises(
        ValueError, match=r"part-00000\.arrow, whose clips .*train-00000\.json lists, found none"
    ):
        write(shard="1/2")
    with pytest.raises(FileNotFoundError):
        MotionCorpus.load(tmp_path / "corpus")
    (tmp_path / "corpus" / "parts" / "train-00000.json").unlink()
    assert write() is not None
    assert len(MotionCorpus.load(tmp_path / "corpus")) == 12


def test_what_is_no_corpus_says_so(write: Write, tmp_path: Path) -> None:
    import datasets

    corpus = write()
    assert corpus is not None
    foreign = datasets.DatasetDict(train=datasets.Dataset.from_dict({"text": ["a", "b"]}))
    foreign.save_to_disk(str(tmp_path / "foreign"))
    with pytest.raises(ValueError, match=r"has no columns body, .*give a folder that data_prep wrote"):
        MotionCorpus.load(tmp_path / "foreign")
    for index, said in (
        ('{"splits": []}', "has no clips in train or validation"),
        ('{"splits": ["test"]}', "has no clips in train or validation"),
        ("{}", "cannot be read"),
        ("[]", "cannot be read"),
    ):
        (corpus / "dataset_dict.json").write_text(index)
        with pytest.raises(ValueError, match=rf"{said}.*give a folder that data_prep wrote"):
            MotionCorpus.load(corpus)


def test_an_empty_split_is_told(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", logger="anymo"):
        write(held_out_fraction=1e-9)
    assert "no clip of 12 is drawn for validation; try another seed" in caplog.text


def test_a_corpus_over_another_leaves_nothing_to_resume(
    write: Write, hand_motion: Callable[..., Motion]
) -> None:
    corpus = write()
    assert corpus is not None
    clip = store_clip(ClipSource(motion=hand_motion(0, duration_s=1.0), body=0))
    write_corpus([clip], corpus, held_out_fraction=0.1, seed=0)
    assert not (corpus / "plan.json").exists()
    assert not (corpus / "parts").exists()
    assert write(seed=6) is not None
