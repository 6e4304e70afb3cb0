"""Sensors on the body."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anymo.plots.style import VERMILION, XYZ, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
PANEL_IN, NAME_IN = 5.2, 1.3  # of body_placements: width of a view and of the names on either side
TRIAD_IN = 0.19  # length of a sensor axis drawn beside a name


@styled
def body_placements(
    vertices: Floats,
    faces: npt.NDArray[np.int64],
    points: Floats,
    names: Sequence[str],
    axes_world: Floats | None = None,
) -> "Figure":
    """The body from the front and from the back with its sensors; each is shown where it can be seen.

    Args:
        vertices: (V, 3) body surface facing +x, y left, z up, m.
        faces: (F, 3) or (F, 4) vertex indices, counter-clockwise seen from outside.
        points: (P, 3) sensor positions on the surface, m.
        names: P names.
        axes_world: (P, 3, 3) world from sensor; drawn beside the names, a dot for an axis towards the viewer
            and a cross for one away from them.
    """
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    nearest = [((corners.mean(1) - p) ** 2).sum(1).argmin() for p in points]
    columns = _columns(points, normals[nearest, 0] > -0.15)
    lines = [fill(name, 16) for name in names]
    beside_in = 0.0 if axes_world is None else 2.5 * TRIAD_IN
    tall_in = np.array([max(0.165 * (line.count("\n") + 1), 0.9 * beside_in) for line in lines])
    reach_m, height_m = float(np.abs(vertices[:, 1]).max()) + 0.04, float(np.ptp(vertices[:, 2]))
    longest_in = max(tall_in[column].sum() for column in columns.values())
    inch_per_m = max((PANEL_IN - 2 * NAME_IN) / (2 * reach_m), longest_in / (1.15 * height_m))
    beside_m, limit = beside_in / inch_per_m, reach_m + (NAME_IN + beside_in) / inch_per_m
    figure = new_figure(4 * limit * inch_per_m, 1.0)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, sign in zip(panels, (1.0, -1.0), strict=True):
        _draw_body(axes, corners, normals, sign)
        for side in (-1.0, 1.0):
            own = columns[sign, side]
            seen = points[own, 1:] * [sign, 1]
            heights = _spread(seen[:, 1], tall_in[own] / inch_per_m)
            _name_points(axes, seen, heights, [lines[i] for i in own], side * reach_m, side * beside_m)
            if axes_world is not None:
                triads = _as_seen(axes_world[own], sign) * TRIAD_IN / inch_per_m
                _draw_triads(axes, side * (reach_m + 0.5 * beside_m), heights, triads)
        axes.set(xlim=(-limit, limit), aspect="equal")
        axes.set_title("Front" if sign > 0 else "Back", loc="center")
        axes.set_axis_off()
    _set_height(figure, panels, inch_per_m)
    if axes_world is not None:
        handles = [panels[0].plot([], [], color=colour)[0] for colour in XYZ.values()]
        figure.legend(handles, [f"{axis} of the sensor" for axis in XYZ], loc="outside lower center", ncols=3)
    return figure


def _columns(points: Floats, in_front: npt.NDArray[np.bool_]) -> dict[tuple[float, float], list[int]]:
    """Points from the lowest up by view (1 front, -1 back) and by the viewer's side (-1 left, 1 right)."""
    columns: dict[tuple[float, float], list[int]] = {(v, s): [] for v in (1.0, -1.0) for s in (1.0, -1.0)}
    for i in np.argsort(points[:, 2]):
        view = 1.0 if in_front[i] else -1.0
        columns[view, 1.0 if points[i, 1] * view >= 0 else -1.0].append(int(i))
    return columns


def _set_height(figure: "Figure", panels: "Sequence[Axes]", inch_per_m: float) -> None:
    """As much as the drawing and its names take."""
    low, high = min(a.dataLim.y0 for a in panels), max(a.dataLim.y1 for a in panels)
    panels[0].set_ylim(low - 0.3 / inch_per_m, high + 0.3 / inch_per_m)
    figure.set_figheight((high - low) * inch_per_m + 1.2)


def _draw_body(axes: "Axes", corners: Floats, normals: Floats, sign: float) -> None:
    """Faces that look at the viewer (on the ±x axis), far ones first, shaded by the angle to the light."""
    from matplotlib.collections import PolyCollection

    turn = np.array([sign, sign, 1.0])
    corner, normal = corners * turn, normals * turn
    order = np.argsort(corner[..., 0].mean(1))
    order = order[normal[order, 0] > 0]
    shade = 0.58 + 0.37 * np.clip(normal[order] @ [0.78, 0.33, 0.53], 0.0, 1.0)
    colour = shade[:, None] * [0.97, 0.98, 1.0]
    axes.add_collection(
        PolyCollection(list(corner[order][..., 1:]), facecolors=colour, edgecolors=colour, linewidths=0.3)
    )
    axes.autoscale_view()


def _as_seen(world_from_sensor: Floats, sign: float) -> Floats:
    """(P, 3, 3) rows x, y, z of the sensors: to the right, up, and towards a viewer on the ±x axis."""
    to_view = np.array([[0.0, sign, 0.0], [0.0, 0.0, 1.0], [sign, 0.0, 0.0]])
    seen: Floats = np.swapaxes(to_view @ world_from_sensor, 1, 2)
    return seen


def _name_points(
    axes: "Axes", points: Floats, heights: Floats, names: Sequence[str], edge_m: float, beside_m: float
) -> None:
    """Names in a column at the edge, each tied to its dot by a thin line; beside_m is left free before it."""
    for (y, z), height, name in zip(points, heights, names, strict=True):
        axes.plot([y, edge_m], [z, height], color=VERMILION, linewidth=0.8, alpha=0.7)
        axes.plot(y, z, "o", color=VERMILION, markeredgecolor="white", markersize=8)
        align = "left" if edge_m > 0 else "right"
        at = edge_m + beside_m + np.copysign(0.02, edge_m)
        axes.text(at, height, name, ha=align, va="center", linespacing=1.05)


def _draw_triads(axes: "Axes", x: float, heights: Floats, triads: Floats) -> None:
    """Arrows of sensor axes as seen; a dot for one towards the viewer, a cross for one away.

    Args:
        axes: to draw on.
        x: where they stand, m.
        heights: (P,) m.
        triads: (P, 3, 3) rows x, y, z as in `_as_seen`, m.
    """
    for height, triad in zip(heights, triads, strict=True):
        for axis, colour in sorted(zip(triad, XYZ.values(), strict=True), key=lambda pair: float(pair[0][2])):
            if np.hypot(*axis[:2]) > 0.35 * np.linalg.norm(axis):
                style = {
                    "arrowstyle": "-|>",
                    "color": colour,
                    "shrinkA": 0,
                    "shrinkB": 0,
                    "mutation_scale": 8,
                }
                axes.annotate("", (x + axis[0], height + axis[1]), (x, height), arrowprops=style)
            else:
                marker = "o" if axis[2] > 0 else "x"
                axes.plot(x, height, marker, color=colour, markersize=4.5, markeredgewidth=1.4, zorder=5)


def _spread(heights: Floats, tall: Floats) -> Floats:
    """Ascending heights of texts `tall` each, pushed up until none overlap, then centred as before."""
    spread = heights.copy()
    for i in range(1, len(spread)):
        spread[i] = max(spread[i], spread[i - 1] + (tall[i] + tall[i - 1]) / 2)
    return spread - (spread - heights).mean() if len(spread) else spread
