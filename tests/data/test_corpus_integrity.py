"""What a corpus refuses at its start, what of a flawed clip it keeps, and which words hold when."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo import body
from anymo.data.arrow import StoredClip, crc32, write_index, write_part
from anymo.data.clip import ClipSource, store_clip, store_parts, take_of
from anymo.data.corpus import MotionCorpus, build_corpus, is_held_out, write_corpus
from anymo.data.mixture import even_weights, with_real_share
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.records import Caption, Motion
from anymo.skeleton import INDEX

HandMotion = Callable[..., Motion]


@pytest.fixture
def folder(hand_motion: HandMotion, tmp_path: Path) -> Path:
    clips = (store_clip(ClipSource(motion=hand_motion(k, duration_s=1.0), body=0)) for k in range(8))
    write_corpus(clips, tmp_path / "corpus", held_out_fraction=0.4, seed=1)
    assert len(MotionCorpus.load(tmp_path / "corpus")) == 8
    return tmp_path / "corpus"


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("at", [0.02, 0.5, 0.999])
def test_a_flipped_bit_is_found(folder: Path, split: str, at: float) -> None:
    part = folder / split / "part-00000.arrow"
    content = bytearray(part.read_bytes())
    content[int(at * len(content))] ^= 1
    part.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{split} .*part-00000\.arrow is damaged: expected checksum"):
        MotionCorpus.load(folder)


@pytest.mark.parametrize("left", [0, 1, 7, 1000, -1])
def test_a_truncated_file_is_found(folder: Path, left: int) -> None:
    part = folder / "train" / "part-00000.arrow"
    part.write_bytes(part.read_bytes()[:left])
    with pytest.raises(ValueError, match=r"part-00000\.arrow .*give a folder that data_prep wrote, or write"):
        MotionCorpus.load(folder)
    part.unlink()
    with pytest.raises(ValueError, match=r"cannot be read .*part-00000\.arrow"):
        MotionCorpus.load(folder)


def written(clips: list[StoredClip], folder: Path) -> Path:
    checksum = write_part(clips, folder / "train" / "part-00000.arrow")
    assert checksum == crc32(folder / "train" / "part-00000.arrow")
    write_index(folder, {"train": {"part-00000.arrow": checksum}, "validation": {}})
    return folder


@pytest.mark.parametrize("captions", [(), (Caption(text="  "),), (Caption(text="a"), Caption(text=""))])
def test_a_clip_without_words_is_named(
    hand_motion: HandMotion, tmp_path: Path, captions: tuple[Caption, ...]
) -> None:
    clip = store_clip(ClipSource(motion=hand_motion(3, duration_s=1.0), body=0))
    folder = written([clip, replace(clip, name="mute", captions=captions)], tmp_path)
    with pytest.raises(ValueError, match=r"clip 'mute' has no caption or an empty one; .* --caption"):
        MotionCorpus.load(folder)


def test_an_empty_split_says_so(hand_motion: HandMotion, tmp_path: Path) -> None:
    clip = store_clip(ClipSource(motion=hand_motion(3, duration_s=1.0), body=0))
    corpus = MotionCorpus.load(written([clip], tmp_path))
    assert corpus.clips(held_out=False).tolist() == [0]
    with pytest.raises(
        ValueError, match=r"none of 1 clips is in the split 'validation'; .*held_out_fraction"
    ):
        corpus.clips(held_out=True)


def test_a_flaw_is_cut_out(hand_motion: HandMotion) -> None:
    """What is kept is as if the flaw had never been near; half a second goes with it."""
    words = (
        Caption(text="all"),
        Caption(text="early", end_s=2.0),
        Caption(text="late", start_s=3.0, end_s=5.0),
    )
    sound = replace(hand_motion(1, duration_s=8.0), captions=words, name="take")
    rotations = sound.rotations.copy()
    rotations[180:183, INDEX["LeftLowerLeg"]] @= np.diag([-1.0, 1.0, -1.0])
    flawed = replace(sound, rotations=rotations)
    with pytest.raises(ValueError, match=r"take: Left\w+ is accelerated by \d+ m/s² at (2\.9|3\.0)"):
        store_clip(ClipSource(motion=flawed, body=0))
    parts, wrong = store_parts(ClipSource(motion=flawed, body=0), dataset="lab")
    assert "is accelerated by" in wrong
    assert len(parts) == 2
    assert {p.dataset for p in parts} == {"lab"}
    assert {take_of(p.name) for p in parts} == {"take"}
    whole = store_clip(ClipSource(motion=sound, body=0))
    for part, (first, last) in zip(parts, ((0, 164), (198, 480)), strict=True):
        starts, ends = (round(60 * float(s)) for s in part.name.split("@")[1].split("-"))
        assert abs(starts - first) <= 2
        assert abs(ends - last) <= 2
        true = whole.features[starts : starts + len(part.features)]
        np.testing.assert_allclose(part.features[6:-6], true[6:-6], rtol=1e-3, atol=2e-3 * np.abs(true).max())
    assert [c.text for c in parts[0].captions] == ["all", "early"]
    assert [c.text for c in parts[1].captions] == ["all", "late"]
    assert parts[1].captions[1].start_s == 0.0
    assert parts[1].captions[1].end_s == pytest.approx(5.0 - 3.3, abs=0.05)
    assert [p.name for p in store_parts(ClipSource(motion=sound, body=0))[0]] == ["take"]
    short = replace(flawed, root_position=flawed.root_position[90:270], rotations=flawed.rotations[90:270])
    with pytest.raises(ValueError, match=r"no captioned part of 2 s or more is left"):
        store_parts(ClipSource(motion=short, body=0))
    with pytest.raises(ValueError, match="no captioned part"):  # words for the flaw alone
        store_parts(
            ClipSource(motion=replace(flawed, captions=(Caption(text="x", start_s=2.9, end_s=3.1),)), body=0)
        )


def test_a_hand_that_flips_about_its_own_joint_is_a_flaw(hand_motion: HandMotion) -> None:
    sound = hand_motion(1)
    rotations = sound.rotations.copy()
    rotations[180:183, INDEX["LeftHand"]] @= np.diag([-1.0, 1.0, -1.0])
    with pytest.raises(ValueError, match=r"LeftHand is accelerated by \d+ m/s² at (2\.9|3\.0)"):
        store_clip(ClipSource(motion=replace(sound, rotations=rotations), body=0))


def test_parts_of_a_take_stay_together(hand_motion: HandMotion) -> None:
    moving = hand_motion(0, duration_s=0.5)
    names = [f"take{k}@{s}" for k in range(12) for s in ("0.00-2.00", "3.00-5.00")]
    corpus = build_corpus(
        [ClipSource(motion=replace(moving, name=n), body=0) for n in names], held_out_fraction=0.4, seed=1
    )
    assert corpus.held_out.tolist() == [is_held_out(n.split("@")[0], 1, 0.4) for n in names]
    assert 0 < corpus.held_out.sum() < 24


def test_captions_hold_for_their_time(hand_motion: HandMotion) -> None:
    words = (
        Caption(text="gym"), Caption(text="jumps", end_s=3.0), Caption(text="rests", start_s=3.0, end_s=8.0),
        Caption(text="jumps", start_s=8.0, end_s=9.0),
    )  # fmt: skip
    moving = replace(hand_motion(0, duration_s=12.0), captions=words)
    spoken = replace(hand_motion(1), captions=words[1:2])
    corpus = build_corpus(
        [ClipSource(motion=m, body=0, synonyms=("sport",)) for m in (moving, spoken)],
        held_out_fraction=0.1,
        seed=0,
    )
    assert corpus.captions[0] == ("gym", "jumps", "rests", "jumps")
    np.testing.assert_array_equal(corpus.spans[0], [[0, np.inf], [0, 3], [3, 8], [8, 9]])
    for start, end, expected in (
        (0.0, 2.9, ("gym", "jumps")),
        (0.4, 5.6, ("gym", "jumps", "rests")),
        (2.9, 6.0, ("gym", "rests")),
        (6.0, 11.0, ("gym", "jumps")),  # all of the second jump, two fifths of the rest
        (9.5, 11.0, ("gym",)),
    ):
        assert corpus.captions_at(0, start, end) == expected
    assert corpus.captions_at(1, 5.0, 8.0) == ("jumps",)  # the nearest there is
    assert corpus.synonyms == (("sport",), ("sport",))
    assert corpus.texts(torch.tensor([1])) == ["jumps", "sport"]


def test_activities_are_drawn_as_they_were_made_and_captures_by_length() -> None:
    activities = ["walk", "walk", "walk", "run", None, None, "run", "walk"]
    held_out = [False] * 6 + [True] * 2
    weight = even_weights(activities, held_out, [9, 9, 9, 9, 100, 300, 9, 9])
    made = weight[:4] / weight[:4].sum()
    np.testing.assert_allclose(made, [2 / 9, 2 / 9, 2 / 9, 1 / 3])
    np.testing.assert_allclose(weight[4:], [0.5, 1.5, 2 / 3, 4 / 3])
    real = torch.tensor([a is None for a in activities])
    for share in (0.0, 0.25, 1.0):
        mixed = with_real_share(weight, real, share)
        assert float(mixed[real].sum() / mixed.sum()) == pytest.approx(share)
    mixed = with_real_share(weight, real, 0.25)
    assert float(mixed[5] / mixed[4]) == pytest.approx(3.0)
    np.testing.assert_allclose(mixed[:4] / mixed[:4].sum(), made)
    assert torch.equal(with_real_share(weight[:4], real[:4], 0.5), weight[:4])


def test_windows_are_drawn_by_their_share(hand_motion: HandMotion) -> None:
    made = [replace(hand_motion(k), source="procedural") for k in range(9)]
    motions = [*made, hand_motion(9), hand_motion(10)]
    corpus = build_corpus([ClipSource(motion=m, body=0) for m in motions], held_out_fraction=1e-6, seed=0)
    adult = [body.load()]
    for share, low, high in ((None, 0.12, 0.25), (0.7, 0.63, 0.77), (0.0, 0.0, 0.0)):
        sampler = WindowSampler(corpus, adult, DrawConfig(real_share=share), held_out=False)
        drawn = sampler.batch(400, np.random.default_rng(0), num_views=1).clip
        assert low <= corpus.real[drawn].float().mean() <= high
