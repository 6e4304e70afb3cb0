"""Test sets by every route of an aligned model: each model once, each look in the log of `ledger`.

The embedding route is the encoder alone, which other aligned models may share. What the log has is taken from
there. The language model's routes have lines of their own, with `route` and the hash
of the whole model folder.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anymo.data.test_sets import TEST_SETS, load_test_set
from anymo.evaluation.ledger import (
    FEW_SHOT,
    LEDGER,
    model_hash,
    read_ledger,
    refuse_second_run,
    run_test_sets,
    whole_set,
    write_lines,
    zero_shot_line,
)
from anymo.evaluation.zero_shot import zero_shot
from anymo.pipeline import AnymoPipeline, Route
from anymo.records import Recording

PARTS = ("encoder", "text", "tokenizer", "language_model")


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
    """Zero-shot on the test sets by several routes, each set logged before anybody sees a figure.

    What the log has is not run again: a call after a break measures the sets that are left.

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
        ValueError: the ledger has this model on another set of the same people.
    """
    known = logged(folder, names, ledger)
    if "embedding" in windows and (new := [name for name in names if "embedding" not in known[name]]):
        limit = windows["embedding"]
        run_test_sets(pipe, folder, names=new, load=load, ledger=ledger, seed=seed, max_windows=limit)
    for name in names:
        left = {r: limit for r, limit in windows.items() if r != "embedding" and r not in known[name]}
        sha256 = refuse_second_run(folder, [name], ledger, PARTS, routes=list(left))
        recordings = load(name) if left else []
        found = [
            zero_shot(pipe, name, route, recordings=recordings, seed=seed, max_windows=limit).to_dict()
            | whole_set(name, route)
            for route, limit in left.items()
        ]
        write_lines(ledger, folder, sha256, [zero_shot_line(each) for each in found])
    return logged(folder, names, ledger)


def logged(
    folder: Path, names: Sequence[str] = tuple(TEST_SETS), ledger: Path = LEDGER
) -> dict[str, dict[str, dict[str, Any]]]:
    """What the log has of an aligned model and of its encoder: set -> route -> figures."""
    own = {model_hash(folder, PARTS), model_hash(folder)}
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in names}
    for line in read_ledger(ledger):
        if line["sha256"] in own and line["set"] in names and line["route"] != FEW_SHOT:
            found[line["set"]][line["route"]] = line
    return found
