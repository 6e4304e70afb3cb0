"""Token rate, masks and streams: fewer tokens than latents, padding never read, pieces as the whole."""

import pytest
import torch

from anymo.encoders import AnymoEncoderConfig
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig, TokenStream
from anymo.tokenizer.tokenizer import RECEPTIVE_STEPS

EVERY = [(q, s) for q in ("product", "residual", "fsq") for s in (1, 3)]


def tokenizer_of(quantizer: str = "product", steps: int = 1, **changes: object) -> MotionTokenizer:
    torch.manual_seed(0)
    shape = {"hidden_size": 12, "codebook_size": 16, "code_size": 4, "levels": (4, 4), "heads": ()}
    shape |= {"quantizer": quantizer, "steps_per_token": steps}
    return MotionTokenizer(MotionTokenizerConfig(**shape | changes)).eval()


def test_the_default_is_at_most_32_tokens_for_5_s() -> None:
    encoder, config = AnymoEncoderConfig(), MotionTokenizerConfig()
    assert (config.patch_samples, config.rate_hz) == (encoder.patch_samples, encoder.rate_hz)
    latents = round(5.0 / config.latent_s)
    assert -(-latents // config.steps_per_token) * config.num_groups == 20


@torch.no_grad()
@pytest.mark.parametrize(("quantizer", "steps"), EVERY)
def test_padding_never_changes_valid_codes_or_latents(quantizer: str, steps: int) -> None:
    tokenizer = tokenizer_of(quantizer, steps)
    latents, valid = torch.randn(2, 11, 12), torch.ones(2, 11, dtype=torch.bool)
    valid[1, 7:] = False
    seen = tokenizer.tokens_valid(valid)
    assert seen.sum(dim=1).tolist() == [-(-11 // steps), -(-7 // steps)]
    codes = tokenizer.encode(latents, valid)
    filled = tokenizer.encode(latents.masked_fill(~valid[..., None], torch.nan), valid)
    assert torch.equal(codes[seen], filled[seen])
    short, num = tokenizer.encode(latents[1:, :7]), int(seen[1].sum())
    assert torch.equal(codes[1:, :num], short)
    decoded = tokenizer.decode(codes, valid)
    assert decoded.shape == latents.shape
    alone = tokenizer.decode(short, torch.ones(1, 7, dtype=torch.bool))
    torch.testing.assert_close(decoded[1:, :7], alone)
    assert torch.equal(
        tokenizer.encode(latents[:1])[:, : 9 // steps], tokenizer.encode(latents[:1, :9])[:, : 9 // steps]
    )


@torch.no_grad()
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_forward_is_encode_and_decode(steps: int) -> None:
    tokenizer = tokenizer_of(steps=steps)
    latents, valid = torch.randn(2, 8, 12), torch.ones(2, 8, dtype=torch.bool)
    valid[0, 5:] = False
    out = tokenizer(latents, valid)
    assert torch.equal(out.codes, tokenizer.encode(latents, valid))
    torch.testing.assert_close(out.latents, tokenizer.decode(out.codes, valid))
    changed = tokenizer(latents.masked_fill(~valid[..., None], 9.0), valid)
    for name in ("loss", "perplexity", "error"):
        torch.testing.assert_close(out[name], changed[name])


def test_a_mask_of_another_length_is_refused() -> None:
    tokenizer = tokenizer_of(steps=2)
    with pytest.raises(ValueError, match=r"expected 4 steps for a mask of 8 latents, 2 to a step, got 3"):
        tokenizer.decode(torch.zeros(1, 3, 2, dtype=torch.int64), torch.ones(1, 8, dtype=torch.bool))


@pytest.mark.parametrize(("quantizer", "steps"), EVERY)
@pytest.mark.parametrize("size", [1, 4, 50])
def test_a_stream_is_the_whole(quantizer: str, steps: int, size: int) -> None:
    tokenizer, latents = tokenizer_of(quantizer, steps), torch.randn(2, 50, 12)
    codes = tokenizer.encode(latents)
    stream, pieces = TokenStream(tokenizer), latents.split(size, dim=1)
    coded = [stream.encode(piece, last=k == len(pieces) - 1) for k, piece in enumerate(pieces)]
    assert torch.equal(torch.cat(coded, dim=1), codes)
    with torch.no_grad():
        whole = tokenizer.decode(codes)
    decoded, given = [], 0
    for k, piece in enumerate(coded):
        decoded.append(stream.decode(piece, last=k == len(coded) - 1))
        given += piece.shape[1]
        if k < len(coded) - 1:
            assert sum(d.shape[1] for d in decoded) == steps * max(0, given - stream.lookahead_steps)
    torch.testing.assert_close(torch.cat(decoded, dim=1), whole, atol=1e-5, rtol=1e-5)


def test_the_lookahead_is_what_a_latent_depends_on() -> None:
    tokenizer = tokenizer_of()
    quantized = torch.randn(1, 40, 2, 4, requires_grad=True)
    (grad,) = torch.autograd.grad(tokenizer._decode(quantized, None)[0, 20].sum(), quantized)
    reached = grad.abs().sum(dim=(0, 2, 3)).nonzero().flatten()
    assert (int(reached.min()), int(reached.max())) == (20 - RECEPTIVE_STEPS, 20 + RECEPTIVE_STEPS)
    assert TokenStream(tokenizer).lookahead_steps == RECEPTIVE_STEPS == 7
    assert TokenStream(tokenizer_of(steps=3)).lookahead_steps == 3
