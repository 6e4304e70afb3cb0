"""Corpus in memory and on disk, and windows drawn from it against the simulator itself."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo import body
from anymo.body import Body
from anymo.data import prepare
from anymo.data.arrow import StoredClip
from anymo.data.card import entry
from anymo.data.corpus import POSE_SIZE, ClipSource, MotionCorpus, build_corpus, store_clip, write_corpus
from anymo.data.sampler import DrawConfig, SimulatedBatch, WindowSampler, _resident
from anymo.motion.clips import Clip
from anymo.records import Caption, Motion


@pytest.fixture(scope="module")
def adult() -> Body:
    return body.load()


@pytest.fixture
def sampler(tiny_corpus: MotionCorpus, adult: Body) -> WindowSampler:
    return WindowSampler(tiny_corpus, [adult], DrawConfig(), held_out=False)


def assert_same_batch(a: SimulatedBatch, b: SimulatedBatch) -> None:
    assert a.texts == b.texts
    assert a.phrase == b.phrase
    assert torch.equal(a.clip, b.clip)
    assert torch.equal(a.pose, b.pose)
    parts, others = ([*x.views, *x.complete, *([x.targets] if x.targets else [])] for x in (a, b))
    for part, other in zip(parts, others, strict=True):
        for f in fields(part):
            one, two = getattr(part, f.name), getattr(other, f.name)
            assert torch.equal(one, two) if isinstance(one, torch.Tensor) else one == two


def test_save_and_load(tiny_corpus: MotionCorpus, hand_motion: Callable[..., Motion], tmp_path) -> None:
    """On disk the training clips come first; each clip, and every draw, is what it is in memory."""
    clips = (store_clip(ClipSource(motion=hand_motion(k), body=0)) for k in range(12))
    write_corpus(clips, tmp_path, held_out_fraction=0.4, seed=1)
    again = MotionCorpus.load(tmp_path)
    order = torch.argsort(tiny_corpus.held_out.int(), stable=True)
    assert torch.equal(again.held_out, tiny_corpus.held_out[order])
    assert torch.equal(again.body, tiny_corpus.body[order])
    for words in ("captions", "names", "sources"):
        assert getattr(again, words) == tuple(getattr(tiny_corpus, words)[c] for c in order)
    for frames, first in (("features", "first"), ("pose", "first_pose")):
        for new, old in enumerate(order.tolist()):
            spans = [
                torch.arange(*getattr(c, first)[i : i + 2].tolist())[None]
                for c, i in ((again, new), (tiny_corpus, old))
            ]
            assert torch.equal(getattr(again, frames)[spans[0]], getattr(tiny_corpus, frames)[spans[1]])
    assert again.hours == pytest.approx(12 * 8 / 3600, rel=0.01)
    for held_out in (False, True):
        both = [
            WindowSampler(corpus, [body.load()], DrawConfig(), held_out=held_out)
            for corpus in (again, tiny_corpus)
        ]
        one, other = (s.batch(9, np.random.default_rng(3), phrase_share=0.5) for s in both)
        assert torch.equal(order[one.clip], other.clip)
        assert_same_batch(replace(one, clip=order[one.clip]), other)
    resident = WindowSampler(
        _resident(again, torch.device("cpu")), [body.load()], DrawConfig(), held_out=True
    )
    assert_same_batch(resident.batch(9, np.random.default_rng(3), phrase_share=0.5), one)


def test_half_a_corpus_is_not_taken_for_whole(hand_motion: Callable[..., Motion], tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run data_prep/simulate\.py"):
        MotionCorpus.load(tmp_path)

    def full_disk() -> Iterator[StoredClip]:
        yield from clips
        raise OSError(28, "No space left on device")

    clips = [store_clip(ClipSource(motion=hand_motion(k, duration_s=1.0), body=0)) for k in range(9)]
    with pytest.raises(OSError, match="No space left"):
        write_corpus(full_disk(), tmp_path, held_out_fraction=0.4, seed=1)
    with pytest.raises(FileNotFoundError):
        MotionCorpus.load(tmp_path)
    write_corpus(clips, tmp_path, held_out_fraction=0.4, seed=1)
    assert len(MotionCorpus.load(tmp_path)) == 9
    part = tmp_path / "train" / "part-00000.arrow"
    for kept in (part.stat().st_size - 5000, 100):
        part.write_bytes(part.read_bytes()[:kept])
        with pytest.raises(ValueError, match=r"cannot be read.*write it again"):
            MotionCorpus.load(tmp_path)


def test_clips_are_held_out_whole_whatever_their_order(hand_motion: Callable[..., Motion]) -> None:
    clips = [ClipSource(motion=hand_motion(k, duration_s=1.0), body=0) for k in range(30)]

    def held_out(some: list[ClipSource], seed: int = 0) -> set[str]:
        corpus = build_corpus(some, held_out_fraction=0.3, seed=seed)
        return {corpus.names[c] for c in corpus.clips(held_out=True)}

    names = held_out(clips)
    assert 3 <= len(names) <= 16
    assert held_out(clips[::-1]) == names
    assert held_out(clips[:10]) == names & {c.motion.name for c in clips[:10]}
    assert held_out(clips, seed=1) != names


def test_files_of_one_trial_are_in_one_split(hand_motion: Callable[..., Motion]) -> None:
    motion = hand_motion(0, duration_s=1.0)
    names = [f"{k:03d}_01{who}" for k in range(12) for who in ("", "__TMoCo", "@0.00-1.00")]
    clips = [ClipSource(motion=replace(motion, name=name), body=0) for name in names]
    corpus = build_corpus(clips, held_out_fraction=0.4, seed=0)
    held_out = corpus.held_out.view(12, 3)
    assert (held_out == held_out[:, :1]).all()
    assert 0 < held_out[:, 0].sum() < 12


def test_corpus_refuses_nothing_and_silence(hand_motion: Callable[..., Motion]) -> None:
    with pytest.raises(ValueError, match="expected one clip or more, got none"):
        build_corpus([], held_out_fraction=0.1, seed=0)
    mute = replace(hand_motion(0, duration_s=1.0), captions=())
    with pytest.raises(ValueError, match="expected a caption for every clip, got none for 'swing-0'"):
        build_corpus([ClipSource(motion=mute, body=0)], held_out_fraction=0.1, seed=0)


def test_a_batch_is_a_function_of_its_generator(sampler: WindowSampler) -> None:
    first = sampler.batch(6, np.random.default_rng(5), phrase_share=0.5)
    sampler.batch(6, np.random.default_rng(6))
    torch.manual_seed(123)
    np.random.seed(123)  # noqa: NPY002 (nothing may listen to it)
    assert_same_batch(first, sampler.batch(6, np.random.default_rng(5), phrase_share=0.5))
    assert not torch.equal(first.views[0].signal, sampler.batch(6, np.random.default_rng(6)).views[0].signal)


def test_training_never_sees_held_out_clips(tiny_corpus: MotionCorpus, adult: Body) -> None:
    seen = []
    for held_out in (False, True):
        sampler = WindowSampler(tiny_corpus, [adult], DrawConfig(), held_out=held_out)
        seen.append(set(sampler.batch(300, np.random.default_rng(0), num_views=1).clip.tolist()))
        assert seen[-1] == set(tiny_corpus.clips(held_out=held_out).tolist())
    assert seen[0].isdisjoint(seen[1])


def test_masks_agree(sampler: WindowSampler) -> None:
    batch = sampler.batch(200, np.random.default_rng(0))
    assert batch.pose.shape == (200, 60, POSE_SIZE)
    for view in batch.views:
        assert view.signal.shape == (200, 3, 100, 6)
        assert torch.isfinite(view.signal).all()
        off = ~view.worn
        assert not view.sample_valid[off].any()
        assert not view.has_gyro[off].any()
        assert not view.has_gravity[off].any()
        assert view.worn[:, 0].all()
        assert (view.sample_valid.any(dim=1).sum(dim=1) >= 10).all()  # 0.5 s
        assert all(len(set(row.tolist())) == 3 for row in view.segment)
        assert 0.2 < view.has_gyro[view.worn].float().mean() < 0.99
        assert not view.sample_valid[off].any()
        assert view.sample_valid[view.worn].any(dim=-1).all()
    assert not torch.equal(batch.views[0].segment, batch.views[1].segment)


def test_clips_that_are_too_short_are_named(tiny_corpus: MotionCorpus, adult: Body) -> None:
    with pytest.raises(ValueError, match=r"expected training clips of 11\.67 s or more, the longest of"):
        WindowSampler(tiny_corpus, [adult], DrawConfig(window_s=10.0), held_out=False)
    with pytest.raises(ValueError, match="none of 12 clips is in the split"):
        WindowSampler(
            replace(tiny_corpus, held_out=torch.zeros(12, dtype=torch.bool)),
            [adult],
            DrawConfig(),
            held_out=True,
        )
    with pytest.raises(ValueError, match=r"0 < speed\[0\] <= speed\[1\]"):
        DrawConfig(speed=(1.2, 0.8))


def test_the_peak_leaves_the_edges_out(hand_motion: Callable[..., Motion]) -> None:
    clip = store_clip(ClipSource(motion=hand_motion(0, duration_s=1.0), body=0))
    spiked = clip.features.copy()
    spiked[[0, 2, -3, -1], 4, 0] = 900.0
    assert entry(replace(clip, features=spiked), "train") == entry(clip, "train") | {
        "peak_mps2": round(float(np.linalg.norm(clip.features[3:-3, :, :3], axis=-1).max()), 1)
    }
    spiked[3, 4, 0] = 900.0
    assert entry(replace(clip, features=spiked), "train")["peak_mps2"] >= 900.0


def test_refused_real_clips_are_listed(
    tmp_path: Path, hand_motion: Callable[..., Motion], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(path: Path, *, rate_hz: float, captions: tuple[Caption, ...]) -> Motion:
        if path.name.startswith("b"):
            raise ValueError(f"{path.name}: no MOTION")
        return replace(hand_motion(0, duration_s=2.0), name="a", captions=captions)

    paths = [tmp_path / name for name in ("b.bvh.gz", "a.bvh.gz")]
    for path in paths:
        path.write_text(path.name)
    facts = {"rate_hz": 60.0, "captions": (Caption(text="a"),), "subject": "s1", "licence": "CC0"}
    clips = [Clip(path=path, reader=load, **facts) for path in paths]
    monkeypatch.setattr(prepare, "find_clips", lambda root: clips)
    monkeypatch.setattr(prepare, "data_root", lambda: tmp_path)
    corpus = tmp_path / "corpus"
    prepare.prepare(prepare.PrepareConfig(output=corpus, num_clips=1, clip_s=2.0, num_bodies=1))
    with (corpus / "manifest.csv").open(newline="") as file:
        *kept, refused = csv.DictReader(file)
    assert [e["status"] for e in kept] == ["kept", "kept"]
    words = ("name", "file", "status", "reason", "subject", "licence", "dataset")
    assert [refused[w] for w in words] == [
        "b", "b.bvh.gz", "refused", "b.bvh.gz: no MOTION", "s1", "CC0", "cmu"
    ]  # fmt: skip
    assert "1 of 3 clips were refused" in (corpus / "README.md").read_text()
    assert len(MotionCorpus.load(corpus)) == 2
