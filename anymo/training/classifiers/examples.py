"""Windows with their class, and what a method makes of them: a fit on some, probabilities for others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import torch

from anymo.data import collate, windows
from anymo.records import Array, Recording, WindowBatch
from anymo.training.classifiers.columns import column_slots, in_columns, sensor_columns

Ints = npt.NDArray[np.int64]
Inputs = WindowBatch | Array
Predict = Callable[[Inputs], Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """N windows of recordings, or what a method has made of each, and what is known of them.

    inputs       windows, or one row of features of each      (N, ...)
    label        class, 0..num_classes - 1                    (N,)
    recording    index of the recording it was cut from       (N,)
    subject      who wore the sensors                         (N,)
    """

    inputs: Inputs
    label: Ints
    recording: Ints
    subject: npt.NDArray[np.str_]
    num_classes: int

    def __post_init__(self) -> None:
        sizes = {len(self.inputs), len(self.label), len(self.recording), len(self.subject)}
        if len(sizes) != 1:
            raise ValueError(
                f"examples: expected inputs, label, recording and subject of one length, got {sizes}"
            )

    def __len__(self) -> int:
        return len(self.label)

    def of(self, recordings: Sequence[int] | Ints) -> Self:
        """The windows of some recordings."""
        rows = np.flatnonzero(np.isin(self.recording, recordings))
        some = (
            self.inputs.select(torch.from_numpy(rows))
            if isinstance(self.inputs, WindowBatch)
            else self.inputs[rows]
        )
        return replace(
            self,
            inputs=some,
            label=self.label[rows],
            recording=self.recording[rows],
            subject=self.subject[rows],
        )

    def with_inputs(self, inputs: Inputs) -> Self:
        """The same windows, as a method reads them."""
        return replace(self, inputs=inputs)


class Method(Protocol):
    """A way to recognise classes from labelled windows."""

    def represent(self, batch: WindowBatch) -> Inputs:
        """What it reads of windows, whatever it is trained on; computed once for a set."""

    def fit(self, examples: Examples, seed: int) -> Predict:
        """Train on examples of at least two classes; gives probabilities (N, num_classes) of any inputs."""


def cut_examples(
    recordings: Sequence[Recording],
    classes: Sequence[str],
    *,
    rate_hz: float,
    window_s: float,
    hop_s: float,
    columns: Sequence[str] | None = None,
) -> Examples:
    """Windows of recordings with the class their recording has, each place in a slot of its own.

    Args:
        recordings: with `label`, one of the classes.
        classes: labels, in the order of scores.
        rate_hz: of the windows, Hz.
        window_s: length of a window, s.
        hop_s: from one start to the next, s.
        columns: place of each slot, as `sensor_columns` gives for all that is trained on and tested; where
            left out, for these recordings.

    Raises:
        ValueError: no recording, one whose label is not among the classes, one that cannot be cut, or a
            sensor that has no column.
    """
    if not recordings:
        raise ValueError("examples: expected one recording or more, got none")
    for recording in recordings:
        if recording.label not in classes:
            raise ValueError(
                f"recording {recording.name!r}: expected a label of {', '.join(classes)}, got "
                f"{recording.label!r}; label it, or leave it out"
            )
    columns = sensor_columns(recordings) if columns is None else columns
    batches = []
    for recording in recordings:
        own, _ = windows(recording, rate_hz=rate_hz, window_s=window_s, hop_s=hop_s)
        slots = column_slots([s.placement for s in recording.sensors], columns, recording.name)
        batches.append(in_columns(own, slots, len(columns)))
    owner = np.repeat(np.arange(len(recordings)), [len(b) for b in batches])
    return Examples(
        inputs=collate(batches),
        label=np.array([classes.index(r.label) for r in recordings])[owner],
        recording=owner,
        subject=np.array([r.subject for r in recordings])[owner],
        num_classes=len(classes),
    )


def joined(one: Examples, other: Examples) -> Examples:
    """Both, the recordings of the other counted on from those of the first.

    Raises:
        ValueError: windows on one side and features on the other.
    """
    mine, others = one.inputs, other.inputs
    both: Inputs
    if isinstance(mine, WindowBatch) and isinstance(others, WindowBatch):
        both = collate([mine, others])
    elif isinstance(mine, np.ndarray) and isinstance(others, np.ndarray):
        both = np.concatenate([mine, others])
    else:
        raise ValueError("examples: expected windows on both sides or features on both; represent both alike")
    first = int(one.recording.max(initial=-1)) + 1
    return Examples(
        inputs=both,
        label=np.concatenate([one.label, other.label]),
        recording=np.concatenate([one.recording, other.recording + first]),
        subject=np.concatenate([one.subject, other.subject]),
        num_classes=one.num_classes,
    )


def recording_scores(predict: Predict, examples: Examples) -> tuple[Ints, Array]:
    """Recordings in ascending order (R,), and the mean of their windows' probabilities (R, num_classes)."""
    owner, which = np.unique(examples.recording, return_inverse=True)
    total = np.zeros((len(owner), examples.num_classes))
    np.add.at(total, which, predict(examples.inputs))
    return owner, total / np.bincount(which)[:, None]


def check_classes(examples: Examples) -> None:
    """Refuse what no classifier can be trained on.

    Raises:
        ValueError: fewer than two classes, or one without an example.
    """
    count = np.bincount(examples.label, minlength=examples.num_classes)
    if len(count) < 2 or not count.all():
        raise ValueError(
            f"examples: expected two classes or more with an example of each, got {count.tolist()} windows "
            "per class; add recordings of the empty classes, or leave these out"
        )
