"""Draw docs/picture.png: the body with some of the named placements, and what a watch on it reads in a walk.

python docs/picture.py
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib import image, rc_context
from matplotlib.figure import Figure

from anymo import body, plots, simulation
from anymo.motion import generate
from anymo.records import SensorStream
from anymo.skeleton import INDEX

SHOWN = (
    *("head", "chest", "waist", "left upper arm", "left wrist", "right hand"),
    *("front right trouser pocket", "left thigh", "right shank", "left ankle", "right foot"),
)
SECONDS, RATE_HZ, DPI = 5.0, 50.0, 120


def front_view(surface: body.Body) -> np.ndarray:
    """Pixels of the front half of the house's figure of the body, without its margins."""
    places = [surface.placement(name) for name in SHOWN]
    points = np.stack([surface.joint_position[INDEX[p.segment]] + p.offset_m for p in places])
    figure = plots.body_placements(surface.vertices, surface.faces, points, SHOWN)
    figure.axes[0].set_title("", loc="center")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=2 * DPI)
    pixels = image.imread(BytesIO(buffer.getvalue()))
    half = pixels[:, : pixels.shape[1] // 2, :3]
    inked = (half < 1.0).any(axis=2)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return half[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def walking_wrist(surface: body.Body) -> SensorStream:
    """A watch on the left wrist during a procedural walk, with the errors of a consumer part."""
    rng = np.random.default_rng(3)
    walk = generate("walking", rng, duration_s=SECONDS, joint_offsets=surface.joint_offsets)
    watch = surface.placement("left wrist")
    device = simulation.DeviceModel()
    return simulation.simulate(walk, [watch], rate_hz=RATE_HZ, device=device, rng=rng).sensors[0]


def picture() -> Figure:
    """Both side by side."""
    surface = body.load()
    stream = walking_wrist(surface)
    with rc_context(plots.STYLE):
        figure = Figure(figsize=(11.0, 4.4), layout="constrained", facecolor="white")
        grid = figure.add_gridspec(2, 2, width_ratios=(1.25, 1.0))
        left = figure.add_subplot(grid[:, 0])
        left.imshow(front_view(surface))
        left.set_axis_off()
        rows = (("acc, m/s²", stream.acc), ("gyro, rad/s", stream.gyro))
        for row, (name, signal) in enumerate(rows):
            axes = figure.add_subplot(grid[row, 1])
            for axis, colour in plots.XYZ.items():
                samples = signal[:, "xyz".index(axis)]
                axes.plot(np.arange(len(samples)) / RATE_HZ, samples, color=colour, label=axis)
            axes.set(ylabel=name)
            axes.margins(x=0.01)
            if row == 0:
                axes.set_title("Walking, on the left wrist")
                axes.legend(ncols=3, loc="upper right", bbox_to_anchor=(1.0, 1.12))
        axes.set_xlabel("time, s")
    return figure


if __name__ == "__main__":
    picture().savefig(Path(__file__).with_name("picture.png"), dpi=DPI)
