"""Walking as sensors feel it, generated beside captured and real: `python benchmarks/gait.py [--json]`.

A generated walk that is smoother than a real one teaches a model to take real walks for something rougher,
such as going downstairs. Compared are the vertical and the horizontal acceleration, and in which bands of
frequency the vertical one lies, of

- generated gaits, in the usual mounting, low-passed at 20 Hz as in corpora;
- the captured walks of CMU, low-passed at 12 Hz as in corpora (what a foot does when it lands is lost there);
- the one real walk of OpenSense's sensors, slow, on pelvis, thigh and shank.

Captured and real walks need ANYMO_DATA or ../shared/data.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly, welch

from anymo import body
from anymo.data.generated import GENERATED_CUTOFF_HZ
from anymo.data.paired import read_opensense
from anymo.data.prepare import REAL_CUTOFF_HZ, data_root
from anymo.motion import find_clips, generate
from anymo.records import Array, Motion
from anymo.simulation import simulate

RATE_HZ = 50.0
PLACES = {"lower back": "pelvis_imu", "right thigh": "femur_r_imu", "right ankle": "tibia_r_imu"}
GAITS = ("walking slowly", "walking", "walking briskly", "climbing stairs", "descending stairs")
REAL_WALK = Path("paired/opensense_walk/MT_012005D6_009.npz")
BANDS_HZ = (0.5, 1.4, 2.6, 4.5, 9.5)  # strides, steps, their harmonics, impacts
COLUMNS = (
    "vertical",
    "horizontal",
    "skewness",
    *(f"{a:g}-{b:g} Hz" for a, b in pairwise(BANDS_HZ)),
)


def felt(acc: Array) -> list[float]:
    """Root mean square along and across the mean, m/s²; skewness along; shares of its power in bands."""
    up = acc.mean(axis=0) / np.linalg.norm(acc.mean(axis=0))
    dynamic = acc - acc.mean(axis=0)
    rise = dynamic @ up
    level = dynamic - rise[:, None] * up
    frequency, power = welch(rise, RATE_HZ, nperseg=min(len(rise), int(4 * RATE_HZ)))
    parts = np.array([power[(frequency > a) & (frequency <= b)].sum() for a, b in pairwise(BANDS_HZ)])
    skewness = (rise**3).mean() / rise.std() ** 3
    return [rise.std(), np.sqrt((level**2).sum(axis=1).mean()), skewness, *(parts / parts.sum())]


def simulated(motions: Sequence[Motion], cutoff_hz: float) -> Iterator[tuple[str, list[float]]]:
    """Place and what is felt there, for each motion."""
    worn = [body.load().placement(place) for place in PLACES]
    for motion in motions:
        recording = simulate(motion, worn, rate_hz=RATE_HZ, cutoff_hz=cutoff_hz)
        for place, sensor in zip(PLACES, recording.sensors, strict=True):
            yield place, felt(sensor.acc[10:-10])  # derivatives at the ends rest on one side


def captured(root: Path) -> list[Motion]:
    """CMU's clips whose description is a walk and nothing else."""
    clips = find_clips(root, ("cmu", "cmu_amc", "cmu_asfamc"))
    kept = [
        c.load() for c in clips if c.captions[0].text.strip().lower() in ("walk", "slow walk", "brisk walk")
    ]
    return [motion for motion in kept if motion.duration_s > 2.0]


def real(root: Path) -> Iterator[tuple[str, list[float]]]:
    """OpenSense's sensors while they walk, at RATE_HZ."""
    sensors = {sensor.name: sensor for sensor in read_opensense(root / REAL_WALK)}
    for place, name in PLACES.items():
        sensor = sensors[name]
        rate_hz = 1.0 / np.median(np.diff(sensor.times_s))
        moving = sensor.acc[sensor.moving]
        yield place, felt(resample_poly(moving, int(RATE_HZ), round(float(rate_hz))))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seeds", type=int, default=12, help="motions of each generated gait")
    given = parser.parse_args()
    seeds = range(given.seeds)
    groups = {
        gait: simulated([generate(gait, np.random.default_rng(k)) for k in seeds], GENERATED_CUTOFF_HZ)
        for gait in GAITS
    }
    if (root := data_root()) is not None:
        groups |= {
            "captured walks": simulated(captured(root), REAL_CUTOFF_HZ),
            "a real slow walk": real(root),
        }
    found: dict[str, dict[str, list[float]]] = {place: {} for place in PLACES}
    for group, rows in groups.items():
        by_place: dict[str, list[list[float]]] = {}
        for place, row in rows:
            by_place.setdefault(place, []).append(row)
        for place, own in by_place.items():
            found[place][group] = np.median(own, axis=0).round(3).tolist()
    if given.json:
        print(json.dumps({"columns": COLUMNS, "median": found}, indent=1))  # noqa: T201
        return
    print("medians: m/s², and shares of the vertical power")  # noqa: T201
    for place, own in found.items():
        print(f"\n{place:20}" + "".join(f"{column:>12}" for column in COLUMNS))  # noqa: T201
        for group, row in own.items():
            print(f"{group:20}" + "".join(f"{value:12.2f}" for value in row))  # noqa: T201


if __name__ == "__main__":
    main()
