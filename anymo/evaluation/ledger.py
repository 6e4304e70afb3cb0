"""The log of test-set runs: each model sees each test set once, and every look is written down.

Learning from a test set's labels is a look of its own: a model may be run on a set once as it is, by each of
its routes, and once by few-shot trials, which leave the model alone and train others from it. Another set of
the same people is logged as a test set is; its lines name that one under `looks_at`. The same run again
(`earlier_run`) is let through, to be compared with what the log has; the route of its line says AGAIN.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anymo.config import REPOSITORY, environment
from anymo.data.sets import NAMES, spec_named
from anymo.data.test_sets import TEST_SETS, load_test_set, spec_of
from anymo.evaluation.zero_shot import zero_shot
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording

_log = logging.getLogger(__name__)

LEDGER = REPOSITORY / "eval" / "test_set_log.jsonl"
AGAIN = "again"  # ends the route of lines of runs that the log had already
FEW_SHOT = "few-shot"  # the route of lines of few-shot trials
_RUN = ("set", "route", "layout", "split", "rule", "max_windows")
_FIGURES = ("num_samples", "num_classes", "accuracy", "macro_f1", "macro_f1_all", "recall_at_2", "intervals")


def model_hash(folder: Path, parts: Sequence[str] = ("encoder", "text")) -> str:
    """SHA-256 of the files of some parts of a model: weights, shapes, windowing.

    Raises:
        FileNotFoundError: the folder lacks one of them.
    """
    if missing := [part for part in parts if not (folder / part).is_dir()]:
        raise FileNotFoundError(
            f"model folder: expected {', '.join(parts)} in {folder}, found no {', '.join(missing)}; give a "
            "folder that train/pretrain.py, or for all parts train/align.py, wrote"
        )
    files = sorted(f for part in parts for f in (folder / part).rglob("*") if f.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def run_test_sets(
    pipe: AnymoPipeline,
    folder: Path,
    *,
    names: Sequence[str] = tuple(TEST_SETS),
    load: Callable[[str], list[Recording]] = load_test_set,
    ledger: Path = LEDGER,
    seed: int = 0,
    max_windows: int | None = None,
) -> dict[str, dict[str, Any]]:
    """Zero-shot by embedding on the test sets; a line in the ledger for each before anybody sees a figure.

    The lines are written together once all sets are through: a run that breaks off before has shown nothing
    and may be repeated.

    Args:
        pipe: the model of `folder`.
        folder: with `encoder/` and `text/`.
        names: of the sets.
        load: gives a set's recordings.
        ledger: JSON lines; read first, then appended to.
        seed: of the bootstrap.
        max_windows: windows read of each recording, evenly spaced; None reads all.

    Returns:
        Set name -> its figures (`ZeroShotResult.to_dict`).

    Raises:
        ValueError: the ledger has this model on one of these sets; nothing is run.
    """
    sha256 = refuse_second_run(folder, names, ledger)
    found = {
        name: zero_shot(
            pipe, name, "embedding", recordings=load(name), seed=seed, max_windows=max_windows
        ).to_dict()
        for name in names
    }
    lines = [whole_set(name, "embedding") | result for name, result in found.items()]
    write_lines(ledger, folder, sha256, [zero_shot_line(line) for line in lines])
    _log.info("test sets %s: logged in %s", ", ".join(found), ledger.name)
    return found


def refuse_second_run(
    folder: Path,
    names: Sequence[str] = tuple(TEST_SETS),
    ledger: Path = LEDGER,
    parts: Sequence[str] = ("encoder", "text"),
    *,
    routes: Sequence[str] = ("embedding",),
) -> str:
    """Hash of a model that has seen none of these sets by these routes.

    Args:
        folder: of the model.
        names: of the sets.
        ledger: JSON lines.
        parts: of the folder that the model is.
        routes: by which it is about to be run; FEW_SHOT for trials that learn from the set.

    Raises:
        ValueError: the ledger has it on one of them by one of these.
    """
    sha256 = model_hash(folder, parts)
    for line in read_ledger(ledger):
        own = line["set"] if line["set"] in NAMES else line["looks_at"]  # a YAML file may have any name
        if line["route"] in routes and line["sha256"] == sha256 and own in names:
            read = ", ".join(f"{key} {line[key]}" for key in ("layout", "split", "rule") if key in line)
            raise ValueError(
                f"test sets: this model was run on {line['set']} by {line['route']} on {line.get('date')}"
                f"{f' ({read})' if read else ''}, and its figures are in {ledger.name}; a candidate gets one "
                "run, so change the design on the development sets and train the next one; `anymo evaluate` "
                "repeats that very run, to compare"
            )
    return sha256


def earlier_run(sha256: str, run: Mapping[str, Any], ledger: Path = LEDGER) -> dict[str, Any] | None:
    """The line of this very run of a model, if there is one.

    Args:
        sha256: of the model.
        run: `set`, `route`, `layout`, `split`, `rule` and `max_windows`.
        ledger: JSON lines.

    Raises:
        ValueError: as `read_ledger`.
    """
    asked = {"sha256": sha256, **{key: run[key] for key in _RUN}}
    older = {"split": "all", "layout": spec_named(run["set"]).usual_layout} if run["set"] in NAMES else {}
    lines = (older | line for line in read_ledger(ledger))
    return next((line for line in lines if asked.items() <= line.items()), None)


def read_ledger(ledger: Path) -> list[dict[str, Any]]:
    """All lines, each with the test set that it `looks_at`; none where there is no ledger yet.

    Raises:
        ValueError: a line is broken; the message says which.
    """
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.is_file() else []
    read = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            facts = {key: str(entry[key]) for key in ("sha256", "set", "route")}
            read.append(facts | {"looks_at": facts["set"]} | entry)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{ledger.name}, line {number}: expected a JSON object with sha256, set and route ({error}); "
                "restore the file from git"
            ) from error
    return read


def lines_about(folder: Path, ledger: Path = LEDGER) -> list[dict[str, Any]]:
    """Lines about the encoder and text tower of a model folder.

    An export changes none of their files, unless the text tower stands on a model that was given as a folder.

    Raises:
        FileNotFoundError: the folder lacks one of them.
        ValueError: as `read_ledger`.
    """
    sha256 = model_hash(folder)
    return [line for line in read_ledger(ledger) if line["sha256"] == sha256]


def write_lines(ledger: Path, folder: Path, sha256: str, lines: Sequence[dict[str, Any]]) -> None:
    """A line for each result, which tells `set` and `route`, all at once."""
    run = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": environment()["git"],
        "model": "/".join(folder.parts[-2:]),
        "sha256": sha256,
    }
    with ledger.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(run | line) + "\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def whole_set(name: str, route: str) -> dict[str, str]:
    """What a line says of a run on all of a development or test set in its usual layout."""
    return {"set": name, "route": route, "layout": spec_of(name).usual_layout, "split": "all"}


def zero_shot_line(result: dict[str, Any]) -> dict[str, Any]:
    """What is written of `ZeroShotResult.to_dict`, with `set`, `route`, `layout` and `split` beside it."""
    told = {key: result[key] for key in (*_RUN, *_FIGURES)}
    return told | {f"{kind}_accuracy": result[kind]["accuracy"] for kind in ("chance", "majority")}
