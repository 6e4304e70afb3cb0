"""Unknown mountings: what each handling of rotation is blind to, and what it still sees."""

from dataclasses import replace

import pytest
import torch
from scipy.spatial.transform import Rotation
from window_batches import batch_of

from anymo.encoders import AnymoEncoderConfig, ImuEncoder
from anymo.encoders.channels import NUM_CHANNELS, sensor_channels
from anymo.records import GRAVITY_MPS2, WindowBatch

HANDLINGS = ("augmented", "invariant", "levelled", "both")


def encoder_of(rotation: str) -> ImuEncoder:
    torch.manual_seed(0)
    model = ImuEncoder(AnymoEncoderConfig(hidden_size=32, num_heads=4, rotation=rotation)).eval()
    with torch.no_grad():  # an untrained encoder hardly hears its input
        model.backbone.stem.weight.mul_(3)
        model.backbone.patch.weight.mul_(3)
    return model


def worn_batch(gravity: bool) -> WindowBatch:
    """Sensors in motion, with gaps and without some gyroscopes."""
    batch = batch_of(size=6, samples=100)
    signal = batch.signal.clone()
    if gravity:
        signal[..., :3] += GRAVITY_MPS2 * torch.tensor([0.6, 0.0, 0.8])
    return replace(batch, signal=signal, has_gravity=torch.full_like(batch.worn, gravity))


def turned(batch: WindowBatch, seed: int) -> WindowBatch:
    """Every sensor mounted another way, drawn by itself."""
    b, s = batch.worn.shape
    rotation = torch.from_numpy(Rotation.random(b * s, seed).as_matrix()).float().view(b, s, 1, 3, 3)
    acc, gyro = ((rotation @ v[..., None])[..., 0] for v in (batch.signal[..., :3], batch.signal[..., 3:]))
    return replace(batch, signal=torch.cat([acc, gyro], dim=-1))


@torch.no_grad()
@pytest.mark.parametrize("gravity", [True, False])
@pytest.mark.parametrize("rotation", HANDLINGS)
def test_mounting(rotation: str, gravity: bool) -> None:
    encoder, batch = encoder_of(rotation), worn_batch(gravity)
    before = encoder(batch)
    for seed in range(3):
        after = encoder(turned(batch, seed))
        change = (after.embedding - before.embedding).abs().amax(dim=1)
        if rotation in ("augmented", "both"):
            assert change.max() > 1e-3
        else:
            assert change.max() < 1e-4
            torch.testing.assert_close(after.sequence, before.sequence, atol=1e-3, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("rotation", HANDLINGS)
def test_motion_is_still_seen(rotation: str) -> None:
    encoder, batch = encoder_of(rotation), worn_batch(gravity=True)
    before = encoder(batch).embedding
    sideways, upward = (replace(batch, signal=batch.signal.clone()) for _ in range(2))
    swing = 4 * torch.sin(torch.arange(100) / 3)
    sideways.signal[..., 1] += swing
    upward.signal[..., :3] += swing[:, None] * torch.tensor([0.6, 0.0, 0.8])
    changed = [encoder(b).embedding for b in (sideways, upward)]
    for one, other in ((before, changed[0]), (before, changed[1]), tuple(changed)):
        assert ((one - other).abs().amax(dim=1) > 1e-4).all()


@pytest.mark.parametrize("rotation", HANDLINGS)
@pytest.mark.parametrize("gravity", [True, False])
def test_still_and_short_windows_are_finite(rotation: str, gravity: bool) -> None:
    signal = torch.zeros(4, 30, 6)
    if gravity:
        signal[..., 2] = -GRAVITY_MPS2
    valid = torch.zeros(4, 30, dtype=torch.bool)
    valid[0], valid[1, 4], valid[2, :2] = True, True, True  # and one without any
    yes = torch.ones(4, dtype=torch.bool)
    channels = sensor_channels(signal, valid, yes, yes & gravity, rotation, 20.0)
    assert channels.shape == (4, 30, NUM_CHANNELS[rotation])
    assert torch.isfinite(channels).all()
    groups = 6 if rotation == "invariant" else 2
    assert not channels[~valid][:, :-groups].any()
    assert (channels[~valid][:, -groups:] == 1).all()


def test_levelled_axes() -> None:
    """A sensor upside down that swings along its y reads: z up, x along the swing."""
    signal = torch.zeros(1, 200, 6)
    swing = torch.sin(torch.arange(200) / 5).clamp_min(-0.3)  # longer to one side: that is ahead
    signal[0, :, 2], signal[0, :, 1], signal[0, :, 5] = -GRAVITY_MPS2, 2 * swing, 1.5
    swing = swing - swing.mean()
    yes = torch.ones(1, dtype=torch.bool)
    value = sensor_channels(signal, torch.ones(1, 200, dtype=torch.bool), yes, yes, "levelled", 20.0)[0]
    up = signal[0, :, :3].mean(0) / signal[0, :, :3].mean(0).norm()
    torch.testing.assert_close(value[:, 2] * GRAVITY_MPS2, signal[0, :, :3] @ up)
    assert value[:, 2].mean() > 0.99
    assert torch.corrcoef(torch.stack([value[:, 4], swing]))[0, 1] > 0.99
    assert value[:, 5].abs().max() < 1e-4
    assert value[:, 14].mean() < -0.45  # it turned to the right about the vertical: 1.5 of 3 rad/s


def test_products_of_two_times_need_both() -> None:
    valid = torch.ones(1, 20, dtype=torch.bool)
    valid[0, 9] = False
    yes = torch.ones(1, dtype=torch.bool)
    missing = sensor_channels(torch.randn(1, 20, 6), valid, yes, yes, "invariant", 20.0)[0, :, -6:]
    for group, expected in enumerate([[9], [9]] + [[0, 9, 10]] * 2 + [[0, 1, 2, 9, 12]] * 2):
        assert missing[:, group].nonzero().flatten().tolist() == expected
