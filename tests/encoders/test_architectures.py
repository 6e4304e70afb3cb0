"""What both architectures promise: any number of sensors, equal files, cost, and what a config refuses."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel
from window_batches import batch_of, one_per_segment

from anymo.encoders import AnymoEncoderConfig, ImuEncoder
from anymo.encoders.layers import SkeletonConv
from anymo.encoders.worn import edges_between_sensors
from anymo.records import WindowBatch
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, path_length

SHAPES = {
    "worn": AnymoEncoderConfig(hidden_size=32, num_layers=2, num_heads=4),
    "worn, levelled, strided": AnymoEncoderConfig(
        hidden_size=32, num_heads=4, rotation="levelled", stem_stride=2, patch_samples=4
    ),
    "worn, invariant": AnymoEncoderConfig(hidden_size=32, num_heads=4, rotation="invariant"),
    "stgcn": AnymoEncoderConfig(architecture="stgcn", hidden_size=32, num_heads=4, base_channels=8),
    "stgcn, as UniMTS": AnymoEncoderConfig(
        architecture="stgcn",
        hidden_size=32,
        num_heads=4,
        base_channels=8,
        use_gyro=False,
        masked_nodes="zero",
    ),
}


@pytest.fixture(params=SHAPES)
def encoder(request: pytest.FixtureRequest) -> ImuEncoder:
    torch.manual_seed(0)
    return ImuEncoder(SHAPES[request.param])


def all_worn(slots: int, samples: int = 40) -> WindowBatch:
    batch = one_per_segment(batch_of(size=2, slots=4, samples=samples))
    batch = replace(
        batch, **{n: getattr(batch, n).repeat_interleave(5, 1)[:, :slots] for n in vars_of(batch)}
    )
    batch.worn[:] = True
    return one_per_segment(batch)


def vars_of(batch: WindowBatch) -> tuple[str, ...]:
    return tuple(n for n in batch.__slots__ if n != "rate_hz")


@torch.no_grad()
@pytest.mark.parametrize("slots", [1, 2, 5, 17])
def test_any_number_of_sensors(encoder: ImuEncoder, slots: int) -> None:
    out = encoder.eval()(all_worn(slots))
    steps = -(-40 // encoder.config.patch_samples)
    assert out.sequence.shape == (2, steps, 32)
    assert out.sensors.shape == (2 * slots, steps, 32)
    assert out.sensor_window.tolist() == [0] * slots + [1] * slots
    torch.testing.assert_close(out.embedding.norm(dim=1), torch.ones(2))


@torch.no_grad()
def test_acceleration_alone_in_a_whole_batch(encoder: ImuEncoder) -> None:
    batch = all_worn(3)
    batch.has_gyro[:] = False
    batch.signal[..., 3:] = float("nan")
    assert torch.isfinite(encoder.train()(batch).embedding).all()


@torch.no_grad()
def test_save_and_load_give_the_same_bytes(encoder: ImuEncoder, tmp_path) -> None:
    batch = one_per_segment(batch_of())
    for parameter in encoder.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    encoder.train()(batch)  # running statistics are part of it
    encoder.eval().save_pretrained(tmp_path)
    for model in (ImuEncoder.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path)):
        assert isinstance(model, ImuEncoder)
        assert model.config.to_diff_dict() == encoder.config.to_diff_dict()
        theirs, ours = model.state_dict(), encoder.state_dict()
        assert all(torch.equal(theirs[name], ours[name]) for name in ours)
        assert dict(model.named_buffers()).keys() <= theirs.keys()
        assert torch.equal(model(batch).embedding, encoder(batch).embedding)


@torch.no_grad()
def test_in_half_precision(encoder: ImuEncoder) -> None:
    batch = all_worn(3)
    exact = encoder.eval()(batch).embedding
    half = encoder.to(torch.bfloat16)(batch).embedding
    assert half.dtype == torch.bfloat16
    assert (half.float() * exact).sum(-1).min() > 0.98


def flops(encoder: ImuEncoder, slots: int) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder(all_worn(slots))
    return counter.get_total_flops()


def test_cost_grows_with_the_sensors_worn() -> None:
    worn, stgcn = ImuEncoder(SHAPES["worn"]), ImuEncoder(SHAPES["stgcn"])
    assert flops(stgcn, 1) == flops(stgcn, 17)
    encoding, pooling = flops(worn, 2) - flops(worn, 1), 2 * flops(worn, 1) - flops(worn, 2)
    assert 0 < pooling < 0.1 * flops(worn, 1)
    # The score of a message is all that grows with the pairs.
    assert flops(worn, 17) == pytest.approx(flops(worn, 1) + 16 * encoding, rel=0.15)


def test_edges_join_what_one_body_wears() -> None:
    worn = torch.tensor([[True, False, True, True], [False, True, False, False], [True, True, False, False]])
    expected = {(i, j) for group in ((0, 1, 2), (3,), (4, 5)) for i in group for j in group if i != j}
    edges = edges_between_sensors(worn).T.tolist()
    assert sorted(map(tuple, edges)) == sorted(expected)


def test_path_lengths_follow_the_bones() -> None:
    path = path_length()
    assert path[INDEX["LeftUpperArm"], INDEX["LeftHand"]] == pytest.approx(0.29 + 0.255)
    arm = ["LeftShoulder", "LeftUpperArm", "LeftForeArm"]
    reach = sum(float((DEFAULT_JOINT_OFFSETS[INDEX[s]] ** 2).sum() ** 0.5) for s in arm)
    assert path[INDEX["T8"], INDEX["LeftForeArm"]] == pytest.approx(reach)
    assert path[INDEX["LeftForeArm"], INDEX["RightForeArm"]] == pytest.approx(2 * reach)
    assert (path == path.T).all()
    assert (path.diagonal() == 0).all()


@torch.no_grad()
def test_edges_tell_distances_apart() -> None:
    torch.manual_seed(0)
    conv = SkeletonConv(8)
    hand = torch.full((4,), INDEX["LeftHand"])
    others = torch.tensor([INDEX[s] for s in ("LeftHand", "LeftForeArm", "LeftUpperArm", "LeftFoot")])
    edge = conv.edge(hand, others)
    assert (torch.cdist(edge, edge) + 10 * torch.eye(4)).min() > 0.1
    conv.hop.weight.zero_()  # the length alone tells bones of one hop apart
    joints = conv.edge(
        torch.tensor([INDEX["Pelvis"], INDEX["LeftUpperLeg"]]),
        torch.tensor([INDEX["L5"], INDEX["LeftLowerLeg"]]),
    )
    assert (joints[0] - joints[1]).norm() > 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "tcn"}, r"expected architecture to be one of \('worn', 'stgcn'\), got 'tcn'"),
        ({"rotation": "none"}, r"expected rotation to be one of .*'both'\), got 'none'"),
        ({"masked_nodes": "mean"}, r"expected masked_nodes to be one of"),
        ({"hidden_size": 100}, r"num_heads must divide hidden_size, got 6 and 100"),
        ({"stem_stride": 3}, r"stem_stride must divide patch_samples, got 3 and 10"),
    ],
)
def test_a_config_that_cannot_work_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AnymoEncoderConfig(**changes)
