"""Signals of two sensors side by side."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anymo.plots.style import GREY, XYZ, new_figure, styled
from anymo.records import SensorStream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]


@styled
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
    figure = new_figure(10, 5.2 if has_gyro else 3.0)
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
