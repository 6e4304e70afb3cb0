"""What labels buy: a measure against the number of labelled recordings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anymo.plots.style import CYCLE, GREY, MARKERS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Estimate = tuple[float, float, float]
_COLUMNS = 3  # panels beside one another


@styled
def label_efficiency(
    panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    amounts: Sequence[Sequence[str]],
    chance: Mapping[str, float],
    measure: str,
) -> "Figure":
    """A panel per set and source, a line per method with its 95 % interval, chance dashed.

    Args:
        panels: title -> method -> amount -> (estimate, low, high) as shares.
        amounts: in the order of the axis, by kind; a line joins those of one kind.
        chance: of each panel.
        measure: what the vertical axis says.
    """
    ticks = [amount for kind in amounts for amount in kind]
    order = list(dict.fromkeys(method for methods in panels.values() for method in methods))
    columns = min(len(panels), _COLUMNS)
    rows = -(-len(panels) // columns)
    figure = new_figure(4.4 * columns + 0.8, 3.4 * rows + 1.0)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).flatten()
    for axes in grid[len(panels) :]:
        axes.remove()
    shown_once = dict[str, Any]()
    for axes, (name, methods) in zip(grid, panels.items(), strict=False):
        for method, curve in methods.items():
            k = order.index(method)
            colour, marker, label = CYCLE[k % len(CYCLE)], MARKERS[k % len(MARKERS)], method
            for shown in filter(None, ([a for a in kind if a in curve] for kind in amounts)):
                # beside one another, so that intervals do not hide each other
                place = [ticks.index(a) + 0.06 * (k - (len(order) - 1) / 2) for a in shown]
                middle, low, high = zip(*(curve[a] for a in shown), strict=True)
                below = [max(m - x, 0.0) for m, x in zip(middle, low, strict=True)]
                above = [max(x - m, 0.0) for m, x in zip(middle, high, strict=True)]
                axes.errorbar(
                    place, middle, yerr=(below, above), color=colour, marker=marker, markersize=4,
                    elinewidth=0.8, capsize=0.0, label=label,
                )  # fmt: skip
                label = "_nolegend_"  # once for each method
        axes.axhline(chance[name], color=GREY, linestyle="--", label="chance")
        axes.set(title=name, xlabel="labelled recordings of each class", ylim=(0.0, 1.0))
        axes.set_xticks(range(len(ticks)), ticks)
        shown_once |= {name: line for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    for axes in grid[: len(panels) : columns]:
        axes.set_ylabel(measure)
    legend = [name for name in ("chance", *order) if name in shown_once]
    figure.legend([shown_once[name] for name in legend], legend, loc="outside lower center", ncols=4)
    return figure
