"""Stages that are done once: a marker says that a stage finished, with what, and what it cost."""

import hashlib
import json
import logging
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import draccus

from anymo.config import write_text

_log = logging.getLogger(__name__)


class StageCost(NamedTuple):
    """What a stage took; `peak_gib` is the process's highest resident memory up to its end."""

    name: str
    seconds: float
    peak_gib: float


class StageBook:
    """Markers of the stages of one run.

    A stage is skipped if it finished with the same configuration on the same earlier stages. If its
    configuration, or an earlier stage, has changed, its folder is removed and it is done again; if it was
    interrupted, it goes on from its own checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.chain = folder / "stages", ""
        self.costs: list[StageCost] = []
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, name: str, config: object, outputs: Sequence[Path], work: Callable[[], object]) -> None:
        """Do a stage unless it is done.

        Args:
            name: of the stage.
            config: its configuration and inputs; a change makes the stage be done again.
            outputs: its folders and files; the stage counts as done while all are there, and they are
                removed before it is done again.
            work: does it.
        """
        described = json.dumps([self.chain, draccus.encode(config)], sort_keys=True, default=str)
        self.chain = hashlib.sha256(described.encode()).hexdigest()
        done, begun = self.folder / f"{name}.done.json", self.folder / f"{name}.begun"
        if done.is_file():
            marker = json.loads(done.read_text())
            if marker["config"] == self.chain and all(path.exists() for path in outputs):
                _log.info("%s: finished earlier in %.0f s, kept", name, marker["seconds"])
                self.costs.append(StageCost(name, marker["seconds"], marker["peak_gib"]))
                return
            done.unlink()
        if not begun.is_file() or begun.read_text() != self.chain:
            for path in outputs:
                if path.is_dir():
                    shutil.rmtree(path)
                path.unlink(missing_ok=True)
            write_text(begun, self.chain)
        started = time.monotonic()
        work()
        cost = StageCost(name, time.monotonic() - started, peak_memory_gib())
        self.costs.append(cost)
        facts = {"config": self.chain, "seconds": cost.seconds, "peak_gib": cost.peak_gib}
        write_text(done, json.dumps(facts))
        begun.unlink()


def peak_memory_gib() -> float:
    """Highest resident memory of this process so far, GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20
