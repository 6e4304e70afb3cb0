"""A step's batch and gradient do not depend on how many parts share it."""

import json
from collections.abc import Mapping
from pathlib import Path

import engine_toy as toy
import numpy as np
import pytest
import torch
from torch import nn

from anymo.training.average import WeightAverage
from anymo.training.engine import train
from anymo.training.gather import cached, surrogate
from anymo.training.meter import Meter, count_flops
from anymo.training.optim import OptimConfig, lr_share
from anymo.training.task import TaskOutput, averaged, block_of, draw


def test_a_batch_is_the_same_in_any_number_of_parts() -> None:
    def of(size: int, parts: int, step: int = 5) -> torch.Tensor:
        drawn = [
            draw(toy.source, size=size // parts, block_size=16, seed=1, step=step, part=k)
            for k in range(parts)
        ]
        return torch.cat([d.values for d in drawn])

    assert all(torch.equal(of(64, 1), of(64, parts)) for parts in (2, 4))
    assert torch.equal(of(20, 1), of(20, 2))  # blocks of 10
    assert len(of(17, 1)) == 17  # blocks of 1
    assert [block_of(size, 16) for size in (64, 20, 17, 3)] == [16, 10, 1, 3]
    assert not torch.equal(of(64, 1), of(64, 1, step=6))
    assert len(of(64, 1).unique()) == of(64, 1).numel()  # no block twice


def test_logs_are_means_over_the_parts_that_have_them(tmp_path: Path) -> None:
    assert averaged([{"a": 1.0}, {"b": 2.0, "a": 4.0}, {"b": 3.0}]) == {"a": 2.5, "b": 2.5}

    class SomeParts(nn.Module):
        """Logs a value for some of its parts alone; not for the first."""

        def __init__(self) -> None:
            super().__init__()
            self.line, self.calls = nn.Linear(8, 1), 0

        def forward(self, batch: toy.Pairs) -> TaskOutput:
            self.calls += 1
            logs = {} if self.calls % 2 == 0 else {"rare": float(self.calls)}
            return TaskOutput(loss=self.line(batch.values).square().mean(), logs=logs)

    optim = OptimConfig(steps=1, batch_size=8, micro_batches=4, warmup_steps=0)
    train(SomeParts(), toy.source, optim, tmp_path, seed=0, name="toy")
    row = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert row["rare"] == (3 + 5) / 2  # the first call counts FLOPs


def test_the_cached_gradient_is_that_of_the_whole_batch_with_the_same_dropout() -> None:
    torch.manual_seed(0)
    task = toy.PairTask(dropout=0.3)
    parts = [toy.source(16, np.random.default_rng(k)) for k in range(4)]
    state = torch.get_rng_state()
    made = [task.represent(part) for part in parts]
    whole = task.score({key: torch.cat([m[key] for m in made]) for key in made[0]})
    whole.loss.backward()
    expected = {name: p.grad for name, p in task.named_parameters() if p.requires_grad}
    task.zero_grad()
    torch.set_rng_state(state)
    output, cotangents = cached(task, parts, torch.device("cpu"))
    for part, cotangent in zip(parts, cotangents, strict=True):
        task(part, cotangent).loss.backward()
    assert output.loss == whole.loss
    assert output.logs == {"items": 64.0}
    for name, parameter in task.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-5, atol=1e-7)


class FaintTask(toy.PairTask):
    """In half precision, with a loss whose gradient by an item is below what half precision holds."""

    def represent(self, batch: toy.Pairs) -> dict[str, torch.Tensor]:
        made = super().represent(batch)
        return {key: t.half() if t.is_floating_point() else t for key, t in made.items()}

    def score(self, made: Mapping[str, torch.Tensor]) -> TaskOutput:
        return TaskOutput(loss=super().score(made).loss * 1e-7, logs={})


def test_cotangents_do_not_vanish_in_half_precision() -> None:
    torch.manual_seed(0)
    task, parts = FaintTask(dropout=0.0), [toy.source(16, np.random.default_rng(k)) for k in range(2)]
    _, cotangents = cached(task, parts, torch.device("cpu"))
    assert {c.dtype for part in cotangents for c in part.values()} == {torch.float32}
    assert all(part["a"].any(dim=1).all() for part in cotangents)


def test_parts_train_as_the_whole(tmp_path: Path) -> None:
    whole, parts = (
        toy.run(str(tmp_path / str(n)), {"batch_size": 64, "micro_batches": n, "block_size": 16})
        for n in (1, 4)
    )
    for name, weights in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], weights, rtol=1e-4, atol=1e-6)


def test_the_surrogate_leaves_out_what_has_no_cotangent() -> None:
    a = torch.tensor([[1.0, 2.0]], requires_grad=True)
    made = {"a": a, "id": torch.tensor([3])}
    out = surrogate(made, {"a": torch.tensor([[10.0, 0.5]])})
    out.loss.backward()
    assert (out.loss.item(), a.grad.tolist()) == (11.0, [[10.0, 0.5]])


def test_the_average_of_weights() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(1.0)
    average = WeightAverage(module, 0.5)
    module.weight.data.fill_(3.0)
    average.update(step=1)  # decay 2 / 11
    expected = 1.0 * 2 / 11 + 3.0 * 9 / 11
    assert float(average.weights["weight"]) == pytest.approx(expected)
    average.update(step=1000)
    assert float(average.weights["weight"]) == pytest.approx(0.5 * expected + 1.5)
    with average.applied():
        assert float(module.weight.detach()) == pytest.approx(0.5 * expected + 1.5)
    assert float(module.weight.detach()) == 3.0


def test_bf16_stays_near_single_precision(tmp_path: Path) -> None:
    single, half = (
        toy.run(str(tmp_path / precision), {"mixed_precision": precision, "micro_batches": 2})
        for precision in ("no", "bf16")
    )
    assert {p.dtype for p in half.parameters()} == {torch.float32}
    assert half.forward.__func__ is toy.PairTask.forward  # without accelerate's wrapper
    distance = max(
        float((a - b).abs().max())
        for a, b in zip(single.state_dict().values(), half.state_dict().values(), strict=True)
    )
    assert 0 < distance < 0.05


def test_schedule() -> None:
    optim = OptimConfig(steps=110, batch_size=1, warmup_steps=10, final_lr_share=0.2)
    assert [lr_share(step, optim) for step in (0, 9, 10, 60, 110)] == pytest.approx(
        [1 / 11, 10 / 11, 1.0, 0.6, 0.2]
    )
    constant = OptimConfig(steps=110, batch_size=1, warmup_steps=10, final_lr_share=1.0)
    assert {lr_share(step, constant) for step in (10, 60, 109)} == {1.0}


def test_flops_are_those_of_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(toy, "gathered")  # other processes are not asked
    torch.manual_seed(0)
    task, batch = toy.PairTask(dropout=0.5), toy.source(16, np.random.default_rng(0))
    state = torch.get_rng_state()
    products = {"base": 8 * 16, "first": 16 * 16, "second": 16 * 8, "logits": 16 * 8 / 2}
    # Two towers: forward all; backward by weights all but the base's, by inputs all but the first's.
    multiplications = 2 * 16 * (products["base"] + 2 * products["first"] + 3 * products["second"])
    multiplications += 2 * 16 * 3 * products["logits"]
    assert count_flops(task, batch) == 2 * multiplications
    assert torch.equal(torch.get_rng_state(), state)
    assert task.training
    assert all(p.grad is None for p in task.parameters())


def test_what_a_step_costs() -> None:
    meter = Meter(first=4, steps=10, items=32, flops=6e9, peak=1e12)
    meter._seconds.update({"step": 3.0, "draw": 0.75})
    row = meter.row(7)
    assert (row["items_per_s"], row["draw_share"], row["mfu"]) == pytest.approx((32.0, 0.25, 0.006))
    meter._seconds.update({"step": 1.0})
    assert meter.row(9)["items_per_s"] == 64.0
    unknown = Meter(first=0, steps=1, items=1, flops=1.0, peak=None)
    unknown._seconds.update({"step": 1.0})
    assert "mfu" not in unknown.row(1)
