"""Test sets by every route of an aligned model: each model once, each look in the log of `ledger`.

The embedding route is the encoder alone, which other aligned models may share: where the log has it, its
figures are taken from there. The language model's routes have lines of their own, with `route` and the hash
of the whole model folder.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anymo.config import commit
from anymo.data.test_sets import TEST_SETS, load_test_set
from anymo.evaluation.ledger import LEDGER, model_hash, read_ledger, run_test_sets
from anymo.evaluation.zero_shot import zero_shot
from anymo.pipeline import AnymoPipeline, Route
from anymo.records import Recording

PARTS = ("encoder", "text", "tokenizer", "language_model")
_FIGURES = ("num_samples", "num_classes", "accuracy", "macro_f1", "macro_f1_all", "recall_at_2", "intervals")


def aligned_hash(folder: Path) -> str:
    """SHA-256 of the files of an aligned model folder.

    Raises:
        FileNotFoundError: a part of it is missing.
    """
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"model folder: expected {', '.join(PARTS)} in {folder}, found no {', '.join(missing)}; give the "
            "folder `model` that train/align.py wrote"
        )
    digest = hashlib.sha256()
    for file in sorted(f for part in PARTS for f in (folder / part).rglob("*") if f.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def run_aligned_test_sets(
    pipe: AnymoPipeline,
    folder: Path,
    windows: Mapping[Route, int | None],
    *,
    names: Sequence[str] = tuple(TEST_SETS),
    load: Callable[[str], list[Recording]] = load_test_set,
    ledger: Path = LEDGER,
    seed: int = 0,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Zero-shot on the test sets by several routes; logged before anybody sees a figure.

    Args:
        pipe: the model of `folder`.
        folder: with `PARTS`.
        windows: windows read of each recording by each route; None reads all.
        names: of the sets.
        load: gives a set's recordings.
        ledger: JSON lines; read first, then appended to.
        seed: of the bootstrap.

    Returns:
        Set -> route -> figures, chance accuracy among them.

    Raises:
        ValueError: the log has this aligned model on one of these sets; nothing is run.
    """
    sha256 = refuse_second_aligned_run(folder, names, ledger)
    known = {line["set"] for line in read_ledger(ledger) if line["sha256"] == model_hash(folder)}
    if "embedding" in windows and (new := [name for name in names if name not in known]):
        limit = windows["embedding"]
        run_test_sets(pipe, folder, names=new, load=load, ledger=ledger, seed=seed, max_windows=limit)
    found = {
        (name, route): zero_shot(
            pipe, name, route, recordings=load(name), seed=seed, max_windows=limit
        ).to_dict()
        for name in names
        for route, limit in windows.items()
        if route != "embedding"
    }
    run = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "model": "/".join(folder.parts[-2:]),
        "sha256": sha256,
    }
    lines = [
        run | {"max_windows": windows[route], "set": name, "route": route} | _figures(result)
        for (name, route), result in found.items()
    ]
    with ledger.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    return logged(folder, names, ledger)


def logged(
    folder: Path, names: Sequence[str] = tuple(TEST_SETS), ledger: Path = LEDGER
) -> dict[str, dict[str, dict[str, Any]]]:
    """What the log has of an aligned model and of its encoder: set -> route -> figures."""
    own = {aligned_hash(folder), model_hash(folder)}
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in names}
    for line in read_ledger(ledger):
        if line["sha256"] in own and line["set"] in names:
            found[line["set"]][line.get("route", "embedding")] = line
    return found


def refuse_second_aligned_run(
    folder: Path, names: Sequence[str] = tuple(TEST_SETS), ledger: Path = LEDGER
) -> str:
    """Hash of an aligned model that has seen none of these sets.

    Raises:
        ValueError: the log has it on one of them.
    """
    sha256 = aligned_hash(folder)
    for line in read_ledger(ledger):
        if line["sha256"] == sha256 and line["set"] in names:
            raise ValueError(
                f"test sets: this aligned model was run on {line['set']} on {line.get('date')} (its figures "
                f"are in {ledger.name}); a candidate gets one run, so change the design on the development "
                "sets and align the next one"
            )
    return sha256


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in _FIGURES} | {"chance_accuracy": result["chance"]["accuracy"]}
