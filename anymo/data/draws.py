"""What training windows look like, and the choices that are drawn anew for every one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anymo.data.arrow import GRID_HZ
from anymo.skeleton import MIRROR, NUM_SEGMENTS, SEGMENTS

SHORTEST_S = 0.5  # of windows that are cut short

# How often a device sits on each segment: wrists, pockets, waist and chest first, every segment sometimes.
_WORN = {"ForeArm": 6, "Hand": 1.5, "UpperArm": 1.5, "UpperLeg": 4, "LowerLeg": 2, "Foot": 1}
_WORN_MIDLINE = {"Pelvis": 5, "L5": 3, "T8": 3, "Head": 2}
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
        num_targets: placements per window whose ideal signal is to be predicted.
        complete: also give all 23 segments of every view.
        device_rates_hz: sampling rates devices are drawn from, Hz.
        speed: playback speed, uniform between these.
        mirror_share: share of training windows mirrored, left for right.
        ideal_share: share of devices without any error.
        preset_share: of the others, the share of `anymo.simulation.presets`, which filter before they sample;
            the rest are cheap ones without a filter.
        wobble_share: share of presets that are worn on a strap or soft tissue rather than firmly.
        gyro_share: share of devices whose gyroscope, if they have one, is read.
        removed_share: share of devices that remove gravity, as far as their fusion can.
        usual_share: share of devices worn where and as people usually wear them (`anymo.body.mounting`), or
            in another of the usual turns.
        upright_share: share of devices flat on the skin, anywhere on it; the others are turned any way.
        busy_side_share: how often a left or right sensor is on the busier side, where one limb turns at over
            1.4 times the rate of the other; 0.5 takes both alike.
        short_share: share of windows cut short, to 0.5 s and more; those of clips that are shorter than a
            window end with the clip besides.
        real_share: share of windows from captured motion; None for as much as the corpus has.
    """

    window_s: float = 5.0
    rate_hz: float = 20.0
    max_sensors: int = 3
    num_targets: int = 0
    complete: bool = False
    device_rates_hz: tuple[float, ...] = (10.0, 20.0, 25.0, 50.0, 100.0)
    speed: tuple[float, float] = (0.85, 1.15)
    mirror_share: float = 0.5
    ideal_share: float = 0.0
    preset_share: float = 0.5
    wobble_share: float = 0.5
    gyro_share: float = 0.85
    removed_share: float = 0.4
    usual_share: float = 0.8
    upright_share: float = 0.1
    busy_side_share: float = 0.8
    short_share: float = 0.15
    real_share: float | None = None

    def __post_init__(self) -> None:
        if self.window_s < SHORTEST_S or not 0 < self.speed[0] <= self.speed[1]:
            raise ValueError(
                "draw: expected window_s >= 0.5 and 0 < speed[0] <= speed[1], got "
                f"{self.window_s}, {self.speed}"
            )
        if self.max_sensors < 1 or self.num_targets < 0 or self.max_sensors + self.num_targets > NUM_SEGMENTS:
            raise ValueError(
                f"draw: expected max_sensors >= 1 and num_targets >= 0 that fit {NUM_SEGMENTS} segments "
                f"together, got {self.max_sensors} and {self.num_targets}"
            )
        if not 0 < self.rate_hz <= GRID_HZ or not self.device_rates_hz or min(self.device_rates_hz) <= 0:
            raise ValueError(
                f"draw: expected a rate_hz up to the {GRID_HZ:g} Hz of the corpus and positive "
                f"device_rates_hz, got {self.rate_hz:g} and {list(self.device_rates_hz)}"
            )
        shares = {
            name: value for name, value in vars(self).items() if name.endswith("_share") and value is not None
        }
        if wrong := {name: value for name, value in shares.items() if not 0 <= value <= 1}:
            raise ValueError(f"draw: expected shares from 0 to 1, got {wrong}")
        if self.usual_share + self.upright_share > 1:
            raise ValueError(
                "draw: expected usual_share and upright_share of 1 together or less, got "
                f"{self.usual_share} and {self.upright_share}"
            )

    @property
    def num_samples(self) -> int:
        """Samples of a window at the model's rate."""
        return round(self.window_s * self.rate_hz)


def draw_worn(size: int, slots: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(B, S) bool: one sensor in half of the windows, else two or more.

    Args:
        size: B windows.
        slots: S sensors at most.
        rng: source of the draws.
    """
    count = np.where(rng.random(size) < 0.5, 1, rng.integers(min(2, slots), slots + 1, size))
    return np.arange(slots) < count[:, None]


def draw_segments(
    weight: npt.NDArray[np.float64], num: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """(B, num) distinct segments by their weights (B, 23) (Gumbel top-k, Kool et al. 2019)."""
    with np.errstate(divide="ignore"):
        keys = np.log(weight) + rng.gumbel(size=weight.shape)
    return np.argsort(-keys, axis=1)[:, :num]


def segment_weights(busier: npt.NDArray[np.bool_], share: float) -> npt.NDArray[np.float64]:
    """(B, 23) weights by which segments are worn; a busier one (B, 23) has this share of its pair's."""
    weight = np.where(busier, 2 * share, 1.0) * SEGMENT_WEIGHT
    return np.where(busier[:, MIRROR], 2 * (1 - share) * SEGMENT_WEIGHT, weight)


def draw_seen(
    lasting_s: npt.NDArray[np.float64], config: DrawConfig, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """(B, T) bool: most windows are whole, some end early; none outlasts its clip (B,).

    Args:
        lasting_s: (B,) seconds that each clip lasts from its start.
        config: window, s, and the model's rate, Hz.
        rng: source of the draws.
    """
    size = len(lasting_s)
    short = rng.random(size) < config.short_share
    length = np.where(short, rng.uniform(SHORTEST_S, config.window_s, size), config.window_s)
    length = np.minimum(length, lasting_s)
    seen: npt.NDArray[np.bool_] = np.arange(config.num_samples) < np.ceil(length * config.rate_hz)[:, None]
    return seen


def draw_captions(
    names: Sequence[str], sentences: Sequence[str], num: int, phrase_share: float, rng: np.random.Generator
) -> tuple[str, ...]:
    """Captions of a clip, each once as long as they last.

    Args:
        names: the short phrase and its synonyms, of which one is taken.
        sentences: that say the same.
        num: how many captions.
        phrase_share: chance at each place that the phrase takes it, if it is still there.
        rng: where the choice and the order come from.
    """
    pool = [sentences[k] for k in rng.permutation(len(sentences))]
    place = int(rng.geometric(phrase_share)) - 1 if phrase_share > 0 else len(pool)
    pool.insert(min(place, len(pool)), names[int(rng.integers(len(names)))])
    return tuple(pool[k % len(pool)] for k in range(num))
