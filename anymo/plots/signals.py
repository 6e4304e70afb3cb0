"""Signals of two sensors side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from anymo.plots.style import GREY, XYZ, new_figure, styled
from anymo.records import SensorStream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]


class SignalPair(NamedTuple):
    """Two sensors to be seen side by side, and what each is."""

    real: SensorStream
    synthetic: SensorStream
    title_real: str = "Recorded"
    title_synthetic: str = "Simulated"


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
    return signal_pairs([SignalPair(real, synthetic, title_real, title_synthetic)])


@styled
def signal_pairs(pairs: Sequence[SignalPair]) -> "Figure":
    """Pairs of sensors below one another, each drawn as by `signal_pair`, all of them on the same scales."""
    has_gyro = any(stream.gyro is not None for pair in pairs for stream in pair[:2])
    num = 1 + has_gyro
    figure = new_figure(10, len(pairs) * (5.2 if has_gyro else 3.0))
    grid = figure.subplots(num * len(pairs), 2, sharex=True, squeeze=False)
    for k, axes in enumerate(grid.flat):
        if k // 2 >= num or k % 2:
            axes.sharey(grid[k // 2 % num, 0])
        axes.label_outer()
    for rows, pair in zip(grid.reshape(-1, num, 2), pairs, strict=True):
        _pair(rows, pair)
    for axes in grid[-1]:
        axes.set_xlabel("time, s")
    figure.legend(
        grid[0, 0].get_lines(), [f"{axis} axis" for axis in XYZ], loc="outside upper right", ncols=3
    )
    return figure


def _pair(rows: npt.NDArray[np.object_], pair: SignalPair) -> None:
    """Draw a pair into its axes (1 or 2, 2)."""
    real, synthetic, *titles = pair
    for column, (stream, title) in enumerate(zip((real, synthetic), titles, strict=True)):
        _triaxial(rows[0, column], stream, stream.acc)
        rows[0, column].set_title(f"{title}: {stream.placement}")
        if len(rows) > 1:
            _triaxial(rows[1, column], stream, stream.gyro)
    gravity = real.gravity if real.gravity == synthetic.gravity else "differs"
    rows[0, 0].set_ylabel(f"acceleration, m/s²\n(gravity {gravity})")
    if len(rows) > 1:
        rows[1, 0].set_ylabel("angular velocity, rad/s")


def _triaxial(axes: "Axes", stream: SensorStream, channel: Floats | None) -> None:
    if channel is None:
        axes.text(0.5, 0.5, "no gyroscope", transform=axes.transAxes, ha="center", color=GREY)
        return
    time_s = np.arange(len(channel)) / stream.rate_hz
    shown = np.where(stream.valid[:, None], channel, np.nan)
    for axis, colour in enumerate(XYZ.values()):
        axes.plot(time_s, shown[:, axis], color=colour)
    axes.margins(x=0.01)
