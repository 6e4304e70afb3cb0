"""The objectives of pre-training on a batch made by hand: each alone, all together, and in parts."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from anymo.data.corpus import POSE_SIZE
from anymo.data.simulated import SimulatedBatch, Targets
from anymo.encoders import AnymoEncoderConfig, ImuEncoder, TextTower, TextTowerConfig
from anymo.encoders.decoders import PlacementDecoder
from anymo.records import WindowBatch
from anymo.simulation import placement_matrix
from anymo.skeleton import NUM_SEGMENTS
from anymo.training.objectives import TERMS, ObjectiveConfig, PretrainTask, text_id

SHAPE = AnymoEncoderConfig(hidden_size=24, num_layers=1, num_heads=2)
NONE = dict.fromkeys(TERMS, 0.0)
ALL = dict.fromkeys(TERMS, 1.0)
WORDS = ("walk", "a person walks", "run", "a person runs", "sit")
NewTask = Callable[..., PretrainTask]


def alone(name: str) -> dict[str, float]:
    """Weights with one objective on, beside one that trains the encoder where that does not."""
    return {"reconstruction": 1.0, name: 2.0} if name in ("pose_text", "pose_to_imu") else {name: 2.0}


def view(rng: np.random.Generator, size: int, num_samples: int, num_worn: int = 2) -> WindowBatch:
    """Random signals of up to `num_worn` sensors, some windows cut short, some sensors without gyroscope."""
    worn = torch.from_numpy(np.arange(num_worn) <= rng.integers(num_worn, size=size)[:, None])
    seen = torch.from_numpy(
        np.arange(num_samples) < rng.integers(num_samples // 2, num_samples, size)[:, None]
    )
    segment = np.stack([rng.permutation(NUM_SEGMENTS)[:num_worn] for _ in range(size)])
    return WindowBatch(
        signal=torch.from_numpy(5 * rng.normal(size=(size, num_worn, num_samples, 6))).float(),
        sample_valid=seen[:, None] & worn[..., None],
        has_gyro=torch.from_numpy(rng.random(worn.shape) < 0.7) & worn,
        worn=worn,
        segment=torch.from_numpy(segment),
        has_gravity=torch.from_numpy(rng.random(worn.shape) < 0.5) & worn,
        rate_hz=20.0,
    )


def batch_of(size: int = 6, *, num_samples: int = 40, complete: bool = False) -> SimulatedBatch:
    """Windows of 2 s with two views, two captions and three targets each."""
    rng = np.random.default_rng(5)
    texts = [tuple(WORDS[k] for k in rng.permutation(len(WORDS))[:2]) for _ in range(size)]
    whole = [view(rng, size, num_samples, NUM_SEGMENTS) for _ in range(2)]
    whole = [replace(v, worn=torch.ones_like(v.worn)) for v in whole]
    turn = Rotation.random(size * 3, rng=rng).as_matrix().reshape(size, 3, 3, 3)
    return SimulatedBatch(
        views=tuple(view(rng, size, num_samples) for _ in range(2)),
        complete=tuple(whole) if complete else (),
        targets=Targets(
            segment=torch.from_numpy(rng.integers(NUM_SEGMENTS, size=(size, 3))),
            offset=torch.from_numpy(0.1 * rng.normal(size=(size, 3, 3))).float(),
            rotation=torch.from_numpy(turn).float(),
            signal=torch.from_numpy(5 * rng.normal(size=(size, 3, num_samples, 6))).float(),
        ),
        pose=torch.from_numpy(rng.normal(size=(size, 12 * num_samples // 20, POSE_SIZE))).float(),
        pose_seen=torch.ones(size, 12 * num_samples // 20, dtype=torch.bool),
        texts=tuple(texts),
        phrase=tuple(t[0] for t in texts),
        clip=torch.arange(size),
        real=torch.from_numpy(rng.random(size) < 0.5),
    )


def doubled(batch: SimulatedBatch) -> SimulatedBatch:
    """In double precision."""
    assert batch.targets is not None
    t = batch.targets
    return replace(
        batch,
        views=tuple(replace(v, signal=v.signal.double()) for v in batch.views),
        complete=tuple(replace(v, signal=v.signal.double()) for v in batch.complete),
        targets=replace(t, offset=t.offset.double(), rotation=t.rotation.double(), signal=t.signal.double()),
        pose=batch.pose.double(),
    )


def untrained_decoder(patch_samples: int) -> PlacementDecoder:
    """A small decoder that says something, which a new one does not."""
    torch.manual_seed(0)
    decoder = PlacementDecoder(memory_width=8, width=12, num_heads=2, patch_samples=patch_samples)
    torch.nn.init.normal_(decoder.head.weight)
    return decoder


def rows(batch: SimulatedBatch, part: slice) -> SimulatedBatch:
    """Some of the windows."""
    assert batch.targets is not None
    names = ("segment", "offset", "rotation", "signal")
    return SimulatedBatch(
        views=tuple(v.select(part) for v in batch.views),
        complete=tuple(v.select(part) for v in batch.complete),
        targets=Targets(**{n: getattr(batch.targets, n)[part] for n in names}),
        pose=batch.pose[part],
        pose_seen=batch.pose_seen[part],
        texts=batch.texts[part],
        phrase=batch.phrase[part],
        clip=batch.clip[part],
        real=batch.real[part],
    )


@pytest.fixture
def new_task(asset: Callable) -> NewTask:
    def make(weights: dict[str, float], shape: AnymoEncoderConfig = SHAPE, **options: Any) -> PretrainTask:
        torch.manual_seed(0)
        text = TextTower(TextTowerConfig(base=str(asset("wordllama-256"))))
        return PretrainTask(ImuEncoder(shape), text, ObjectiveConfig(**(NONE | weights), **options))

    return make


def gradients(task: PretrainTask) -> dict[str, torch.Tensor]:
    found = {n: p.grad.clone() for n, p in task.named_parameters() if p.grad is not None}
    task.zero_grad()
    return found


def cotangents(
    task: PretrainTask, made: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    leaves = {k: v.detach().requires_grad_() for k, v in made.items() if v.is_floating_point()}
    loss = task.score(made | leaves).loss
    found = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
    return loss, dict(zip(leaves, found, strict=True))


@pytest.mark.parametrize("complete", [False, True])
def test_parts_give_the_loss_and_the_gradient_of_the_whole(new_task: NewTask, complete: bool) -> None:
    task, batch = new_task(ALL, num_captions=2).double(), doubled(batch_of(complete=complete))
    whole = task(batch)
    whole.loss.backward()
    expected = gradients(task)

    parts = [rows(batch, part) for part in (slice(0, 2), slice(2, 4), slice(4, 6))]
    with torch.no_grad():
        made = [task.represent(part) for part in parts]
    joined = {k: torch.cat([m[k] for m in made]) for k in made[0]}
    assert {len(tensor) for tensor in joined.values()} == {len(batch)}
    loss, all_cotangents = cotangents(task, joined)
    torch.testing.assert_close(loss.detach(), whole.loss.detach(), rtol=1e-12, atol=0.0)
    for k, part in enumerate(parts):
        task(part, {key: c[2 * k : 2 * k + 2] for key, c in all_cotangents.items()}).loss.backward()
    found = gradients(task)
    assert found.keys() == expected.keys() == {n for n, p in task.named_parameters() if p.requires_grad}
    for name, gradient in expected.items():  # the products of the surrogate are in single precision
        error = float((found[name] - gradient).abs().max())
        assert error <= 1e-6 * max(1.0, float(gradient.abs().max())), name


@pytest.mark.parametrize("name", TERMS)
def test_what_is_off_is_not_there(new_task: NewTask, name: str) -> None:
    task, batch = new_task(alone(name)), batch_of()
    out = task(batch)
    out.loss.backward()
    assert out.logs.keys() - {"temperature"} == alone(name).keys()
    assert float(out.loss) == pytest.approx(sum(w * out.logs[n] for n, w in alone(name).items()), rel=1e-6)
    assert gradients(task).keys() == {n for n, p in task.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("name", ["pose", "cross_view"])
def test_captured_and_generated_windows_can_be_kept_apart(new_task: NewTask, name: str) -> None:
    task = new_task(alone(name), across_sources=False)
    batch = replace(batch_of(), real=torch.tensor([True] * 3 + [False] * 3))
    parts = [task(rows(batch, part)).logs[name] for part in (slice(0, 3), slice(3, 6))]
    assert task(batch).logs[name] == pytest.approx(sum(parts) / 2, rel=1e-5)
    assert task(replace(batch, real=torch.zeros(6, dtype=torch.bool))).logs[name] > max(parts)


def test_captions_of_the_other_kind_are_no_negatives(new_task: NewTask) -> None:
    """Without a word in common, the term is the mean of both kinds; a word that both say meets both."""
    task = new_task(alone("text"), across_sources=False, directions="one")
    batch = replace(rows(batch_of(), slice(0, 4)), real=torch.tensor([True, True, False, False]))
    apart = replace(batch, texts=(("walking",), ("running",), ("sitting",), ("waving",)))
    parts = [task(rows(apart, part)).logs["text"] for part in (slice(0, 2), slice(2, 4))]
    assert task(apart).logs["text"] == pytest.approx(sum(parts) / 2, rel=1e-5)
    shared = replace(batch, texts=(("walking",), ("running",), ("walking",), ("waving",)))
    parts = [task(rows(shared, part)).logs["text"] for part in (slice(0, 2), slice(2, 4))]
    assert task(shared).logs["text"] == pytest.approx(sum(parts) / 2, rel=1e-5)


def test_the_papers_encoder_takes_every_objective(new_task: NewTask) -> None:
    shape = AnymoEncoderConfig(architecture="stgcn", hidden_size=16, num_heads=2, base_channels=4)
    task = new_task(ALL, shape)
    out = task(batch_of(3, complete=True))
    out.loss.backward()
    assert out.logs.keys() == {*TERMS, "temperature"}
    assert all(math.isfinite(value) for value in out.logs.values())
    assert gradients(task).keys() == {n for n, p in task.named_parameters() if p.requires_grad}


def test_each_head_is_built_for_its_objective(new_task: NewTask) -> None:
    both = {"encoder", "text"}
    heads = {n: {k for k, _ in new_task(alone(n)).named_children()} - both for n in TERMS}
    assert heads == {
        "text": set(),
        "pose": {"pose"},
        "pose_text": {"pose", "decoder"},
        "cross_view": {"predictor"},
        "reconstruction": {"decoder"},
        "pose_to_imu": {"pose", "pose_decoder", "decoder"},
        "synthesis": {"synthesis"},
    }


def test_one_view_is_enough_without_cross_view(new_task: NewTask) -> None:
    task = new_task(ALL | {"cross_view": 0.0})
    assert task.objective.num_views == 1
    batch = batch_of()
    assert torch.isfinite(task(replace(batch, views=batch.views[:1])).loss)


def test_the_loss_is_the_weighted_sum_of_what_is_logged(new_task: NewTask) -> None:
    weights = {name: 0.1 * (k + 1) for k, name in enumerate(TERMS)}
    out = new_task(weights)(batch_of())
    assert float(out.loss) == pytest.approx(sum(w * out.logs[n] for n, w in weights.items()), rel=1e-6)


def test_nothing_flows_into_the_other_view(new_task: NewTask) -> None:
    task, batch = new_task({"cross_view": 1.0}), batch_of()
    made = task.represent(batch)
    assert made["predicted"].requires_grad
    assert not made["target"].requires_grad
    _, found = cotangents(task, made)
    assert not found["target"].any()
    assert found["predicted"].any()


def test_the_target_is_the_complete_other_view_where_there_is_one(new_task: NewTask) -> None:
    task, batch = new_task({"cross_view": 1.0}).eval(), batch_of(complete=True)
    with torch.no_grad():
        made = task.represent(batch)
        whole = [task.encoder(v).sequence for v in batch.complete]
        worn = [task.encoder(v).sequence for v in batch.views]
        other = task.represent(replace(batch, complete=()))
    torch.testing.assert_close(made["target"], torch.stack([whole[1], whole[0]], dim=1))
    torch.testing.assert_close(other["target"], torch.stack([worn[1], worn[0]], dim=1))
    torch.testing.assert_close(made["predicted"], other["predicted"])


def test_windows_of_one_sentence_are_no_negatives(new_task: NewTask) -> None:
    task, batch = new_task({"text": 1.0}), batch_of()
    batch = replace(batch, texts=(("walk",),) * len(batch))
    made = task.represent(batch)
    assert made["text_id"].unique().tolist() == [text_id("walk")]
    one_way = new_task({"text": 1.0}, directions="one")
    assert float(one_way(batch).loss) == pytest.approx(0, abs=1e-6)
    different = replace(batch, texts=(("walk",),) * 3 + (("run",),) * 3)
    assert float(one_way(different).loss) > 0.1


def test_text_id_is_stable_and_fits() -> None:
    assert text_id("walking") == 1507116848323226287
    assert text_id("walking") != text_id("Walking")
    assert all(0 <= text_id(str(k)) < 2**63 for k in range(100))


def test_perfect_signals_have_no_loss(new_task: NewTask, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("reconstruction", "pose_to_imu", "synthesis")
    task, batch = new_task(dict.fromkeys(names, 1.0)), batch_of()
    assert batch.targets is not None
    right = batch.targets.signal
    monkeypatch.setattr(PlacementDecoder, "forward", lambda *_: right)
    worn = batch.views[0].signal[batch.views[0].worn] / task.unit
    patches = worn.reshape(len(worn), -1, SHAPE.patch_samples * 6)
    monkeypatch.setattr(task.decoder, "forward", lambda _: patches)
    assert task(batch).logs == dict.fromkeys(names, 0.0)


def test_signals_are_compared_where_they_were_seen(new_task: NewTask) -> None:
    task, batch = new_task({"reconstruction": 1.0, "synthesis": 1.0}), batch_of()
    first, targets = batch.views[0], batch.targets
    assert targets is not None
    made = task.represent(batch)
    tokens = first.sample_valid.any(dim=1).unflatten(1, (-1, SHAPE.patch_samples)).any(dim=2).sum(1)
    assert made["synthesis"][:, 0, 1].tolist() == (3 * 6 * SHAPE.patch_samples * tokens).tolist()
    seen = first.sample_valid.sum(2)
    channels = 3 * seen + 3 * seen * first.has_gyro
    assert made["reconstruction"][:, 0, 1].tolist() == channels.sum(1).tolist()
    # Changing what is past the end, or a gyroscope that is not there, changes nothing.
    noise = torch.where(first.sample_valid[..., None], first.signal, torch.nan)
    again = task.represent(replace(batch, views=(replace(first, signal=noise), batch.views[1])))
    torch.testing.assert_close(again["reconstruction"], made["reconstruction"])


def test_a_pose_past_the_end_of_its_clip_is_not_read(new_task: NewTask) -> None:
    task, batch = new_task({"pose": 1.0, "pose_to_imu": 1.0}), batch_of()
    assert batch.targets is not None
    batch.pose_seen[0, 7:] = False  # one whole token of six frames is left, of ten samples
    made = task.represent(batch)
    assert made["pose_to_imu"][0, 0, 1] == 3 * 6 * 10
    assert (made["pose_to_imu"][1:, 0, 1] == 3 * 6 * 40).all()
    past = batch.pose.clone()
    past[0, 7:] = torch.nan
    again = task.represent(replace(batch, pose=past))
    for name in ("pose", "pose_to_imu"):
        torch.testing.assert_close(again[name], made[name])


def test_turning_or_shifting_the_queried_sensor_is_exact() -> None:
    decoder = untrained_decoder(10)
    memory, valid = torch.randn(2, 3, 4, 8), torch.ones(2, 3, 4, dtype=torch.bool)
    segment, offset = torch.tensor([[3, 3], [9, 9]]), torch.randn(2, 1, 3).expand(2, 2, 3)
    turn = torch.from_numpy(Rotation.random(2, rng=np.random.default_rng(0)).as_matrix()).float()
    rotation = torch.stack([torch.eye(3).expand(2, 3, 3), turn], dim=1)
    signal = decoder(memory, valid, segment, offset, rotation, 38)
    assert signal.shape == (2, 2, 38, 6)
    for part in (slice(0, 3), slice(3, 6)):
        torch.testing.assert_close(signal[:, 0, :, part] @ turn, signal[:, 1, :, part], rtol=1e-4, atol=1e-3)
    # The force on a rigid body is linear in the offset, and its rotation is the same everywhere.
    straight = torch.eye(3).expand(2, 3, 3, 3)
    along = torch.tensor([0.0, 0.1, 0.3])[None, :, None] * offset[:, :1]
    a, b, c = decoder(memory, valid, segment[:, :1].expand(2, 3), along, straight, 38).unbind(1)
    torch.testing.assert_close((c - a)[..., :3], 3 * (b - a)[..., :3], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(c[..., 3:], a[..., 3:])
    assert (signal[0] - signal[1]).abs().max() > 1.0


def test_a_stream_that_saw_nothing_is_not_attended() -> None:
    decoder = untrained_decoder(5)
    memory, valid = torch.randn(1, 3, 4, 8), torch.ones(1, 3, 4, dtype=torch.bool)
    valid[:, 2] = valid[:, :, 3] = False
    query = (torch.tensor([[1]]), torch.zeros(1, 1, 3), torch.eye(3)[None, None])
    signal = decoder(memory, valid, *query, 20)
    other = memory.clone()
    other[:, 2] = other[:, :, 3] = 100.0
    torch.testing.assert_close(decoder(other, valid, *query, 20)[:, :, :15], signal[:, :, :15])
    assert torch.isfinite(signal).all()


def test_the_decoder_can_say_what_the_simulator_says() -> None:
    """With the right 18 numbers in its bias, the decoder's signal is the simulated one."""
    decoder = untrained_decoder(10)
    features = torch.randn(10, 18) * decoder.unit
    torch.nn.init.zeros_(decoder.head.weight)
    decoder.head.bias.data = (features / decoder.unit).flatten()
    offset = 0.1 * torch.randn(1, 2, 3)
    rotation = torch.from_numpy(Rotation.random(2, rng=np.random.default_rng(1)).as_matrix()).float()[None]
    memory, valid = torch.randn(1, 1, 1, 8), torch.ones(1, 1, 1, dtype=torch.bool)
    signal = decoder(memory, valid, torch.tensor([[0, 5]]), offset, rotation, 10)
    torch.testing.assert_close(
        signal[0], features @ placement_matrix(offset[0], rotation[0]), rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("name", TERMS)
def test_twenty_steps_lower_each_objective_alone(new_task: NewTask, name: str) -> None:
    task, batch = new_task(alone(name)), batch_of(8)
    optimizer = torch.optim.AdamW([p for p in task.parameters() if p.requires_grad], lr=3e-3)
    values = []
    for _ in range(20):
        out = task(batch)
        out.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        values.append(out.logs[name])
    assert all(math.isfinite(v) for v in values)
    assert values[-1] < 0.97 * values[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(NONE), "one above 0.*set text to 1"),
        (NONE | {"pose_text": 1.0, "pose_to_imu": 1.0}, "which train the encoder"),
        ({"text": -1.0}, "weights of 0 or more"),
        ({"num_captions": 0}, "num_captions, predictor_layers"),
        ({"cross_view_temperature": 0.0}, "cross_view_temperature above 0"),
        ({"phrase_share": 1.5}, "phrase_share: expected 0 to 1, got 1.5"),
    ],
)
def test_objectives_that_cannot_work_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ObjectiveConfig(**wrong)


def test_targets_that_are_missing_are_refused(new_task: NewTask) -> None:
    with pytest.raises(ValueError, match=r"got none; set draw\.num_targets"):
        new_task({"synthesis": 1.0})(replace(batch_of(), targets=None))
