"""`--plot`: what a command found along a recording, drawn over its signal."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anymo.cli.session import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anymo.records import Recording

_PICTURES = (".png", ".pdf", ".svg")
Plot = Annotated[
    Path | None, typer.Option(help="Draw what is found over the signal into this picture: .png, .pdf, .svg.")
]


def check_picture(plot: Path | None) -> None:
    """Refuse a picture that cannot be written, before there is work done for it.

    Raises:
        FileNotFoundError: its folder is missing.
        ValueError: it is of no known kind.
    """
    if plot is None:
        return
    if plot.suffix not in _PICTURES:
        raise ValueError(f"--plot: expected a name ending in {', '.join(_PICTURES)}, got {plot.name!r}")
    if not plot.parent.is_dir():
        raise FileNotFoundError(f"{plot}: no folder {plot.parent}; make it first")


def draw_timeline(
    plot: Path, recording: "Recording", spans: Iterable[tuple[float, float, str]], title: str
) -> None:
    """Draw labels or sentences over the magnitude of the first sensor's acceleration.

    Args:
        plot: that `check_picture` passed.
        recording: what they are of.
        spans: start and end of each, s from the first sample, and its words.
        title: what they are.
    """
    from anymo import plots

    save_picture(plots.label_timeline(recording.sensors[0], list(spans), title=title), plot)


def save_picture(figure: "Figure", plot: Path, *, dpi: int | None = None) -> None:
    """Write a figure, whole or not at all.

    Args:
        figure: one of `anymo.plots`.
        plot: that `check_picture` passed.
        dpi: dots per inch; None is the house's.
    """
    from anymo.plots import DPI

    write_whole(plot, lambda path: figure.savefig(path, dpi=dpi or DPI))
