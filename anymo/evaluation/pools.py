"""Text-motion retrieval in pools: AnyMo's protocol (arXiv 2605.22715) on held-out motion, both ways.

A pool is so many windows; identical sentences are one item of its gallery. The rank of a query is that of its
first positive, equal similarities are broken at random in expectation (`anymo.metrics.retrieval`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from anymo.data.sampler import WindowSampler
from anymo.evaluation.held_out import held_out_batch
from anymo.metrics import RetrievalResult, bootstrap_interval, merge_duplicates, retrieval
from anymo.pipeline import AnymoPipeline

PROCEDURAL = "procedural"  # `Motion.source` of generated motion


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRetrieval:
    """Retrieval averaged over pools.

    num_windows   of a pool
    num_pools     drawn
    imu_to_text, text_to_imu   numbers of `RetrievalResult.to_dict`, mean over the pools; of two clips or more
                  also `mrr_low` and `mrr_high`, 95 % bootstrap over the clips
    """

    num_windows: int
    num_pools: int
    imu_to_text: dict[str, float]
    text_to_imu: dict[str, float]

    def to_dict(self) -> dict[str, object]:
        """Nested numbers for JSON."""
        return {
            "num_windows": self.num_windows,
            "num_pools": self.num_pools,
            "imu_to_text": self.imu_to_text,
            "text_to_imu": self.text_to_imu,
        }


def pool_retrieval(
    windows: torch.Tensor,
    texts: Sequence[str],
    sentences: dict[str, torch.Tensor],
    pools: Sequence[np.ndarray],
    clips: np.ndarray | None = None,
) -> PoolRetrieval:
    """Rank sentences for windows and windows for sentences, pool by pool.

    Args:
        windows: (N, E) unit embeddings.
        texts: N sentences.
        sentences: (E,) unit embedding of each sentence.
        pools: indices into the windows; all of one length.
        clips: (N,) the clip of each window, for intervals; a sentence is of its first window's clip.
    """
    ways: tuple[list[RetrievalResult], list[RetrievalResult]] = ([], [])
    owners: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    of_window = np.zeros(len(texts), dtype=np.int64) if clips is None else clips
    for pool in pools:
        gallery, index = merge_duplicates([texts[i] for i in pool])
        similarity = (windows[pool] @ torch.stack([sentences[t] for t in gallery]).T).numpy()
        positive = index[:, None] == np.arange(len(gallery))
        ways[0].append(retrieval(similarity, positive))
        ways[1].append(retrieval(similarity.T, positive.T))
        owners[0].append(of_window[pool])
        owners[1].append(of_window[pool][np.unique(index, return_index=True)[1]])
    to_text, to_imu = (_mean(way) | _interval(way, owner) for way, owner in zip(ways, owners, strict=True))
    return PoolRetrieval(
        num_windows=len(pools[0]), num_pools=len(pools), imu_to_text=to_text, text_to_imu=to_imu
    )


def _mean(way: Sequence[RetrievalResult]) -> dict[str, float]:
    numbers = [result.to_dict() for result in way]
    return {key: float(np.mean([each[key] for each in numbers])) for key in numbers[0]}


def _interval(way: Sequence[RetrievalResult], owner: Sequence[np.ndarray]) -> dict[str, float]:
    """Of MRR, over clips; a clip that is in several pools is drawn with all its queries."""
    groups = np.concatenate(owner)
    if len(np.unique(groups)) < 2:
        return {}
    ranks = np.concatenate([result.reciprocal_rank for result in way])
    found = bootstrap_interval(ranks, rng=np.random.default_rng(0), groups=groups)
    return {"mrr_low": found.low, "mrr_high": found.high}


def held_out_pools(
    pipe: AnymoPipeline,
    sampler: WindowSampler,
    *,
    num_windows: int,
    pool_size: int,
    num_pools: int,
    seed: int,
) -> dict[str, PoolRetrieval]:
    """Retrieval on held-out clips, the same draw for every model.

    Args:
        pipe: the model.
        sampler: over held-out clips.
        num_windows: of the full pool of procedural motion.
        pool_size: windows of a small pool.
        num_pools: small pools, and draws of the captured clips.
        seed: of every draw.

    Returns:
        "procedural_pool" of `pool_size` windows and "procedural_full" of all `num_windows`, where there is
        procedural motion held out, and "real", one window of each real clip, where there are two or more.

    Raises:
        ValueError: no such motion is held out, or a pool is larger than the windows.
    """
    sources = np.array([sampler.corpus.sources[c] for c in sampler.clips.tolist()])
    generated, real = np.flatnonzero(sources == PROCEDURAL), np.flatnonzero(sources != PROCEDURAL)
    if not 1 < pool_size <= num_windows or not len(generated) + (len(real) > 1):
        raise ValueError(
            f"retrieval: expected 1 < pool_size <= num_windows and held-out clips, got {pool_size}, "
            f"{num_windows} and {len(sources)} clips"
        )
    rng, found = np.random.default_rng([seed, 5]), {}
    if len(generated):
        windows, texts, sentences, owners = _embedded(pipe, sampler, generated, num_windows, seed)
        pools = [rng.choice(num_windows, pool_size, replace=False) for _ in range(num_pools)]
        found["procedural_pool"] = pool_retrieval(windows, texts, sentences, pools, owners)
        found["procedural_full"] = pool_retrieval(windows, texts, sentences, [np.arange(num_windows)], owners)
    if len(real) > 1:
        windows, texts, sentences, owners = _embedded(pipe, sampler, real, num_pools * len(real), seed)
        order = np.arange(num_pools * len(real)).reshape(num_pools, len(real))
        found["real"] = pool_retrieval(windows, texts, sentences, list(order), owners)
    return found


def _embedded(
    pipe: AnymoPipeline, sampler: WindowSampler, clips: np.ndarray, size: int, seed: int
) -> tuple[torch.Tensor, list[str], dict[str, torch.Tensor], np.ndarray]:
    """Embeddings of windows that take clips in turn, their sentences, those embedded, and the clips."""
    owners = np.resize(clips, size)
    batch = held_out_batch(sampler, size, seed, clips=torch.from_numpy(owners))
    texts = [text for text, *_ in batch.texts]
    distinct = list(dict.fromkeys(texts))
    rows = pipe.embed_text(distinct)
    return pipe.embed_windows(batch.views[0]), texts, dict(zip(distinct, rows, strict=True)), owners
