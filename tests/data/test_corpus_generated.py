"""Generated motion written like files: in parts, over shards, on its own bodies, mended after damage."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anymo.config import save
from anymo.data.conversion import KinematicsConfig, write_kinematics
from anymo.data.corpus import MotionCorpus
from anymo.data.generated import generated_clips
from anymo.data.prepare import PrepareConfig, bodies_of, prepare
from anymo.motion import procedural
from anymo.records import Motion
from anymo.skeleton import INDEX


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path | None]:
    def call(output: str = "corpus", **stated: object) -> Path | None:
        settings: dict[str, object] = {
            "num_generated": 10, "activities": "core", "clip_s": (0.5, 0.8), "num_bodies": 1, "seed": 2,
            "held_out_fraction": 0.3, "clips_per_part": 3, "num_proc": 1,
        }  # fmt: skip
        config = KinematicsConfig(output=tmp_path / output, **{**settings, **stated})
        save(config, config.output)
        return write_kinematics(config)

    return call


def arrows(corpus: Path) -> dict[str, bytes]:
    return {p.relative_to(corpus).as_posix(): p.read_bytes() for p in sorted(corpus.rglob("*.arrow"))}


def test_generated_clips_are_stored_with_their_words(write: Callable[..., Path]) -> None:
    folder = write()
    corpus = MotionCorpus.load(folder)
    assert len(corpus) == 10
    assert set(corpus.sources) == {"procedural"}
    for name, captions, synonyms in zip(corpus.names, corpus.captions, corpus.synonyms, strict=True):
        activity = name.split("-", 1)[1]
        assert captions[0] == procedural.ACTIVITIES[activity].phrase
        assert synonyms == procedural.SYNONYMS[activity]
        assert len(captions) >= 4
    lengths = (corpus.first[1:] - corpus.first[:-1]) / 60
    assert ((lengths >= 0.45) & (lengths <= 0.85)).all()
    assert len(set(lengths.tolist())) > 3
    assert len(bodies_of(folder)) == 1
    assert "| procedural | 10 |" in (folder / "README.md").read_text()


def test_a_damaged_part_is_written_again(write: Callable[..., Path]) -> None:
    folder = write()
    before = arrows(folder)
    part = folder / "train" / "part-00001.arrow"
    part.write_bytes(part.read_bytes()[:-9])
    ledger = folder / "parts" / "train-00001.json"
    with pytest.raises(ValueError, match=r"delete .*train-00001\.json and run the same command again"):
        MotionCorpus.load(folder)
    ledger.unlink()
    assert write() == folder
    assert arrows(folder) == before
    assert len(MotionCorpus.load(folder)) == 10


def test_shards_make_the_same_corpus(write: Callable[..., Path | None], tmp_path: Path) -> None:
    whole = write("whole")
    assert whole is not None
    assert write(shard="1/2") is None
    assert write(shard="0/2") == tmp_path / "corpus"
    assert arrows(tmp_path / "corpus") == arrows(whole)
    with pytest.raises(ValueError, match=r"begun with other files or settings \(10 clips then, 11 now\)"):
        write(num_generated=11)


def test_bodies_and_activities_take_turns() -> None:
    clips = generated_clips(320, "all", (8.0, 12.0), 3, 0)
    count = len(procedural.ACTIVITIES)
    assert [c.activity for c in clips[:count]] == list(procedural.ACTIVITIES)
    assert {(c.activity, c.shape) for c in clips[count : 2 * count]} == {
        (a, 1) for a in procedural.ACTIVITIES
    }
    assert clips[:5] == generated_clips(5, "all", (8.0, 12.0), 3, 0)
    assert 8.0 <= min(c.duration_s for c in clips) < max(c.duration_s for c in clips) <= 12.0
    assert len({c.name for c in clips}) == 320


def test_common_activities_are_made_more_often_and_rest_most() -> None:
    made = Counter(c.activity for c in generated_clips(410, "common", (8.0, 12.0), 3, 0))
    core, rest, every = (set(n) for n in (procedural.CORE, procedural.REST, procedural.ACTIVITIES))
    assert sum(made.values()) == 2 * (len(every) + len(core) + 4 * len(rest)) == 410
    assert {a: n // 2 for a, n in made.items()} == {
        a: 1 + (a in core) + 4 * (a in rest) for a in procedural.ACTIVITIES
    }


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"activities": "some"}, "activities 'core', 'all' or 'common', got 'some'"),
        ({"clip_s": (3.0, 2.0)}, r"0 < clip_s\[0\] <= clip_s\[1\]"),
        ({"num_bodies": 0}, "num_bodies >= 1"),
        ({"num_generated": 0}, "expected sets or a source folder or num_generated"),
    ],
)
def test_settings_that_cannot_be(stated: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        KinematicsConfig(**{"num_generated": 3, **stated})  # type: ignore[arg-type]
    if "num_generated" not in stated:
        stated = {k: v[0] - 3 if k == "clip_s" else v for k, v in stated.items()}  # type: ignore[index]
        with pytest.raises(ValueError, match=said):
            PrepareConfig(**stated)  # type: ignore[arg-type]


def test_a_generated_clip_loses_its_flaw_and_a_hopeless_one_is_listed(
    hand_motion: Callable[..., Motion], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both used to end the whole corpus."""
    made = []

    def generate(activity: str, rng: object, *, duration_s: float, joint_offsets: object) -> Motion:
        motion = hand_motion(len(made), duration_s=duration_s)
        rotations = motion.rotations.copy()
        flips = ([], [240], list(range(30, 480, 60)))[len(made) % 3]
        leg = INDEX["LeftLowerLeg"]
        rotations[flips, leg] = rotations[flips, leg] @ np.diag([-1.0, 1.0, -1.0])
        made.append(activity)
        return replace(motion, rotations=rotations)

    monkeypatch.setattr(procedural, "generate", generate)
    config = PrepareConfig(output=tmp_path, num_clips=6, clip_s=8.0, num_bodies=1, use_real_clips=False)
    corpus = prepare(config)
    assert len(corpus) == 2 * (1 + 2)  # whole, and two parts, of every three
    manifest = (tmp_path / "manifest.csv").read_text()
    assert manifest.count("refused") == 2
    assert "is accelerated by" in manifest
