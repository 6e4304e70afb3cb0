"""The windowing as a Hugging Face component, saved beside a model as preprocessor_config.json."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import FeatureExtractionMixin

from anymo.data.rest import check_gyro, check_rest
from anymo.data.window import collate, windows
from anymo.records import Recording, WindowBatch


class AnymoFeatureExtractor(FeatureExtractionMixin):
    """Recordings to windows at the rate and length a model was trained with.

    Args:
        rate_hz: samples per second of the windows.
        window_s: length of a window, s.
        hop_s: from one window's start to the next, s.
    """

    model_input_names = ["signal", "sample_valid", "has_gyro", "worn", "segment", "has_gravity"]  # noqa: RUF012

    def __init__(
        self, rate_hz: float = 20.0, window_s: float = 5.0, hop_s: float = 5.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate_hz = rate_hz
        self.window_s = window_s
        self.hop_s = hop_s

    def __call__(self, recordings: Recording | Sequence[Recording]) -> tuple[WindowBatch, torch.Tensor]:
        """Cut recordings into one batch.

        Args:
            recordings: one or more.

        Returns:
            B windows, and (B,) int64 the recording each comes from.

        Raises:
            ValueError: no recordings, one that cannot be cut, or one whose units cannot be SI.
        """
        recordings = [recordings] if isinstance(recordings, Recording) else recordings
        if not recordings:
            raise ValueError("feature extractor: expected one recording or more, got none")
        for recording in recordings:
            _check_units(recording)
        batches = [
            windows(r, rate_hz=self.rate_hz, window_s=self.window_s, hop_s=self.hop_s)[0] for r in recordings
        ]
        sizes = torch.tensor([len(b) for b in batches])
        return collate(batches), torch.repeat_interleave(torch.arange(len(batches)), sizes)


def _check_units(recording: Recording) -> None:
    """Refuse signals whose size at rest is not that of m/s² and rad/s with gravity as stated."""
    for sensor in recording.sensors:
        where = f"recording {recording.name!r}: sensor {sensor.placement!r}"
        acc, gyro = sensor.acc[sensor.valid], None if sensor.gyro is None else sensor.gyro[sensor.valid]
        if len(acc) == 0:
            continue
        rate, gravity = sensor.rate_hz, sensor.gravity
        check_rest(acc, gyro, rate, acc_unit="m/s^2", scale=1.0, gravity=gravity, where=where)
        if gyro is not None:
            check_gyro(acc, gyro, rate, gyro_unit="rad/s", gravity=gravity, where=where)
