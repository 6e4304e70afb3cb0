"""Simulated corpus: clips as segment kinematics on a common grid, and windows simulated from them.

What is stored is the motion's 18 numbers per frame and segment, not signals: every draw of a window has
new placements, mountings, devices, rates and speeds (shared design: simulation is one matrix product).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anymo.data.arrow import (
    FRAME_SHAPES,
    GRID_HZ,
    POSE_HZ,
    POSE_SIZE,
    SPLITS,
    VERSION,
    StoredClip,
    clear,
    content_of,
    read_batches,
    write_index,
    write_part,
)
from anymo.data.blocks import Blocks, frames_of
from anymo.data.card import entry, write_card, write_manifest
from anymo.data.clip import ClipSource, pose_features, store_clip, trial_of
from anymo.data.mixture import even_weights
from anymo.records import Array, Caption

__all__ = [
    "GRID_HZ",
    "POSE_HZ",
    "POSE_SIZE",
    "ClipSource",
    "MotionCorpus",
    "build_corpus",
    "is_held_out",
    "pose_features",
    "store_clip",
    "write_corpus",
]

CLIPS_PER_PART = 128
GENERATED = "procedural"  # source of motion that was generated


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionCorpus:
    """Clips laid end to end.

    features  the 18 numbers on the 60 Hz grid, float32          (F, 23, 18)
    pose      pose_features on the 12 Hz grid, float32           (G, POSE_SIZE)
    first     first grid frame of each clip, then the total      (C + 1,)
    first_pose  likewise of the pose                             (C + 1,)
    body      index of the body each clip's sensors are drawn on (C,)
    captions  of each clip; the first is the short phrase
    spans     of each clip's captions: start and end, s; infinite for the clip's end   (n, 2) each
    synonyms  of each clip's phrase
    weight    how often each clip is to be drawn, against others (C,) float64
    held_out  clip belongs to the validation split               (C,) bool
    content   hash that changes with the frames of the files; empty where there are none
    """

    features: Blocks
    pose: Blocks
    first: torch.Tensor
    first_pose: torch.Tensor
    body: torch.Tensor
    held_out: torch.Tensor
    weight: torch.Tensor
    captions: tuple[tuple[str, ...], ...]
    spans: tuple[Array, ...]
    synonyms: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    sources: tuple[str, ...]
    content: str = ""

    def __len__(self) -> int:
        return len(self.captions)

    def clips(self, *, held_out: bool) -> torch.Tensor:
        """Indices (n,) int64 of the clips of one split: those held out for validation, or those for training.

        Raises:
            ValueError: it has none.
        """
        clips = (self.held_out == held_out).nonzero().flatten()
        if not len(clips):
            raise ValueError(
                f"corpus: none of {len(self)} clips is in the split {SPLITS[held_out]!r}; write the corpus "
                "again with another held_out_fraction or seed, or with more clips or subjects"
            )
        return clips

    def texts(self, clips: torch.Tensor) -> list[str]:
        """All captions of some clips (n,) int64 and the synonyms of their phrases, each once, sorted."""
        return sorted({t for c in clips.tolist() for t in self.captions[c] + self.synonyms[c]})

    def captions_at(self, clip: int, start_s: float, end_s: float) -> tuple[str, ...]:
        """Captions that hold for a moment of a clip, each once, in their order.

        A caption holds where it overlaps at least half of the moment, or half of itself is inside; where none
        does, that which comes nearest to it is taken.

        Args:
            clip: index.
            start_s: of the moment, from the start of the clip, s.
            end_s: of the moment, s.
        """
        starts, ends = self.spans[clip].T
        overlap = np.minimum(ends, end_s) - np.maximum(starts, start_s)
        holds = overlap >= 0.5 * np.minimum(ends - starts, end_s - start_s)
        if not holds.any():
            holds = overlap == overlap.max()
        return tuple(dict.fromkeys(t for t, h in zip(self.captions[clip], holds, strict=True) if h))

    @property
    def real(self) -> torch.Tensor:
        """(C,) bool: the clip was captured, not generated."""
        return torch.tensor([source != GENERATED for source in self.sources])

    @property
    def hours(self) -> float:
        """Duration of all clips, h."""
        return len(self.features) / GRID_HZ / 3600

    @classmethod
    def load(cls, folder: Path) -> "MotionCorpus":
        """Memory-map a corpus folder: the training clips, then those held out.

        Raises:
            FileNotFoundError: no whole corpus is there.
            ValueError: a file is damaged or not whole, there is no clip or one without captions, or another
                version of the processing made it.
        """
        splits = [list(read_batches(folder, split)) for split in SPLITS]
        batches = [batch for split in splits for batch in split]
        if not batches:
            raise ValueError(
                f"corpus: {folder} has no clips in {' or '.join(SPLITS)}; give a folder that data_prep wrote"
            )
        rows = {n: [v for b in batches for v in b.column(n).to_pylist()] for n in _WORDS}
        if made_by := set(rows["version"]) - {VERSION}:
            raise ValueError(
                f"corpus: {folder} was made by version {min(made_by)} of the processing, expected {VERSION}; "
                "delete it and write it again"
            )
        held_out = [i > 0 for i, split in enumerate(splits) for b in split for _ in range(len(b))]
        captions = [tuple(Caption(**c) for c in row or ()) for row in rows.pop("captions")]
        laid_out = _laid_out(
            *frames_of(batches, "features", FRAME_SHAPES["features"]),
            *frames_of(batches, "pose", FRAME_SHAPES["pose"]),
            captions=captions,
            held_out=held_out,
            rows=rows,
        )
        return replace(laid_out, content=content_of(folder))


_WORDS = ("name", "source", "captions", "synonyms", "body", "version")


def _laid_out(
    features: Blocks,
    num_frames: torch.Tensor,
    pose: Blocks,
    num_poses: torch.Tensor,
    *,
    captions: Sequence[Sequence[Caption]],
    held_out: Sequence[bool],
    rows: Mapping[str, Sequence[Any]],
) -> MotionCorpus:
    for name, said in zip(rows["name"], captions, strict=True):
        if not said or not all(c.text.strip() for c in said):
            raise ValueError(
                f"corpus: clip {name!r} has no caption or an empty one; write it in the table of its files, "
                "or give --caption, and write the corpus again"
            )
    texts = tuple(tuple(c.text for c in said) for said in captions)
    ends = [[np.inf if c.end_s is None else c.end_s for c in said] for said in captions]
    return MotionCorpus(
        features=features,
        pose=pose,
        first=_starts(num_frames),
        first_pose=_starts(num_poses),
        body=torch.tensor(rows["body"]),
        held_out=torch.tensor(held_out),
        weight=even_weights(
            [t[0] if s == GENERATED else None for s, t in zip(rows["source"], texts, strict=True)],
            held_out,
            num_frames.tolist(),
        ),
        captions=texts,
        spans=tuple(
            np.array([[c.start_s for c in said], end]).T for said, end in zip(captions, ends, strict=True)
        ),
        synonyms=tuple(tuple(words) for words in rows["synonyms"]),
        names=tuple(rows["name"]),
        sources=tuple(rows["source"]),
    )


def write_corpus(
    clips: Iterable[StoredClip],
    folder: Path,
    *,
    held_out_fraction: float,
    seed: int,
    refused: Sequence[dict[str, Any]] = (),
) -> None:
    """Write clips as they come; at most two parts of them are held in memory.

    Takes are held out whole, however many files hold them, drawn by (seed, name) alone, whatever their order.
    `refused` are lines of the manifest (`anymo.data.card.refusal`), read when all clips have come.

    Args:
        clips: made ready by `anymo.data.clip`.
        folder: of the corpus; an older one in it is removed.
        held_out_fraction: of the takes, from 0 to 1.
        seed: of that draw.
        refused: lines of the manifest for files that were not kept.

    Raises:
        ValueError: no clips.
    """
    clear(folder)
    waiting: dict[str, list[StoredClip]] = {split: [] for split in SPLITS}
    parts: dict[str, dict[str, int]] = {split: {} for split in SPLITS}
    entries: list[dict[str, Any]] = []

    def flush(split: str) -> None:
        name = f"part-{len(parts[split]):05d}.arrow"
        parts[split][name] = write_part(waiting[split], folder / split / name)
        entries.extend(entry(clip, split) for clip in waiting[split])
        waiting[split].clear()

    for clip in clips:
        split = SPLITS[is_held_out(trial_of(clip.name), seed, held_out_fraction)]
        waiting[split].append(clip)
        if len(waiting[split]) == CLIPS_PER_PART:
            flush(split)
    for split in SPLITS:
        if waiting[split]:
            flush(split)
    if not any(parts.values()):
        raise ValueError("corpus: expected one clip or more, got none")
    entries.extend(refused)
    write_manifest(folder, entries)
    write_card(folder, entries)
    write_index(folder, parts)


def build_corpus(clips: Iterable[ClipSource], *, held_out_fraction: float, seed: int) -> MotionCorpus:
    """Differentiate motions and lay them end to end in memory, held out as `write_corpus` does.

    Raises:
        ValueError: no clips.
    """
    stored = [store_clip(clip) for clip in clips]
    return lay_out(stored, [is_held_out(trial_of(c.name), seed, held_out_fraction) for c in stored])


def lay_out(stored: Sequence[StoredClip], held_out: Sequence[bool]) -> MotionCorpus:
    """Lay clips end to end in memory.

    Raises:
        ValueError: no clips, or one without captions.
    """
    if not stored:
        raise ValueError("corpus: expected one clip or more, got none")
    rows = {n: [getattr(c, n) for c in stored] for n in ("name", "source", "synonyms", "body")}
    return _laid_out(
        Blocks([torch.from_numpy(np.concatenate([c.features for c in stored]))]),
        torch.tensor([len(c.features) for c in stored]),
        Blocks([torch.from_numpy(np.concatenate([c.pose for c in stored]))]),
        torch.tensor([len(c.pose) for c in stored]),
        captions=[c.captions for c in stored],
        held_out=held_out,
        rows=rows,
    )


def _starts(lengths: torch.Tensor) -> torch.Tensor:
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])


def is_held_out(group: str, seed: int, fraction: float) -> bool:
    """Whether a clip, or all clips of a subject, are kept for validation: a function of seed and name.

    Args:
        group: the name, or the subject.
        seed: of the draw.
        fraction: of the groups, from 0 to 1.
    """
    return bool(np.random.default_rng([seed, *group.encode()]).random() < fraction)
