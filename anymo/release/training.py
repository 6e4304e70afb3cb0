"""How a model came to be: the runs that trained it, and what their corpora hold on which terms."""

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from anymo.config import read_yaml, write_text
from anymo.evaluation.held_out import MANIFEST

RUNS = "training.json"  # of a release
_CONFIG = "config.yaml"
_PARTS = ("start", "encoder", "tokenizer")  # fields of a run's configuration that name parts of other models
_PLACES = (*_PARTS, "corpus", "output", "runs")  # where things were, on the machine of the run


class Clip(NamedTuple):
    """A clip that was trained on, or held out to choose the weights; s.

    Which of the two (`split`), whose motion it is and the SHA-256 of its file are empty where the corpus, or
    an earlier release, does not say.
    """

    name: str
    dataset: str
    licence: str
    seconds: float
    split: str = ""
    subject: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Clips of one data set on the same terms."""

    dataset: str
    licence: str
    clips: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A training run: its configuration without places, and the commit and versions it was made with."""

    name: str
    config: Mapping[str, Any]
    environment: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Runs that made the parts of a model, and the clips they learnt from.

    `is_stated`: corpora were named by whoever exports, since not all were found through the runs.
    """

    runs: tuple[Run, ...]
    clips: tuple[Clip, ...]
    is_stated: bool

    @property
    def sources(self) -> tuple[Source, ...]:
        """The data sets and terms of the clips."""
        seconds: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for clip in self.clips:
            seconds[clip.dataset, clip.licence][clip.name] = clip.seconds
        return tuple(
            Source(dataset=dataset, licence=licence, clips=len(clips), hours=sum(clips.values()) / 3600)
            for (dataset, licence), clips in sorted(seconds.items())
        )


def training_of(model: Path, corpora: Sequence[Path] = ()) -> Training:
    """What is known of a model's training from the files its runs, and releases it stands on, left.

    Args:
        model: a model folder; the run's `config.yaml` is in it or beside it.
        corpora: folders of corpora that the configurations no longer find; those they find are read too.

    Raises:
        FileNotFoundError: no configuration, no corpus, or no manifest of one.
        ValueError: a clip may not be used commercially, or a file cannot be read.
    """
    folders = _runs(model)
    named = [c for folder in folders if (c := _corpus(folder)) is not None]
    found = [c for c in named if not corpora or (c / MANIFEST).is_file()]
    if not (read := list(dict.fromkeys([*corpora, *found]))):
        raise FileNotFoundError(
            f"training data: expected a corpus in config.yaml of {', '.join(f.name for f in folders)}, found "
            "none, so nobody knows what was trained on; give the folders of all corpora with --corpus"
        )
    clips = dict.fromkeys(clip for corpus in read for clip in _kept(corpus))
    # of the same clips an earlier release may say less than a corpus does
    told = {clip[:4] for clip in clips if clip.split}
    runs = list[Run]()
    for run in (run for folder in folders for run in _runs_of(folder)):
        runs += [] if run in runs else [run]
    known = tuple(clip for clip in clips if clip.split or clip[:4] not in told)
    return Training(runs=tuple(runs), clips=known, is_stated=bool(corpora))


def write_training(folder: Path, training: Training) -> None:
    """Write `training.json` and `manifest.csv`, by which `training_of` knows what stands on this model."""
    runs = [{"run": r.name, "environment": r.environment, "config": r.config} for r in training.runs]
    write_text(folder / RUNS, json.dumps(runs, indent=2) + "\n")
    with StringIO(newline="") as text:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("status", "non_commercial", *Clip._fields))
        rows.writerows(("kept", False, *clip) for clip in training.clips)
        write_text(folder / MANIFEST, text.getvalue())


def _runs(model: Path) -> list[Path]:
    """Folders of the run that wrote the model, and of the runs or releases that it took parts of."""
    first = next((f for f in (model, model.absolute().parent) if (f / _CONFIG).is_file()), None)
    if first is None:
        raise FileNotFoundError(
            f"training: expected config.yaml of the run in or beside {model}, found none; export the folder "
            "where train/pretrain.py, train/align.py or `anymo demo` wrote the model"
        )
    folders, waiting = list[Path](), [first]
    while waiting:
        folder = waiting.pop(0)
        if folder not in folders:
            folders.append(folder)
            waiting += [] if _is_release(folder) else _taken(folder)
    return folders


def _taken(folder: Path) -> list[Path]:
    """Folders of the runs, or releases, whose parts a run took."""
    config, found = read_yaml(folder / _CONFIG), list[Path]()
    for part in _PARTS:
        if not isinstance(place := config.get(part), str):
            continue
        near = (Path(place), *Path(place).parents)
        other = next((f for f in near if _is_release(f) or (f / _CONFIG).is_file()), None)
        if other is None:
            raise FileNotFoundError(
                f"training: expected config.yaml of the run that made the {part} beside {place}, or {RUNS} "
                "of a release, found neither; run `anymo export` in the folder where training was started"
            )
        found.append(other)
    return found


def _is_release(folder: Path) -> bool:
    return (folder / RUNS).is_file()


def _corpus(folder: Path) -> Path | None:
    """Of one stage, as its configuration says; of a demo, in its own folder."""
    if _is_release(folder):
        return folder
    config = read_yaml(folder / _CONFIG)
    if "prepare" in config:
        return folder / "corpus"
    return Path(config["corpus"]) if "corpus" in config else None


def _runs_of(folder: Path) -> list[Run]:
    if _is_release(folder):
        told = json.loads((folder / RUNS).read_text(encoding="utf-8"))
        return [Run(name=r["run"], config=r["config"], environment=r["environment"]) for r in told]
    file = folder / "environment.json"
    environment = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    kept = {key: environment[key] for key in environment if key != "platform"}
    return [Run(name=folder.name, config=_placeless(read_yaml(folder / _CONFIG)), environment=kept)]


def _placeless(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _placeless(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if isinstance(value, dict) or (key not in _PLACES and not Path(str(value)).is_absolute())
    }


def _kept(corpus: Path) -> list[Clip]:
    """The clips that were kept: those trained on, and the held-out ones that chose the weights."""
    path = corpus / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"training data: expected {path}, which says what was trained on and on which terms, found none; "
            "give the folders of all corpora with --corpus"
        )
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("status") == "kept"]
    if not rows or not {"name", "dataset", "licence", "seconds", "non_commercial"} <= rows[0].keys():
        raise ValueError(f"training data: {path} is no manifest of kept clips; write the corpus again")
    if bad := [row for row in rows if row["non_commercial"] != "False"]:
        terms = sorted({f"{row['dataset']} ({row['licence']})" for row in bad})
        raise ValueError(
            f"training data: expected clips that free weights may be made of, got {len(bad)} of {len(rows)} "
            f"that forbid commercial use: {', '.join(terms)}; write the corpus with --non_commercial false "
            "and train again"
        )
    return [
        Clip(
            row["name"],
            row["dataset"],
            row["licence"],
            float(row["seconds"]),
            *(row.get(key, "") for key in ("split", "subject", "sha256")),
        )
        for row in rows
    ]
