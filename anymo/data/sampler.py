"""Training windows simulated on the fly: every draw has new placements, mountings, devices and speeds.

Shapes: B windows, S sensor slots, N sensors worn, K targets, T samples at the model's rate.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from anymo.body import Body
from anymo.data.arrow import EDGE_FRAMES, GRID_HZ, POSE_HZ
from anymo.data.corpus import MotionCorpus
from anymo.data.device_draws import at_model_rate, draw_devices, read
from anymo.data.draws import (
    SHORTEST_S,
    DrawConfig,
    draw_captions,
    draw_seen,
    draw_segments,
    draw_worn,
    segment_weights,
)
from anymo.data.mixture import with_real_share
from anymo.data.moments import Moments, Sensors, busier_side, ideal_signals, lasting_s, pose_of
from anymo.data.simulated import SimulatedBatch, Targets
from anymo.data.wearers import Ints, Wearers
from anymo.records import Array, WindowBatch
from anymo.simulation import placement_matrix
from anymo.skeleton import NUM_SEGMENTS, mirror_words

__all__ = ["DrawConfig", "SimulatedBatch", "Targets", "WindowSampler"]

Bools = npt.NDArray[np.bool_]
Words = tuple[tuple[str, ...], tuple[str, ...]]

_log = logging.getLogger(__name__)


class WindowSampler:
    """Draws batches from the clips of one split.

    Clips that are shorter than a window give short windows, as recordings do. Those held out are drawn from
    only where they last a window, and never mirrored.

    A batch is a function of its generator alone, so that (seed, step) gives it again.

    Args:
        corpus: of motion.
        bodies: that wear the sensors; those the corpus was built with.
        config: what windows look like.
        held_out: draw from the validation split.
        device: torch device to simulate on; the corpus is copied there.

    Raises:
        ValueError: no clip of the split is as long as a window at the highest speed, or the corpus needs more
            bodies.
    """

    def __init__(
        self,
        corpus: MotionCorpus,
        bodies: Sequence[Body],
        config: DrawConfig,
        *,
        held_out: bool,
        device: torch.device | str = "cpu",
    ) -> None:
        self.config, self.held_out, self.device = config, held_out, torch.device(device)
        self.clips = _drawable(corpus, config, held_out=held_out)
        if (most := int(corpus.body[self.clips].max())) >= len(bodies):
            raise ValueError(
                f"sampler: expected the {most + 1} or more bodies the corpus was built with, got "
                f"{len(bodies)}; give those of anymo.data.prepare.bodies_of"
            )
        self.corpus = corpus if self.device.type == "cpu" else _resident(corpus, self.device)
        self.wearers, self.real = Wearers(bodies), corpus.real
        self.frames = (corpus.first[self.clips + 1] - corpus.first[self.clips]).numpy()
        weight = corpus.weight[self.clips]
        if config.real_share is not None:
            weight = with_real_share(weight, corpus.real[self.clips], config.real_share)
        cumulative = np.cumsum(weight.numpy())
        self.cumulative = cumulative / cumulative[-1]

    def batch(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        num_views: int = 2,
        num_captions: int = 1,
        phrase_share: float = 0.0,
        clips: torch.Tensor | None = None,
    ) -> SimulatedBatch:
        """Draw moments and the devices that see them.

        Args:
            size: number of windows.
            rng: where every draw comes from.
            num_views: independent sets of devices per moment.
            num_captions: captions per window.
            phrase_share: chance of each caption to be the clip's short phrase.
            clips: (size,) positions in `self.clips` to take; None draws them by the corpus's weights.
        """
        moments = self._moments(size, rng, clips)
        shape = rng.integers(len(self.wearers), size=size)
        lasting = lasting_s(self.corpus, moments).numpy()
        pose = pose_of(self.corpus, moments, self.config.window_s)
        busier = busier_side(pose).numpy(force=True)
        weight = segment_weights(busier, self.config.busy_side_share)
        drawn = [self._view(moments, shape, lasting, weight, rng) for _ in range(num_views)]
        words = [self._words(*moment) for moment in zip(*(m.tolist() for m in moments), strict=True)]
        return SimulatedBatch(
            views=tuple(view for view, _ in drawn),
            complete=tuple(complete for _, complete in drawn if complete is not None),
            targets=self._targets(moments, shape, drawn[0][0], weight, rng)
            if self.config.num_targets
            else None,
            pose=pose,
            pose_seen=_until(lasting, POSE_HZ, pose.shape[1]).to(self.device),
            texts=tuple(draw_captions(*w, num_captions, phrase_share, rng) for w in words),
            phrase=tuple(names[0] for names, _ in words),
            clip=moments.clip.to(self.device),
            real=self.real[moments.clip].to(self.device),
        )

    def _moments(self, size: int, rng: np.random.Generator, clips: torch.Tensor | None) -> Moments:
        drawn = np.searchsorted(self.cumulative, rng.random(size), side="right")
        picked = torch.from_numpy(drawn) if clips is None else clips
        speed = rng.uniform(*self.config.speed, size)
        slack = self.frames[picked] - 4 - 2 * EDGE_FRAMES - self.config.window_s * speed * GRID_HZ
        start = 1 + EDGE_FRAMES + rng.uniform(0, 1, size) * np.maximum(slack, 0)
        mirrored = (rng.random(size) < self.config.mirror_share) & (not self.held_out)
        return Moments(self.clips[picked], *(torch.from_numpy(a) for a in (start, speed, mirrored)))

    def _words(self, clip: int, start: float, speed: float, mirrored: bool) -> Words:
        """What holds for a moment: the short phrase and its synonyms, and the sentences."""
        corpus, start_s = self.corpus, start / GRID_HZ
        phrase, *rest = corpus.captions_at(clip, start_s, start_s + self.config.window_s * speed)
        synonyms = corpus.synonyms[clip] if phrase == corpus.captions[clip][0] else ()
        names, sentences = (phrase, *synonyms), tuple(rest)
        if mirrored:
            return tuple(map(mirror_words, names)), tuple(map(mirror_words, sentences))
        return names, sentences

    def _view(
        self, moments: Moments, shape: Ints, lasting: Array, weight: Array, rng: np.random.Generator
    ) -> tuple[WindowBatch, WindowBatch | None]:
        """Devices on segments drawn by weights (B, 23), and the complete set they are of where wanted."""
        config, size = self.config, len(shape)
        worn = draw_worn(size, config.max_sensors, rng)
        segment = draw_segments(weight, config.max_sensors, rng)
        seen = draw_seen(lasting, config, rng)
        if not config.complete:
            return self._read(moments, shape, worn, segment, seen, rng), None
        every = np.tile(np.arange(NUM_SEGMENTS), (size, 1))
        complete = self._read(moments, shape, np.ones_like(every, dtype=bool), every, seen, rng)
        return reduced(complete, torch.from_numpy(carriers(worn, segment)).to(self.device)), complete

    def _read(
        self, moments: Moments, shape: Ints, worn: Bools, segment: Ints, seen: Bools, rng: np.random.Generator
    ) -> WindowBatch:
        """Put new devices into the slots worn (B, S), and read them as long as they are seen (B, T)."""
        window, slot = (torch.from_numpy(a) for a in np.nonzero(worn))
        sensors, _, _ = self._sensors(moments.of(window), segment[worn], shape[window.numpy()], rng)
        devices = draw_devices(len(window), self.config, rng)
        signal, valid = read(self.corpus, sensors, devices, self.config, rng)
        valid &= torch.from_numpy(seen[window.numpy()]).to(self.device)
        place = window.to(self.device), slot.to(self.device)

        def packed(values: torch.Tensor) -> torch.Tensor:
            slots = torch.zeros(*worn.shape, *values.shape[1:], dtype=values.dtype, device=self.device)
            slots[place] = values.to(self.device)
            return slots

        return WindowBatch(
            signal=packed(signal),
            sample_valid=packed(valid),
            has_gyro=packed(devices.has_gyro),
            worn=torch.from_numpy(worn).to(self.device),
            segment=torch.from_numpy(segment).to(self.device),
            has_gravity=packed(~devices.removed),
            rate_hz=self.config.rate_hz,
        )

    def _sensors(
        self, moments: Moments, segment: Ints, shape: Ints, rng: np.random.Generator
    ) -> tuple[Sensors, torch.Tensor, torch.Tensor]:
        """Newly mounted sensors, their offsets (N, 3) and rotations (N, 3, 3)."""
        bones = self.corpus.body[moments.clip].numpy()
        shares = {"usual_share": self.config.usual_share, "upright_share": self.config.upright_share}
        mounted = self.wearers.mount(segment, shape, bones, **shares, rng=rng)
        offset, rotation = (torch.from_numpy(a).float() for a in mounted)
        matrix = placement_matrix(offset, rotation)
        return Sensors(moments, torch.from_numpy(segment), matrix), offset, rotation

    def _targets(
        self, moments: Moments, shape: Ints, view: WindowBatch, weight: Array, rng: np.random.Generator
    ) -> Targets:
        """Ideal sensors where the view wears none, brought to the model's rate as recordings are."""
        config, size, num = self.config, len(shape), self.config.num_targets
        worn = carriers(view.worn.numpy(force=True), view.segment.numpy(force=True))
        segment = draw_segments(np.where(worn, 0.0, weight), num, rng)
        window = torch.arange(size).repeat_interleave(num)
        sensors, offset, rotation = self._sensors(
            moments.of(window), segment.ravel(), shape[window.numpy()], rng
        )
        rate_hz = config.rate_hz * np.ceil(GRID_HZ / config.rate_hz)
        dense = int(np.ceil(config.window_s * rate_hz)) + 1
        ideal = ideal_signals(self.corpus, sensors, dense / rate_hz).at(rate_hz, dense)
        valid = torch.ones(ideal.shape[:2], dtype=torch.bool)
        signal, _ = at_model_rate(ideal.permute(2, 0, 1), valid, rate_hz, config)
        return Targets(
            segment=torch.from_numpy(segment).to(self.device),
            offset=offset.view(size, num, 3).to(self.device),
            rotation=rotation.view(size, num, 3, 3).to(self.device),
            signal=signal.reshape(size, num, *signal.shape[1:]),
        )


def carriers(worn: Bools, segment: Ints) -> Bools:
    """(B, 23) bool: segments that carry a sensor, from slots (B, S)."""
    carry = np.zeros((len(worn), NUM_SEGMENTS), dtype=bool)
    window, slot = np.nonzero(worn)
    carry[window, segment[window, slot]] = True
    return carry


def reduced(view: WindowBatch, worn: torch.Tensor) -> WindowBatch:
    """The same signals with fewer slots worn (B, S)."""
    return replace(
        view,
        worn=worn,
        sample_valid=view.sample_valid & worn[..., None],
        has_gyro=view.has_gyro & worn,
        has_gravity=view.has_gravity & worn,
    )


def _until(lasting: Array, rate_hz: float, num: int) -> torch.Tensor:
    """(B, num) bool: samples within the seconds (B,) that something lasts."""
    return torch.from_numpy(np.arange(num) < np.ceil(lasting * rate_hz)[:, None])


def _drawable(corpus: MotionCorpus, config: DrawConfig, *, held_out: bool) -> torch.Tensor:
    """Clips of the split to draw from; the others are named."""
    clips, split = corpus.clips(held_out=held_out), "held-out" if held_out else "training"
    frames = (corpus.first[1:] - corpus.first[:-1])[clips]
    whole = _needed(config.window_s, config)
    if not (frames >= whole).any():
        longest = float(frames.max()) / GRID_HZ if len(frames) else 0.0
        raise ValueError(
            f"sampler: expected {split} clips of {whole / GRID_HZ:.2f} s or more, the longest of "
            f"{len(clips)} is {longest:.2f} s; make more or longer clips, or shorten draw.window_s"
        )
    drawn = frames >= (whole if held_out else _needed(SHORTEST_S, config))
    if (few := int((frames < whole).sum())) > 0:
        said = "%d of %d %s clips are shorter than a window, %d too short to draw"
        _log.info(said, few, len(clips), split, int((~drawn).sum()))
        _log.debug("not drawn: %s", ", ".join(corpus.names[c] for c in clips[~drawn].tolist()))
    return clips[drawn]


def _needed(seconds: float, config: DrawConfig) -> int:
    """Frames of a clip from which so long a window can be cut at the highest speed."""
    return int(np.ceil(seconds * config.speed[1] * GRID_HZ)) + 4 + 2 * EDGE_FRAMES


def _resident(corpus: MotionCorpus, device: torch.device) -> MotionCorpus:
    """The corpus with its frames on a device."""
    return replace(corpus, features=corpus.features.to(device), pose=corpus.pose.to(device))
