"""Skeletons decoded from motion tokens beside the true ones, as a picture and as an animation."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from anymo.plots.style import BLUE, GREY, INK, STYLE, VERMILION, new_figure, styled
from anymo.skeleton import PARENTS, SEGMENTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

_VIEW_DEG = 35.0  # the viewer stands ahead of the body, this far to its left
_ROOM_M = 0.62  # to either side of the pelvis
_SIDE = [VERMILION if s.startswith("Right") else BLUE if s.startswith("Left") else INK for s in SEGMENTS]


class TokenScene(NamedTuple):
    """A window: what moved, and what its tokens say.

    title             its words
    true              joints, pelvis at 0, heading x, z up, m    (F, 23, 3)
    decoded           likewise                                   (F, 23, 3)
    codes             of each token step                         (L', G) int64
    frames_per_token  of a whole step; the last may be cut off
    """

    title: str
    true: Floats
    decoded: Floats
    codes: npt.NDArray[np.int64]
    frames_per_token: float

    def frame_of(self, token: int) -> int:
        """The frame in the middle of a token step, or the last."""
        return min(int((token + 0.5) * self.frames_per_token), len(self.true) - 1)

    def token_at(self, frame: int) -> str:
        """Codes of the token step of a frame, as text."""
        token = min(int(frame / self.frames_per_token), len(self.codes) - 1)
        return " ".join(map(str, self.codes[token]))


@styled
def token_strip(scenes: Sequence[TokenScene]) -> "Figure":
    """A row per window, a column per token step: the true pose in grey, the decoded one over it, its codes.

    Args:
        scenes: of equally many token steps.
    """
    rows, columns = len(scenes), len(scenes[0].codes)
    figure = new_figure(1.05 * columns + 0.4, 2.15 * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False)
    for scene, row in zip(scenes, panels, strict=True):
        for token, axes in enumerate(row):
            frame = scene.frame_of(token)
            _draw(axes, scene.true[frame], GREY, 4.0)
            _draw(axes, scene.decoded[frame], None, 1.6)
            axes.set_xlabel("\n".join(map(str, scene.codes[token])), fontsize=8)
        row[0].set_title(scene.title, loc="left", fontsize=10)
    handles = [panels[0, 0].plot([], [], color=c)[0] for c in (GREY, BLUE, VERMILION)]
    names = ["true", "decoded from the codes below: left side", "right side"]
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure


def save_token_animation(scenes: Sequence[TokenScene], file: Path, rate_hz: float) -> None:
    """Write a GIF: for each window the true motion, and beneath it what its codes are decoded to.

    Args:
        scenes: of equally many frames.
        file: ending in .gif; replaced when it is whole.
        rate_hz: frames per second.
    """
    from matplotlib import rc_context
    from matplotlib.animation import FuncAnimation, PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with rc_context(STYLE):  # type: ignore[arg-type]
        figure = new_figure(2.3 * len(scenes), 5.0)
        FigureCanvasAgg(figure)
        panels = figure.subplots(2, len(scenes), squeeze=False)
        moving = []
        for scene, (above, below) in zip(scenes, panels.T, strict=True):
            above.set_title(scene.title, loc="left", fontsize=9)
            bones = [_draw(a, j[0], None, 2.0) for a, j in ((above, scene.true), (below, scene.decoded))]
            moving.append((scene, *bones, below.set_xlabel(f"codes {scene.token_at(0)}", fontsize=9)))
        panels[0, 0].set_ylabel("true")
        panels[1, 0].set_ylabel("decoded")
        figure.canvas.draw()
        figure.set_layout_engine("none")  # laid out once: frames have the same places

        def show(frame: int) -> list[object]:
            for scene, above, below, label in moving:
                above.set_segments(_bones(scene.true[frame]))
                below.set_segments(_bones(scene.decoded[frame]))
                label.set_text(f"codes {scene.token_at(frame)}")
            return []

        frames = len(scenes[0].true)
        animation = FuncAnimation(figure, show, frames=frames, interval=1000 / rate_hz)  # type: ignore[arg-type]
        draft = file.with_name(f".{file.name}")
        animation.save(draft, writer=PillowWriter(fps=round(rate_hz)), dpi=72)
    draft.replace(file)


def _draw(axes: "Axes", joints: Floats, colour: str | None, width: float) -> "LineCollection":
    """Bones of one pose on empty axes, in one colour or by side."""
    from matplotlib.collections import LineCollection

    axes.set(xlim=(-_ROOM_M, _ROOM_M), ylim=(-0.05, 1.95), aspect="equal", xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[["left", "top", "right"]].set_visible(False)
    bones = LineCollection(_bones(joints), colors=colour or _SIDE[1:], linewidths=width, capstyle="round")
    axes.add_collection(bones)
    return bones


def _bones(joints: Floats) -> list[Floats]:
    """(2, 2) ends of the bones of a pose (23, 3) as seen, m, its lowest joint on the floor."""
    turn = np.deg2rad(_VIEW_DEG)
    across = joints[:, 1] * np.cos(turn) - joints[:, 0] * np.sin(turn)
    seen = np.stack([across, joints[:, 2] - joints[:, 2].min()], axis=-1)
    return [seen[[child, parent]] for child, parent in enumerate(PARENTS[1:], start=1)]
