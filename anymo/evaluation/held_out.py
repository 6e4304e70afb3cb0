"""Held-out simulated motion, of clips the model never saw, and retrieval both ways on it."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from anymo.data.corpus import GENERATED, MotionCorpus
from anymo.data.sampler import SimulatedBatch, WindowSampler
from anymo.metrics import RetrievalResult, merge_duplicates, retrieval
from anymo.pipeline import AnymoPipeline

MANIFEST = "manifest.csv"  # of a release: its clips
_NAMED = 3  # clips in a message
_DRAW = 2**31 + 13  # no training step draws from this stream
_PART = 10  # windows that share a device rate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOutRetrieval:
    """Signals to sentences and back; identical sentences are one item of the gallery."""

    imu_to_text: RetrievalResult
    text_to_imu: RetrievalResult

    def to_dict(self) -> dict[str, object]:
        """Numbers for metrics.json."""
        return {"imu_to_text": self.imu_to_text.to_dict(), "text_to_imu": self.text_to_imu.to_dict()}


def check_unseen(folder: Path, corpus: MotionCorpus) -> None:
    """Refuse a corpus whose held-out clips a release was trained on.

    Captured clips are known by their names in the release's manifest. Generated ones are not: clips of one
    name are of other motion where the corpus has another seed. A model without a manifest, which has not
    been exported, says nothing.

    Args:
        folder: of the model.
        corpus: whose held-out clips it is about to be measured on.

    Raises:
        ValueError: with the number of such clips and the first of them.
    """
    if not (folder / MANIFEST).is_file():
        return
    with (folder / MANIFEST).open(encoding="utf-8", newline="") as file:
        trained = {row["name"] for row in csv.DictReader(file) if row.get("split") == "train"}
    held_out = corpus.held_out.nonzero().flatten().tolist()
    names = [corpus.names[k] for k in held_out if corpus.sources[k] != GENERATED]
    if seen := [name for name in names if name in trained]:
        raise ValueError(
            f"held-out motion: expected clips that the model has not seen, got {len(seen)} of {len(names)} "
            f"captured ones that {MANIFEST} of the model has in training ({', '.join(seen[:_NAMED])}); "
            "write the corpus with the seed and held_out_fraction of the model's own"
        )


def held_out_batch(
    sampler: WindowSampler,
    size: int,
    seed: int,
    *,
    clips: torch.Tensor | None = None,
    num_captions: int = 1,
) -> SimulatedBatch:
    """The windows the protocols use: one view each, fixed by the seed.

    Drawn in parts, since all windows of one draw come from devices of one rate.

    Args:
        sampler: over held-out clips.
        size: number of windows.
        seed: of every draw.
        clips: (size,) positions in `sampler.clips`, in this order; None takes all clips alike, shuffled.
        num_captions: captions per window; the windows are the same however many.
    """
    if clips is None:
        num = len(sampler.clips)
        clips = torch.arange(size) * num // size if size < num else torch.arange(size) % num
        clips = clips[torch.randperm(size, generator=_generator(seed))]
    parts = [
        sampler.batch(
            len(part),
            np.random.default_rng([seed, _DRAW, k]),
            num_views=1,
            num_captions=num_captions,
            clips=part,
        )
        for k, part in enumerate(clips.split(_PART))
    ]
    return SimulatedBatch.joined(parts)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def held_out_retrieval(pipe: AnymoPipeline, batch: SimulatedBatch) -> HeldOutRetrieval:
    """Rank the sentences for each window and the windows for each sentence."""
    texts, index = merge_duplicates([text for text, *_ in batch.texts])
    windows = pipe.embed_windows(batch.views[0])
    similarity = (windows @ pipe.embed_text(texts).T).numpy()
    positive = index[:, None] == np.arange(len(texts))
    return HeldOutRetrieval(
        imu_to_text=retrieval(similarity, positive),
        text_to_imu=retrieval(similarity.T, positive.T),
    )
