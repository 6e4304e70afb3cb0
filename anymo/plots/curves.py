"""How accuracy holds when conditions change."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from anymo.plots.style import CYCLE, GREY, MARKERS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = Mapping[tuple[str, str], tuple[Sequence[str], Sequence[float], float]]


@styled
def robustness(models: Mapping[str, Curves]) -> "Figure":
    """A row of panels per data, a column per condition, a line per model, and chance dashed.

    Args:
        models: name -> {(data, condition): (ticks, accuracy at each as a share, accuracy of chance)}.
    """
    panels = list(dict.fromkeys(panel for curves in models.values() for panel in curves))
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*panels, strict=True))
    figure = new_figure(3.1 * len(columns) + 0.6, 2.5 * len(rows) + 0.7)
    grid = figure.subplots(len(rows), len(columns), squeeze=False, sharey="row")
    for axes in grid.flat:
        axes.set_visible(False)
    for data, condition in panels:
        axes = grid[rows.index(data), columns.index(condition)]
        axes.set_visible(True)
        axes.set(title=data if condition == columns[0] else "", xlabel=condition, ylim=(0.0, 1.0))
        for k, (name, curves) in enumerate(models.items()):
            if (data, condition) in curves:
                _line(axes, curves[data, condition], k, name)
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _line(axes: "Axes", curve: tuple[Sequence[str], Sequence[float], float], k: int, name: str) -> None:
    ticks, accuracy, chance = curve
    colour, marker = CYCLE[k % len(CYCLE)], MARKERS[k % len(MARKERS)]
    axes.plot(range(len(ticks)), accuracy, color=colour, marker=marker, markersize=4, label=name)
    if k == 0:
        axes.axhline(chance, color=GREY, linestyle="--", label="chance")
    axes.set_xticks(range(len(ticks)), ticks)
