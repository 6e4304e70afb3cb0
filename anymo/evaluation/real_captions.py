"""Captions of real recordings, which nobody has described: how near they are to their labels in words.

- "model", "alone": as in `anymo.evaluation.captioning`.
- "frequent": the sentence most training clips share, whatever the motion: how near one is by chance.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from anymo.data import SETS
from anymo.evaluation.captioning import answered, text_similarity
from anymo.metrics import classification
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording

REAL_SYSTEMS = ("model", "alone", "frequent")
Numbers = dict[str, Any]


def real_captions(
    pipe: AnymoPipeline,
    sets: Mapping[str, Sequence[Recording]],
    frequent: str,
    *,
    num_examples: int,
    seed: int,
) -> Numbers:
    """Captions of the middle window of every recording of these sets, and how near they are.

    Args:
        pipe: the model.
        sets: labelled recordings of registered sets, by name.
        frequent: what "frequent" says.
        num_examples: captions that are given in full: of the first recordings of a shuffle of all sets.
        seed: of the shuffle.

    Returns:
        `real_captions`: set -> `num_recordings`, `num_labels` and for each of REAL_SYSTEMS its mean
        `text_similarity` to the label, and `accuracy`: how often, of the set's labels, the right one is
        nearest to the caption. `examples`: rows with `set`, `recording`, `label`, `placements`, `caption`.
    """
    numbers, rows = dict[str, Numbers](), list[Numbers]()
    for name, recordings in sets.items():
        labels = [SETS[name].words[recording.label] for recording in recordings]
        said = _said(pipe, recordings) | {"frequent": [frequent] * len(labels)}
        numbers[name] = {
            "num_recordings": len(labels),
            "num_labels": len(set(labels)),
            **{system: _nearness(pipe, said[system], labels) for system in REAL_SYSTEMS},
        }
        for recording, label, caption in zip(recordings, labels, said["model"], strict=True):
            worn = [sensor.placement for sensor in recording.sensors]
            of_recording = {"set": name, "recording": recording.name, "label": label, "placements": worn}
            rows.append(of_recording | {"caption": caption})
    order = np.random.default_rng([seed, 32]).permutation(len(rows))
    return {"real_captions": numbers, "examples": [rows[k] for k in order[:num_examples]]}


def _said(pipe: AnymoPipeline, recordings: Sequence[Recording]) -> dict[str, list[str]]:
    windows = [next(pipe.windows(recording, most=1))[0] for recording in recordings]
    prompts = [prompt for window in windows for prompt in pipe.answers.prompts(window)]
    nearness = [pipe.activity_similarity(window) for window in windows]
    known = [row for row in nearness if row is not None]
    proposed = torch.cat(known) if known else None
    return {
        "model": answered(pipe.answers, prompts, proposed, "model"),
        "alone": answered(pipe.answers, prompts, None, "alone"),
    }


def _nearness(pipe: AnymoPipeline, said: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Mean cosine to the own label, and how often no other label is nearer, in the sentence model's space."""
    names = sorted(set(labels))
    cosines = np.stack([text_similarity(pipe, said, [[name]] * len(said)) for name in names], axis=1)
    truth = np.array([names.index(label) for label in labels])
    return {
        "text_similarity": float(cosines[np.arange(len(truth)), truth].mean()),
        "accuracy": classification(cosines, truth, names).accuracy,
    }
