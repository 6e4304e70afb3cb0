"""The graph encoder: what it must not depend on, and what it must."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModel
from window_batches import GARBAGE, batch_of, slots_of

from anymo import body
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.encoders import AnymoEncoderConfig, ImuEncoder, TextTower, TextTowerConfig
from anymo.encoders.layers import SkeletonConv
from anymo.skeleton import NUM_SEGMENTS, hop_distance, path_length
from anymo.training.pretrain import ObjectiveConfig, PretrainTask


@pytest.fixture(scope="module", params=["augmented", "invariant", "levelled", "both"])
def encoder(request: pytest.FixtureRequest) -> ImuEncoder:
    torch.manual_seed(0)
    shape = AnymoEncoderConfig(hidden_size=32, num_layers=2, num_heads=4, rotation=request.param)
    model = ImuEncoder(shape).eval()
    with torch.no_grad():  # nothing may hide behind a zero
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def assert_same_body(a, b, atol: float = 2e-6) -> None:
    assert torch.equal(a.sequence_valid, b.sequence_valid)
    torch.testing.assert_close(a.sequence, b.sequence, atol=atol, rtol=1e-5)
    torch.testing.assert_close(a.embedding, b.embedding, atol=atol, rtol=1e-5)


@torch.no_grad()
def test_order_of_the_sensors_does_not_matter(encoder: ImuEncoder) -> None:
    batch = batch_of()
    assert_same_body(encoder(batch), encoder(slots_of(batch, [2, 0, 1])))


@torch.no_grad()
@pytest.mark.parametrize("value", GARBAGE)
def test_a_slot_nobody_wears_is_never_read(encoder: ImuEncoder, value: float) -> None:
    batch = batch_of()
    wider = slots_of(batch, [0, 1, 2, 0])
    wider.worn[:, 3] = False
    wider.signal[:, 3] = value
    wider.sample_valid[:, 3] = True
    assert_same_body(encoder(batch), encoder(wider), atol=0)


@torch.no_grad()
@pytest.mark.parametrize("value", GARBAGE)
def test_missing_samples_and_channels_are_never_read(encoder: ImuEncoder, value: float) -> None:
    batch = batch_of()
    spoilt = replace(batch, signal=batch.signal.clone())
    spoilt.signal[~batch.sample_valid] = value
    gyro = spoilt.signal[..., 3:]
    gyro[~batch.has_gyro] = value
    out = encoder(spoilt)
    assert torch.isfinite(out.sequence).all()
    assert_same_body(encoder(batch), out, atol=0)


@torch.no_grad()
def test_what_is_there_is_read(encoder: ImuEncoder) -> None:
    batch = batch_of()
    before = encoder(batch).embedding
    other_segment = replace(batch, segment=(batch.segment + 1) % NUM_SEGMENTS)
    for changed in (
        replace(batch, signal=batch.signal + 0.5),
        other_segment,
        replace(batch, has_gravity=~batch.has_gravity),
        replace(batch, has_gyro=~batch.has_gyro),
        replace(batch, sample_valid=batch.sample_valid & (torch.arange(47) < 30)),
    ):
        assert ((encoder(changed).embedding - before).abs().amax(dim=1) > 1e-4).all()


@torch.no_grad()
def test_a_window_does_not_see_the_others(encoder: ImuEncoder) -> None:
    batch = batch_of(size=5)
    together = encoder(batch)
    for row in range(5):
        alone = encoder(batch.select(slice(row, row + 1)))
        torch.testing.assert_close(alone.sequence[0], together.sequence[row], atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(alone.embedding[0], together.embedding[row], atol=2e-6, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("samples", [1, 9, 10, 11, 47, 400])
def test_any_length_is_taken(encoder: ImuEncoder, samples: int) -> None:
    out = encoder(batch_of(samples=samples))
    steps = -(-samples // 10)
    assert out.sequence.shape == (3, steps, 32)
    assert torch.isfinite(out.embedding).all()
    torch.testing.assert_close(out.embedding.norm(dim=1), torch.ones(3))


@torch.no_grad()
def test_padding_at_the_end_changes_nothing(encoder: ImuEncoder) -> None:
    batch = batch_of(samples=47)
    signal, valid = torch.full((3, 3, 90, 6), 3.0), torch.zeros(3, 3, 90, dtype=torch.bool)
    signal[:, :, :47], valid[:, :, :47] = batch.signal, batch.sample_valid
    padded = encoder(replace(batch, signal=signal, sample_valid=valid))
    short = encoder(batch)
    assert not padded.sequence_valid[:, 5:].any()
    # The last half patch sees its missing samples as missing either way.
    torch.testing.assert_close(padded.sequence[:, :5], short.sequence, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(padded.embedding, short.embedding, atol=2e-6, rtol=1e-5)


@torch.no_grad()
def test_save_and_load_give_the_same_output(encoder: ImuEncoder, tmp_path) -> None:
    encoder.save_pretrained(tmp_path)
    batch = batch_of()
    for model in (ImuEncoder.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path)):
        assert isinstance(model, ImuEncoder)
        assert torch.equal(model(batch).sequence, encoder(batch).sequence)
        assert torch.equal(model(batch).embedding, encoder(batch).embedding)


def test_wrong_rate_and_bare_windows_are_refused(encoder: ImuEncoder) -> None:
    with pytest.raises(ValueError, match=r"expected windows at 20 Hz, got 50 Hz"):
        encoder(replace(batch_of(), rate_hz=50.0))
    bare = batch_of()
    bare.worn[1] = False
    with pytest.raises(ValueError, match=r"got none in windows \[1\]"):
        encoder(bare)


@torch.no_grad()
def test_messages_against_a_loop_over_nodes() -> None:
    torch.manual_seed(1)
    conv, steps = SkeletonConv(8), 4
    window, segment = torch.tensor([0, 0, 0, 1, 2, 2]), torch.tensor([13, 13, 0, 6, 17, 21])
    x, valid = torch.randn(6, steps, 8), torch.rand(6, steps) > 0.3
    valid[0, 0], valid[1, 0], valid[2, 0] = True, False, False  # node 0 hears nobody at step 0
    edges = torch.tensor([(j, i) for j in range(6) for i in range(6) if i != j and window[i] == window[j]]).T
    fast = conv(x, valid, edges, segment)
    hops, path = hop_distance(), path_length()
    for i in range(6):
        for step in range(steps):
            heard = [j for j in range(6) if j != i and window[j] == window[i] and valid[j, step]]
            expected = x[i, step].clone()
            if heard:
                own = conv.target(conv.norm(x[i, step]))
                scores, values = [], []
                for j in heard:
                    away = float(path[segment[j], segment[i]]) - conv.centres_m
                    edge = conv.length(torch.exp(-0.5 * (away / 0.25) ** 2))
                    edge = edge + conv.hop.weight[int(hops[segment[j], segment[i]])]
                    other = conv.norm(x[j, step])
                    scores.append(conv.score(torch.tanh(own + conv.source(other) + edge)))
                    values.append(conv.value(other) + edge)
                expected = expected + (torch.stack(scores).softmax(0) * torch.stack(values)).sum(0)
            torch.testing.assert_close(fast[i, step], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("max_sensors", [1, 3])
def test_every_parameter_learns(
    tiny_corpus: MotionCorpus, asset: Callable, tmp_path, max_sensors: int
) -> None:
    torch.manual_seed(0)
    text = TextTower(TextTowerConfig(base=str(asset("wordllama-256"))))
    shape = AnymoEncoderConfig(hidden_size=32, num_layers=2, num_heads=4)
    task = PretrainTask(ImuEncoder(shape), text, ObjectiveConfig())
    draw = DrawConfig(max_sensors=max_sensors, gyro_share=0.5)
    sampler = WindowSampler(tiny_corpus, [body.load()], draw, held_out=False)
    task(sampler.batch(12, np.random.default_rng(0))).loss.backward()
    missing = [n for n, p in task.named_parameters() if p.grad is None]
    assert missing == []  # DDP waits for every one of them
    still = {n for n, p in task.named_parameters() if not p.grad.any()}
    assert {n for n in still if max_sensors > 1 or ".skeleton." not in n} == set()
