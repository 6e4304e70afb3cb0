"""Retrieval in pools against counting by hand, with ties and with sentences that occur twice."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo.assets.hub import SHIPPED
from anymo.body import Body
from anymo.data.arrow import SPLITS
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.evaluation.held_out import check_unseen
from anymo.evaluation.pools import held_out_pools, pool_retrieval
from anymo.pipeline import AnymoPipeline

WORDS = [f"sentence {k}" for k in range(12)]


def by_counting(similarity: np.ndarray, positive: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Ranks of first positives in sorted lists; ties in an order drawn many times."""
    ranks = []
    for _ in range(400):
        noise = rng.random(similarity.shape)
        order = np.lexsort((noise, -similarity), axis=1)
        ranks.append(np.take_along_axis(positive, order, axis=1).argmax(axis=1) + 1)
    rank = np.array(ranks)
    return {f"recall_at_{k}": float((rank <= k).mean()) for k in (1, 5, 10)} | {
        "mrr": float((1 / rank).mean())
    }


def test_against_counting_with_ties_and_duplicates() -> None:
    rng = np.random.default_rng(0)
    texts = [WORDS[k] for k in rng.integers(len(WORDS), size=40)]
    coarse = torch.from_numpy(rng.integers(-1, 2, size=(40, 3)).astype(np.float32))  # many equal products
    sentences = {w: torch.from_numpy(rng.integers(-1, 2, size=3).astype(np.float32)) for w in WORDS}
    pools = [rng.choice(40, 25, replace=False) for _ in range(3)]
    found = pool_retrieval(coarse, texts, sentences, pools)
    assert (found.num_windows, found.num_pools) == (25, 3)
    expected = []
    for pool in pools:
        gallery = sorted({texts[i] for i in pool})
        assert len(gallery) < len(pool)
        similarity = (coarse[pool] @ torch.stack([sentences[g] for g in gallery]).T).numpy()
        positive = np.array([[texts[i] == g for g in gallery] for i in pool])
        expected.append((by_counting(similarity, positive, rng), by_counting(similarity.T, positive.T, rng)))
    for way, numbers in enumerate((found.imu_to_text, found.text_to_imu)):
        for key in ("recall_at_1", "recall_at_5", "recall_at_10", "mrr"):
            assert numbers[key] == pytest.approx(np.mean([e[way][key] for e in expected]), abs=0.02)


def test_the_interval_of_mrr_is_over_clips() -> None:
    """Clip 0 is found at once and clip 1 never first: all draws of clips are 1, 1/2 or between."""
    sentences = {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([0.5, 0.0])}
    windows, clips = torch.tensor([[1.0, 0.0]] * 8), np.repeat([0, 1], 4)
    texts = ["a"] * 4 + ["b"] * 4
    found = pool_retrieval(windows, texts, sentences, [np.arange(8)], clips).imu_to_text
    assert (found["mrr_low"], found["mrr"], found["mrr_high"]) == (0.5, 0.75, 1.0)
    by_itself = pool_retrieval(windows[:4], texts[:4], sentences, [np.arange(4)], clips[:4]).imu_to_text
    assert "mrr_low" not in by_itself


def test_identical_embeddings_give_chance() -> None:
    sentences = dict.fromkeys(WORDS, torch.ones(2))
    found = pool_retrieval(torch.ones(12, 2), WORDS, sentences, [np.arange(12)])
    for numbers in (found.imu_to_text, found.text_to_imu):
        for key in ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "median_rank"):
            assert numbers[key] == pytest.approx(numbers[f"chance_{key}"])
    assert found.imu_to_text["recall_at_5"] == pytest.approx(5 / 12)


def test_pools_of_held_out_motion(
    corpus_folder: Path, encoder_folder: Path, bodies: tuple[Body, ...]
) -> None:
    pipe = AnymoPipeline.from_pretrained(encoder_folder)
    corpus = MotionCorpus.load(corpus_folder)
    sampler = WindowSampler(corpus, bodies, DrawConfig(window_s=4.0, max_sensors=2), held_out=True)
    found, again = (
        held_out_pools(pipe, sampler, num_windows=20, pool_size=8, num_pools=3, seed=0) for _ in range(2)
    )
    assert found == again
    assert {name: (p.num_windows, p.num_pools) for name, p in found.items()} == {
        "procedural_pool": (8, 3),
        "procedural_full": (20, 1),
        "real": (sum(corpus.sources[c] == "by hand" for c in sampler.clips.tolist()), 3),
    }
    with pytest.raises(ValueError, match="pool_size <= num_windows"):
        held_out_pools(pipe, sampler, num_windows=5, pool_size=8, num_pools=3, seed=0)


def test_held_out_clips_that_a_release_was_trained_on_are_refused(
    tiny_corpus: MotionCorpus, tmp_path: Path
) -> None:
    num = len(tiny_corpus)
    corpus = replace(tiny_corpus, names=tuple(f"cmu/{k}" for k in range(num)), sources=("cmu",) * num)
    check_unseen(tmp_path, corpus)  # a model without a manifest
    held_out = corpus.clips(held_out=True).tolist()
    lines = [f"cmu/{k},{'validation' if k in held_out else 'train'}" for k in range(num)]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(["name,split", *lines]))
    check_unseen(tmp_path, corpus)
    lines[held_out[0]] = f"cmu/{held_out[0]},train"
    manifest.write_text("\n".join(["name,split", *lines]))
    with pytest.raises(ValueError, match=rf"got 1 of {len(held_out)} .*in training \(cmu/{held_out[0]}\)"):
        check_unseen(tmp_path, corpus)
    check_unseen(tmp_path, replace(corpus, sources=("procedural",) * num))  # of another seed, perhaps


def test_held_out_clips_of_the_package_s_model_are_unseen() -> None:
    """By the manifest: no captured clip or subject is on both sides."""
    with (SHIPPED / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["sha256"]]
    for key in ("name", "subject"):
        train, validation = ({row[key] for row in rows if row["split"] == side} for side in SPLITS)
        assert validation
        assert not train & validation, key
