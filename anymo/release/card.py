"""The model card: README.md with the front matter of the hub."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from anymo.data.card import CAPTIONS, CITATIONS
from anymo.release.figures import Figures
from anymo.release.sums import SUMS
from anymo.release.training import Training
from anymo.skeleton import SEGMENTS
from anymo.tables import markdown_table

_TAGS = ("imu", "wearable", "accelerometer", "gyroscope", "human-activity-recognition", "motion")
_LIMITS = (
    "**Not for medical use**, nor for any decision about a person's health, safety, work or insurance.",
    "It has learnt from simulated sensors on captured and generated motion; recordings of devices, mountings "
    "and people unlike those are read less well. Measure on recordings of your own before you rely on it.",
    "What the placements worn cannot show (a watch does not see the legs) it cannot tell, but a label or "
    "a sentence comes out all the same.",
    "Labels and sentences are English. Sentences may be wrong in a fluent way.",
    "Motion is personal data: it can tell people apart and reveal what they do. Ask them first.",
)
_RECOGNITION = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "recall_at_2": "R@2",
    "chance accuracy": "chance, accuracy",
    "chance macro_f1": "chance, macro-F1",
    "majority accuracy": "largest class",
}

_CAPTIONS = {
    "bleu_1": "BLEU-1",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR",
    "cider": "CIDEr",
    "text_similarity": "similarity of sentences",
}
_SYSTEMS = {
    "model": "this model",
    "alone": "its language model alone, without the encoder's proposals",
    "nearest": "the caption of the nearest training window",
    "frequent": "the most frequent caption",
    "untuned": "the language model before it was taught",
    "shuffled": "this model, given another window's motion",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model of others that a part stands on: its name on the hub, or that of the asset, and its terms.

    A quantised copy says whose: an adapter does not fit the model itself.
    """

    name: str
    copy: str = ""
    licence: str = "see its own card"
    citation: str = "see its own card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a release holds, as the card says it.

    Attributes:
        name: of the model.
        repository: where it will be, `owner/name`, or empty.
        parts: folders and files at the top.
        encoder: configuration of the encoder.
        extractor: configuration of the feature extractor.
        bases: what "text" stands on, and "language_model" where there is one.
        version: of this package.
        confuses: Markdown on what it confuses, or empty.
    """

    name: str
    repository: str
    parts: tuple[str, ...]
    encoder: Mapping[str, Any]
    extractor: Mapping[str, Any]
    bases: Mapping[str, Base]
    version: str
    confuses: str = ""


def card(contents: Contents, training: Training, figures: Sequence[Figures]) -> str:
    """Text of README.md."""
    sections = (
        _front(contents, training),
        _what(contents),
        _use(contents),
        ["## Limits", "", *(f"- {limit}" for limit in _LIMITS), ""],
        ["## What it confuses", "", contents.confuses, ""] if contents.confuses else [],
        _input(contents, training),
        _training(training),
        _bases(contents),
        _measured(figures),
        [
            "## Files",
            "",
            *(f"- `{part}`" for part in contents.parts),
            f"- `{SUMS}`: `sha256sum -c {SUMS}`",
            "",
        ],
    )
    return "\n".join(line for section in sections for line in section)


def _front(contents: Contents, training: Training) -> list[str]:
    facts: dict[str, Any] = {
        "license": "apache-2.0",
        "language": ["en"],
        "library_name": "anymo",
        "pipeline_tag": "feature-extraction",
        "tags": list(_TAGS),
        "datasets": sorted({source.dataset for source in training.sources}),
    }
    if base := contents.bases.get("language_model"):
        facts |= {"base_model": base.name, "base_model_relation": "adapter"}
    return ["---", yaml.safe_dump(facts, sort_keys=False).rstrip(), "---", ""]


def _what(contents: Contents) -> list[str]:
    base = contents.bases.get("language_model")
    words = f" Its tokens are read by a language model: an adapter on {base.name}." if base else ""
    return [
        f"# {contents.name}",
        "",
        "Inertial sensors worn anywhere on the body, to an embedding beside that of sentences: recognition "
        f"of activities given by name, and retrieval.{words} Made with AnyMo {contents.version}; the text "
        f"tower stands on {contents.bases['text'].name}.",
        "",
        "**Meant for** research on wearable sensors, and products that look at movement with the consent of "
        "those who move.",
        "",
    ]


def _use(contents: Contents) -> list[str]:
    where = contents.repository or "the folder of this file"
    said = ", pipe.caption(watch)[0]" if "language_model" in contents.bases else ""
    line = 'watch = read_recording("watch.csv", acc_unit="g", gyro_unit="deg/s", gravity="included", '
    return [
        "## Use",
        "",
        "```python",
        "from anymo import AnymoPipeline, read_recording",
        f'{line}placement="left wrist", rate_hz=50)',
        f'pipe = AnymoPipeline.from_pretrained("{where}")',
        f'print(pipe.classify(watch, labels=["walking", "running", "cycling"])[0].label{said})',
        "```",
        "",
    ]


def _input(contents: Contents, training: Training) -> list[str]:
    draws = [
        stage["draw"]
        for run in training.runs
        for stage in (run.config, run.config.get("pretrain", {}))
        if "draw" in stage
    ]
    rates = ", ".join(f"{r:g}" for r in sorted({r for d in draws for r in d.get("device_rates_hz", ())}))
    most = max((draw["max_sensors"] for draw in draws), default=0)
    worn = f"1 to {most} at once in training, any number in use" if most else "one or more"
    return [
        "## What goes in",
        "",
        f"- Sensors: {worn}. Acceleration in m/s²: specific force, +9.81 on the axis that points up at rest, "
        "or linear acceleration where the device removes gravity, stated as such. Gyroscope in rad/s. "
        "The sensor's own axes, mounted in any way. `read_recording` converts units and checks them.",
        f"- Placements: anywhere on the {len(SEGMENTS)} segments {', '.join(SEGMENTS)}. Of a placement the "
        "model reads the segment alone.",
        f"- Rate: 5 to 2,000 Hz; resampled to {contents.encoder['rate_hz']:g} Hz."
        + (f" Devices of {rates} Hz in training." if rates else ""),
        f"- Windows of {contents.extractor['window_s']:g} s, every {contents.extractor['hop_s']:g} s; a "
        "shorter recording is one window. What is missing is marked, not filled.",
        "",
    ]


def _training(training: Training) -> list[str]:
    rows = [(s.dataset, str(s.clips), f"{s.hours:.2f}", s.licence) for s in training.sources]
    cited = dict.fromkeys(c for s in training.sources for c in CITATIONS.get(s.dataset, ()))
    captions: dict[str, list[str]] = {}
    for name in dict.fromkeys(s.dataset for s in training.sources if s.dataset in CAPTIONS):
        captions.setdefault(CAPTIONS[name], []).append(name)
    runs = [
        (name, str(run.environment.get("git", "unknown")), str(run.config.get("seed", "unknown")))
        for name, run in zip(_told_apart([r.name for r in training.runs]), training.runs, strict=True)
    ]
    return [
        "## Training",
        "",
        "Signals were simulated on these clips, held-out ones among them; none forbids commercial use."
        + (
            " The corpora were named at the export, not found through the runs." if training.is_stated else ""
        ),
        "",
        markdown_table(("source", "clips", "hours", "licence"), rows),
        "",
        *(f"- Captions of {', '.join(names)}: {words}." for words, names in captions.items()),
        *(f"- {citation}" for citation in cited),
        "",
        markdown_table(("run", "commit", "seed"), runs),
        "",
        "`training.json` has their configuration and versions, `manifest.csv` the clips, and as far as the "
        "corpora say it which were held out, whose motion they are and the SHA-256 of their files.",
        "",
    ]


def _told_apart(names: Sequence[str]) -> list[str]:
    """Names of runs, the latest first; of one name, with the turn: a run may go on from one of its name."""
    turn = [names[k:].count(name) for k, name in enumerate(names)]
    return [
        f"{name}, turn {k}" if names.count(name) > 1 else name for name, k in zip(names, turn, strict=True)
    ]


def _bases(contents: Contents) -> list[str]:
    rows = [
        (f"`{part}/`", ", ".join(filter(None, (b.name, b.copy))), b.licence, b.citation)
        for part, b in contents.bases.items()
    ]
    merged = ", but for `merged/`: the language model changed by the adapter, on the language model's terms"
    return [
        "## Models it stands on",
        "",
        f"Their weights are not in this release{merged if 'merged/' in contents.parts else ''}.",
        "",
        markdown_table(("part", "stands on", "licence", "cite"), rows),
        "",
    ]


def _measured(figures: Sequence[Figures]) -> list[str]:
    lines = ["## Measured", ""]
    if not figures:
        return [*lines, "Nothing was handed in with this release.", ""]
    for found in figures:
        rows = [(name, f"{value:.4g}") for name, value in found.values.items()]
        lines += [
            f"`{found.file}`, by",
            "",
            "```sh",
            found.command,
            "```",
            "",
            *_recognition(found),
            *_captions(found),
            f"<details><summary>All {len(rows)} figures</summary>",
            "",
            markdown_table(("figure", "value"), rows),
            "",
            "</details>",
            "",
        ]
    return lines


def _recognition(found: Figures) -> list[str]:
    """What is recognised: a row for every part of the file that has accuracy and macro-F1."""
    # the log of test sets has them in one word
    values = {re.sub(r"\b(chance|majority)_accuracy", r"\1 accuracy", n): v for n, v in found.values.items()}
    groups = [name.removesuffix(" macro_f1") for name in values if name.endswith(" macro_f1")]
    rows = [
        [group.replace("_", " "), *(_percent(values, group, key) for key in _RECOGNITION)]
        for group in groups
        if f"{group} chance accuracy" in values
    ]
    return [markdown_table(("recognised, percent (95 %)", *_RECOGNITION.values()), rows), ""] if rows else []


def _captions(found: Figures) -> list[str]:
    """Captions of held-out simulated motion: a row for the model and for each that it is held against."""
    rows = [
        [title, *(f"{found.values[f'caption_means {system} {key}']:.3f}" for key in _CAPTIONS)]
        for system, title in _SYSTEMS.items()
        if all(f"caption_means {system} {key}" in found.values for key in _CAPTIONS)
    ]
    head = ("captions of held-out simulated motion", *_CAPTIONS.values())
    return [markdown_table(head, rows), ""] if rows else []


def _percent(values: Mapping[str, float], group: str, key: str) -> str:
    """A share with its interval, as far as they are known."""
    share, low, high = (
        values.get(f"{group} {name}") for name in (key, f"intervals {key} low", f"intervals {key} high")
    )
    if share is None:
        return ""
    interval = "" if low is None or high is None else f" ({100 * low:.1f} to {100 * high:.1f})"
    return f"{100 * share:.1f}{interval}"
