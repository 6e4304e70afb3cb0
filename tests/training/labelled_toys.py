"""Recordings anybody can tell apart: each class swings at its own rate about its own axis."""

import numpy as np

from anymo.records import Recording, SensorStream

CLASSES = ("slow", "quick", "still")
_HZ = {"slow": 0.7, "quick": 2.5, "still": 0.0}


def swing(
    label: str, subject: str, seed: int, *, gyro: bool = True, placement: str = "right wrist"
) -> Recording:
    """10 s at 50 Hz, with noise and a phase of its own."""
    rng = np.random.default_rng([seed, len(label), sum(map(ord, subject))])
    t = np.arange(500) / 50.0
    wave = np.sin(2 * np.pi * _HZ[label] * t + rng.uniform(0, 6))
    axis = np.eye(3)[CLASSES.index(label)]
    noise = 0.1 * rng.normal(size=(2, len(t), 3))
    stream = SensorStream(
        acc=4.0 * wave[:, None] * axis + [0.0, 0.0, 9.81] + noise[0],
        gyro=2.0 * wave[:, None] * np.roll(axis, 1) + noise[1] if gyro else None,
        valid=np.ones(len(t), dtype=bool),
        rate_hz=50.0,
        placement=placement,
        gravity="included",
    )
    name = f"{subject}-{label}-{seed}"
    return Recording(sensors=(stream,), subject=subject, label=label, text=label, name=name, source="toy")


def swings(num_subjects: int = 4, each: int = 3, **facts: object) -> list[Recording]:
    """So many recordings of every class by every subject."""
    return [
        swing(label, f"s{s}", k, **facts)  # type: ignore[arg-type]
        for s in range(num_subjects)
        for label in CLASSES
        for k in range(each)
    ]
