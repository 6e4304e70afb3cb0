"""The motion tokenizer: codes and back, how the codebooks move, and what stays untouched."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from transformers import AutoModel

from anymo import body
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.encoders import AnymoEncoderConfig, ImuEncoder
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig
from anymo.tokenizer.codebook import ProductQuantizer
from anymo.training.tokenizer import HeadsConfig, TokenizerTask

SHAPE = {"hidden_size": 12, "num_groups": 2, "codebook_size": 16, "code_size": 4}


@pytest.fixture
def tokenizer() -> MotionTokenizer:
    torch.manual_seed(0)
    return MotionTokenizer(MotionTokenizerConfig(**SHAPE)).eval()


def everywhere(latents: torch.Tensor) -> torch.Tensor:
    return torch.ones(latents.shape[:2], dtype=torch.bool)


def quantizer_of(**changes: float) -> ProductQuantizer:
    torch.manual_seed(0)
    return ProductQuantizer(2, 8, 3, decay=0.9, dead_share=changes.get("dead_share", 0.0))


def test_every_index_finds_its_code_and_back() -> None:
    quantizer = quantizer_of()
    index = torch.stack([torch.arange(8), torch.arange(8).flip(0)], dim=1)
    assert torch.equal(quantizer.nearest(quantizer.lookup(index)), index)
    assert torch.equal(
        quantizer.lookup(index)[3], torch.stack([quantizer.codes[0, 3], quantizer.codes[1, 4]])
    )


def test_nearest_against_every_distance() -> None:
    quantizer, z = quantizer_of(), torch.randn(200, 2, 3)
    index = quantizer.nearest(z)
    for n in range(200):
        for g in range(2):
            distances = [float((z[n, g] - code).square().sum()) for code in quantizer.codes[g]]
            assert int(index[n, g]) == int(np.argmin(distances))


@torch.no_grad()
@pytest.mark.parametrize("steps", [1, 2, 10])
def test_encode_and_decode(tokenizer: MotionTokenizer, steps: int) -> None:
    latents = torch.randn(3, steps, 12)
    codes = tokenizer.encode(latents)
    assert codes.shape == (3, steps, 2)
    assert codes.dtype == torch.int64
    assert codes.min() >= 0
    assert codes.max() < 16
    assert tokenizer.decode(codes).shape == latents.shape
    out = tokenizer(latents, everywhere(latents))
    assert torch.equal(out.codes, codes)
    torch.testing.assert_close(tokenizer.decode(codes, everywhere(latents)), out.latents)


@torch.no_grad()
def test_steps_that_do_not_count_are_not_read(tokenizer: MotionTokenizer) -> None:
    latents, valid = torch.randn(2, 6, 12), torch.ones(2, 6, dtype=torch.bool)
    valid[1, 4:] = False
    changed = latents.masked_fill(~valid[..., None], 50.0)
    a, b = tokenizer(latents, valid), tokenizer(changed, valid)
    torch.testing.assert_close(a.loss, b.loss)
    torch.testing.assert_close(a.latents[valid], b.latents[valid])
    torch.testing.assert_close(a.perplexity, b.perplexity)
    torch.testing.assert_close(a.error, b.error)


@pytest.mark.parametrize(
    "codes", [torch.full((1, 2, 2), 16), torch.full((1, 2, 2), -1), torch.zeros(1, 2, 1).long()]
)
def test_codes_of_another_tokenizer_are_refused(tokenizer: MotionTokenizer, codes: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected \(B, L, 2\) from 0 to 15.*another tokenizer"):
        tokenizer.decode(codes)


def test_codes_move_by_the_moving_average() -> None:
    quantizer, z = quantizer_of(), torch.randn(40, 2, 3)
    quantizer.counts.fill_(1.0)
    quantizer.sums.copy_(quantizer.codes)
    before, index = quantizer.codes.clone(), quantizer.nearest(z)
    quantizer.update(z, index)
    for g in range(2):
        for k in range(8):
            chosen = z[index[:, g] == k, g]
            count = 0.9 + 0.1 * len(chosen)
            expected = (0.9 * before[g, k] + 0.1 * chosen.sum(dim=0)) / count
            torch.testing.assert_close(quantizer.codes[g, k], expected, atol=1e-5, rtol=1e-5)


def test_codes_move_in_training_only(tokenizer: MotionTokenizer) -> None:
    latents, before = torch.randn(4, 6, 12), tokenizer.quantizer.codes.clone()
    tokenizer(latents, everywhere(latents))
    assert torch.equal(tokenizer.quantizer.codes, before)
    tokenizer.train()(latents, everywhere(latents))
    assert not torch.equal(tokenizer.quantizer.codes, before)


@pytest.mark.parametrize("quantizer", ["product", "residual"])
def test_what_is_trained_on_are_the_codes_that_were_chosen(quantizer: str) -> None:
    """Not where they are moved to after, which for a code that counts as dead is any latent of the batch."""
    torch.manual_seed(0)
    tokenizer = MotionTokenizer(MotionTokenizerConfig(quantizer=quantizer, dead_share=2.0, **SHAPE))
    latents, before = torch.randn(4, 6, 12), tokenizer.quantizer.codes.clone()
    with torch.no_grad():
        still = tokenizer.eval()(latents, everywhere(latents))
        moving = tokenizer.train()(latents, everywhere(latents))
    assert not torch.equal(tokenizer.quantizer.codes, before)
    for name in ("codes", "latents", "loss", "error"):
        assert torch.equal(moving[name], still[name]), name


def test_the_first_batch_puts_every_code_to_use() -> None:
    quantizer, z = quantizer_of(), torch.randn(64, 2, 3) * 0.01 + 5.0
    quantizer.update(z, quantizer.nearest(z))
    assert (quantizer.codes - 5.0).abs().max() < 0.1
    assert len(quantizer.nearest(z)[:, 0].unique()) >= 4


def test_dead_codes_are_put_on_latents_of_the_batch() -> None:
    quantizer, z = quantizer_of(dead_share=0.5), torch.randn(64, 2, 3) * 0.01 + 5.0
    quantizer.counts.fill_(1e-3)
    index = quantizer.nearest(z)
    quantizer.update(z, index)
    for g in range(2):
        dead = [k for k in range(8) if k not in index[:, g]]
        assert dead
        gap = (quantizer.codes[g, dead][:, None] - z[:, g]).norm(dim=-1).amin(dim=-1)
        assert float(gap.max()) < 1e-5
    for _ in range(100):
        quantizer.update(z, quantizer.nearest(z))
    used = [len(quantizer.nearest(z)[:, g].unique()) for g in range(2)]
    assert min(used) >= 6  # eight codes for one cloud of points: nearly all find work


def test_gradient_goes_straight_through(tokenizer: MotionTokenizer) -> None:
    latents = torch.randn(2, 5, 12, requires_grad=True)
    out = tokenizer(latents, everywhere(latents))
    grad = torch.autograd.grad(out.latents.sum(), [latents, tokenizer.before.weight])
    assert all(g.abs().sum() > 0 for g in grad)
    # As if the quantiser were the identity at the codes: derivative of the decoder times that of `before`.
    z = tokenizer._vectors(latents, None)
    quantized = tokenizer.quantizer.lookup(out.codes.flatten(0, 1)).unflatten(0, (2, 5)).requires_grad_()
    (inner,) = torch.autograd.grad(tokenizer._decode(quantized, everywhere(latents)).sum(), quantized)
    (expected,) = torch.autograd.grad(z, latents, inner)
    torch.testing.assert_close(grad[0], expected, atol=1e-5, rtol=1e-4)


def test_perplexity_is_between_one_and_all_codes(tokenizer: MotionTokenizer) -> None:
    same = torch.randn(1, 1, 12).expand(3, 7, 12)
    assert float(tokenizer(same, everywhere(same)).perplexity) == pytest.approx(1.0, abs=1e-4)
    varied = torch.randn(50, 20, 12) * 3
    assert 2.0 < float(tokenizer(varied, everywhere(varied)).perplexity) <= 16.0


def test_save_and_load_keep_the_codebooks(tokenizer: MotionTokenizer, tmp_path) -> None:
    latents = torch.randn(4, 6, 12)
    for _ in range(3):
        tokenizer.train()(latents, everywhere(latents))
    tokenizer.eval().save_pretrained(tmp_path)
    for model in (MotionTokenizer.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path)):
        for name, buffer in tokenizer.named_buffers():
            assert torch.equal(model.get_buffer(name), buffer), name
        assert torch.equal(model.encode(latents), tokenizer.encode(latents))
        assert torch.equal(model.decode(model.encode(latents)), tokenizer.decode(tokenizer.encode(latents)))


def test_the_encoder_stays_as_it_is(tiny_corpus: MotionCorpus) -> None:
    torch.manual_seed(0)
    encoder = ImuEncoder(AnymoEncoderConfig(hidden_size=32, num_layers=1, num_heads=4, dropout=0.5))
    shape = MotionTokenizerConfig(**SHAPE | {"hidden_size": 32})
    task = TokenizerTask(encoder, MotionTokenizer(shape), HeadsConfig())
    before = {n: t.clone() for n, t in encoder.state_dict().items()}
    learnt = {n: p.detach().clone() for n, p in task.tokenizer.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in task.parameters() if p.requires_grad], lr=1e-2)
    sampler = WindowSampler(tiny_corpus, [body.load()], DrawConfig(num_targets=1), held_out=False)
    losses = []
    for step in range(8):
        optimizer.zero_grad()
        output = task.train()(sampler.batch(16, np.random.default_rng(step), num_views=1))
        output.loss.backward()
        optimizer.step()
        losses.append(output.loss.item())
    assert all(torch.equal(t, before[n]) for n, t in encoder.state_dict().items())
    assert all(not torch.equal(p, learnt[n]) for n, p in task.tokenizer.named_parameters())
    assert losses[-1] < 0.9 * losses[0]


class TwoProcesses:
    """Collectives of torch.distributed between two threads; tensors that differ in shape break it."""

    def __init__(self) -> None:
        self.barrier, self.shared, self.rank = threading.Barrier(2, timeout=20), {}, threading.local()

    def exchange(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.shared[self.rank.is_] = x.clone()
        self.barrier.wait()
        both = self.shared[0], self.shared[1]
        self.barrier.wait()
        return both

    def all_reduce(self, x: torch.Tensor) -> None:
        x.copy_(torch.stack(self.exchange(x)).sum(dim=0))

    def broadcast(self, x: torch.Tensor, src: int) -> None:
        x.copy_(torch.stack(self.exchange(x))[src])


def test_processes_with_unequal_batches_hold_the_same_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    quantizers, straight = [quantizer_of(dead_share=0.2) for _ in range(2)], quantizer_of()
    z, group = torch.randn(37, 2, 3), TwoProcesses()
    straight.update(z, straight.nearest(z))

    def run(rank: int, part: torch.Tensor) -> None:
        group.rank.is_ = rank
        quantizers[rank].update(part, quantizers[rank].nearest(part))

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "all_reduce", group.all_reduce)
    monkeypatch.setattr(torch.distributed, "broadcast", group.broadcast)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, (0, 1), (z[:10], z[10:])))
    for one, other in zip(*(q.buffers() for q in quantizers), strict=True):
        assert torch.equal(one, other)
    alive = straight.counts >= 0.2 * straight.counts.mean(dim=1, keepdim=True)
    torch.testing.assert_close(quantizers[0].codes[alive], straight.codes[alive])
