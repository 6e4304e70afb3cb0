"""Virtual recordings: what the sensors of a set of recordings would have read during motion of a corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from anymo.body import Body
from anymo.data.arrow import EDGE_FRAMES, GRID_HZ
from anymo.data.corpus import MotionCorpus
from anymo.data.draws import SHORTEST_S
from anymo.data.moments import Moments, Sensors, busier_side, ideal_signals, lasting_s, pose_of
from anymo.records import GRAVITY_MPS2, Array, Recording, SensorStream
from anymo.simulation import DeviceModel, RankTransform, placement_matrix
from anymo.skeleton import INDEX, MIRROR, without_side

VIRTUAL_SUBJECT = "virtual"
_JITTER_M = 0.04
_SPEED = (0.85, 1.15)


def virtual_recordings(
    corpus: MotionCorpus,
    bodies: Sequence[Body],
    clips: Mapping[str, Sequence[int]],
    like: Sequence[Recording],
    *,
    num: int,
    duration_s: float,
    rng: np.random.Generator,
) -> list[Recording]:
    """Simulated recordings of each label, worn as the given ones are.

    Each takes a moment of one of the label's clips, played 0.85 to 1.15 times as fast, and the places, rate,
    gravity and channels of one of the given recordings. Sensors sit within 4 cm of the usual spot in the
    usual mounting of the place and have the errors of the default `DeviceModel`; gravity that is removed is
    removed without error. Where the sensors would sit on the idler side, left and right of the movement
    are swapped, as people wear a watch on the arm they are asked to move.

    Args:
        corpus: of motion.
        bodies: those the corpus was built with.
        clips: label -> indices of the clips that show it.
        like: recordings of the set; only what is known of their sensors is read, no sample.
        num: recordings per label.
        duration_s: of each, s; less where the clip ends before.
        rng: where every draw comes from.

    Returns:
        num recordings for each label in turn, their subject `VIRTUAL_SUBJECT`.

    Raises:
        ValueError: a label without clips, no recording to be like, or clips that all are under 0.5 s.
    """
    if not like or not all(len(own) for own in clips.values()):
        empty = [label for label, own in clips.items() if not len(own)]
        raise ValueError(
            f"virtual recordings: expected recordings to be like and clips for each label, got "
            f"{len(like)} and none for {empty}; name other activities for them"
        )
    made = []
    for label, own in clips.items():
        for k in range(num):
            model = like[int(rng.integers(len(like)))]
            moment = _moment(corpus, int(own[int(rng.integers(len(own)))]), model, duration_s, rng)
            sensors = _worn(corpus, bodies, moment, model, duration_s, rng)
            made.append(
                Recording(
                    sensors=sensors,
                    subject=VIRTUAL_SUBJECT,
                    label=label,
                    text=corpus.captions[int(moment.clip)][0],
                    name=f"virtual {label} {k}",
                    source="virtual",
                )
            )
    return made


def _moment(
    corpus: MotionCorpus, clip: int, model: Recording, duration_s: float, rng: np.random.Generator
) -> Moments:
    """One moment (B = 1), mirrored where the sensors would sit on the idler side."""
    frames = int(corpus.first[clip + 1] - corpus.first[clip])
    speed = rng.uniform(*_SPEED)
    slack = frames - 4 - 2 * EDGE_FRAMES - duration_s * speed * GRID_HZ
    start = 1 + EDGE_FRAMES + rng.uniform() * max(slack, 0.0)
    moment = Moments(
        torch.tensor([clip]),
        torch.tensor([start]).double(),
        torch.tensor([speed]).double(),
        torch.tensor([False]),
    )
    if float(lasting_s(corpus, moment)) < SHORTEST_S:
        raise ValueError(
            f"virtual recordings: clip {corpus.names[clip]!r} lasts under {SHORTEST_S} s; leave it out"
        )
    busier = busier_side(pose_of(corpus, moment, duration_s))[0].numpy()
    worn = np.array([INDEX[s.segment] for s in model.sensors])
    idle = int(busier[np.array(MIRROR)[worn]].sum()) > int(busier[worn].sum())
    return moment._replace(mirrored=torch.tensor([idle]))


def _worn(
    corpus: MotionCorpus,
    bodies: Sequence[Body],
    moment: Moments,
    model: Recording,
    duration_s: float,
    rng: np.random.Generator,
) -> tuple[SensorStream, ...]:
    """What each sensor of the model reads during the moment."""
    body = bodies[int(corpus.body[int(moment.clip)])]
    lasting = min(duration_s, float(lasting_s(corpus, moment)))
    streams = []
    for sensor in model.sensors:
        place = body.placement(sensor.placement, rng=rng, jitter_m=_JITTER_M)
        gravity = GRAVITY_MPS2 if sensor.gravity == "included" else 0.0
        offset, rotation = (torch.from_numpy(a[None]).float() for a in (place.offset_m, place.rotation))
        sensors = Sensors(
            moment, torch.tensor([INDEX[place.segment]]), placement_matrix(offset, rotation, gravity)
        )
        samples = int(np.ceil(lasting * sensor.rate_hz))
        ideal = ideal_signals(corpus, sensors, lasting + 1 / sensor.rate_hz).at(sensor.rate_hz, samples)
        signal = DeviceModel().apply(ideal[0].double().numpy(), sensor.rate_hz, rng)
        streams.append(
            replace(
                sensor,
                acc=signal[:, :3],
                gyro=None if sensor.gyro is None else signal[:, 3:],
                valid=np.ones(samples, dtype=bool),
            )
        )
    return tuple(streams)


def calibrated(virtual: Sequence[Recording], real: Sequence[Recording], *, by_class: bool) -> list[Recording]:
    """Virtual recordings with the distribution of each channel of real ones (`RankTransform`).

    Sensors are matched by place; the left and the right one of a pair count as one place, for a set has often
    few of either.

    Args:
        virtual: to be mapped.
        real: training recordings, never those tested on; with all labels of the virtual ones if by class.
        by_class: a map for each label instead of one for all.

    Raises:
        ValueError: a virtual sensor sits where no real one does, or a label was recorded but not simulated.
    """
    maps: dict[str, RankTransform] = {}
    for place in dict.fromkeys(_place(s) for r in virtual for s in r.sensors):
        (samples, labels), (real_samples, real_labels) = (_samples(side, place) for side in (virtual, real))
        if not len(real_samples):
            raise ValueError(f"calibration: expected real recordings with a sensor on {place!r}, got none")
        has_gyro = bool(np.isfinite(real_samples).all() and np.isfinite(samples).all())
        maps[place] = RankTransform.fit(
            np.nan_to_num(real_samples) if not has_gyro else real_samples,
            np.nan_to_num(samples) if not has_gyro else samples,
            real_labels=real_labels if by_class else None,
            simulated_labels=labels if by_class else None,
            channels="both" if has_gyro else "acc",
        )
    return [
        replace(
            r, sensors=tuple(_mapped(s, maps[_place(s)], r.label if by_class else None) for s in r.sensors)
        )
        for r in virtual
    ]


def _place(sensor: SensorStream) -> str:
    """Where a sensor sits, without its side."""
    return without_side(sensor.placement)


def _six(sensor: SensorStream) -> Array:
    """(T, 6) samples; NaN for a gyroscope that is not there."""
    gyro = np.full_like(sensor.acc, np.nan) if sensor.gyro is None else sensor.gyro
    return np.concatenate([sensor.acc, gyro], axis=1)


def _samples(recordings: Sequence[Recording], place: str) -> tuple[Array, list[str]]:
    """Valid samples (N, 6) of the sensors on a place, and the label of each."""
    parts = [(r.label, _six(s)[s.valid]) for r in recordings for s in r.sensors if _place(s) == place]
    labels = [label for label, part in parts for _ in range(len(part))]
    return np.concatenate([np.empty((0, 6)), *(part for _, part in parts)]), labels


def _mapped(sensor: SensorStream, transform: RankTransform, label: str | None) -> SensorStream:
    """Its valid samples mapped."""
    six = _six(sensor)
    rows = np.nan_to_num(six[sensor.valid])  # channels that are not there are not read below
    mapped = six.copy()
    mapped[sensor.valid] = transform.apply(rows, None if label is None else [label] * len(rows))
    return replace(sensor, acc=mapped[:, :3], gyro=None if sensor.gyro is None else mapped[:, 3:])
