"""Which sensor stands in which column, for what reads sensors as columns: one answer for a whole set."""

from collections import Counter
from collections.abc import Sequence

import torch

from anymo.records import Recording, WindowBatch
from anymo.skeleton import INDEX, MIRROR, placement_name, segment_of, without_side


def sensor_columns(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """A column for each place that somebody wears a sensor on, in the order of their segments.

    The left and the right of a pair share one, as people wear a watch on either arm, unless somebody wears
    both at once. A place with several sensors at once has as many columns.

    Args:
        recordings: all that is trained on and tested.

    Returns:
        Names of places, without left and right where the two share a column.
    """
    worn = [[placement_name(s.placement) for s in r.sensors] for r in recordings]
    counts = [Counter(map(without_side, names)) for names in worn]
    paired = {place for count in counts for place, num in count.items() if num > 1}
    most: Counter[str] = Counter()
    rank: dict[str, int] = {}
    for names in worn:
        own = [name if without_side(name) in paired else without_side(name) for name in names]
        most |= Counter(own)
        for name, column in zip(names, own, strict=True):
            segment = INDEX[segment_of(name)]
            rank[column] = segment if without_side(name) in paired else min(segment, MIRROR[segment])
    return tuple(sorted(most.elements(), key=lambda column: (rank[column], column)))


def column_slots(placements: Sequence[str], columns: Sequence[str], name: str) -> list[int]:
    """Which column each sensor of a recording stands in.

    Args:
        placements: where its sensors are worn.
        columns: as `sensor_columns` gives.
        name: of the recording, for errors.

    Raises:
        ValueError: more sensors on a place than there are columns for it.
    """
    free = dict(enumerate(columns))
    slots = []
    for placement in placements:
        place = placement_name(placement)
        slot = next((k for own in (place, without_side(place)) for k, c in free.items() if c == own), None)
        if slot is None:
            raise ValueError(
                f"recording {name!r}: expected sensors on {', '.join(columns)}, got one more on "
                f"{placement!r}; take the columns of all recordings, of training and test, or leave the "
                "sensor out"
            )
        slots.append(slot)
        del free[slot]
    return slots


def in_columns(batch: WindowBatch, slots: Sequence[int], num_columns: int) -> WindowBatch:
    """Windows of a recording with its sensors in their columns; the others are not worn.

    Args:
        batch: windows of the recording, a slot for each of its sensors.
        slots: the column of each, as `column_slots` gives.
        num_columns: how many there are.
    """

    def placed(tensor: torch.Tensor) -> torch.Tensor:
        wide = tensor.new_zeros((len(tensor), num_columns, *tensor.shape[2:]))
        wide[:, list(slots)] = tensor
        return wide

    return WindowBatch(
        signal=placed(batch.signal),
        sample_valid=placed(batch.sample_valid),
        has_gyro=placed(batch.has_gyro),
        worn=placed(batch.worn),
        segment=placed(batch.segment),
        has_gravity=placed(batch.has_gravity),
        rate_hz=batch.rate_hz,
    )
