"""The encoder's own architecture: only the sensors worn are encoded, whatever their number and place.

Shapes: B windows, S sensor slots, N worn sensors over the batch, T samples, L tokens in time, D width.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from anymo.encoders.channels import NUM_CHANNELS, sensor_channels
from anymo.encoders.configuration import AnymoEncoderConfig
from anymo.encoders.layers import SkeletonConv, TemporalBlock, sinusoidal_positions
from anymo.records import WindowBatch
from anymo.skeleton import NUM_SEGMENTS


class BodyLatents(NamedTuple):
    """What either architecture makes of a batch.

    sequence        body latents over time                  (B, L, D)
    sequence_valid  which of them saw a sample              (B, L) bool
    sensors         latents of each worn sensor             (N, L, D)
    sensors_valid   which of them saw a sample              (N, L) bool
    """

    sequence: torch.Tensor
    sequence_valid: torch.Tensor
    sensors: torch.Tensor
    sensors_valid: torch.Tensor


class WornBackbone(nn.Module):
    """Patch tokens per sensor, attention in time, messages along the skeleton.

    A sensor is a node; its segment, whether gravity is in its acceleration, and whether it has a
    gyroscope are embedded. Samples and channels that are missing are read as learned values and
    attended by nobody. Cost grows with the sensors worn.
    """

    def __init__(self, config: AnymoEncoderConfig) -> None:
        super().__init__()
        self.config = config
        width, stride, channels = config.hidden_size, config.stem_stride, NUM_CHANNELS[config.rotation]
        self.reach = stride + 1  # samples that the stem looks to either side of its step
        self.stem = nn.Conv1d(channels, width // 2, stride + 2 * self.reach, stride=stride)
        steps = config.patch_samples // stride
        self.patch = nn.Conv1d(width // 2, width, steps, stride=steps)
        self.segment = nn.Embedding(NUM_SEGMENTS, width)
        self.gravity, self.gyroscope = nn.Embedding(2, width), nn.Embedding(2, width)
        self.temporal = nn.ModuleList(
            TemporalBlock(width, config.num_heads, config.dropout) for _ in range(config.num_layers)
        )
        self.skeleton = nn.ModuleList(SkeletonConv(width) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, batch: WindowBatch) -> BodyLatents:
        """Latents of a batch of windows, each with a worn sensor."""
        worn = batch.worn
        window = worn.nonzero(as_tuple=True)[0]
        segment, has_gravity = batch.segment[worn], batch.has_gravity[worn]
        has_gyro = batch.has_gyro[worn] & self.config.use_gyro
        x_NLD, valid_NL = self._tokens(batch.signal[worn], batch.sample_valid[worn], has_gyro, has_gravity)
        context = self.segment(segment) + self.gravity(has_gravity.long()) + self.gyroscope(has_gyro.long())
        positions = sinusoidal_positions(x_NLD.shape[1], x_NLD.shape[2], x_NLD.device)
        x_NLD = x_NLD + context[:, None, :] + positions.to(x_NLD.dtype)
        edge_index = edges_between_sensors(worn)
        for temporal, skeleton in zip(self.temporal, self.skeleton, strict=True):
            x_NLD = skeleton(temporal(x_NLD, valid_NL), valid_NL, edge_index, segment)
        sensors = self.norm(x_NLD)
        return BodyLatents(*_mean_over_sensors(sensors, valid_NL, window, len(batch)), sensors, valid_NL)

    def _tokens(
        self,
        signal_NTC: torch.Tensor,
        valid_NT: torch.Tensor,
        has_gyro_N: torch.Tensor,
        has_gravity_N: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        patch, reach = self.config.patch_samples, self.reach
        # What the stem reaches before and after the window, and the rest of the last patch, is missing.
        edges = (reach, reach + -signal_NTC.shape[1] % patch)
        signal_NTC = F.pad(signal_NTC, (0, 0, *edges))
        valid_NT = F.pad(valid_NT, edges)
        signal_NTC = signal_NTC.masked_fill(~valid_NT[..., None], 0.0)  # NaN times a mask is NaN
        signal_NTC[..., 3:].masked_fill_(~has_gyro_N[:, None, None], 0.0)
        x_NTC = sensor_channels(
            signal_NTC, valid_NT, has_gyro_N, has_gravity_N, self.config.rotation, self.config.rate_hz
        )
        x_NTC = F.gelu(_convolved(self.stem, x_NTC.to(self.stem.weight.dtype)))
        return _convolved(self.patch, x_NTC), valid_NT[:, reach:-reach].unflatten(1, (-1, patch)).any(dim=-1)


def _convolved(conv: nn.Conv1d, x_NTC: torch.Tensor) -> torch.Tensor:
    """A convolution over time as one matrix product: on CPUs a third faster than conv1d, there and back."""
    steps = x_NTC.unfold(1, conv.kernel_size[0], conv.stride[0]).mT.flatten(2)
    return F.linear(steps, conv.weight.mT.flatten(1), conv.bias)


def edges_between_sensors(worn_BS: torch.Tensor) -> torch.Tensor:
    """(2, E) edges between all pairs of worn sensors of one window, both ways, no self loops."""
    node = (worn_BS.flatten().cumsum(0) - 1).view_as(worn_BS)
    pairs = worn_BS[:, :, None] & worn_BS[:, None, :]
    window, one, other = pairs.triu(1).nonzero(as_tuple=True)
    one, other = node[window, one], node[window, other]
    return torch.stack([torch.cat([one, other]), torch.cat([other, one])])


def _mean_over_sensors(
    x_NLD: torch.Tensor, valid_NL: torch.Tensor, window_N: torch.Tensor, num_windows: int
) -> tuple[torch.Tensor, torch.Tensor]:
    weight = valid_NL.to(x_NLD.dtype)[..., None]
    total = x_NLD.new_zeros(num_windows, *x_NLD.shape[1:]).index_add(0, window_N, x_NLD * weight)
    count = weight.new_zeros(num_windows, *weight.shape[1:]).index_add(0, window_N, weight)
    return total / count.clamp_min(1.0), count[..., 0] > 0
