"""How a model came to be: the runs that trained it, and what their corpora hold on which terms."""

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anymo.config import read_yaml

_MANIFEST = "manifest.csv"
_PLACES = ("corpus", "encoder", "tokenizer", "output", "runs")  # where things were, on the machine of the run


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
    """Runs that made the parts of a model, and the sources of the clips they learnt from.

    `is_stated`: corpora were named by whoever exports, since not all were found through the runs.
    """

    runs: tuple[Run, ...]
    sources: tuple[Source, ...]
    is_stated: bool


def training_of(model: Path, corpora: Sequence[Path] = ()) -> Training:
    """What is known of a model's training from the files its runs left.

    Args:
        model: a model folder; the run's `config.yaml` is in it or beside it.
        corpora: folders of corpora that the configurations no longer find; those they find are read too.

    Raises:
        FileNotFoundError: no configuration, no corpus, or no manifest of one.
        ValueError: a clip may not be used commercially, or a file cannot be read.
    """
    folders = _runs(model)
    named = [c for folder in folders if (c := _corpus(folder)) is not None]
    found = [c for c in named if not corpora or (c / _MANIFEST).is_file()]
    if not (read := list(dict.fromkeys([*corpora, *found]))):
        raise FileNotFoundError(
            f"training data: expected a corpus in config.yaml of {', '.join(f.name for f in folders)}, found "
            "none, so nobody knows what was trained on; give the folders of all corpora with --corpus"
        )
    runs, sources = tuple(_run(folder) for folder in folders), _sources(read)
    return Training(runs=runs, sources=sources, is_stated=bool(corpora))


def _runs(model: Path) -> list[Path]:
    """Folders of the run that wrote the model, and of those whose encoder and tokenizer it took."""
    first = next((f for f in (model, model.absolute().parent) if (f / "config.yaml").is_file()), None)
    if first is None:
        raise FileNotFoundError(
            f"training: expected config.yaml of the run in or beside {model}, found none; export the folder "
            "where train/pretrain.py, train/align.py or `anymo demo` wrote the model"
        )
    config, folders = read_yaml(first / "config.yaml"), [first]
    for part in ("encoder", "tokenizer"):
        if isinstance(place := config.get(part), str):
            found = next((f for f in Path(place).parents if (f / "config.yaml").is_file()), None)
            if found is None:
                raise FileNotFoundError(
                    f"training: expected config.yaml of the run that made the {part} beside {place}, found "
                    "none; run `anymo export` in the folder where training was started"
                )
            folders.append(found)
    return list(dict.fromkeys(folders))


def _corpus(folder: Path) -> Path | None:
    """Of one stage, as its configuration says; of a demo, in its own folder."""
    config = read_yaml(folder / "config.yaml")
    if "prepare" in config:
        return folder / "corpus"
    return Path(config["corpus"]) if "corpus" in config else None


def _run(folder: Path) -> Run:
    file = folder / "environment.json"
    environment = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    kept = {key: environment[key] for key in environment if key != "platform"}
    return Run(name=folder.name, config=_placeless(read_yaml(folder / "config.yaml")), environment=kept)


def _placeless(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _placeless(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if isinstance(value, dict) or (key not in _PLACES and not Path(str(value)).is_absolute())
    }


def _sources(corpora: Sequence[Path]) -> tuple[Source, ...]:
    seconds: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for corpus in corpora:
        for row in _manifest(corpus):
            seconds[row["dataset"], row["licence"]][row["name"]] = float(row["seconds"])
    return tuple(
        Source(dataset=dataset, licence=licence, clips=len(clips), hours=sum(clips.values()) / 3600)
        for (dataset, licence), clips in sorted(seconds.items())
    )


def _manifest(corpus: Path) -> list[dict[str, str]]:
    """Lines of the clips that were kept: those trained on, and the held-out ones that chose the weights."""
    path = corpus / _MANIFEST
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
    return rows
