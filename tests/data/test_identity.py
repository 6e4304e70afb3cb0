"""Which corpus it is: what changes its identity, and that no frame is read for it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from anymo.data.clip import ClipSource, store_clip
from anymo.data.corpus import MotionCorpus, write_corpus
from anymo.data.identity import corpus_identity
from anymo.records import Caption, Motion

Swing = Callable[..., Motion]


def written(folder: Path, motions: list[Motion]) -> MotionCorpus:
    clips = [store_clip(ClipSource(motion=motion, body=0)) for motion in motions]
    write_corpus(clips, folder, held_out_fraction=0.4, seed=1)
    return MotionCorpus.load(folder)


def test_other_frames_words_or_clips_are_another_corpus(hand_motion: Swing, tmp_path: Path) -> None:
    motions = [hand_motion(k) for k in range(4)]
    first = corpus_identity(written(tmp_path / "a", motions))
    assert corpus_identity(written(tmp_path / "b", motions)) == first
    moved = written(tmp_path / "a", [replace(hand_motion(k + 4), name=f"swing-{k}") for k in range(4)])
    again = MotionCorpus.load(tmp_path / "b")
    assert (moved.names, moved.captions, moved.spans[0].tolist()) == (
        again.names, again.captions, again.spans[0].tolist(),
    )  # fmt: skip
    others = [
        moved,
        written(tmp_path / "a", motions[:3]),
        written(tmp_path / "a", [replace(m, captions=(Caption(text="move", end_s=3.0),)) for m in motions]),
        written(tmp_path / "a", [replace(m, captions=(Caption(text="move", end_s=4.0),)) for m in motions]),
    ]
    assert len({first, *map(corpus_identity, others)}) == 5


def test_words_count_without_checksums_and_no_frame_is_read(tiny_corpus: MotionCorpus) -> None:
    blind = replace(tiny_corpus, features=None, pose=None)  # type: ignore[arg-type]
    spans = tuple(s + 1.0 for s in tiny_corpus.spans)
    variants = [
        blind,
        replace(blind, content="files"),
        replace(blind, spans=spans),
        replace(blind, synonyms=(("stir",),) * len(blind)),
        replace(blind, held_out=~blind.held_out),
    ]
    assert len({*map(corpus_identity, variants)}) == len(variants)
    assert corpus_identity(tiny_corpus) == corpus_identity(blind)
