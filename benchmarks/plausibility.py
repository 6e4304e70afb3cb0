"""Plausibility of procedural and real motion side by side: `python benchmarks/plausibility.py [--json]`.

Everything is measured at 30 frames/s, real clips by leaving frames out. The floor is known where procedural
feet meet one that is level and still, and estimated elsewhere. Real clips need ANYMO_DATA or ../shared/data.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from anymo.data.prepare import data_root
from anymo.metrics.motion import derivative_mismatch, names, plausibility
from anymo.motion import ACTIVITIES, find_clips, generate, load
from anymo.records import Motion
from anymo.simulation import MotionSpline

RATE_HZ = 30.0
BANDAI_NAMCO = Path("motion/bandai_namco")
QUANTILES = (0.05, 0.5, 0.95)


def procedural(seeds: int) -> Iterator[tuple[str, Motion, float | None]]:
    """Group, motion and height of the floor, of every activity."""
    for name, activity in ACTIVITIES.items():
        for seed in range(seeds):
            motion = generate(name, np.random.default_rng(seed), rate_hz=RATE_HZ)
            yield "procedural", motion, 0.0 if activity.flat_floor else None
            if name.startswith("walking") and activity.flat_floor:
                yield "procedural walks", motion, 0.0


def real(root: Path | None, every: int) -> Iterator[tuple[str, Motion, float | None]]:
    """The same of CMU and Bandai-Namco clips; every n-th."""
    if root is None:
        return
    for clip in find_clips(root)[::every]:
        motion = thinned(clip.load())
        for group in ("CMU", *(["real walks"] if "walk" in clip.captions[0].text.lower() else [])):
            yield group, motion, None
    with (root / BANDAI_NAMCO / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows[::every]:
        motion = thinned(load(root / BANDAI_NAMCO / "clips" / row["file"]))
        for group in ("Bandai-Namco", *(["real walks"] if row["content"].startswith("walk") else [])):
            yield group, motion, None


def thinned(motion: Motion) -> Motion:
    """About 30 frames/s."""
    step = max(1, round(motion.rate_hz / RATE_HZ))
    return replace(
        motion,
        root_position=motion.root_position[::step],
        rotations=motion.rotations[::step],
        rate_hz=motion.rate_hz / step,
    )


def derivatives_agree(motion: Motion) -> float:
    """Relative mismatch of the spline's accelerations and the movement's own, pelvis to toes."""
    kinematics = MotionSpline(motion).at(motion.rate_hz)
    acceleration = np.einsum("tsij,tsj->tsi", kinematics.rotation, kinematics.features[..., :3])
    return derivative_mismatch(kinematics.position, acceleration, motion.rate_hz)


def measured(motions: Iterator[tuple[str, Motion, float | None]]) -> dict[str, np.ndarray]:
    """Group -> (clips, metrics)."""
    groups: dict[str, list[list[float]]] = {}
    for group, motion, floor_m in motions:
        numbers = plausibility(motion, floor_m)
        row = [*(getattr(numbers, n) for n in names()), derivatives_agree(motion)]
        groups.setdefault(group, []).append(row)
    return {group: np.array(rows) for group, rows in groups.items()}


def summary(groups: dict[str, np.ndarray]) -> dict[str, dict[str, list[float]]]:
    """Metric -> group -> quantiles."""
    columns = (*names(), "derivative_mismatch")
    return {
        name: {g: np.nanquantile(rows[:, i], QUANTILES).round(4).tolist() for g, rows in groups.items()}
        for i, name in enumerate(columns)
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seeds", type=int, default=3, help="motions per activity")
    parser.add_argument("--every", type=int, default=1, help="use every n-th real clip")
    given = parser.parse_args()
    groups = measured(procedural(given.seeds)) | measured(real(data_root(), given.every))
    result = summary(groups)
    if given.json:
        counts = {group: len(rows) for group, rows in groups.items()}
        print(json.dumps({"clips": counts, "quantiles": QUANTILES, "metrics": result}, indent=1))  # noqa: T201
        return
    print("5 %, median and 95 % of clips\n" + f"{'':22}" + "".join(f"{g:>26}" for g in groups))  # noqa: T201
    for name, row in result.items():
        cells = (" ".join(f"{v:8.3g}" for v in row[g]) for g in groups)
        print(f"{name:22}" + "".join(f"{c:>26}" for c in cells))  # noqa: T201


if __name__ == "__main__":
    main()
