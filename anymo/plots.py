"""Every figure of the house: arrays in, a matplotlib Figure out; nothing here touches pyplot's global state.

Colours are those of Okabe & Ito (2008), told apart with any colour vision; axes x, y, z are always vermilion,
green, blue.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import wraps
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, ParamSpec

import numpy as np
import numpy.typing as npt

from anymo.records import SensorStream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
Arguments = ParamSpec("Arguments")

BLUE, VERMILION, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#9AA0A6", "#22262B"
CYCLE = (BLUE, "#E69F00", GREEN, "#CC79A7", "#56B4E9", VERMILION, "#6B6B6B", "#B3A400")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
XYZ = {"x": VERMILION, "y": GREEN, "z": BLUE}
DPI = 160
_LABEL_WIDTH = 24  # characters of a line of a label
PANEL_IN, NAME_IN = 5.2, 1.3  # of body_placements: width of a view and of the names on either side
TRIAD_IN = 0.19  # length of a sensor axis drawn beside a name
STYLE: dict[str, object] = {
    "font.family": "DejaVu Sans", "font.size": 10.0, "text.color": INK, "lines.linewidth": 1.3,
    "axes.labelcolor": INK, "axes.edgecolor": GREY, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 11.0, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "axes.grid": True, "axes.axisbelow": True, "grid.color": "#E6E8EA", "grid.linewidth": 0.8,
    "xtick.color": INK, "ytick.color": INK, "xtick.major.size": 0.0, "ytick.major.size": 0.0,
    "legend.frameon": False,
}  # fmt: skip


def _styled(draw: "Callable[Arguments, Figure]") -> "Callable[Arguments, Figure]":
    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> "Figure":
        from matplotlib import rc_context

        with rc_context(STYLE):  # type: ignore[arg-type]
            return draw(*args, **kwargs)

    return drawn


def _figure(width_in: float, height_in: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")


def png_data_uri(figure: "Figure") -> str:
    """The figure as a PNG inside a data URI, for a page that loads nothing from elsewhere."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode('ascii')}"


@_styled
def signal_pair(
    real: SensorStream,
    synthetic: SensorStream,
    *,
    title_real: str = "Recorded",
    title_synthetic: str = "Simulated",
) -> "Figure":
    """Two sensors side by side on the same scales: acceleration above, angular velocity below.

    Args:
        real: drawn on the left; samples that are not valid are gaps.
        synthetic: drawn on the right.
        title_real: what the left one is.
        title_synthetic: what the right one is.
    """
    has_gyro = real.gyro is not None or synthetic.gyro is not None
    figure = _figure(10, 5.2 if has_gyro else 3.0)
    grid = figure.subplots(1 + has_gyro, 2, sharex=True, sharey="row", squeeze=False)
    for column, (stream, title) in enumerate(((real, title_real), (synthetic, title_synthetic))):
        _triaxial(grid[0, column], stream, stream.acc)
        grid[0, column].set_title(f"{title}: {stream.placement}")
        if has_gyro:
            _triaxial(grid[1, column], stream, stream.gyro)
        grid[-1, column].set_xlabel("time, s")
    gravity = real.gravity if real.gravity == synthetic.gravity else "differs"
    grid[0, 0].set_ylabel(f"acceleration, m/s²\n(gravity {gravity})")
    if has_gyro:
        grid[1, 0].set_ylabel("angular velocity, rad/s")
    figure.legend(
        grid[0, 0].get_lines(), [f"{axis} axis" for axis in XYZ], loc="outside upper right", ncols=3
    )
    return figure


def _triaxial(axes: "Axes", stream: SensorStream, channel: Floats | None) -> None:
    if channel is None:
        axes.text(0.5, 0.5, "no gyroscope", transform=axes.transAxes, ha="center", color=GREY)
        return
    time_s = np.arange(len(channel)) / stream.rate_hz
    shown = np.where(stream.valid[:, None], channel, np.nan)
    for axis, colour in enumerate(XYZ.values()):
        axes.plot(time_s, shown[:, axis], color=colour)
    axes.margins(x=0.01)


@_styled
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
    figure = _figure(4 * limit * inch_per_m, 1.0)
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


@_styled
def confusion(matrix: npt.NDArray[np.int64], labels: Sequence[str], *, title: str = "Confusion") -> "Figure":
    """Counts of truth (rows) against prediction (columns), shaded by the share of the row.

    Args:
        matrix: (C, C) counts.
        labels: C class names.
        title: what was classified.
    """
    size, support = len(labels), matrix.sum(1, keepdims=True)
    lines = [fill(name, _LABEL_WIDTH) for name in labels]
    share = np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)
    side = max(4.2, 0.62 * size + 2.6)
    figure = _figure(side + 0.5, side)
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


@_styled
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

    figure = _figure(8.6, 5.6)
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
            label=fill(name, _LABEL_WIDTH),
        )
        axes.scatter(xy[star, 0], xy[star, 1], 240, color=colour, marker="*", edgecolors=INK, zorder=3)
        for point in xy[star]:
            text = axes.annotate(
                fill(name, _LABEL_WIDTH), point, (9, 5), textcoords="offset points", fontsize=9, zorder=4
            )
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    if is_text.any():
        axes.scatter([], [], 160, color="white", marker="*", edgecolors=INK, label="text of the activity")
    axes.set(xlabel="principal component 1", ylabel="principal component 2", title=title)
    axes.tick_params(labelbottom=False, labelleft=False)
    figure.legend(loc="outside right center", fontsize=9, ncols=1 + len(set(labels)) // 22)
    return figure


@_styled
def loss_curves(history: dict[str, list[tuple[int, float]]]) -> "Figure":
    """One small panel per loss over the steps: the values pale, their running mean bold, the last one named.

    Args:
        history: name -> (step, value) pairs in order; one name or more.
    """
    rows, columns = -(-len(history) // 3), min(3, len(history))
    figure = _figure(3.3 * columns + 0.4, 2.3 * rows + 0.3)
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
