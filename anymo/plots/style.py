"""The look of every figure: colours of Okabe & Ito (2008), told apart with any colour vision.

Axes x, y, z are always vermilion, green, blue.
"""

from base64 import b64encode
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")

BLUE, VERMILION, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#9AA0A6", "#22262B"
CYCLE = (BLUE, "#E69F00", GREEN, "#CC79A7", "#56B4E9", VERMILION, "#6B6B6B", "#B3A400")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
XYZ = {"x": VERMILION, "y": GREEN, "z": BLUE}
DPI = 160
LABEL_WIDTH = 24  # characters of a line of a label
STYLE: dict[str, object] = {
    "font.family": "DejaVu Sans", "font.size": 10.0, "text.color": INK, "lines.linewidth": 1.3,
    "axes.labelcolor": INK, "axes.edgecolor": GREY, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 11.0, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "axes.grid": True, "axes.axisbelow": True, "grid.color": "#E6E8EA", "grid.linewidth": 0.8,
    "xtick.color": INK, "ytick.color": INK, "xtick.major.size": 0.0, "ytick.major.size": 0.0,
    "legend.frameon": False,
}  # fmt: skip


def styled(draw: "Callable[Arguments, Figure]") -> "Callable[Arguments, Figure]":
    """Draw in the house style, and leave matplotlib's own settings alone."""

    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> "Figure":
        from matplotlib import rc_context

        with rc_context(STYLE):  # type: ignore[arg-type]
            return draw(*args, **kwargs)

    return drawn


def new_figure(width_in: float, height_in: float) -> "Figure":
    """An empty figure that pyplot does not know of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")


def png_data_uri(figure: "Figure") -> str:
    """The figure as a PNG inside a data URI, for a page that loads nothing from elsewhere."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode('ascii')}"
