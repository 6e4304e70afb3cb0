"""Training windows simulated on the fly: every draw has new placements, mountings, devices and speeds.

Shapes: B windows, S sensor slots, T samples at the model's rate, M samples at the device's rate.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from anymo.body import Body
from anymo.data.arrow import EDGE_FRAMES
from anymo.data.corpus import GRID_HZ, POSE_HZ, MotionCorpus
from anymo.data.window import collate, resample
from anymo.records import GRAVITY_MPS2, WindowBatch
from anymo.simulation import DeviceModel, placement_matrix
from anymo.skeleton import SEGMENTS

_log = logging.getLogger(__name__)

# How often a device sits on each segment: wrists, pockets, waist and chest first, every segment sometimes.
_WORN = {"ForeArm": 6, "Hand": 2, "UpperArm": 2, "UpperLeg": 3, "LowerLeg": 2, "Foot": 1.5}
_WORN_MIDLINE = {"Pelvis": 3, "L5": 2, "T8": 2.5, "Head": 2}
SEGMENT_WEIGHT = np.array(
    [_WORN_MIDLINE.get(s, _WORN.get(s.removeprefix("Left").removeprefix("Right"), 0.3)) for s in SEGMENTS]
)


@dataclass(frozen=True, kw_only=True)
class DrawConfig:
    """What training windows look like.

    Attributes:
        window_s: length of a window, s.
        rate_hz: the model's rate, Hz.
        max_sensors: sensors worn at once, one to this many; one is as frequent as all the others.
        device_rates_hz: sampling rates devices are drawn from, Hz; no anti-alias filter, as cheap ones.
        speed: playback speed, uniform between these.
        gyro_share: share of devices that have a gyroscope.
        removed_share: share of devices that remove gravity.
        removal_tilt_rad: standard deviation per axis of the tilt error with which they do it, rad.
        upright_share: share of devices mounted flat on the skin rather than turned any way.
        short_share: share of windows cut short, to 0.5 s and more.
    """

    window_s: float = 5.0
    rate_hz: float = 20.0
    max_sensors: int = 3
    device_rates_hz: tuple[float, ...] = (10.0, 20.0, 25.0, 50.0, 100.0)
    speed: tuple[float, float] = (0.85, 1.15)
    gyro_share: float = 0.85
    removed_share: float = 0.4
    removal_tilt_rad: float = 0.03
    upright_share: float = 0.25
    short_share: float = 0.15

    def __post_init__(self) -> None:
        if self.window_s < 0.5 or self.max_sensors < 1 or not 0 < self.speed[0] <= self.speed[1]:
            raise ValueError(
                "draw: expected window_s >= 0.5, max_sensors >= 1 and 0 < speed[0] <= speed[1], got "
                f"{self.window_s}, {self.max_sensors}, {self.speed}"
            )

    @property
    def num_samples(self) -> int:
        """Samples of a window at the model's rate."""
        return round(self.window_s * self.rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedBatch:
    """The same B moments seen by independent sets of devices, with pose and words beside them.

    views    independently drawn windows of the same motion
    pose     (B, F, POSE_SIZE) at 12 Hz
    text     one caption each: a sentence of the clip, or for a share of windows its phrase
    phrase   the clip's short phrase
    clip     (B,) index into the corpus
    """

    views: tuple[WindowBatch, ...]
    pose: torch.Tensor
    text: tuple[str, ...]
    phrase: tuple[str, ...]
    clip: torch.Tensor

    @classmethod
    def joined(cls, batches: Sequence["SimulatedBatch"]) -> "SimulatedBatch":
        """One batch of the windows of several."""
        return cls(
            views=tuple(collate(views) for views in zip(*(b.views for b in batches), strict=True)),
            pose=torch.cat([b.pose for b in batches]),
            text=tuple(t for b in batches for t in b.text),
            phrase=tuple(p for b in batches for p in b.phrase),
            clip=torch.cat([b.clip for b in batches]),
        )

    def to(self, device: torch.device | str) -> "SimulatedBatch":
        """Copy on a device."""
        return SimulatedBatch(
            views=tuple(v.to(device) for v in self.views),
            pose=self.pose.to(device),
            text=self.text,
            phrase=self.phrase,
            clip=self.clip.to(device),
        )


class WindowSampler:
    """Draws batches from the clips of one split.

    A batch is a function of its generator alone, so that (seed, step) gives it again.

    Raises:
        ValueError: no clip of the split is as long as a window at the highest speed.
    """

    def __init__(
        self, corpus: MotionCorpus, bodies: Sequence[Body], config: DrawConfig, *, held_out: bool
    ) -> None:
        self.corpus, self.bodies, self.config = corpus, tuple(bodies), config
        self.device_model = DeviceModel()
        clips = corpus.clips(held_out=held_out)
        frames = (corpus.first[1:] - corpus.first[:-1])[clips]
        needed = int(np.ceil(config.window_s * config.speed[1] * GRID_HZ)) + 4 + 2 * EDGE_FRAMES
        self.clips, self.frames = clips[frames >= needed], frames[frames >= needed]
        if len(self.clips) < len(clips):
            short = [corpus.names[c] for c in clips[frames < needed].tolist()]
            split = "held-out" if held_out else "training"
            _log.info("%d of %d %s clips are shorter than a window: not drawn", len(short), len(clips), split)
            _log.debug("not drawn: %s", ", ".join(short))
        if len(self.clips) == 0:
            longest = float(frames.max()) / GRID_HZ if len(frames) else 0.0
            raise ValueError(
                f"sampler: expected {'held-out' if held_out else 'training'} clips of "
                f"{needed / GRID_HZ:.2f} s or more, the longest of {len(clips)} is {longest:.2f} s; "
                "make more or longer clips, or shorten draw.window_s"
            )

    def batch(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        num_views: int = 2,
        phrase_share: float = 0.0,
        clips: torch.Tensor | None = None,
    ) -> SimulatedBatch:
        """Draw moments and the devices that see them.

        Args:
            size: number of windows.
            rng: where every draw comes from.
            num_views: independent sets of devices per moment.
            phrase_share: share of windows whose text is the clip's short phrase.
            clips: (size,) positions in `self.clips` to take; None draws them alike.
        """
        picked = torch.from_numpy(rng.integers(len(self.clips), size=size)) if clips is None else clips
        clip, frames = self.clips[picked], self.frames[picked].numpy()
        speed = rng.uniform(*self.config.speed, size)
        slack = frames - 4 - 2 * EDGE_FRAMES - self.config.window_s * speed * GRID_HZ
        start = 1 + EDGE_FRAMES + rng.uniform(0, 1, size) * np.maximum(slack, 0)  # grid frames into the clip
        views = tuple(self._view(clip, start, speed, rng) for _ in range(num_views))
        captions = [self.corpus.captions[c] for c in clip.tolist()]
        drawn = [c[0] if rng.random() < phrase_share else _sentence(c, rng) for c in captions]
        return SimulatedBatch(
            views=views,
            pose=self._pose(clip, start, speed),
            text=tuple(drawn),
            phrase=tuple(c[0] for c in captions),
            clip=clip,
        )

    def _pose(self, clip: torch.Tensor, start: np.ndarray, speed: np.ndarray) -> torch.Tensor:
        num = int(self.config.window_s * POSE_HZ)
        frames = (start / GRID_HZ)[:, None] * POSE_HZ + np.arange(num) * speed[:, None]
        index = self.corpus.first_pose[clip][:, None] + torch.from_numpy(np.round(frames).astype(int))
        last = self.corpus.first_pose[clip + 1][:, None] - 1
        pose = self.corpus.pose[torch.minimum(index, last)]
        pose[..., -3:] *= torch.from_numpy(speed).float()[:, None, None]  # the pelvis velocity
        return pose

    def _view(
        self, clip: torch.Tensor, start: np.ndarray, speed: np.ndarray, rng: np.random.Generator
    ) -> WindowBatch:
        config, size = self.config, len(clip)
        worn = _draw_worn(size, config.max_sensors, rng)
        segment = _draw_segments(size, config.max_sensors, rng)
        has_gyro = rng.random(worn.shape) < config.gyro_share
        has_gravity = rng.random(worn.shape) >= config.removed_share
        rate = float(rng.choice(config.device_rates_hz))
        window, slot = np.nonzero(worn)
        body = self.corpus.body[clip].numpy()
        matrix = self._matrices(segment[worn], has_gravity[worn], body[window], rng)
        features = self._features(clip[window], segment[worn], start[window], speed[window], rate)
        signal = self.device_model.apply((features @ matrix).numpy(), rate, rng)
        to_model_rate = _resample_matrix(signal.shape[1], rate, config.rate_hz, config.num_samples)
        packed = torch.zeros(*worn.shape, config.num_samples, 6)
        packed[window, slot] = to_model_rate @ torch.from_numpy(signal).float()
        worn_torch = torch.from_numpy(worn)
        seen = torch.from_numpy(self._draw_seen(size, rng))
        return WindowBatch(
            signal=packed,
            sample_valid=seen[:, None, :] & worn_torch[..., None],
            has_gyro=torch.from_numpy(has_gyro) & worn_torch,
            worn=worn_torch,
            segment=torch.from_numpy(segment),
            has_gravity=torch.from_numpy(has_gravity) & worn_torch,
            rate_hz=config.rate_hz,
        )

    def _draw_seen(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """(B, T) bool: most windows are whole, some end early."""
        config = self.config
        short = rng.random(size) < config.short_share
        length = np.where(short, rng.uniform(0.5, config.window_s, size), config.window_s)
        return np.arange(config.num_samples) < np.ceil(length * config.rate_hz)[:, None]

    def _matrices(
        self, segment: np.ndarray, has_gravity: np.ndarray, body: np.ndarray, rng: np.random.Generator
    ) -> torch.Tensor:
        """(N, 18, 6) of newly mounted sensors.

        A device that removes gravity subtracts what its fusion, off by a small rotation E, takes for up:
        γ(Qᵀu − E Qᵀu) is left over, about γ times the tilt error, across gravity.
        """
        num = len(segment)
        offset, rotation = np.empty((num, 3)), np.empty((num, 3, 3))
        for b in np.unique(body):
            rows = body == b
            offset[rows], rotation[rows] = self.bodies[b].random_placements(segment[rows], rng)
        turned = rng.random(num) >= self.config.upright_share
        rotation[turned] = Rotation.random(int(turned.sum()), rng=rng).as_matrix()
        tilt = Rotation.from_rotvec(rng.normal(0, self.config.removal_tilt_rad, (num, 3))).as_matrix()
        left_over = rotation - np.where(has_gravity[:, None, None], 0.0, rotation @ np.swapaxes(tilt, 1, 2))
        offset_t, rotation_t, gravity_t = (torch.from_numpy(a).float() for a in (offset, rotation, left_over))
        matrix = placement_matrix(offset_t, rotation_t)
        matrix[:, 3:6, :3] = GRAVITY_MPS2 * gravity_t
        return matrix

    def _features(
        self, clip: torch.Tensor, segment: np.ndarray, start: np.ndarray, speed: np.ndarray, rate_hz: float
    ) -> torch.Tensor:
        """(N, M, 18) at the device's own times, by cubic convolution on the grid, played at `speed`."""
        num = int(np.ceil(self.config.window_s * rate_hz)) + 1
        frames = start[:, None] + np.arange(num) * (speed[:, None] * GRID_HZ / rate_hz)
        longest = (self.corpus.first[clip + 1] - self.corpus.first[clip]).numpy()[:, None] - 3 - EDGE_FRAMES
        frames = np.minimum(frames, longest)
        whole = np.floor(frames).astype(np.int64)
        weights = torch.from_numpy(_cubic_weights(frames - whole)).float()
        index = self.corpus.first[clip][:, None] + torch.from_numpy(whole)
        column = torch.from_numpy(segment)[:, None]
        mixed = sum(weights[..., k, None] * self.corpus.features[index + (k - 1), column] for k in range(4))
        scale = torch.from_numpy(speed).float()[:, None]
        power = torch.ones(18)
        power[:3], power[6:15] = 2, 2  # A and B go with s²,
        power[3:6] = 0  # u stays, w goes with s
        return mixed * (scale**power)[:, None, :]


def _sentence(captions: Sequence[str], rng: np.random.Generator) -> str:
    """One of a clip's sentences, which follow its short phrase; the phrase where it has none."""
    sentences = captions[1:] or captions
    return sentences[int(rng.integers(len(sentences)))]


def _draw_worn(size: int, slots: int, rng: np.random.Generator) -> np.ndarray:
    """(B, S) bool: one sensor in half of the windows, else two or more."""
    count = np.where(rng.random(size) < 0.5, 1, rng.integers(min(2, slots), slots + 1, size))
    return np.arange(slots) < count[:, None]


def _draw_segments(size: int, slots: int, rng: np.random.Generator) -> np.ndarray:
    """(B, S) distinct segments per window, weighted (Gumbel top-k, Kool et al. 2019)."""
    keys = np.log(SEGMENT_WEIGHT) + rng.gumbel(size=(size, len(SEGMENTS)))
    return np.argsort(-keys, axis=1)[:, :slots]


def _cubic_weights(t: np.ndarray) -> np.ndarray:
    """Catmull-Rom weights of the four neighbours of a point at fraction t (Keys 1981, a = -1/2)."""
    return np.stack(
        [
            ((-0.5 * t + 1.0) * t - 0.5) * t,
            (1.5 * t - 2.5) * t * t + 1.0,
            ((-1.5 * t + 2.0) * t + 0.5) * t,
            (0.5 * t - 0.5) * t * t,
        ],
        axis=-1,
    )


@lru_cache(maxsize=64)
def _resample_matrix(num_in: int, rate_in: float, rate_out: float, num_out: int) -> torch.Tensor:
    """(num_out, num_in): `anymo.data.window.resample` written as the matrix it is."""
    return torch.from_numpy(resample(np.eye(num_in), rate_in, rate_out)[:num_out]).float()
