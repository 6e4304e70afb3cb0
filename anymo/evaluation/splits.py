"""Who is trained on and who tested: splits by subject, and nested draws of a few recordings per class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anymo.data.leaks import check_split, inseparable
from anymo.records import Recording

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much is trained on: `num` recordings of each class, or a `share`; nothing by default."""

    num: int = 0
    share: float = 0.0

    def __post_init__(self) -> None:
        if self.num < 0 or not 0 <= self.share <= 1 or (self.num and self.share):
            raise ValueError(
                f"amount: expected recordings per class of 0 or more, or a share from 0 to 1, got {self.num} "
                f"and {self.share}"
            )

    @property
    def name(self) -> str:
        """In tables and files: "5", or "25 %"."""
        return f"{100 * self.share:g} %" if self.share else str(self.num)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Recordings to train on and to test on, by index; no subject is in both.

    name   the subjects of the test, for files and tables
    order  draws each class in this order: a permutation of `train`    (N,)
    """

    name: str
    train: Ints
    test: Ints
    order: Ints


def subject_splits(recordings: Sequence[Recording], num_folds: int, seed: int) -> list[Split]:
    """Every subject is tested once: in folds of subjects, or, with 0 folds, each alone.

    Subjects who share samples count as one (`anymo.data.leaks.inseparable`).

    Args:
        recordings: each with a subject.
        num_folds: folds of whole subjects, as even in subjects as can be; 0 leaves one subject out in turn.
        seed: of the folds and of the order in which recordings are drawn.

    Raises:
        ValueError: a recording without subject, fewer subjects than folds or than two, or a leak
            (`anymo.data.leaks.check_split`).
    """
    nameless = [r.name for r in recordings if not r.subject]
    if nameless:
        raise ValueError(
            f"splits: expected a subject for each recording, got none for {len(nameless)}, the first "
            f"{nameless[0]!r}; state who wore the sensors, as recordings of one person may not be split"
        )
    owner = np.array([r.subject for r in recordings])
    groups = {names[0]: names for names in inseparable(recordings)}
    count = num_folds or len(groups)
    if not 2 <= count <= len(groups):
        raise ValueError(
            f"splits: expected 0 or 2 to {len(groups)} folds, as there are {len(groups)} subjects that share "
            f"nothing, got {num_folds}; give fewer folds, or recordings of more people"
        )
    firsts = np.array(list(groups))
    shuffled = np.random.default_rng([seed, 51]).permutation(firsts) if num_folds else firsts
    splits = []
    for k, part in enumerate(np.array_split(shuffled, count)):
        held = np.array([name for first in part.tolist() for name in groups[first]])
        train, test = np.flatnonzero(~np.isin(owner, held)), np.flatnonzero(np.isin(owner, held))
        check_split(*([recordings[i] for i in side.tolist()] for side in (train, test)))
        order = np.random.default_rng([seed, 52, k]).permutation(train)
        splits.append(Split(name="-".join(sorted(held.tolist())), train=train, test=test, order=order))
    return splits


def drawn(split: Split, label: npt.NDArray[np.str_], amount: Amount) -> Ints:
    """Recordings to train on, in ascending order; a greater amount contains a smaller one.

    Args:
        split: where they come from.
        label: (R,) of every recording of the set.
        amount: how many; of a share, rounded up.

    Raises:
        ValueError: a class has too few recordings to train on.
    """
    parts = []
    for c in np.unique(label):
        own = split.order[label[split.order] == c]
        num = int(np.ceil(amount.share * len(own) - 1e-9)) if amount.share else amount.num
        if num > len(own) or not len(own):
            raise ValueError(
                f"split {split.name!r}: expected {max(num, 1)} recordings or more of class {c} to train on, "
                f"got {len(own)}; ask for fewer per class, leave the class out, or take other folds"
            )
        parts.append(own[:num])
    return np.sort(np.concatenate(parts))
