"""What of a recording is read, and what counts as one sample: our rule, and those of UniMTS and AnyMo.

UniMTS (arXiv 2410.19818) reads the first 10 s, AnyMo (arXiv 2605.22715) a whole test window.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from anymo.data.window import collate, windows
from anymo.pipeline import AnymoPipeline, Route
from anymo.pipeline.batches import chunks
from anymo.pipeline.labels import check_labels
from anymo.records import Recording, WindowBatch

Rule = Literal["recording", "window", "first-10s", "as-one"]
RULES: dict[Rule, str] = {
    "recording": "a recording is a sample; the scores of all its windows are averaged",
    "window": "each window is a sample",
    "first-10s": "a recording is a sample; the windows of its first 10 s are averaged (UniMTS)",
    "as-one": "a recording is a sample and one window, up to a minute (AnyMo)",
}
_FIRST_S = 10.0
ONE_WINDOW_S = (0.0, 60.0)  # AnyMo's test windows last 1 to 30 s; attention is quadratic in the length


def scored(
    pipe: AnymoPipeline,
    recordings: Sequence[Recording],
    labels: Sequence[str],
    route: Route,
    rule: Rule,
    max_windows: int | None = None,
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.int64]]:
    """Scores of every sample by a rule.

    Args:
        pipe: the model.
        recordings: M of them.
        labels: C phrases.
        route: as `AnymoPipeline.classify`.
        rule: a key of RULES.
        max_windows: with "recording" and "first-10s": windows read of each recording; None reads all.

    Returns:
        (N, C) logits, and (N,) the recording each sample is of.

    Raises:
        ValueError: "as-one" of a recording of over 60 s, or what the pipeline refuses.
    """
    check_labels(labels, route)
    if rule in ("recording", "first-10s"):
        read = [_first(r) for r in recordings] if rule == "first-10s" else recordings
        logits = pipe.scores(read, labels=labels, route=route, max_windows=max_windows).numpy()
        return logits, np.arange(len(recordings))
    if rule == "as-one":
        batches = list(_whole(pipe, recordings))
    else:
        batches = [batch for batch, _ in pipe.windows(recordings)]
    parts = [pipe.window_scores(collate(batches[part]), labels, route) for part in chunks(len(batches))]
    owner = np.repeat(np.arange(len(recordings)), [len(batch) for batch in batches])
    return torch.cat(parts).numpy(), owner


def _first(recording: Recording) -> Recording:
    """The first 10 s of every sensor."""
    sensors = []
    for sensor in recording.sensors:
        num = round(_FIRST_S * sensor.rate_hz)
        gyro = None if sensor.gyro is None else sensor.gyro[:num]
        sensors.append(replace(sensor, acc=sensor.acc[:num], gyro=gyro, valid=sensor.valid[:num]))
    return replace(recording, sensors=tuple(sensors))


def _whole(pipe: AnymoPipeline, recordings: Sequence[Recording]) -> Iterator[WindowBatch]:
    """Each recording as one window at the model's rate."""
    rate_hz = pipe.encoder.config.rate_hz
    for recording in recordings:
        if recording.duration_s > ONE_WINDOW_S[1]:
            raise ValueError(
                f"recording {recording.name!r}: lasts {recording.duration_s:.0f} s, to be read as one "
                f'window it may last {ONE_WINDOW_S[1]:.0f} s; use the rule "recording" or "window"'
            )
        span_s = recording.duration_s + 1.0 / rate_hz  # room for its last sample
        yield windows(recording, rate_hz=rate_hz, window_s=span_s, hop_s=span_s)[0]
