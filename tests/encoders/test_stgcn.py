"""The papers' encoder: against what their code does, piece by piece, and what it must not read."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from window_batches import GARBAGE, batch_of, one_per_segment, slots_of

from anymo.encoders import AnymoEncoderConfig, ImuEncoder
from anymo.encoders.stgcn import ObservedBatchNorm, StgcnBlock, spatial_partition

# Child and parent of AnyMo's graph, over the 23 segments of Xsens, and its centre.
ANYMO_EDGES = [
    (1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (7, 4), (8, 7), (9, 8), (10, 9), (11, 4), (12, 11),
    (13, 12), (14, 13), (15, 0), (16, 15), (17, 16), (18, 17), (19, 0), (20, 19), (21, 20), (22, 21),
]  # fmt: skip
ANYMO = AnymoEncoderConfig(architecture="stgcn", hidden_size=256, num_heads=8, rate_hz=60.0)
UNIMTS = AnymoEncoderConfig(
    architecture="stgcn", hidden_size=512, num_heads=8, use_gyro=False, masked_nodes="zero"
)


def small(**changes: object) -> ImuEncoder:
    torch.manual_seed(0)
    shape = {"architecture": "stgcn", "hidden_size": 24, "num_heads": 4, "base_channels": 4} | changes
    model = ImuEncoder(AnymoEncoderConfig(**shape))
    with torch.no_grad():  # nothing may hide behind a zero
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        model.backbone.input_norm.running_mean.normal_()
    return model.eval()


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_graph_is_the_papers() -> None:
    parts = torch.from_numpy(spatial_partition())
    root, outer, inner = torch.zeros(3, 23, 23, dtype=torch.float64)
    neighbours = torch.eye(23).double()
    for child, parent in ANYMO_EDGES:
        neighbours[child, parent] = neighbours[parent, child] = 1
    for child, parent in ANYMO_EDGES:  # a column is a receiver; what is nearer the pelvis hears the outer
        outer[child, parent] = 1 / neighbours[:, parent].sum()
        inner[parent, child] = 1 / neighbours[:, child].sum()
    root.diagonal()[:] = 1 / neighbours.sum(0)
    torch.testing.assert_close(parts, torch.stack([root, outer, inner]))
    torch.testing.assert_close(parts.sum((0, 1)), torch.ones(23).double())


def test_parameters_of_anymo() -> None:
    encoder = ImuEncoder(ANYMO)
    assert count(encoder.backbone) == 3_081_240  # 3.08 M by the count of methods
    widths = [block.graph.out_channels // 3 for block in encoder.backbone.blocks]
    assert widths == [64] * 4 + [128] * 3 + [256] * 3
    assert [b.time[2].stride[0] for b in encoder.backbone.blocks] == [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert {b.time[2].kernel_size for b in encoder.backbone.blocks} == {(9, 1)}
    assert [b.is_first for b in encoder.backbone.blocks] == [True] + [False] * 9
    assert not encoder.backbone.mask_token.any()
    assert all((importance == 1).all() for importance in encoder.backbone.edge_importance)


def test_parameters_of_unimts() -> None:
    """5,189,956 were counted in its released weights, buffers among them and on 22 nodes."""
    backbone = ImuEncoder(UNIMTS).backbone
    of_a_node = 3 * 2 + 3 * 2  # scale and shift, and mean and variance, of the input's 3 channels
    of_the_graph = (10 + 1) * 3 * (23**2 - 22**2)  # edge importances and adjacency
    buffers = sum(b.numel() for b in backbone.buffers())
    assert count(backbone) + buffers - of_a_node - of_the_graph == 5_189_956


def test_everything_observed_is_plain_batch_norm() -> None:
    torch.manual_seed(0)
    ours, plain = ObservedBatchNorm(5), nn.BatchNorm1d(5)
    for _ in range(3):
        x = torch.randn(4, 5, 7) * 3 + 9
        torch.testing.assert_close(ours(x, torch.ones_like(x, dtype=torch.bool)), plain(x))
    for name, value in plain.named_buffers():
        torch.testing.assert_close(getattr(ours, name), value)
    torch.testing.assert_close(ours.eval()(x, x > 0), plain.eval()(x))


def test_what_was_not_observed_is_not_counted() -> None:
    torch.manual_seed(0)
    norm, x, seen = ObservedBatchNorm(3), torch.randn(4, 3, 6) + 5, torch.rand(4, 3, 6) > 0.5
    seen[:, 2] = False
    y = norm(x.masked_fill(~seen, 1e6), seen)
    for channel in (0, 1):
        inside = x[:, channel][seen[:, channel]]
        expected = (inside - inside.mean()) / (inside.var(correction=0) + norm.eps).sqrt()
        torch.testing.assert_close(y[:, channel][seen[:, channel]], expected, atol=1e-5, rtol=1e-5)
        assert float(norm.running_mean[channel]) == pytest.approx(0.1 * float(inside.mean()))
        assert float(norm.running_var[channel]) == pytest.approx(0.9 + 0.1 * float(inside.var()))
    assert (float(norm.running_mean[2]), float(norm.running_var[2])) == (0.0, 1.0)


@torch.no_grad()
def test_a_block_against_a_loop_over_edges() -> None:
    torch.manual_seed(0)
    block = StgcnBlock(3, 4, stride=2).eval()
    x, adjacency = torch.randn(2, 3, 11, 23), torch.from_numpy(spatial_partition()).float()
    mixed = torch.zeros(2, 4, 11, 23)
    weight, bias = block.graph.weight[:, :, 0, 0].view(3, 4, 3), block.graph.bias.view(3, 4)
    for k, v, w in adjacency.nonzero().tolist():
        sent = torch.einsum("dc,bct->bdt", weight[k], x[..., v]) + bias[k][:, None]
        mixed[..., w] += adjacency[k, v, w] * sent
    expected = torch.relu(block.time(mixed) + block.residual(x))
    torch.testing.assert_close(block(x, adjacency), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("masked_nodes", ["token", "zero"])
def test_what_stands_for_missing_values(masked_nodes: str) -> None:
    backbone = small(masked_nodes=masked_nodes).backbone
    batch = one_per_segment(batch_of(size=1, slots=1, samples=8))
    batch.has_gyro[:], batch.sample_valid[0, 0, 3] = False, False
    segment, valid = int(batch.segment[0, 0]), batch.sample_valid[0, 0]
    x = backbone._nodes(batch, *batch.worn.nonzero(as_tuple=True)[:1], batch.segment[batch.worn], valid[None])
    norm = backbone.input_norm
    signal = batch.signal[0, 0, :, :3].T
    at = slice(6 * segment, 6 * segment + 3)
    plain = (signal - norm.running_mean[at, None]) / (norm.running_var[at, None] + norm.eps).sqrt()
    plain = plain * norm.weight[at, None] + norm.bias[at, None]
    torch.testing.assert_close(x[0, :3, valid, segment], plain[:, valid], atol=1e-5, rtol=1e-5)
    shift = norm.bias - norm.running_mean * norm.weight / (norm.running_var + norm.eps).sqrt()
    missing = shift.view(23, 6) if masked_nodes == "zero" else backbone.mask_token.expand(23, 6)
    others = [node for node in range(23) if node != segment]
    for t in range(8):
        torch.testing.assert_close(x[0, :, t, others].T, missing[others], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(x[0, 3:, t, segment], missing[segment, 3:], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(x[0, :, 3, segment], missing[segment], atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize("value", GARBAGE)
@pytest.mark.parametrize("masked_nodes", ["token", "zero"])
def test_masked_signals_are_never_read(masked_nodes: str, value: float, is_training: bool) -> None:
    encoder = small(masked_nodes=masked_nodes).train(is_training)
    batch = one_per_segment(batch_of())
    spoilt = replace(batch, signal=batch.signal.clone())
    spoilt.signal[~batch.sample_valid] = value
    spoilt.signal[~batch.worn] = value
    spoilt.signal[..., 3:][~batch.has_gyro] = value
    before, after = encoder(batch), encoder(spoilt)
    assert torch.isfinite(after.sequence).all()
    assert torch.equal(before.embedding, after.embedding)
    assert torch.equal(before.sensors, after.sensors)


@torch.no_grad()
def test_shapes_and_masks_of_tokens() -> None:
    encoder = small(rate_hz=20.0)
    batch = one_per_segment(batch_of(samples=47))
    batch.sample_valid[1, :, 20:] = False
    out = encoder(batch)
    assert out.sequence.shape == (3, 12, 24)
    assert out.sequence_valid[1].tolist() == [True] * 5 + [False] * 7
    assert out.sensors.shape == (int(batch.worn.sum()), 12, 24)
    nodes = [encoder(batch.select(slice(b, b + 1))).sensors for b in range(3)]
    torch.testing.assert_close(out.sensors, torch.cat(nodes), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_order_of_the_sensors_does_not_matter() -> None:
    encoder, batch = small(), one_per_segment(batch_of())
    torch.testing.assert_close(encoder(slots_of(batch, [2, 0, 1])).sequence, encoder(batch).sequence)


def test_two_sensors_on_one_segment_are_refused() -> None:
    batch = one_per_segment(batch_of())
    batch.segment[2, 1] = batch.segment[2, 0]
    with pytest.raises(ValueError, match=r"got two on LeftUpperArm in window 2.*architecture=\"worn\""):
        small()(batch)


def test_acceleration_alone() -> None:
    encoder = small(use_gyro=False)
    batch = one_per_segment(batch_of())
    other = replace(batch, signal=batch.signal.clone(), has_gyro=~batch.has_gyro)
    other.signal[..., 3:] += 1
    assert torch.equal(encoder(batch).embedding, encoder(other).embedding)


def test_every_parameter_learns() -> None:
    encoder = small().train()
    out = encoder(one_per_segment(batch_of(size=6)))
    (out.embedding * torch.randn_like(out.embedding)).sum().backward()
    assert [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()] == []
