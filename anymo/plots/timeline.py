"""Labels along a recording."""

from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anymo.plots.style import CYCLE, INK, LABEL_WIDTH, new_figure, styled
from anymo.records import SensorStream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
_HATCHES = ("", "//", "..", "xx")
_POINTS = 4000  # drawn; of a longer recording the least and the greatest value of each stretch


@styled
def label_timeline(sensor: SensorStream, spans: Sequence[tuple[float, float, str]]) -> "Figure":
    """Magnitude of acceleration over time on the colours of its labels.

    Args:
        sensor: samples that are not valid are gaps.
        spans: start and end of each label, s from the first sample.
    """
    from matplotlib.patches import Patch

    names = list(dict.fromkeys(label for _, _, label in spans))
    figure = new_figure(10, 3.0)
    axes = figure.subplots()
    for start_s, end_s, label in spans:
        axes.axvspan(start_s, end_s, **_look(names.index(label)))
    time_s, magnitude = _outline(sensor)
    axes.plot(time_s, magnitude, color=INK, linewidth=0.7)
    axes.set(xlabel="time, s", ylabel="|acceleration|, m/s²", title=f"Labels: {sensor.placement}")
    axes.margins(x=0.0)
    patches = [
        Patch(label=shorten(name, LABEL_WIDTH, placeholder="…"), **_look(i)) for i, name in enumerate(names)
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=5)
    return figure


def _look(row: int) -> dict[str, Any]:
    """Colour of a label, and hatching where the colours come round again."""
    hatch = _HATCHES[row // len(CYCLE) % len(_HATCHES)]
    return {"facecolor": CYCLE[row % len(CYCLE)], "alpha": 0.35, "hatch": hatch, "linewidth": 0.0}


def _outline(sensor: SensorStream) -> tuple[Floats, Floats]:
    """Time and |acc|, thinned to the extremes where there are too many samples to see."""
    magnitude = np.where(sensor.valid, np.linalg.norm(sensor.acc, axis=1), np.nan)
    time_s = np.arange(len(magnitude)) / sensor.rate_hz
    width = 2 * (len(magnitude) // _POINTS)
    if width <= 1:
        return time_s, magnitude
    kept = len(magnitude) // width * width
    parts = magnitude[:kept].reshape(-1, width)
    seen = np.isfinite(parts).any(axis=1)
    low = np.where(seen, np.where(np.isfinite(parts), parts, np.inf).min(axis=1), np.nan)
    high = np.where(seen, np.where(np.isfinite(parts), parts, -np.inf).max(axis=1), np.nan)
    middle = time_s[:kept].reshape(-1, width)
    return middle[:, [0, width // 2]].ravel(), np.stack([low, high], axis=1).ravel()
