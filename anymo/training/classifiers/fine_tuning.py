"""The encoder with a linear head: fine-tuned as a whole, through LoRA, or trained from scratch."""

import copy
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from anymo.encoders import ImuEncoder
from anymo.records import WindowBatch
from anymo.training.classifiers.descent import Descent, descend
from anymo.training.classifiers.examples import Examples, Predict, check_classes
from anymo.training.classifiers.probe import latent_moments

Trained = Literal["full", "lora", "scratch"]


class Recogniser(nn.Module):
    """Encoder, moments of its latents over time, linear head: windows to logits."""

    def __init__(self, encoder: ImuEncoder, num_classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(2 * encoder.config.hidden_size, num_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, batch: WindowBatch) -> torch.Tensor:
        """(B, C) logits."""
        logits: torch.Tensor = self.head(latent_moments(self.encoder, batch))
        return logits


@dataclass(frozen=True, eq=False)
class FineTuning:
    """Encoder and head trained together.

    The head starts at zero and learns faster than the encoder (`METHODS`). From the linear probe of the same
    examples, and at one rate, it was worse on SPAR: macro-F1 of 75, 81 and 85 % with 1, 5 and all recordings
    of each class instead of 73, 84 and 87 % (docs/few_shot.md).

    encoder  whose weights it starts from; "scratch" takes its shape alone. Is not changed
    trained  "full": all weights; "lora": low-rank adapters on the linear maps of attention, messages and
             feed-forward; "scratch": all, from random ones
    rank     of the adapters
    descent  how long and how
    """

    encoder: ImuEncoder = field(repr=False)
    trained: Trained
    descent: Descent = field(default_factory=Descent)
    rank: int = 8

    def __post_init__(self) -> None:
        if self.trained == "lora" and not _linear_maps(self.encoder):
            raise ValueError(
                f"lora: expected an encoder with linear maps, got architecture "
                f"{self.encoder.config.architecture!r}, whose backbone has none; fine-tune it in full"
            )

    def represent(self, batch: WindowBatch) -> WindowBatch:
        """The windows themselves."""
        return batch

    def fit(self, examples: Examples, seed: int) -> Predict:
        """Train from the encoder's weights, or from random ones drawn with the seed."""
        check_classes(examples)
        return descend(self.start(examples, seed), examples, self.descent, seed)

    def start(self, examples: Examples, seed: int) -> Recogniser:
        """The network before its first step."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if self.trained == "scratch":
                return Recogniser(ImuEncoder(copy.deepcopy(self.encoder.config)), examples.num_classes)
            network = Recogniser(copy.deepcopy(self.encoder), examples.num_classes)
            if self.trained == "lora":
                _adapt(network.encoder, self.rank)
        return network


def _adapt(encoder: ImuEncoder, rank: int) -> None:
    """Freeze the encoder, with adapters on its linear maps (LoRA, Hu et al. 2021), alpha = 2 rank."""
    from peft import LoraConfig, inject_adapter_in_model

    for parameter in encoder.parameters():
        parameter.requires_grad = False
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=_linear_maps(encoder), bias="none")
    inject_adapter_in_model(config, encoder.backbone)


def _linear_maps(encoder: ImuEncoder) -> list[str]:
    return [name for name, module in encoder.backbone.named_modules() if isinstance(module, nn.Linear)]
