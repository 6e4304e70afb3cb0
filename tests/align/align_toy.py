"""A language model of a few thousand weights and windows of nothing but words and codes, and a script that
aligns the one with the other: what the tests of alignment build and launch.

The script takes one JSON object: the arguments of `run`.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from anymo.align import MotionLanguageModel
from anymo.data.sampler import SimulatedBatch
from anymo.records import WindowBatch
from anymo.skeleton import INDEX
from anymo.training.align import AlignTask, ContrastiveAlignTask
from anymo.training.align_config import ContrastConfig
from anymo.training.align_tasks import AlignBatch, Exercises, TaskMix
from anymo.training.engine import OptimConfig, is_main_process, train

WRIST, KNEE, CHEST = INDEX["LeftForeArm"], INDEX["LeftLowerLeg"], INDEX["T8"]
EVEN = TaskMix(caption=2, activity=1, choice=1, question=2, motion=1, text_to_motion=1)
PHRASES = (("walking", "strolling"), ("running",), ("strolling",))
CORPUS = SimpleNamespace(captions=PHRASES, synonyms=(("strolling",), (), ("walking",)))
WIDTH = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": WIDTH | {"num_key_value_heads": 2},
    "qwen2": WIDTH | {"num_key_value_heads": 2, "tie_word_embeddings": True},
    "gpt_neox": WIDTH,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "gemma2": WIDTH | {"num_key_value_heads": 2, "head_dim": 8, "final_logit_softcapping": 0.5},
}


def write_base(folder: Path, architecture: str) -> Path:
    """A language model that was never trained, with a tokenizer of bytes, as a folder of transformers."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    words = ["<|end|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    of_bytes = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=[]))
    of_bytes.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    of_bytes.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=of_bytes, eos_token="<|end|>").save_pretrained(folder)
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        architecture, vocab_size=264, eos_token_id=0, bos_token_id=0, **ARCHITECTURES[architecture]
    )
    model = AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():  # as they come, all words are nearly alike
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder


class Sampler:
    """Windows of two slots, one or both worn, whose signal is their codes."""

    clips = torch.arange(3)

    def batch(
        self, size: int, rng: np.random.Generator, *, num_views: int, num_captions: int
    ) -> SimulatedBatch:
        clip = rng.integers(3, size=size)
        worn = torch.from_numpy(np.stack([np.ones(size, bool), rng.random(size) < 0.5], axis=1))
        view = WindowBatch(
            signal=torch.from_numpy(rng.integers(16, size=(size, 2, 6, 6))).float(),
            sample_valid=torch.ones(size, 2, 6, dtype=torch.bool),
            has_gyro=worn,
            worn=worn,
            segment=torch.tensor([[WRIST, CHEST]] * size),
            has_gravity=worn,
            rate_hz=20.0,
        )
        phrase = tuple(PHRASES[c][0] for c in clip)
        return SimulatedBatch(
            views=(view,) * num_views,
            pose=torch.zeros(size, 1, 1),
            pose_seen=torch.ones(size, 1, dtype=torch.bool),
            texts=tuple((f"A person is {p}.", f"Someone is {p} slowly.")[:num_captions] for p in phrase),
            phrase=phrase,
            clip=torch.from_numpy(clip),
            real=torch.zeros(size, dtype=torch.bool),
        )


class Reader(nn.Module):
    """The codes of each window, of two groups and of different lengths."""

    def forward(self, view: WindowBatch) -> list[torch.Tensor]:
        return [s[: 2 + int(s[0, 2]) % 5, :2].long() for s in view.signal[:, 0]]


def exercises(mix: TaskMix) -> Exercises:
    return Exercises(Sampler(), CORPUS, mix)  # type: ignore[arg-type]


def run(
    base: str,
    folder: str,
    optim: dict[str, Any],
    mix: dict[str, float],
    text: float,
    die_at: int | None = None,
) -> nn.Module:
    """Align for a few steps, and save as train/align.py does; kill this process in a draw if told so."""
    torch.manual_seed(0)
    model = MotionLanguageModel.create(
        base, torch.randn(2, 16, 8), lora_rank=2, embedding_size=6 if text else 0
    )
    given, source, drawn = (Reader(), model), exercises(TaskMix(**mix)), iter(range(10**6))

    def give(size: int, rng: np.random.Generator) -> AlignBatch:
        if next(drawn) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return source(size, rng)

    task = train(
        ContrastiveAlignTask(*given, ContrastConfig(text=text)) if text else AlignTask(*given),  # type: ignore[arg-type]
        give,
        OptimConfig(**{"steps": 3, "warmup_steps": 0, "log_every": 1, "block_size": 8} | optim),
        Path(folder),
        seed=0,
        name="align",
    )
    if is_main_process():
        task.language_model.save_pretrained(Path(folder) / "language_model")
    return task


if __name__ == "__main__":
    run(**json.loads(sys.argv[1]))
