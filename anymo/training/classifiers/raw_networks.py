"""Networks that read the samples of windows and know nothing before: a CNN, and DeepConvLSTM.

Shapes: B windows, S sensor slots, T samples, C = 8S channels.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from anymo.encoders.layers import masked_mean
from anymo.records import WindowBatch
from anymo.training.classifiers.descent import Descent, descend, window_inputs
from anymo.training.classifiers.examples import Examples, Predict, check_classes

Kind = Literal["cnn", "deepconvlstm"]
_LEAST_STD = 1e-4  # m/s² or rad/s: below what sensors resolve


class SampleChannels(nn.Module):
    """Standardised channels of each slot, and two that say where acc and gyro were sampled.

    Mean and deviation are those of the training samples that are there. What is missing stands at the mean,
    and the channels beside it say that it does. A channel that never was there in training, or never changed,
    is missing ever after.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, batch: WindowBatch) -> None:
        super().__init__()
        seen = _seen(batch)
        total = seen.sum(dim=(0, 2)).clamp_min(1)
        signal = batch.signal.masked_fill(~seen, 0.0)
        mean = signal.sum(dim=(0, 2)) / total
        square = ((signal - mean[:, None]) ** 2).masked_fill(~seen, 0.0).sum(dim=(0, 2)) / total
        self.register_buffer("mean", mean)
        self.register_buffer("std", square.sqrt())

    def forward(self, batch: WindowBatch) -> torch.Tensor:
        """(B, C, T).

        Raises:
            ValueError: another number of slots than in training.
        """
        num_slots = self.mean.shape[0]
        if batch.signal.shape[1] != num_slots:
            raise ValueError(
                f"network: expected windows of {num_slots} sensor slots, as in training, got "
                f"{batch.signal.shape[1]}; cut both with the same columns"
            )
        seen = _seen(batch) & (self.std > _LEAST_STD)[:, None]
        scaled = ((batch.signal - self.mean[:, None]) / self.std[:, None]).masked_fill(~seen, 0.0)
        channels = torch.cat([scaled, seen[..., [0, 3]].to(scaled)], dim=-1)
        return channels.permute(0, 1, 3, 2).flatten(1, 2)


class ConvNet(nn.Module):
    """Three convolutions over time, 64, 128 and 128 wide; mean over what is there; linear head."""

    def __init__(self, batch: WindowBatch, num_classes: int) -> None:
        super().__init__()
        self.channels = SampleChannels(batch)
        widths = (8 * batch.signal.shape[1], 64, 128, 128)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(nn.Conv1d(i, o, 5, padding=2), nn.BatchNorm1d(o), nn.ReLU())
                for i, o in pairwise(widths)
            )
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(widths[-1], num_classes))

    def forward(self, batch: WindowBatch) -> torch.Tensor:
        """(B, num_classes) logits."""
        there = batch.sample_valid.any(dim=1)
        logits: torch.Tensor = self.head(masked_mean(self.blocks(self.channels(batch)).mT, there, dim=1))
        return logits


class DeepConvLstm(nn.Module):
    """DeepConvLSTM (Ordóñez & Roggen 2016, Sensors 16(1):115).

    Four convolutions of 64 filters of five samples along each channel, without padding; two LSTM layers of
    128; dropout of one half before each and before the head, which reads the last state over a sample that
    is there.
    """

    def __init__(self, batch: WindowBatch, num_classes: int) -> None:
        super().__init__()
        self.channels = SampleChannels(batch)
        widths = (1, 64, 64, 64, 64)
        self.convolutions = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(i, o, (1, 5)), nn.ReLU()) for i, o in pairwise(widths))
        )
        self.dropout = nn.Dropout(0.5)
        self.lstm = nn.LSTM(64 * 8 * batch.signal.shape[1], 128, num_layers=2, dropout=0.5, batch_first=True)
        self.head = nn.Linear(128, num_classes)

    def forward(self, batch: WindowBatch) -> torch.Tensor:
        """(B, num_classes) logits."""
        maps = self.convolutions(self.channels(batch)[:, None])
        steps = self.dropout(maps.permute(0, 3, 1, 2).flatten(2))
        states, _ = self.lstm(steps)
        there = batch.sample_valid.any(dim=1)
        last = (there * torch.arange(there.shape[1])).amax(dim=1).clamp(max=states.shape[1] - 1)
        logits: torch.Tensor = self.head(self.dropout(states[torch.arange(len(last)), last]))
        return logits


NETWORKS: dict[Kind, type[ConvNet] | type[DeepConvLstm]] = {"cnn": ConvNet, "deepconvlstm": DeepConvLstm}


@dataclass(frozen=True, eq=False)
class RawNetwork:
    """A network trained from scratch on resampled windows.

    kind     "cnn" or "deepconvlstm"
    descent  how long and how
    """

    kind: Kind
    descent: Descent = field(default_factory=Descent)

    def represent(self, batch: WindowBatch) -> WindowBatch:
        """The windows themselves, whose slots are read as columns."""
        return batch

    def fit(self, examples: Examples, seed: int) -> Predict:
        """Train from random weights drawn with the seed."""
        check_classes(examples)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = NETWORKS[self.kind](window_inputs(examples.inputs), examples.num_classes)
        return descend(network, examples, self.descent, seed)


def _seen(batch: WindowBatch) -> torch.Tensor:
    """(B, S, T, 6) bool: the value was measured."""
    acc = (batch.sample_valid & batch.worn[..., None])[..., None]
    gyro = acc & batch.has_gyro[..., None, None]
    return torch.cat([acc.expand(-1, -1, -1, 3), gyro.expand(-1, -1, -1, 3)], dim=-1)
