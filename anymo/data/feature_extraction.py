"""The windowing as a Hugging Face component, saved beside a model as preprocessor_config.json."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import FeatureExtractionMixin

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
            ValueError: no recordings, or one that cannot be cut.
        """
        recordings = [recordings] if isinstance(recordings, Recording) else recordings
        if not recordings:
            raise ValueError("feature extractor: expected one recording or more, got none")
        batches = [
            windows(r, rate_hz=self.rate_hz, window_s=self.window_s, hop_s=self.hop_s)[0] for r in recordings
        ]
        sizes = torch.tensor([len(b) for b in batches])
        return collate(batches), torch.repeat_interleave(torch.arange(len(batches)), sizes)
