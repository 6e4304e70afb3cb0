"""What a corpus says about itself: a dataset card with its sources, terms and citations, and a manifest."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from anymo.config import write_text
from anymo.data.arrow import GRID_HZ, POSE_HZ, SPLITS, VERSION, StoredClip, inner, schema
from anymo.data.clip import take_of
from anymo.tables import markdown_table

_CMU = (
    "CMU Graphics Lab Motion Capture Database, mocap.cs.cmu.edu; created with funding from NSF EIA-0196217.",
    "Captions in sentences: M. Plappert, C. Mandery, T. Asfour. The KIT Motion-Language Dataset. "
    "Big Data 4(4), 2016.",
)
CITATIONS: dict[str, tuple[str, ...]] = {
    "cmu": _CMU,
    "cmu_amc": _CMU,
    "cmu_asfamc": _CMU,
    "cmu_expmap": _CMU[:1],
    "bandai_namco": (
        "M. Kobayashi, C.-C. Liao, K. Inoue, S. Yojima, M. Takahashi. Motion Capture Dataset for Practical "
        "Use of AI-based Motion Editing and Stylization. arXiv:2306.08861, 2023.",
    ),
}

_OF_CMU = (
    "CMU's own descriptions, on the terms of the motion, and sentences of KIT-ML, which asks to be cited"
)
CAPTIONS: dict[str, str] = {  # where those of a set come from, and on which terms
    "cmu": _OF_CMU,
    "cmu_amc": _OF_CMU,
    "cmu_asfamc": _OF_CMU,
    "cmu_expmap": "names of the actions, on the terms of the motion",
    "bandai_namco": "made from the names of the files, on the terms of the motion",
    "procedural": "made with the motion, Apache-2.0",
}

ENTRY = (
    "name", "split", "status", "reason", "seconds", "peak_mps2", "dataset", "file", "sha256", "subject",
    "licence", "non_commercial",
)  # fmt: skip


def entry(clip: StoredClip, split: str, flaw: str = "") -> dict[str, Any]:
    """Line of the manifest for a clip that was kept, or for a part of one that had a flaw.

    `peak_mps2` is the highest acceleration of a joint.
    """
    same = {key: getattr(clip, key) for key in ENTRY if hasattr(clip, key)}
    seconds = round(len(clip.features) / clip.rate_hz, 3)
    inside = clip.features[inner(len(clip.features)), :, :3]
    peak = round(float(np.linalg.norm(inside, axis=-1).max()), 1)
    reason = f"cut: {flaw}" if flaw else ""
    return same | {"split": split, "status": "kept", "reason": reason, "seconds": seconds, "peak_mps2": peak}


def refusal(known: object, split: str, reason: str) -> dict[str, Any]:
    """Line of the manifest for a file that was refused; `known` has what is known of it as attributes."""
    same = {key: getattr(known, key) for key in ENTRY if hasattr(known, key)}
    return same | {"split": split, "status": "refused", "reason": reason}


def write_manifest(folder: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write `manifest.csv`: every file that was asked for, kept or refused, and why."""
    text = StringIO()
    writer = csv.DictWriter(text, ENTRY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(entries)
    write_text(folder / "manifest.csv", text.getvalue())


def write_card(folder: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write `README.md`, the dataset card of the hub and of `datasets.load_dataset`."""
    kept = [e for e in entries if e["status"] == "kept"]
    takes = {take_of(e["name"]) for e in entries}
    cut = {take_of(e["name"]) for e in kept} - {e["name"] for e in kept}
    splits = [s for s in SPLITS if any(e["split"] == s for e in kept)]
    text = "\n".join(
        [
            *_front(splits),
            "# Motion corpus of segment kinematics",
            "",
            f"{len(kept)} clips, {_hours(kept):.2f} h, written by AnyMo (processing version {VERSION}). For "
            "each of 23 body segments and each frame it holds 18 numbers from which the ideal signal of an "
            f"inertial sensor at any place on that segment is one matrix product. {_division(kept)}",
            "",
            markdown_table(("split", "clips", "hours"), [(s, *_size(kept, split=s)) for s in splits]),
            "",
            *_terms(kept),
            *_fields(),
            "## Use",
            "",
            "```python",
            "from datasets import load_from_disk",
            "corpus = load_from_disk(folder).with_format('numpy')",
            "corpus['train'][0]['features'].shape  # (T, 23, 18)",
            "```",
            "",
            f"{len(entries) - len(kept)} of {len(takes)} clips were refused, and {len(cut)} were cut around "
            "a flaw; `manifest.csv` says why.",
            "",
        ]
    )
    write_text(folder / "README.md", text)


def _front(splits: Sequence[str]) -> list[str]:
    files = [line for s in splits for line in (f"  - split: {s}", f"    path: {s}/*.arrow")]
    return [
        "---", "license: other", "license_name: per-clip", "license_link: README.md", "language: en",
        "pretty_name: AnyMo segment kinematics", "tags: [motion-capture, imu, human-activity]",
        "configs:", "- config_name: default", "  data_files:", *files, "---", "",
    ]  # fmt: skip


def _division(kept: Sequence[Mapping[str, Any]]) -> str:
    splits = defaultdict(set)
    for e in kept:
        splits[e["subject"]].add(e["split"])
    both = sum(len(s) > 1 for subject, s in splits.items() if subject)
    return "Every clip is whole in one split; " + (
        f"{both} subjects have clips in both." if both else "no known subject is in two."
    )


def _terms(kept: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sources with their terms, and whom to cite."""
    of = defaultdict(list)
    for e in kept:
        of[e["dataset"], e["licence"], e["non_commercial"]].append(e)
    rows = [
        (dataset, len(es), f"{_hours(es):.2f}", licence + (" **(non-commercial)**" if restricted else ""))
        for (dataset, licence, restricted), es in sorted(of.items())
    ]
    cited = dict.fromkeys(c for dataset, *_ in sorted(of) for c in CITATIONS.get(dataset, ()))
    warning = (
        ["", "**Part of this corpus is non-commercial: weights trained on it must not be released as free.**"]
        if any(restricted for *_, restricted in of)
        else []
    )
    return [
        "## Sources and terms",
        "",
        markdown_table(("source", "clips", "hours", "licence"), rows),
        "",
        *([*(f"- {c}" for c in cited), *warning, ""] if cited or warning else []),
    ]


def _fields() -> list[str]:
    words = ", ".join(f"`{name}`" for name in schema() if name not in _MEANING)
    return [
        "## Columns",
        "",
        markdown_table(("column", "what"), [(f"`{n}`", what) for n, what in _MEANING.items()]),
        "",
        f"Also: {words}.",
        "",
    ]


_MEANING = {
    "features": f"A, u, B, w of each segment at {GRID_HZ:g} Hz, float32 (T, 23, 18)",
    "root_position": f"pelvis origin, world, z up, m, at {GRID_HZ:g} Hz (T, 3)",
    "x_axis": f"world's x axis in the segment's frame at {GRID_HZ:g} Hz (T, 23, 3); its z axis is u",
    "joint_offsets": "segment origin in its parent's frame, m (23, 3)",
    "pose": f"pose free of place and heading at {POSE_HZ:g} Hz (G, 141)",
    "captions": "a short phrase, then sentences, with start and end, s; no end: to the end of the clip",
    "synonyms": "of the phrase",
    "cutoff_hz": "low-pass of captured motion before differentiation; 0: none",
    "sha256": "of the source file",
}


def _size(entries: Sequence[Mapping[str, Any]], split: str) -> tuple[int, str]:
    chosen = [e for e in entries if e["split"] == split]
    return len(chosen), f"{_hours(chosen):.2f}"


def _hours(entries: Sequence[Mapping[str, Any]]) -> float:
    return float(sum(e["seconds"] for e in entries)) / 3600
