"""The engine under a real pre-training task: exact resume, checkpoints that survive, errors say where."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import nn

from anymo import body
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, SimulatedBatch, WindowSampler
from anymo.encoders import AnymoEncoderConfig, ImuEncoder, TextTower, TextTowerConfig
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig
from anymo.training.checkpoint import _drop_frozen
from anymo.training.engine import OptimConfig, TaskOutput, train
from anymo.training.pretrain import ObjectiveConfig, PretrainTask
from anymo.training.tokenizer import TokenizerTask

SHAPE = AnymoEncoderConfig(hidden_size=32, num_layers=1, num_heads=2, dropout=0.2)
Source = Callable[[int, np.random.Generator], SimulatedBatch]
OPTIM = OptimConfig(steps=6, batch_size=4, warmup_steps=2, log_every=1, validate_every=2, save_every=3)


class PowerCutError(RuntimeError):
    """What the tests end a run with."""


@pytest.fixture(scope="module")
def source(tiny_corpus: MotionCorpus) -> Source:
    sampler = WindowSampler(tiny_corpus, [body.load()], DrawConfig(window_s=2.0), held_out=False)
    return partial(sampler.batch, phrase_share=0.5)


def until(source: Source, step: int) -> Source:
    """A source that fails instead of giving the batch of a step, counted from where the run starts.

    The first draw of a run is the one its FLOPs are counted on.
    """
    left = iter(range(step))

    def give(size: int, rng: np.random.Generator) -> SimulatedBatch:
        if next(left, None) is None:
            raise PowerCutError
        return source(size, rng)

    return give


@pytest.fixture
def new_task(asset: Callable) -> Callable[[], PretrainTask]:
    def make() -> PretrainTask:
        torch.manual_seed(0)
        text = TextTower(TextTowerConfig(base=str(asset("wordllama-256"))))
        return PretrainTask(ImuEncoder(SHAPE), text, ObjectiveConfig())

    return make


def validate(task: PretrainTask) -> dict[str, float]:
    return {"scale": float(task.log_scale)}


def run(task: nn.Module, source: Callable, folder: Path, optim: OptimConfig = OPTIM) -> nn.Module:
    return train(task, source, optim, folder, seed=0, name="try", validate=validate)


def rows_of(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    cost = {"items_per_s", "draw_share", "seconds_left", "mfu"}
    return [{k: v for k, v in row.items() if k not in cost} for row in rows]


def assert_same_weights(a: nn.Module, b: nn.Module) -> None:
    for (name, one), other in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_a_resumed_run_is_the_straight_run(
    source: Source, new_task: Callable[[], PretrainTask], tmp_path: Path
) -> None:
    straight = run(new_task(), source, tmp_path / "straight")
    with pytest.raises(PowerCutError):
        run(new_task(), until(source, 6), tmp_path / "cut")  # steps 4 and 5 are logged but not saved
    assert rows_of(tmp_path / "cut")[-1]["step"] == 5
    with (tmp_path / "cut" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')
    resumed = run(new_task(), source, tmp_path / "cut")
    assert_same_weights(straight, resumed)
    rows = rows_of(tmp_path / "straight")
    assert rows_of(tmp_path / "cut") == rows
    assert [r["step"] for r in rows] == [1, 2, 2, 3, 4, 4, 5, 6, 6]
    assert {"loss", "text", "pose", "cross_view", "reconstruction", "lr"} <= rows[0].keys()
    assert rows[2].keys() == {"step", "validation_scale"}
    again = run(new_task(), until(source, 0), tmp_path / "cut")  # finished: asks for no batch
    assert_same_weights(straight, again)


def test_a_checkpoint_survives_a_full_disk(
    source: Source,
    new_task: Callable[[], PretrainTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_state = Accelerator.save_state

    def full_disk(self: Accelerator, folder: str, **kwargs: object) -> None:
        if (tmp_path / "checkpoint").exists():
            Path(folder).mkdir()
            (Path(folder) / "model.safetensors").write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save_state(self, folder, **kwargs)

    monkeypatch.setattr(Accelerator, "save_state", full_disk)
    with pytest.raises(OSError, match="No space left"):
        run(new_task(), source, tmp_path)
    assert json.loads((tmp_path / "checkpoint" / "step.json").read_text())["step"] == 3
    monkeypatch.undo()
    # A crash between the two renames leaves the old checkpoint under its other name.
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")
    run(new_task(), until(source, 4), tmp_path)  # three more steps
    assert rows_of(tmp_path)[-1]["step"] == 6
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint", "metrics.jsonl"}


def test_a_loss_that_is_not_a_number_is_named(
    source: Source, new_task: Callable[[], PretrainTask], tmp_path: Path
) -> None:
    task, calls = new_task(), iter(range(10))

    def spoil(module: PretrainTask, _args: object, output: TaskOutput) -> TaskOutput:
        return TaskOutput(loss=output.loss * (float("nan") if next(calls) == 4 else 1.0), logs=output.logs)

    task.register_forward_hook(spoil)
    with pytest.raises(RuntimeError, match=r"try: the loss is nan at step 5; lower optim.lr"):
        run(task, source, tmp_path)
    assert json.loads((tmp_path / "checkpoint" / "step.json").read_text())["step"] == 3
    saved = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert all(torch.isfinite(t).all() for t in saved.values())


def test_weights_that_are_not_numbers_are_not_saved(
    source: Source, new_task: Callable[[], PretrainTask], tmp_path: Path
) -> None:
    task, calls = new_task(), iter(range(10))

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        return gradient * (float("nan") if next(calls) == 4 else 1.0)

    task.log_scale.register_hook(spoil)  # first called as the FLOPs are counted
    with pytest.raises(RuntimeError, match=r"try: a weight is no longer finite after step 4; lower optim.lr"):
        run(task, source, tmp_path, replace(OPTIM, save_every=1))
    assert json.loads((tmp_path / "checkpoint" / "step.json").read_text())["step"] == 3
    saved = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert all(torch.isfinite(t).all() for t in saved.values())


@dataclass
class Numbers:
    """A batch the linear task learns from."""

    values: torch.Tensor

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        return cls(torch.cat([b.values for b in batches]))

    def to(self, device: torch.device) -> Self:
        return replace(self, values=self.values.to(device))


class LinearTask(nn.Module):
    """Least squares by a line; keeps the sizes of the batches it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.sizes = nn.Linear(2, 1), []

    def forward(self, batch: Numbers) -> TaskOutput:
        self.sizes.append(len(batch.values))
        loss = (self.line(batch.values[:, :2])[:, 0] - batch.values[:, 2]).square().mean()
        return TaskOutput(loss=loss, logs={"largest": float(batch.values.max())})


def test_micro_batches_add_up_to_the_batch(tmp_path: Path) -> None:
    def source(size: int, rng: np.random.Generator) -> Numbers:
        return Numbers(torch.from_numpy(rng.standard_normal((size, 3))).float())

    tasks = []
    for parts in (1, 4):
        torch.manual_seed(0)
        optim = OptimConfig(
            steps=5, batch_size=64, block_size=16, micro_batches=parts, warmup_steps=1, log_every=1
        )
        tasks.append(train(LinearTask(), source, optim, tmp_path / str(parts), seed=0, name="try"))
    whole, split = tasks
    # The first is the block whose FLOPs are counted.
    assert (whole.sizes, split.sizes) == ([16] + [64] * 5, [16] + [16] * 20)
    torch.testing.assert_close(split.line.weight, whole.line.weight)
    for one, four in zip(rows_of(tmp_path / "1"), rows_of(tmp_path / "4"), strict=True):
        assert one["loss"] == pytest.approx(four["loss"], rel=1e-5)
        assert one["lr"] == four["lr"]


def test_pre_training_in_parts_is_that_of_the_whole_batch(
    source: Source, new_task: Callable[[], PretrainTask], tmp_path: Path
) -> None:
    rows = []
    for parts in (1, 2):
        task = new_task()
        for module in task.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # else the whole and the parts draw other masks
        optim = replace(OPTIM, batch_size=8, block_size=4, micro_batches=parts, steps=4)
        run(task, source, tmp_path / str(parts), optim)
        rows.append(rows_of(tmp_path / str(parts)))
    for whole, split in zip(*rows, strict=True):
        assert split == pytest.approx(whole, rel=1e-3)


def test_frozen_weights_are_not_in_the_checkpoint(source: Source, tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = MotionTokenizerConfig(hidden_size=32, codebook_size=16, code_size=4, heads=())
    task = TokenizerTask(ImuEncoder(SHAPE), MotionTokenizer(shape))
    optim = OptimConfig(steps=2, batch_size=4, warmup_steps=0)
    trained = train(task, source, optim, tmp_path, seed=0, name="try")
    saved = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert not {n for n, _ in task.encoder.named_parameters(prefix="encoder")} & saved.keys()
    assert {n for n, _ in task.tokenizer.named_parameters(prefix="tokenizer")} <= saved.keys()
    assert torch.equal(saved["tokenizer.quantizer.codes"], trained.tokenizer.quantizer.codes)


def test_tied_frozen_weights_are_not_in_the_checkpoint() -> None:
    model = nn.ModuleDict(
        {"embed": nn.Embedding(5, 3), "head": nn.Linear(3, 5, bias=False), "new": nn.Linear(3, 3)}
    )
    model["head"].weight = model["embed"].weight.requires_grad_(False)
    state = dict(model.state_dict())
    _drop_frozen([model], [state], "")
    assert state.keys() == {"new.weight", "new.bias"}


def test_another_length_of_run_is_refused(
    source: Source, new_task: Callable[[], PretrainTask], tmp_path: Path
) -> None:
    with pytest.raises(PowerCutError):
        run(new_task(), until(source, 4), tmp_path)
    with pytest.raises(ValueError, match=r"belongs to another run \(optim.steps 6 there and 9 here\)"):
        run(new_task(), source, tmp_path, replace(OPTIM, steps=9))
    with pytest.raises(ValueError, match=r"another run \(optim.lr 0.001 there and 0.0003 here\)"):
        run(new_task(), source, tmp_path, replace(OPTIM, lr=3e-4))
    run(new_task(), source, tmp_path, replace(OPTIM, save_every=6))  # looking less often is the same run


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"steps": 0}, "optim.steps"),
        ({"lr": -1.0}, "optim.lr"),
        ({"batch_size": 6, "micro_batches": 4}, "micro_batches: expected a divisor of batch_size 6, got 4"),
        ({"mixed_precision": "int8"}, "no, bf16 or fp16"),
    ],
)
def test_options_that_cannot_work(wrong: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        OptimConfig(**{"steps": 1, "batch_size": 1} | wrong)
