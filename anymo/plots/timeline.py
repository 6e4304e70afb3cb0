"""Labels along a recording, and moments of many."""

from collections.abc import Mapping, Sequence
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
_NAMED = 24  # labels or sentences in the legend
_LINE_WIDTH = 120  # characters of a sentence in the legend
_POINTS = 4000  # drawn; of a longer recording the least and the greatest value of each stretch


@styled
def label_timeline(
    sensor: SensorStream, spans: Sequence[tuple[float, float, str]], *, title: str = "Labels"
) -> "Figure":
    """Magnitude of acceleration over time on the colours of its labels or sentences.

    Args:
        sensor: samples that are not valid are gaps.
        spans: start and end of each label or sentence, s from the first sample. Of more than 24 different
            ones the legend names those that last longest in all.
        title: what they are.
    """
    from matplotlib.patches import Patch

    names = list(dict.fromkeys(label for _, _, label in spans))
    shown, ncols = _legend(names, spans)
    figure = new_figure(10, 2.8 + 0.22 * -(-len(shown) // ncols))
    axes = figure.subplots()
    for start_s, end_s, label in spans:
        axes.axvspan(start_s, end_s, **_look(names.index(label)))
    time_s, magnitude = _outline(sensor)
    axes.plot(time_s, magnitude, color=INK, linewidth=0.7)
    axes.set(xlabel="time, s", ylabel="|acceleration|, m/s²", title=f"{title}: {sensor.placement}")
    axes.margins(x=0.0)
    width = LABEL_WIDTH if ncols > 1 else _LINE_WIDTH
    patches = [
        Patch(label=shorten(name, width, placeholder="…"), **_look(names.index(name))) for name in shown
    ]
    if unnamed := len(names) - len(shown):
        patches.append(Patch(label=f"{unnamed} more, not named here", facecolor="none"))
    figure.legend(handles=patches, loc="outside lower center", ncols=ncols)
    return figure


@styled
def moments(
    found: Sequence[tuple[str, float, float, float]], ends_s: Mapping[str, float], *, title: str = "Moments"
) -> "Figure":
    """A row for each recording that something was found in, its moments coloured by their scores.

    Args:
        found: recording, start and end, s from its first sample, and score of each moment.
        ends_s: when each recording ends, s.
        title: what was looked for.
    """
    rows = list(dict.fromkeys(name for name, *_ in found))
    figure = new_figure(10, 1.6 + 0.35 * len(rows))
    axes = figure.subplots()
    axes.barh(range(len(rows)), [ends_s[name] for name in rows], height=0.7, color=INK, alpha=0.08)
    best_last = sorted(found, key=lambda moment: moment[3])
    bars = axes.scatter(
        [(start + end) / 2 for _, start, end, _ in best_last],
        [rows.index(name) for name, *_ in best_last],
        c=[score for *_, score in best_last],
        cmap="viridis",
        marker="|",
        s=300,
        linewidths=4,
    )
    axes.set_yticks(range(len(rows)), [shorten(name, LABEL_WIDTH, placeholder="…") for name in rows])
    axes.invert_yaxis()
    axes.set(xlabel="time, s", title=shorten(title, _LINE_WIDTH, placeholder="…"))
    figure.colorbar(bars, label="similarity")
    return figure


def _legend(names: Sequence[str], spans: Sequence[tuple[float, float, str]]) -> tuple[list[str], int]:
    """The names that are shown, as they come, and in how many columns: labels in five, sentences in one."""
    lasts_s = dict.fromkeys(names, 0.0)
    for start_s, end_s, name in spans:
        lasts_s[name] += end_s - start_s
    longest = sorted(names, key=lambda name: -lasts_s[name])[:_NAMED]
    shown = [name for name in names if name in longest]
    return shown, 5 if all(len(name) <= LABEL_WIDTH for name in shown) else 1


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
