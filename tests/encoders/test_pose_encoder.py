"""The pose tower: frames that are missing count for nothing."""

from copy import deepcopy

import pytest
import torch

from anymo.encoders import PoseEncoder, PoseEncoderConfig


@pytest.fixture(scope="module")
def encoder() -> PoseEncoder:
    torch.manual_seed(0)
    return PoseEncoder(PoseEncoderConfig(hidden_size=32, embedding_size=16)).eval()


@torch.no_grad()
def test_shapes_and_time(encoder: PoseEncoder) -> None:
    pose = torch.randn(3, 24, 141)
    assert encoder.sequence(pose).shape == (3, 4, 32)
    out = encoder(pose)
    torch.testing.assert_close(out.norm(dim=1), torch.ones(3))
    assert (encoder(pose.flip(1)) - out).abs().max() > 1e-3
    torch.testing.assert_close(encoder(pose[1:2])[0], out[1])


@torch.no_grad()
@pytest.mark.parametrize("value", [float("nan"), 1e20, 5.0])
def test_padding_changes_nothing(encoder: PoseEncoder, value: float) -> None:
    pose = torch.randn(2, 24, 141)
    valid = torch.ones(2, 24, dtype=torch.bool)
    valid[0, 14:] = False  # the third token is broken off
    spoilt = pose.masked_fill(~valid[..., None], value)
    out = encoder(spoilt, valid)
    torch.testing.assert_close(out[0], encoder(pose[:1, :12])[0])
    torch.testing.assert_close(out[1], encoder(pose)[1])


@torch.no_grad()
def test_save_and_load(encoder: PoseEncoder, tmp_path) -> None:
    encoder.save_pretrained(tmp_path)
    pose = torch.randn(2, 12, 141)
    assert torch.equal(PoseEncoder.from_pretrained(tmp_path)(pose), encoder(pose))


@torch.no_grad()
def test_half_precision(encoder: PoseEncoder) -> None:
    pose = torch.randn(2, 12, 141)
    half = deepcopy(encoder).to(torch.bfloat16)(pose)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), encoder(pose), atol=0.05, rtol=0)


def test_what_cannot_be_cut_into_tokens_is_refused(encoder: PoseEncoder) -> None:
    with pytest.raises(ValueError, match="expected a multiple of 6 frames, got 16"):
        encoder(torch.randn(1, 16, 141))
    valid = torch.arange(12) % 6 > 0
    with pytest.raises(ValueError, match=r"got none in windows \[1\]; leave"):
        encoder(torch.randn(2, 12, 141), torch.stack([torch.ones(12, dtype=torch.bool), valid]))
