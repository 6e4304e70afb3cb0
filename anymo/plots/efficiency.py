"""What labels buy: a measure against the number of labelled recordings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from anymo.plots.style import CYCLE, GREY, MARKERS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Estimate = tuple[float, float, float]


@styled
def label_efficiency(
    sets: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    amounts: Sequence[Sequence[str]],
    chance: Mapping[str, float],
    measure: str,
) -> "Figure":
    """A panel per set, a line per method with its 95 % interval, chance dashed.

    Args:
        sets: set -> method -> amount -> (estimate, low, high) as shares.
        amounts: in the order of the axis, by kind; a line joins those of one kind.
        chance: of each set.
        measure: what the vertical axis says.
    """
    ticks = [amount for kind in amounts for amount in kind]
    figure = new_figure(4.4 * len(sets) + 0.8, 4.4)
    grid = figure.subplots(1, len(sets), squeeze=False, sharey=True)[0]
    for axes, (name, methods) in zip(grid, sets.items(), strict=True):
        for k, (method, curve) in enumerate(methods.items()):
            colour, marker, label = CYCLE[k % len(CYCLE)], MARKERS[k % len(MARKERS)], method
            for shown in filter(None, ([a for a in kind if a in curve] for kind in amounts)):
                # beside one another, so that intervals do not hide each other
                place = [ticks.index(a) + 0.06 * (k - (len(methods) - 1) / 2) for a in shown]
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
    grid[0].set_ylabel(measure)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
