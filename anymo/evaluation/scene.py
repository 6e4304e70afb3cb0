"""Held-out simulated moments, and people who wear sensors on fixed places while they last."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from anymo.body import Body
from anymo.data.arrow import EDGE_FRAMES, GRID_HZ
from anymo.data.corpus import MotionCorpus
from anymo.data.moments import Moments, Sensors, ideal_signals
from anymo.data.sampler import WindowSampler
from anymo.evaluation.pools import PROCEDURAL
from anymo.records import Recording, SensorStream
from anymo.simulation import DeviceModel, placement_matrix
from anymo.skeleton import INDEX, PARENTS, segment_of

# Neighbours in the list are far apart on the body, as the sensors of one person are neighbours in it.
PLACES = (
    "right wrist",
    "chest",
    "left ankle",
    "front right trouser pocket",
    "left wrist",
    "head",
    "lower back",
    "right upper arm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wearing:
    """How sensors are worn, and what they are.

    num_sensors   on so many places
    turn_deg      each turned from its usual mounting by this, about a random axis of its own, °
    shift_m       each this far towards the trunk along its segment (down, on trunk and head), m
    next_segment  each somewhere on the skin of the parent segment, though declared as before
    rate_hz       of the device, Hz
    has_gyro      they have gyroscopes
    """

    num_sensors: int = 1
    turn_deg: float = 0.0
    shift_m: float = 0.0
    next_segment: bool = False
    rate_hz: float = 50.0
    has_gyro: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """N moments of held-out motion.

    clip, start   index into the corpus, and grid frame into the clip    (N,)
    truth         index into `phrases`                                   (N,)
    place         index into `places` of the sensor that is always worn  (N,)
    window_s      how long each lasts, s
    seed          of axes, places and device errors
    places        placements that may be worn
    """

    corpus: MotionCorpus
    bodies: tuple[Body, ...]
    clip: np.ndarray
    start: np.ndarray
    truth: np.ndarray
    place: np.ndarray
    phrases: tuple[str, ...]
    window_s: float
    seed: int
    places: tuple[str, ...] = PLACES

    @cached_property
    def usual(self) -> tuple[np.ndarray, np.ndarray]:
        """Usual offsets (num bodies, 8, 3) m and rotations (num bodies, 8, 3, 3) of the places."""
        worn = [[body.placement(place) for place in self.places] for body in self.bodies]
        offset = np.array([[p.offset_m for p in row] for row in worn])
        return offset, np.array([[p.rotation for p in row] for row in worn])

    @cached_property
    def axes(self) -> np.ndarray:
        """(N, 8, 3) unit axes that mountings are turned about, uniform over the sphere."""
        axis = np.random.default_rng([self.seed, 21]).normal(size=(len(self.clip), len(self.places), 3))
        return np.asarray(axis / np.linalg.norm(axis, axis=-1, keepdims=True))


def held_out_scene(
    sampler: WindowSampler,
    bodies: Sequence[Body],
    *,
    num_phrases: int,
    num_windows: int,
    window_s: float,
    seed: int,
) -> Scene:
    """Moments of held-out procedural clips, of any held-out clips where there are none.

    Args:
        sampler: over held-out clips.
        bodies: the bodies the corpus was built with.
        num_phrases: labels at most, spread evenly over the phrases of these clips in alphabetical order.
        num_windows: moments; labels, and for each label its clips and all PLACES, take turns.
        window_s: how long each lasts, s; at most as long as the sampler's windows.
        seed: of the moments and of all that is drawn later.

    Raises:
        ValueError: fewer than two phrases are held out, or windows longer than the sampler's.
    """
    said = phrases_of(sampler)
    if len(said) < 2:
        raise ValueError(f"scene: expected two phrases or more on held-out clips, got {said}")
    picked = np.unique(np.linspace(0, len(said) - 1, num_phrases).round().astype(int))
    return scene_of(
        sampler,
        bodies,
        tuple(said[k] for k in picked),
        num_windows=num_windows,
        window_s=window_s,
        seed=seed,
    )


def scene_of(
    sampler: WindowSampler,
    bodies: Sequence[Body],
    phrases: tuple[str, ...],
    *,
    num_windows: int,
    window_s: float,
    seed: int,
    places: tuple[str, ...] = PLACES,
) -> Scene:
    """Moments of held-out clips with these phrases; labels, and for each its clips and places, take turns.

    Args:
        sampler: over held-out clips.
        bodies: the bodies the corpus was built with.
        phrases: of `phrases_of`.
        num_windows: moments.
        window_s: how long each lasts, s; at most as long as the sampler's windows.
        seed: of the moments and of all that is drawn later.
        places: placements that may be worn.

    Raises:
        ValueError: windows longer than the sampler's.
    """
    corpus = sampler.corpus
    if window_s > sampler.config.window_s:
        raise ValueError(f"scene: expected windows up to {sampler.config.window_s} s, got {window_s}")
    clips = _generated(sampler)
    having = [np.array([c for c in clips if corpus.captions[c][0] == p]) for p in phrases]
    truth = np.arange(num_windows) % len(phrases)
    turn = np.arange(num_windows) // len(phrases)
    clip = np.array([having[t][k % len(having[t])] for t, k in zip(truth, turn, strict=True)])
    frames = (corpus.first[1:] - corpus.first[:-1]).numpy()[clip]
    slack = frames - 4 - 2 * EDGE_FRAMES - window_s * GRID_HZ
    start = 1 + EDGE_FRAMES + np.random.default_rng([seed, 20]).random(num_windows) * np.maximum(slack, 0)
    return Scene(
        corpus=corpus,
        bodies=tuple(bodies),
        clip=clip,
        start=start,
        truth=truth,
        # moved on by one every round, or of two clips each would be seen from half of the places
        place=(truth + turn + turn // len(places)) % len(places),
        phrases=phrases,
        window_s=window_s,
        seed=seed,
        places=places,
    )


def phrases_of(sampler: WindowSampler) -> list[str]:
    """What the clips of scenes show, in alphabetical order."""
    return sorted({sampler.corpus.captions[c][0] for c in _generated(sampler)})


def _generated(sampler: WindowSampler) -> np.ndarray:
    """Procedural clips of the sampler, or all of them where there are none."""
    clips = sampler.clips.numpy()
    generated = np.array([sampler.corpus.sources[c] == PROCEDURAL for c in clips])
    return clips[generated] if generated.any() else clips


def recordings(scene: Scene, wearing: Wearing) -> list[Recording]:
    """What the devices record at each moment."""
    num, worn = len(scene.clip), wearing.num_sensors
    place = (scene.place[:, None] + np.arange(worn)) % len(scene.places)
    segment, offset, rotation = (a.reshape(num * worn, *a.shape[2:]) for a in _mounted(scene, wearing, place))
    clip, start = (torch.from_numpy(np.repeat(a, worn)) for a in (scene.clip, scene.start))
    sensors = Sensors(
        Moments(clip, start, torch.ones_like(start), torch.zeros(len(clip), dtype=torch.bool)),
        torch.from_numpy(segment),
        placement_matrix(torch.from_numpy(offset).float(), torch.from_numpy(rotation).float()),
    )
    samples = int(np.ceil(scene.window_s * wearing.rate_hz)) + 1
    ideal = ideal_signals(scene.corpus, sensors, scene.window_s + 1 / wearing.rate_hz).at(
        wearing.rate_hz, samples
    )
    signal = np.stack(
        [  # a generator for each, so that those worn first have the same errors however many are worn
            DeviceModel().apply(one, wearing.rate_hz, np.random.default_rng([scene.seed, 22, k]))
            for k, one in enumerate(ideal.double().numpy().reshape(num, worn, samples, 6).swapaxes(0, 1))
        ],
        axis=1,
    )
    return [
        Recording(
            sensors=tuple(_stream(s, scene.places[p], wearing) for s, p in zip(row, places, strict=True)),
            label=scene.phrases[truth],
        )
        for row, places, truth in zip(signal, place, scene.truth, strict=True)
    ]


def _mounted(scene: Scene, wearing: Wearing, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segment (N, S) that carries each sensor, its offset (N, S, 3) m and rotation (N, S, 3, 3)."""
    row = np.arange(len(place))[:, None]
    body = scene.corpus.body.numpy()[scene.clip]
    segment = np.array([INDEX[segment_of(p)] for p in scene.places])[place]
    offset, rotation = (usual[body[:, None], place] for usual in scene.usual)
    if wearing.next_segment:
        segment, rng = np.array(PARENTS)[segment], np.random.default_rng([scene.seed, 23])
        offset, rotation = offset.copy(), rotation.copy()
        for b in np.unique(body):
            own = body == b
            at, turned = scene.bodies[b].random_placements(segment[own].ravel(), rng)
            offset[own], rotation[own] = (
                at.reshape(-1, *offset.shape[1:]),
                turned.reshape(-1, *rotation.shape[1:]),
            )
    offset = offset - wearing.shift_m * rotation[..., 0]
    turn = Rotation.from_rotvec((np.deg2rad(wearing.turn_deg) * scene.axes[row, place]).reshape(-1, 3))
    return segment, offset, rotation @ turn.as_matrix().reshape(rotation.shape)


def _stream(signal: np.ndarray, place: str, wearing: Wearing) -> SensorStream:
    return SensorStream(
        acc=signal[:, :3],
        gyro=signal[:, 3:] if wearing.has_gyro else None,
        valid=np.ones(len(signal), dtype=bool),
        rate_hz=wearing.rate_hz,
        placement=place,
        gravity="included",
    )
