"""How near virtual recordings come to the real ones of a set, uncalibrated and calibrated."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anymo.data import collate
from anymo.evaluation.virtual_imu import VIRTUAL, VirtualImu, with_calibration
from anymo.metrics import discriminator_accuracy, frechet_distance
from anymo.metrics.fidelity import FOLDS
from anymo.pipeline import AnymoPipeline
from anymo.records import Array, Recording
from anymo.tables import markdown_table


def fidelity(
    pipe: AnymoPipeline,
    recordings: Sequence[Recording],
    virtual: VirtualImu,
    *,
    num_virtual: int,
    seed: int,
) -> dict[str, Any]:
    """Fréchet distance and discriminator accuracy of embeddings, against real recordings of other people.

    Half of the people calibrate, the other half are compared with; the halves against each other are the
    floor. All rows of the table have equally many windows. The discriminator is tested on people it was not
    trained on, or on recordings where a half has fewer people than it has folds.

    Args:
        pipe: whose embeddings are compared.
        recordings: of a set, by two people or more.
        virtual: where virtual recordings come from.
        num_virtual: of each label, of one window.
        seed: of the halves and of every draw.

    Returns:
        "real" and each of VIRTUAL -> `frechet`, `discriminator`; `num_windows`, and what is `held_out`.

    Raises:
        ValueError: one person alone.
    """
    subjects = np.unique([r.subject for r in recordings])
    if len(subjects) < 2:
        raise ValueError(f"fidelity: expected recordings of two people or more, got {subjects.tolist()}")
    rng = np.random.default_rng([seed, 71])
    first = set(rng.permutation(subjects)[: len(subjects) // 2].tolist())
    calibrating = [r for r in recordings if r.subject in first]
    by_person = len(first) >= FOLDS
    compared = _embedded(pipe, [r for r in recordings if r.subject not in first], by_person=by_person)
    simulated = virtual.recordings(recordings, num=num_virtual, duration_s=pipe.window_s, seed=seed)
    others = {"real": _embedded(pipe, calibrating, by_person=by_person)} | {
        source: _embedded(pipe, with_calibration(simulated, source, calibrating)) for source in VIRTUAL
    }
    num = min(len(rows) for rows, _ in (compared, *others.values()))
    rows, groups = _some(compared, num, rng)
    measured = {}
    for name, other in others.items():
        other_rows, other_groups = _some(other, num, rng)
        measured[name] = {
            "frechet": frechet_distance(rows, other_rows),
            "discriminator": discriminator_accuracy(
                rows, other_rows, real_groups=groups, synthetic_groups=other_groups, seed=seed
            ),
        }
    return {"num_windows": num, "held_out": "people" if by_person else "recordings", **measured}


def fidelity_table(sets: dict[str, dict[str, Any]]) -> str:
    """Markdown of `fidelity` of several sets."""
    rows = []
    for name, numbers in sets.items():
        for source in ("real", *VIRTUAL):
            row = numbers[source]
            kind = "other people" if source == "real" else source
            rows.append([name, kind, f"{row['frechet']:.3f}", f"{100 * row['discriminator']:.1f}"])
    return markdown_table(["set", "windows of", "Fréchet distance", "discriminator, %"], rows)


def _embedded(
    pipe: AnymoPipeline, recordings: Sequence[Recording], *, by_person: bool = False
) -> tuple[Array, npt.NDArray[np.str_]]:
    """Embeddings (N, E) of the windows of recordings, and whose, or which, recording each is of (N,)."""
    batches = [batch for batch, _ in pipe.windows(recordings)]
    group = np.array([r.subject if by_person else str(k) for k, r in enumerate(recordings)])
    owner = np.repeat(group, [len(b) for b in batches])
    return pipe.embed_windows(collate(batches)).double().numpy(), owner


def _some(
    embedded: tuple[Array, npt.NDArray[np.str_]], num: int, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.str_]]:
    picked = rng.permutation(len(embedded[0]))[:num]
    return embedded[0][picked], embedded[1][picked]
