"""Retrieval both ways and captions on held-out simulated motion: clips the model never saw."""

from dataclasses import dataclass

import numpy as np
import torch

from anymo.data.sampler import SimulatedBatch, WindowSampler
from anymo.metrics import (
    CaptionResult,
    RetrievalResult,
    embedding_similarity,
    merge_duplicates,
    retrieval,
    score_captions,
)
from anymo.pipeline import AnymoPipeline

_DRAW = 2**31 + 13  # no training step draws from this stream
_PART = 10  # windows that share a device rate
_NUM_EXAMPLES = 12  # pairs kept to be read


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOutRetrieval:
    """Signals to sentences and back; identical sentences are one item of the gallery."""

    imu_to_text: RetrievalResult
    text_to_imu: RetrievalResult
    num_windows: int

    def to_dict(self) -> dict[str, object]:
        """Numbers for metrics.json."""
        return {"imu_to_text": self.imu_to_text.to_dict(), "text_to_imu": self.text_to_imu.to_dict()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOutCaptions:
    """Generated sentences beside all sentences of the clip, and beside those of shuffled clips as chance."""

    result: CaptionResult
    similarity: float
    chance: CaptionResult
    chance_similarity: float
    examples: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, object]:
        """Numbers and examples for metrics.json."""
        return {
            **self.result.to_dict(),
            "embedding_similarity": self.similarity,
            **{f"chance_{k}": v for k, v in self.chance.to_dict().items()},
            "chance_embedding_similarity": self.chance_similarity,
            "examples": [{"reference": r, "generated": g} for r, g in self.examples],
        }


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
        num_windows=len(index),
    )


def held_out_captions(
    pipe: AnymoPipeline,
    batch: SimulatedBatch,
    captions: tuple[tuple[str, ...], ...],
) -> HeldOutCaptions:
    """Describe each window and compare with every sentence of its clip.

    Args:
        pipe: the model.
        batch: windows of held-out clips.
        captions: all captions of every clip of the corpus; the first, the short phrase, is no reference.
    """
    references = [list(captions[c][1:] or captions[c]) for c in batch.clip.tolist()]
    generated = pipe.caption_windows(batch.views[0])
    shifted = np.roll(np.arange(len(generated)), len(generated) // 2).tolist()
    shuffled = [generated[i] for i in shifted]
    return HeldOutCaptions(
        result=score_captions(generated, references),
        similarity=_similarity(pipe, generated, references),
        chance=score_captions(shuffled, references),
        chance_similarity=_similarity(pipe, shuffled, references),
        examples=tuple((r[0], g) for r, g in zip(references, generated, strict=True))[:_NUM_EXAMPLES],
    )


def _similarity(pipe: AnymoPipeline, generated: list[str], references: list[list[str]]) -> float:
    """Mean over windows of the best cosine in the sentence model's own space; saying nothing scores 0."""
    base = pipe.text.base_embeddings
    said = [(base([g])[0].numpy(), base(r).numpy()) for g, r in zip(generated, references, strict=True) if g]
    if not said:
        return 0.0
    sentences, targets = zip(*said, strict=True)
    return float(embedding_similarity(np.stack(sentences), targets).sum()) / len(generated)
