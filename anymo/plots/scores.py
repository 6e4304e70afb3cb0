"""What a model gets right, where it puts things, and how its losses fell."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anymo.plots.style import BLUE, CYCLE, INK, LABEL_WIDTH, MARKERS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]


@styled
def confusion(matrix: npt.NDArray[np.int64], labels: Sequence[str], *, title: str = "Confusion") -> "Figure":
    """Counts of truth (rows) against prediction (columns), shaded by the share of the row.

    Args:
        matrix: (C, C) counts.
        labels: C class names.
        title: what was classified.
    """
    size, support = len(labels), matrix.sum(1, keepdims=True)
    lines = [fill(name, LABEL_WIDTH) for name in labels]
    share = np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)
    side = max(4.2, 0.62 * size + 2.6)
    figure = new_figure(side + 0.5, side)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(size), lines)
    if any("\n" in name for name in lines):
        axes.tick_params(axis="x", labelrotation=90)
    elif size > 3:
        axes.set_xticks(range(size), lines, rotation=40, ha="right")
    axes.set_yticks(range(size), [f"{name} ({n})" for name, n in zip(lines, support[:, 0], strict=True)])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="predicted", ylabel="true (samples)", title=title)
    for row, column in np.argwhere(matrix > 0):
        ink = "white" if share[row, column] > 0.55 else INK
        axes.text(column, row, str(matrix[row, column]), ha="center", va="center", color=ink, fontsize=9)
    return figure


@styled
def embedding_map(
    xy: Floats, labels: Sequence[str], is_text: npt.NDArray[np.bool_], *, title: str = "Embedding space"
) -> "Figure":
    """Signals as dots and their class texts as stars, in two dimensions.

    Args:
        xy: (N, 2) the embeddings' first two principal components.
        labels: N activities.
        is_text: (N,) True for the embedding of a text.
        title: what is shown.
    """
    from matplotlib.patheffects import withStroke

    figure = new_figure(8.6, 5.6)
    axes = figure.subplots()
    name_of = np.asarray(labels)
    for i, name in enumerate(dict.fromkeys(labels)):
        colour, marker = CYCLE[i % len(CYCLE)], MARKERS[i // len(CYCLE) % len(MARKERS)]
        dot, star = (name_of == name) & ~is_text, (name_of == name) & is_text
        axes.scatter(
            xy[dot, 0],
            xy[dot, 1],
            20,
            color=colour,
            marker=marker,
            alpha=0.65,
            lw=0,
            label=fill(name, LABEL_WIDTH),
        )
        axes.scatter(xy[star, 0], xy[star, 1], 240, color=colour, marker="*", edgecolors=INK, zorder=3)
        for point in xy[star]:
            text = axes.annotate(
                fill(name, LABEL_WIDTH), point, (9, 5), textcoords="offset points", fontsize=9, zorder=4
            )
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    if is_text.any():
        axes.scatter([], [], 160, color="white", marker="*", edgecolors=INK, label="text of the activity")
    axes.set(xlabel="principal component 1", ylabel="principal component 2", title=title)
    axes.tick_params(labelbottom=False, labelleft=False)
    figure.legend(loc="outside right center", fontsize=9, ncols=1 + len(set(labels)) // 22)
    return figure


@styled
def loss_curves(history: dict[str, list[tuple[int, float]]]) -> "Figure":
    """One small panel per loss over the steps: the values pale, their running mean bold, the last one named.

    Args:
        history: name -> (step, value) pairs in order; one name or more.
    """
    rows, columns = -(-len(history) // 3), min(3, len(history))
    figure = new_figure(3.3 * columns + 0.4, 2.3 * rows + 0.3)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for (name, pairs), axes in zip(history.items(), panels, strict=False):
        step, value = np.array(pairs, dtype=np.float64).T
        width = max(1, len(value) // 25)
        mean = np.convolve(value, np.ones(width) / width, mode="valid")
        axes.plot(step, value, color=BLUE, alpha=0.3, linewidth=0.8)
        axes.plot(step[width - 1 :], mean, color=BLUE, linewidth=1.8)
        last = (step[-1], mean[-1])
        axes.annotate(f"{mean[-1]:.3g}", last, (4, 0), textcoords="offset points", va="center", fontsize=9)
        axes.set(title=name, xlabel="step")
    for unused in panels:
        unused.set_visible(False)
    return figure
