"""Residual and finite scalar quantisation: indices and codes, what is learnt, what is refused."""

import itertools

import numpy as np
import pytest
import torch

from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig
from anymo.tokenizer.codebook import FiniteScalarQuantizer, ProductQuantizer, ResidualQuantizer

LEVELS = (5, 4, 3)


def residual_of(groups: int = 3) -> ResidualQuantizer:
    torch.manual_seed(0)
    return ResidualQuantizer(groups, 8, 3, decay=0.9, dead_share=0.2)


def test_residual_codes_against_a_plain_loop() -> None:
    quantizer, z = residual_of(), torch.randn(50, 1, 3)
    index = quantizer.nearest(z)
    for n in range(50):
        left = z[n, 0]
        for g in range(3):
            k = int(np.argmin([float((left - code).square().sum()) for code in quantizer.codes[g]]))
            assert int(index[n, g]) == k
            left = left - quantizer.codes[g, k]
        torch.testing.assert_close(quantizer.lookup(index)[n, 0], z[n, 0] - left)


def test_each_residual_codebook_learns_what_was_left_for_it() -> None:
    quantizer, z = residual_of(), torch.randn(64, 1, 3) + 4.0
    alone = ProductQuantizer(1, 8, 3, decay=0.9, dead_share=0.2)
    alone.load_state_dict({name: t[1:2] for name, t in quantizer.state_dict().items()})
    index = quantizer.nearest(z)
    left = z - quantizer.codes[0, index[:, 0]][:, None]
    torch.manual_seed(1)
    alone.update(left, index[:, 1:2])
    torch.manual_seed(1)
    quantizer.update(z, index)
    alive = alone.counts[0] != alone.counts[0].max()
    torch.testing.assert_close(quantizer.codes[1][alive], alone.codes[0][alive])


def test_more_residual_codebooks_lose_less() -> None:
    torch.manual_seed(0)
    z, errors = torch.randn(512, 1, 3), []
    for groups in (1, 2, 3):
        quantizer = residual_of(groups)
        for _ in range(60):
            quantizer.update(z, quantizer.nearest(z))
        errors.append(float((quantizer.lookup(quantizer.nearest(z)) - z).square().mean()))
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]


def test_the_scalar_codebook_is_the_grid_and_indices_find_it() -> None:
    quantizer = FiniteScalarQuantizer(2, LEVELS)
    steps = [[(d - n // 2) / (n // 2) for d in range(n)] for n in LEVELS]
    grid = torch.tensor(list(itertools.product(*steps)))
    assert torch.equal(quantizer.codes, grid.expand(2, -1, -1))
    index = torch.stack([torch.arange(60), torch.arange(60).flip(0)], dim=1)
    assert torch.equal(quantizer.nearest(quantizer.lookup(index)), index)


def test_bounded_vectors_reach_every_code_and_none_else() -> None:
    torch.manual_seed(0)
    quantizer = FiniteScalarQuantizer(2, LEVELS)
    assert torch.equal(quantizer.bound(torch.zeros(1, 2, 3)), torch.zeros(1, 2, 3))
    bounded = quantizer.bound(3 * torch.randn(5000, 2, 3))
    index = quantizer.nearest(bounded)
    assert [sorted(set(group.tolist())) for group in index.T] == [list(range(60))] * 2
    step = 1 / torch.tensor([n // 2 for n in LEVELS])
    assert ((quantizer.lookup(index) - bounded).abs() <= 0.502 * step).all()
    far = quantizer.nearest(quantizer.bound(torch.full((1, 2, 3), 1e4)))
    assert far.tolist() == [[59, 59]]


@pytest.mark.parametrize("quantizer", ["product", "residual", "fsq"])
def test_every_quantizer_learns_to_reconstruct(quantizer: str) -> None:
    torch.manual_seed(0)
    shape = {"hidden_size": 8, "codebook_size": 16, "code_size": 4, "levels": (4, 4), "heads": ()}
    tokenizer = MotionTokenizer(MotionTokenizerConfig(quantizer=quantizer, **shape)).train()
    optimizer = torch.optim.AdamW(tokenizer.parameters(), lr=1e-2)
    latents = torch.randn(6, 1, 8)[torch.randint(6, (32, 10)), 0] + 0.05 * torch.randn(32, 10, 8)
    errors = []
    for _ in range(60):
        out = tokenizer(latents, torch.ones(32, 10, dtype=torch.bool))
        optimizer.zero_grad()
        out.loss.backward()
        optimizer.step()
        errors.append(float(out.error))
    assert errors[-1] < 0.25
    assert errors[-1] < 0.3 * errors[0]
    assert tokenizer.codebook.shape == (2, 16, 2 if quantizer == "fsq" else 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantizer": "none"}, "expected quantizer to be one of"),
        (
            {"quantizer": "fsq", "codebook_size": 512},
            r"product is codebook_size 512, got \[8, 8, 8, 4\].*2048",
        ),
        ({"quantizer": "fsq", "levels": (2048, 1)}, "levels of 2 or more"),
        ({"steps_per_token": 0}, "expected 1 or more of each"),
        ({"code_size": 0}, "expected 1 or more of each"),
        ({"heads": ("hands",)}, "heads of"),
        ({"hidden_size": 18}, "num_heads must divide hidden_size, got 4 and 18"),
    ],
)
def test_shapes_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MotionTokenizerConfig(**changes)
