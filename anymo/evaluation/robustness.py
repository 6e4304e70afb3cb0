"""Accuracy when sensors are worn otherwise than they should be: turned, shifted, fewer, slower, without gyro.

Held-out simulated motion: windows of held-out clips are told apart by their phrases, a closed list. Each
phrase is seen from all PLACES in turn; several are worn on places that follow each other in the list. In all
but the condition on the number one is worn, measured at 50 Hz by a device of the default `DeviceModel`. What
is declared to the model is always the place of PLACES. Moments, axes of turning and device errors are the
same in every condition and for every model.

Real development recordings are turned, thinned and robbed of their gyroscope likewise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from anymo.data import SETS
from anymo.evaluation.scene import Scene, Wearing, recordings
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording, SensorStream

W = TypeVar("W")
HELD_OUT = "held-out motion"
_TURNS_DEG = (0, 30, 60, 90, 120, 150, 180)
_TURN, _RATE, _GYRO = "mounting turned, °", "device rate, Hz", "channels"
CONDITIONS: dict[str, dict[str, Wearing]] = {
    _TURN: {f"{a}": Wearing(turn_deg=a) for a in _TURNS_DEG},
    "sensors worn": {f"{n}": Wearing(num_sensors=n) for n in range(1, 9)},
    _RATE: {f"{hz}": Wearing(rate_hz=hz) for hz in (10, 15, 20, 25, 50, 100)},
    "shifted, cm": {f"{cm}": Wearing(shift_m=cm / 100) for cm in (0, 2, 5, 10, 15)}
    | {"next\nsegment": Wearing(next_segment=True)},
    _GYRO: {"acc, gyro": Wearing(), "acc": Wearing(has_gyro=False)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is done to a recording.

    turn_deg    its sensors' axes are turned by this about random axes of their own, °
    keep_every  of the samples one in so many is kept, without a filter, as cheap devices sample
    has_gyro    its gyroscopes are kept
    """

    turn_deg: float = 0.0
    keep_every: int = 1
    has_gyro: bool = True


CHANGES: dict[str, dict[str, Change]] = {
    _TURN: {f"{a}": Change(turn_deg=a) for a in _TURNS_DEG},
    _RATE: {f"1/{k}": Change(keep_every=k) for k in (5, 4, 3, 2, 1)},
    _GYRO: {"acc, gyro": Change(), "acc": Change(has_gyro=False)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Accuracy over one condition.

    data       HELD_OUT or the name of a set
    ticks      value of the condition at each point
    accuracy   share of windows or recordings that are told right
    chance     one over the number of labels
    """

    data: str
    condition: str
    ticks: tuple[str, ...]
    accuracy: tuple[float, ...]
    chance: float

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


def simulated_curves(pipe: AnymoPipeline, scene: Scene) -> list[Curve]:
    """Curves over all CONDITIONS on held-out simulated motion."""
    labels = pipe.embed_labels(scene.phrases)
    accuracy = {
        wearing: _accuracy(pipe, recordings(scene, wearing), labels, scene.truth)
        for wearing in tqdm(_distinct(CONDITIONS), desc="robustness, simulated", unit="condition")
    }
    return _curves(HELD_OUT, CONDITIONS, accuracy, 1 / len(scene.phrases))


def real_curves(pipe: AnymoPipeline, set_name: str, real: Sequence[Recording], seed: int) -> list[Curve]:
    """Curves over all CHANGES on a development set; a rate under 5 Hz is left out.

    Args:
        pipe: the model.
        set_name: a development set.
        real: its recordings.
        seed: of axes that sensors are turned about.

    Raises:
        KeyError: no development set.
    """
    spec = SETS[set_name]
    labels = pipe.embed_labels([spec.words[label] for label in spec.labels])
    truth = np.array([spec.labels.index(r.label) for r in real])
    slowest = min(s.rate_hz for r in real for s in r.sensors)
    conditions = {
        name: {tick: c for tick, c in ticks.items() if slowest / c.keep_every >= 5.0}
        for name, ticks in CHANGES.items()
    }
    accuracy = {
        change: _accuracy(pipe, changed(real, change, seed), labels, truth)
        for change in tqdm(_distinct(conditions), desc=f"robustness, {set_name}", unit="condition")
    }
    curves = _curves(set_name, conditions, accuracy, 1 / len(spec.labels))
    rates = tuple(f"{slowest / c.keep_every:.3g}" for c in conditions[_RATE].values())
    return [replace(c, ticks=rates) if c.condition == _RATE else c for c in curves]


def changed(real: Sequence[Recording], change: Change, seed: int) -> list[Recording]:
    """Recordings after the change; without one they are equal to the originals bit by bit."""
    rng = np.random.default_rng([seed, 11])
    return [replace(r, sensors=tuple(_changed(s, change, rng) for s in r.sensors)) for r in real]


def random_turns(num: int, angle_deg: float, rng: np.random.Generator) -> np.ndarray:
    """(num, 3, 3) rotations by one angle about axes uniform over the sphere; the identity at 0°."""
    axis = rng.normal(size=(num, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    turns: np.ndarray = Rotation.from_rotvec(np.deg2rad(angle_deg) * axis).as_matrix()
    return turns


def _changed(stream: SensorStream, change: Change, rng: np.random.Generator) -> SensorStream:
    (turn,) = random_turns(1, change.turn_deg, rng)
    kept = slice(None, None, change.keep_every)
    gyro = stream.gyro if change.has_gyro else None
    return replace(
        stream,
        acc=stream.acc[kept] @ turn,
        gyro=None if gyro is None else gyro[kept] @ turn,
        valid=stream.valid[kept],
        rate_hz=stream.rate_hz / change.keep_every,
    )


def _accuracy(
    pipe: AnymoPipeline, worn: Sequence[Recording], labels: torch.Tensor, truth: np.ndarray
) -> float:
    guess = (pipe.embed(worn) @ labels.T).argmax(dim=1).numpy()
    return float((guess == truth).mean())


def _distinct(conditions: Mapping[str, Mapping[str, W]]) -> list[W]:
    return list(dict.fromkeys(w for ticks in conditions.values() for w in ticks.values()))


def _curves(
    data: str, conditions: Mapping[str, Mapping[str, W]], accuracy: Mapping[W, float], chance: float
) -> list[Curve]:
    return [
        Curve(
            data=data,
            condition=name,
            ticks=tuple(ticks),
            accuracy=tuple(accuracy[w] for w in ticks.values()),
            chance=chance,
        )
        for name, ticks in conditions.items()
    ]
