"""Training steps of two pre-training recipes as the engine takes them, simulation included.

`ours` encodes the sensors worn: text and cross-view contrast and reconstruction, 5 s at 60 Hz, one to five
sensors of every kind. `stgcn` is AnyMo's recipe as configs/pretrain/anymo_recipe.yaml has it: all 23 nodes,
four passes of the encoder over masked and complete views.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import nn

from anymo import body, config
from anymo.body import Body
from anymo.data.clip import ClipSource
from anymo.data.corpus import MotionCorpus, build_corpus
from anymo.data.sampler import WindowSampler
from anymo.encoders import ImuEncoder, TextTower, TextTowerConfig
from anymo.motion import procedural
from anymo.skeleton import mirror_words
from anymo.training.meter import count_flops, peak_flops
from anymo.training.objectives import PretrainTask
from anymo.training.optim import adamw
from anymo.training.pretrain import PretrainConfig
from anymo.training.task import draw

CLIPS, CLIP_S = 48, 8.0
_COUNTED = 4  # windows whose FLOPs are counted: the counter keeps every intermediate
_RECIPES = config.REPOSITORY / "configs" / "pretrain"
# 0.5 s a latent, as at 20 Hz, and as wide as the recipe to compare with; what that has no like of is switched
# off.
_OURS = (
    "--draw.rate_hz 60 --encoder.patch_samples 30 --encoder.stem_stride 3 --encoder.num_layers 3 "
    "--encoder.hidden_size 256 --encoder.num_heads 8 "
    "--draw.num_targets 0 --objective.pose 0 --objective.pose_text 0 --objective.pose_to_imu 0 "
    "--objective.synthesis 0 --objective.num_captions 1"
)
_STEPS = {"ours": 12, "stgcn": 1}  # of a turn; what a draw of ours costs depends on the devices drawn
_WINDOWS = {"ours": 8, "stgcn": 1}  # of a step, in batch sizes: 64 of stgcn take minutes and 25 GiB
RECIPES = {"ours": ("release.yaml", _OURS), "stgcn": ("anymo_recipe.yaml", "")}


def corpus_and_bodies() -> tuple[MotionCorpus, tuple[Body, ...]]:
    """A few generated clips, enough that windows differ."""
    rng, shape = np.random.default_rng(0), body.load()
    motions = [
        procedural.generate(activity, rng, duration_s=CLIP_S, joint_offsets=shape.joint_offsets)
        for activity in procedural.CORE[:CLIPS]
    ]
    clips = [ClipSource(motion=motion, body=0, cutoff_hz=20.0) for motion in motions]
    return build_corpus(clips, held_out_fraction=0.0, seed=0), (shape,)


class Trainer:
    """A recipe's task, sampler and optimiser on a device; bf16 on a GPU."""

    def __init__(
        self, recipe: str, corpus: MotionCorpus, bodies: tuple[Body, ...], batch_size: int, device: str
    ) -> None:
        file, options = RECIPES[recipe]
        stated = config.load(PretrainConfig, ["--config_path", str(_RECIPES / file), *options.split()])
        torch.manual_seed(0)
        text = TextTower(TextTowerConfig())
        said = corpus.texts(torch.arange(len(corpus)))
        said += [mirror_words(text) for text in said]
        vectors = nn.functional.normalize(torch.randn(len(said), text.config.hidden_size), dim=-1)
        text.remember(dict(zip(said, vectors, strict=True)))
        encoder = ImuEncoder(stated.encoder.at(stated.draw.rate_hz))
        self.parameters = sum(p.numel() for p in encoder.parameters())
        self.task = PretrainTask(encoder, text, stated.objective).to(device)
        self.sampler = WindowSampler(corpus, bodies, stated.draw, held_out=False, device=device)
        self.optimizer, _ = adamw(self.task, stated.optim)
        self.objective, self.device = stated.objective, torch.device(device)
        self.size = _WINDOWS[recipe] * batch_size
        self.drawn = partial(draw, self.source, block_size=stated.optim.block_size, seed=0)
        self.steps_done = 0

    def source(self, size: int, rng: np.random.Generator) -> object:
        """A block of windows, as `anymo.training.pretrain` draws it."""
        o = self.objective
        return self.sampler.batch(
            size, rng, num_views=o.num_views, num_captions=o.num_captions, phrase_share=o.phrase_share
        )

    def draw(self, size: int) -> object:
        """So many windows."""
        self.steps_done += 1
        return self.drawn(size=size, step=self.steps_done, part=0)

    def step(self) -> tuple[float, float]:
        """One optimiser step: seconds in all, and seconds of simulation."""
        start = self._now()
        batch = self.draw(self.size)
        drawn = self._now()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss = self.task(batch).loss
        loss.backward()
        nn.utils.clip_grad_norm_(self.task.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return self._now() - start, drawn - start

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def flops_per_window(self) -> float:
        """Of a forward and a backward pass, all passes of the recipe."""
        return count_flops(self.task, self.draw(_COUNTED)) / _COUNTED

    def peak_gib(self) -> float:
        """Most memory so far: of the GPU, or of this process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 2**30
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def matmul_flops_per_s(device: str) -> float:
    """What the device reaches in a matrix product: float32 on a CPU, bf16 on a GPU."""
    if device == "cpu":
        return peak_flops(torch.device(device)) or 0.0
    size, rounds = 8192, 20
    a = torch.ones(size, size, device=device, dtype=torch.bfloat16)
    return 2.0 * size**3 / min(_seconds_on_gpu(a) for _ in range(rounds))


def _seconds_on_gpu(a: torch.Tensor) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    torch.mm(a, a)
    torch.cuda.synchronize()
    return time.perf_counter() - start


def turns(trainers: dict[str, Trainer], rounds: int) -> Iterator[dict[str, list[tuple[float, float]]]]:
    """Steps of each round: recipes take turns, so that other work on the machine slows them alike."""
    for _ in range(rounds):
        yield {name: [trainer.step() for _ in range(_STEPS[name])] for name, trainer in trainers.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Peak memory of a step of a recipe, GiB.")
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("batch_size", type=int)
    parser.add_argument("device")
    stated = parser.parse_args()
    trainer = Trainer(stated.recipe, *corpus_and_bodies(), stated.batch_size, stated.device)
    trainer.step()
    sys.stdout.write(f"{trainer.peak_gib()}\n")
