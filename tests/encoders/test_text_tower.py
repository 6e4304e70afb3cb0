"""The text tower on the real sentence embedding."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from anymo.encoders import TextTower, TextTowerConfig

SENTENCES = ["a person walks", "a person is running fast", "standing still", "playing badminton"]


@pytest.fixture
def tower(asset: Callable) -> TextTower:
    return TextTower(TextTowerConfig(base=str(asset("wordllama-256")))).eval()


@torch.no_grad()
def test_it_starts_as_the_sentence_model(tower: TextTower) -> None:
    base = tower.base_embeddings(SENTENCES)
    torch.testing.assert_close(base.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(tower(SENTENCES), base)
    walk, run, stand, _ = tower(["walking", "a person walks", "standing", "badminton"])
    assert walk @ run > walk @ stand  # words mean something


@torch.no_grad()
def test_the_static_model_is_that_of_sentence_transformers(tower: TextTower) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(tower.config.base, device="cpu")
    theirs = model.encode(SENTENCES, convert_to_tensor=True, normalize_embeddings=True)
    torch.testing.assert_close(tower.base_embeddings(SENTENCES), theirs)


@torch.no_grad()
def test_centring_takes_away_what_all_share(tower: TextTower) -> None:
    base = tower.base_embeddings(SENTENCES)
    tower.centre([*SENTENCES, SENTENCES[0]])  # a sentence counts once
    torch.testing.assert_close(tower(SENTENCES), F.normalize(base - base.mean(dim=0), dim=-1))


@torch.no_grad()
def test_a_sentence_does_not_see_the_others(tower: TextTower) -> None:
    together = tower(SENTENCES)
    torch.testing.assert_close(tower(SENTENCES[2:3])[0], together[2])
    assert torch.equal(tower([SENTENCES[1], SENTENCES[1]])[0], tower(SENTENCES)[1])


def test_memory_of_sentences_is_bounded(tower: TextTower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anymo.encoders.text._REMEMBERED", 3)
    tower._cache = {}
    texts = [f"sentence {k}" for k in range(5)]
    torch.testing.assert_close(tower.base_embeddings(texts), tower.base_embeddings(texts))
    assert list(tower._cache) == [texts[4], texts[0], texts[1]]


def test_what_was_given_is_never_forgotten(tower: TextTower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anymo.encoders.text._REMEMBERED", 3)
    given = {f"given {k}": F.normalize(torch.randn(256), dim=-1) for k in range(5)}
    tower.remember(given)
    for other in ([f"other {k}" for k in range(5)], list(given)):
        tower.base_embeddings(other)
    assert torch.equal(tower.base_embeddings(list(given)), torch.stack(list(given.values())))
    alike = TextTower(tower.config)  # knows nothing of what another was given
    assert not torch.equal(alike.base_embeddings(["given 0"])[0], given["given 0"])


@torch.no_grad()
def test_half_precision(tower: TextTower) -> None:
    tower.centre(SENTENCES)
    whole = tower(SENTENCES)
    half = tower.to(torch.bfloat16)(SENTENCES)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), whole, atol=0.02, rtol=0)


def test_only_the_projection_learns(tower: TextTower) -> None:
    assert [n for n, p in tower.named_parameters() if p.requires_grad] == ["projection.weight"]
    tower(SENTENCES)[:, 0].sum().backward()
    assert tower.projection.weight.grad.any()


def test_save_and_load_give_the_same_output(tower: TextTower, tmp_path) -> None:
    tower.centre(SENTENCES)
    with torch.no_grad():
        tower.projection.weight.add_(0.1 * torch.randn(256, 256))
        before = tower(SENTENCES)
        tower.save_pretrained(tmp_path)
        assert torch.equal(TextTower.from_pretrained(tmp_path)(SENTENCES), before)
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) < 300_000  # the base is not in it
