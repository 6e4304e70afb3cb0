"""`anymo placements`: where a sensor can sit by name, and how a device is turned there."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anymo.cli.picture import check_picture, save_picture

if TYPE_CHECKING:
    from anymo.body import Body
    from anymo.records import Placement

_DPI = 100


def placements(
    *,
    only: Annotated[list[str] | None, typer.Option(help="Show this one; repeat it for more.")] = None,
    body: Annotated[str, typer.Option(help="anny, or a SMPL, SMPL-H or SMPL-X file (.npz, .pkl).")] = "anny",
    as_json: Annotated[bool, typer.Option("--json", help="Offsets and rotations too, as JSON.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw them on the body into this picture.")] = None,
) -> None:
    """Named placements: segment, where on it, and the device's axes. Other words and word orders work too."""
    from anymo.body import load, mount_of
    from anymo.skeleton import PLACEMENTS, placement_name

    check_picture(plot)
    names = [placement_name(name) for name in only] if only else list(PLACEMENTS)
    wearer = load(body)
    worn = [wearer.placement(name) for name in names]
    meanings = [mount_of(name).mounting.meaning for name in names]
    if plot is not None:
        _draw(plot, wearer, worn)
    if as_json:
        rows = [_row(place, meaning) for place, meaning in zip(worn, meanings, strict=True)]
        typer.echo(json.dumps({"body": body, "placements": rows}, indent=2))
        return
    for place, meaning in zip(worn, meanings, strict=True):
        typer.echo(f"{place.name:34}{place.segment:16}{meaning}")
    if plot is not None:
        typer.echo(f"{plot}: axes x red, y green, z blue; a dot comes towards you, a cross goes away")


def _row(place: "Placement", meaning: str) -> dict[str, object]:
    return {
        "name": place.name,
        "segment": place.segment,
        "offset_m": place.offset_m.round(4).tolist(),
        "segment_from_sensor": place.rotation.round(4).tolist(),
        "mounting": meaning,
    }


def _draw(target: Path, wearer: "Body", worn: "list[Placement]") -> None:
    from anymo import plots
    from anymo.body import standing

    vertices, points, axes_world = standing(wearer, worn)
    figure = plots.body_placements(vertices, wearer.faces, points, [p.name for p in worn], axes_world)
    save_picture(figure, target, dpi=_DPI)
