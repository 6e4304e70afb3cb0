"""What the names of columns say: whose they are, where there are several sensors; units and gravity."""

import re
from collections.abc import Sequence

from anymo.data.table import Table, bare, pick_channels
from anymo.skeleton import placement_name

_UNITS = {
    "g": "g", "gs": "g", "gravities": "g",
    "m/s2": "m/s^2", "m/s/s": "m/s^2", "ms2": "m/s^2", "ms-2": "m/s^2", "m.s-2": "m/s^2",
    "rad/s": "rad/s", "rads": "rad/s", "rad/sec": "rad/s", "radians/s": "rad/s", "rads-1": "rad/s",
    "deg/s": "deg/s", "dps": "deg/s", "°/s": "deg/s", "deg/sec": "deg/s", "degrees/s": "deg/s",
    "mg": "mg", "mm/s2": "mm/s^2", "cm/s2": "cm/s^2", "mdps": "mdps", "mdeg/s": "mdeg/s", "mrad/s": "mrad/s",
}  # fmt: skip
_BRACKETS = re.compile(r"[(\[](.*?)[)\]]")
_REMOVED = re.compile(r"(?:^|[^a-z])(?:user|linear|lin)(?:acc|[^a-z])", re.IGNORECASE)


def check_headings(
    channels: Sequence[str], *, acc_unit: str, gravity: str, gyro_unit: str | None = None, where: str
) -> None:
    """Refuse a statement that the columns' own names contradict, which the signal need not show.

    Args:
        channels: names of three or six columns, acc before gyro; a unit stands in brackets, "Gyro X (deg/s)".
        acc_unit: "g" or "m/s^2", as stated.
        gravity: "included" or "removed", as stated.
        gyro_unit: "rad/s" or "deg/s", as stated, or None.
        where: what to call the recording in errors.

    Raises:
        ValueError: a name has another unit, or says that gravity is removed (user or linear acceleration)
            where it is stated to be included.
    """
    for k, name in enumerate(channels):
        fact, stated = ("acc_unit", acc_unit) if k < 3 else ("gyro_unit", gyro_unit)
        stated = stated and (_unit(stated) or stated)
        said = next((unit for text in _BRACKETS.findall(name) if (unit := _unit(text))), stated)
        if stated is not None and said != stated:
            raise ValueError(
                f"{where}: {fact}={stated!r} contradicts the column {name!r}; state {said!r} if the name is "
                "right (or convert, where that is no choice), rename the column if it is wrong"
            )
    if gravity == "included" and (removed := [name for name in channels[:3] if _REMOVED.search(name)]):
        raise ValueError(
            f'{where}: gravity="included" contradicts the column {removed[0]!r}, which is acceleration less '
            'gravity; state gravity="removed" if the name is right, rename the column if it is wrong'
        )


def columns_of_each(
    table: Table, placements: str | Sequence[str], columns: Sequence[str] | None, where: str
) -> dict[str, tuple[str, ...]]:
    """Placement to the three or six columns of the sensor there; of one of several they begin with it.

    Args:
        table: column -> values (T,).
        placements: of the only sensor, or of several, each once.
        columns: names of all their columns, sensor after sensor; None recognises them.
        where: what to call the recording in errors.

    Raises:
        ValueError: no placement, or one twice; columns that are not as many for each; or what
            `pick_channels` refuses.
    """
    if isinstance(placements, str):
        return {placements: pick_channels(table, columns, where)}
    if not placements or len({placement_name(place) for place in placements}) < len(placements):
        raise ValueError(f"{where}: expected placements, each once, got {list(placements)}; give each once")
    if columns is not None:
        share, rest = divmod(len(columns), len(placements))
        if rest or not share:
            raise ValueError(
                f"{where}: columns must name as many for each of {len(placements)} sensors, got "
                f"{len(columns)}; name acc x, y, z and gyro x, y, z of one after another"
            )
        starts = range(0, len(columns), share)
        parts = [pick_channels(table, columns[start : start + share], where) for start in starts]
        return dict(zip(placements, parts, strict=True))
    found = {}
    for place in placements:
        own = {_after(name, place): name for name in table}
        own.pop("", None)
        if not own:
            raise ValueError(
                f"{where}: no column begins with {place.replace(' ', '_')!r}, as those of one of several "
                f"sensors do; found {', '.join(map(repr, table))}; name them with columns=[...] (--columns)"
            )
        picked = pick_channels({rest: table[name] for rest, name in own.items()}, None, f"{where}, {place}")
        found[place] = tuple(own[rest] for rest in picked)
    return found


def _after(name: str, place: str) -> str:
    """What of a column's name comes after the placement; nothing where it does not begin with it."""
    ends = (k for k in range(1, len(name)) if bare(name[:k]) == bare(place))
    return name[next(ends, len(name)) :]


def _unit(text: str) -> str | None:
    return _UNITS.get(text.casefold().replace(" ", "").replace("²", "2").replace("^", "").replace("⁻", "-"))
