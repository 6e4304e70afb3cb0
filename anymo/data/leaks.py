"""The leak check: training and test share no recording, no person, and no stretch of signal."""

import logging
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from anymo.records import Recording, SensorStream

_log = logging.getLogger(__name__)

Hashes = npt.NDArray[np.uint64]
Key = tuple[str, str]

_RUN = 16  # samples; overlaps of so many are found, however the windows were cut
_STEP_MPS2 = 1e-3  # to which signals are rounded: float32 and float64 copies of one signal are alike
_MIN_CHANGES = _RUN // 2  # a run that stands still more often says nothing: coarse sensors at rest repeat
_NAMED = 3  # of each kind, in the message
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, 2⁶⁴ over the golden ratio: Knuth's multiplicative hash


def check_split(train: Sequence[Recording], test: Sequence[Recording]) -> None:
    """Refuse a split in which something of the test was trained on.

    Found are the same recording (source and name), the same person (source and subject), and runs of 16
    samples of acceleration that occur on both sides, so also windows of one recording that overlap, shifted
    by any number of samples and under other names. Signals that were resampled, filtered or turned are not
    found, nor people who are in two sets.

    Args:
        train: what is trained on.
        test: what is tested on.

    Raises:
        ValueError: with every kind of leak and the first recordings of each; or a side is empty.
    """
    if not train or not test:
        raise ValueError(f"split: expected recordings on both sides, got {len(train)} and {len(test)}")
    kinds = {
        "the same recording": _shared(
            ((r.source, r.name) for r in train), ((r.source, r.name) for r in test)
        ),
        "the same person": _shared(
            ((r.source, r.subject) for r in train), ((r.source, r.subject) for r in test)
        ),
        "the same samples": _same_samples(train, test),
    }
    if found := [f"{kind}: {_listed(names)}" for kind, names in kinds.items() if names]:
        raise ValueError(
            f"split: training and test share {'; '.join(found)}; split by subject before recordings are cut "
            "into windows"
        )


def inseparable(recordings: Sequence[Recording]) -> list[list[str]]:
    """Subjects in groups that no split may part: those of a group share runs of samples, directly or in turn.

    In DSADS, as it is handed on, two people have the same rowing and the same jumping. Each group is sorted,
    and groups stand in the order of their first; nearly always each is one subject.

    Args:
        recordings: of one set, each with a subject.
    """
    owner = np.array([r.subject for r in recordings])
    subjects, person = np.unique(owner, return_inverse=True)
    runs = [_runs(recording) for recording in recordings]
    hashes = np.concatenate(runs)
    whose = np.repeat(person, [len(r) for r in runs])
    order = np.argsort(hashes, kind="stable")
    hashes, whose = hashes[order], whose[order]
    same = np.flatnonzero((hashes[1:] == hashes[:-1]) & (whose[1:] != whose[:-1]))
    links = coo_array((np.ones(len(same)), (whose[same], whose[same + 1])), shape=(len(subjects),) * 2)
    _, group = connected_components(links, directed=False)
    members = [subjects[group == g].tolist() for g in dict.fromkeys(group.tolist())]
    for names in members:
        if len(names) > 1:
            _log.warning("subjects %s share samples, so that all of them stay on one side", ", ".join(names))
    return members


def _shared(train: Iterable[Key], test: Iterable[Key]) -> list[str]:
    """What stands on both sides; nameless recordings and unknown persons are nobody's."""
    known = set(train)
    return [f"{key[0]} {key[1]}".strip() for key in dict.fromkeys(test) if key[1] and key in known]


def _same_samples(train: Sequence[Recording], test: Sequence[Recording]) -> list[str]:
    """Pairs of recordings that have a run of samples in common, by test recording."""
    runs = [_runs(recording) for recording in train]
    hashes = np.concatenate(runs)
    owner = np.repeat(np.arange(len(train)), [len(r) for r in runs])
    order = np.argsort(hashes, kind="stable")
    hashes, owner = hashes[order], owner[order]
    found = []
    for recording in test:
        own = _runs(recording)
        place = np.searchsorted(hashes, own)
        hit = place < len(hashes)
        hit[hit] = hashes[place[hit]] == own[hit]
        if hit.any():
            twin = train[int(owner[place[np.argmax(hit)]])]
            found.append(f"{recording.name or 'unnamed'} of the test and {twin.name or 'unnamed'}")
    return found


def _runs(recording: Recording) -> Hashes:
    """Hash of every run of samples of every sensor."""
    return np.concatenate([_stream_runs(sensor) for sensor in recording.sensors])


def _stream_runs(sensor: SensorStream) -> Hashes:
    """(T - 15,) or fewer polynomial hashes modulo 2⁶⁴ of runs that are valid and do change."""
    if len(sensor.acc) < _RUN:
        return np.empty(0, dtype=np.uint64)
    whole = np.where(sensor.valid[:, None], sensor.acc, 0.0) / _STEP_MPS2
    coarse = np.round(whole).astype(np.int64).view(np.uint64)
    sample = coarse @ _powers(3)
    changes = np.append(True, sample[1:] != sample[:-1])
    view = np.lib.stride_tricks.sliding_window_view
    says = (view(sensor.valid, _RUN).all(axis=1)) & (view(changes, _RUN).sum(axis=1) >= _MIN_CHANGES)
    return np.asarray(view(_mixed(sample), _RUN)[says] @ _powers(_RUN), dtype=np.uint64)


def _mixed(value: Hashes) -> Hashes:
    """Bits stirred, so that sums over a run do not cancel."""
    value = (value ^ (value >> np.uint64(31))) * _BASE
    return np.asarray(value ^ (value >> np.uint64(29)), dtype=np.uint64)


def _powers(num: int) -> Hashes:
    return np.cumprod(np.full(num, _BASE), dtype=np.uint64)


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
