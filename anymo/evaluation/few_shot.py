"""Few-shot and full recognition of real recordings: the same people and draws for every method."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import chain, product
from pathlib import Path

import numpy as np
from tqdm import tqdm

from anymo.config import write_text
from anymo.evaluation.few_shot_result import FewShotResult, Run
from anymo.evaluation.ledger import model_hash
from anymo.evaluation.splits import Amount, Split, drawn, subject_splits
from anymo.evaluation.virtual_imu import SOURCES, VirtualImu, with_calibration
from anymo.pipeline import AnymoPipeline
from anymo.records import Array, Recording, WindowBatch
from anymo.training.classifiers import (
    METHODS,
    Examples,
    build_method,
    cut_examples,
    joined,
    recording_scores,
    sensor_columns,
)

NOTHING = Amount()

# The package's source that decides what a training gives: a finished one is kept while it is the same.
_CODE = (
    "data/virtual.py",
    "data/window.py",
    "encoders/*.py",
    "simulation/rank_transform.py",
    "training/classifiers/*.py",
    "training/optim.py",
)


@dataclass(frozen=True, kw_only=True)
class FewShotProtocol:
    """Who is trained on, with what and how often.

    Attributes:
        methods: names of `anymo.training.classifiers.METHODS`.
        sources: what is trained on, names of `anymo.evaluation.virtual_imu.SOURCES`.
        shots: recordings of each class that are trained on.
        shares: shares of each class's training recordings, 1.0 for all.
        num_folds: folds of whole subjects; 0 leaves one subject out in turn.
        seeds: of folds, draws, virtual recordings and initial weights.
        num_virtual: virtual recordings of each class, of one window.
        against: the method that the others are compared with, if it is among them.
    """

    methods: tuple[str, ...] = tuple(METHODS)
    sources: tuple[str, ...] = ("real",)
    shots: tuple[int, ...] = (1, 2, 3, 5, 10)
    shares: tuple[float, ...] = (1.0,)
    num_folds: int = 5
    seeds: tuple[int, ...] = (0, 1, 2)
    num_virtual: int = 50
    against: str = "scratch"

    def __post_init__(self) -> None:
        for kind, names, known in (
            ("methods", self.methods, METHODS),
            ("sources", self.sources, SOURCES),
            ("against", (self.against,), METHODS),
        ):
            if not names or (unknown := [n for n in names if n not in known]):
                raise ValueError(
                    f"few-shot: expected {kind} among {', '.join(known)}, got {unknown if names else 'none'}"
                )
        stated = [*self.shots, *self.shares]
        if not stated or min(stated) <= 0 or max(self.shares, default=0) > 1 or not self.seeds:
            raise ValueError(
                "few-shot: expected shots of 1 or more or shares up to 1.0, and a seed, got "
                f"{self.shots}, {self.shares} and {self.seeds}"
            )
        if self.num_virtual < 1 or self.num_folds < 0:
            raise ValueError(
                "few-shot: expected num_virtual of 1 or more and num_folds of 0 or more, got "
                f"{self.num_virtual} and {self.num_folds}"
            )

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """Shots, then shares."""
        return (*(Amount(num=k) for k in self.shots), *(Amount(share=s) for s in self.shares))

    def runs(self) -> list[Run]:
        """Everything that is trained on one split; what sees no real recording is trained once."""
        return [
            Run(method=method, source=source, amount=amount)
            for source in self.sources
            for amount in ((NOTHING,) if source == "virtual" else self.amounts)
            for method in self.methods
        ]


def few_shot(
    recordings: Sequence[Recording],
    pipe: AnymoPipeline,
    protocol: FewShotProtocol,
    *,
    virtual: VirtualImu | None = None,
    cells: Path | None = None,
) -> FewShotResult:
    """Train every method on the same draws of the same splits, and predict every recording once per seed.

    A recording's scores are the mean of its windows' probabilities; windows are cut as the model's are, for
    all methods alike.

    Args:
        recordings: with label and subject.
        pipe: the pre-trained model; its encoder's shape is that of "scratch" too.
        protocol: splits, draws and methods.
        virtual: where virtual recordings come from, for sources that have them.
        cells: folder in which each finished training leaves its scores; a call with the same recordings,
            real and virtual, model, method, draw and code reads them. None keeps nothing.

    Raises:
        ValueError: recordings without label or subject, a class with too few, a leak between training and
            test, or a source of virtual recordings without `virtual`; all before the first training.
    """
    if virtual is None and (needing := [s for s in protocol.sources if s != "real"]):
        raise ValueError(f"few-shot: sources {needing} need virtual recordings; give a corpus")
    if nameless := [r.name for r in recordings if not r.label]:
        raise ValueError(
            f"few-shot: expected a label for each recording, got none for {len(nameless)}, the first "
            f"{nameless[0]!r}; label them or leave them out"
        )
    trials = _Trials(recordings, pipe, protocol, virtual, cells)
    splits = [subject_splits(recordings, protocol.num_folds, seed) for seed in protocol.seeds]
    shape = len(protocol.seeds), len(recordings), len(trials.classes)
    scores = {run: np.full(shape, np.nan) for run in protocol.runs()}
    for split, run in product(chain(*splits), scores):
        drawn(split, trials.named, run.amount)  # too few of a class are found out before hours of training
    seconds: dict[Run, list[float]] = {run: [] for run in scores}
    trained = [(k, split, run) for k, own in enumerate(splits) for split in own for run in scores]
    for k, split, run in tqdm(trained, desc="few-shot", unit="fit"):
        scores[run][k, split.test], took = trials.scores(protocol.seeds[k], split, run)
        seconds[run].append(took)
    return FewShotResult(
        classes=trials.classes,
        truth=trials.label,
        subject=np.array([r.subject for r in recordings]),
        scores=scores,
        seconds={run: float(np.mean(own)) for run, own in seconds.items()},
        against=protocol.against,
    )


class _Trials:
    """Trainings of one set: what does not change from one to the next is made once."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        pipe: AnymoPipeline,
        protocol: FewShotProtocol,
        virtual: VirtualImu | None,
        cells: Path | None,
    ) -> None:
        self.recordings, self.pipe, self.protocol = recordings, pipe, protocol
        self.virtual, self.cells = virtual, cells
        self.named = np.array([r.label for r in recordings])
        self.classes = tuple(sorted({r.label for r in recordings}))
        self.label = np.array([self.classes.index(r.label) for r in recordings])
        self.columns = sensor_columns(recordings)
        self.methods = {name: build_method(name, pipe.encoder) for name in protocol.methods}
        self.facts = [model_hash(pipe.folder), _code_hash(), pipe.window_s, pipe.hop_s, _hash(recordings)]
        self.real = lru_cache(maxsize=None)(self._real)
        self.simulated = lru_cache(maxsize=1)(self._simulated)
        # methods follow one another on the same draw
        self.virtual_windows = lru_cache(maxsize=1)(self._virtual_windows)

    def scores(self, seed: int, split: Split, run: Run) -> tuple[Array, float]:
        """Scores (test recordings, C), and the seconds that the fit took when it was made."""
        rows = drawn(split, self.named, run.amount)
        facts = [*self.facts, seed, rows.tolist(), split.test.tolist(), repr(self.methods[run.method])]
        if run.source != "real":
            facts += [run.source, _hash(self.simulated(seed))]
        key = sha256(json.dumps(facts).encode()).hexdigest()
        file = self._file(seed, split, run)
        found = json.loads(file.read_text()) if file is not None and file.is_file() else {}
        if found.get("key") != key:
            scores, took = self._fitted(seed, split, run, rows)
            found = {"key": key, "scores": np.round(scores, 5).tolist(), "seconds": took}
            found |= {"test": split.test.tolist(), "train": rows.tolist(), "run": asdict(run), "seed": seed}
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_text(file, json.dumps(found) + "\n")
        return np.array(found["scores"]), float(found["seconds"])

    def _file(self, seed: int, split: Split, run: Run) -> Path | None:
        if self.cells is None:
            return None
        fold = sha256(split.name.encode()).hexdigest()[:8]
        amount = run.amount.name.replace(" %", "pc")
        kind = self.protocol.num_folds or "loso"
        return self.cells / run.method / run.source / amount / f"split-{kind}-{fold}-seed{seed}.json"

    def _fitted(self, seed: int, split: Split, run: Run, rows: np.ndarray) -> tuple[Array, float]:
        training = self._training(seed, run, rows)
        began = time.monotonic()
        predict = self.methods[run.method].fit(training, seed)
        took = time.monotonic() - began
        _, scores = recording_scores(predict, self.real(run.method).of(split.test))
        return scores, took

    def _training(self, seed: int, run: Run, rows: np.ndarray) -> Examples:
        """What a run is trained on, as its method reads it."""
        real = self.real(run.method).of(rows)
        if run.source == "real":
            return real
        windows = self.virtual_windows(seed, run.source, tuple(rows.tolist()))
        virtual = self._represented(run.method, windows)
        return joined(real, virtual) if run.source.startswith("real") else virtual

    def _real(self, method: str) -> Examples:
        return self._represented(method, self._cut(self.recordings))

    def _represented(self, method: str, windows: Examples) -> Examples:
        batch = windows.inputs
        assert isinstance(batch, WindowBatch)
        return windows.with_inputs(self.methods[method].represent(batch))

    def _cut(self, recordings: Sequence[Recording]) -> Examples:
        pipe = self.pipe
        rate = pipe.encoder.config.rate_hz
        return cut_examples(
            recordings, self.classes, rate_hz=rate, window_s=pipe.window_s, hop_s=pipe.hop_s,
            columns=self.columns,
        )  # fmt: skip

    def _simulated(self, seed: int) -> list[Recording]:
        assert self.virtual is not None
        num, length = self.protocol.num_virtual, self.pipe.window_s
        return self.virtual.recordings(self.recordings, num=num, duration_s=length, seed=seed)

    def _virtual_windows(self, seed: int, source: str, rows: tuple[int, ...]) -> Examples:
        train = [self.recordings[i] for i in rows]
        return self._cut(with_calibration(self.simulated(seed), source, train))


def _code_hash() -> str:
    """SHA-256 of the source that `_CODE` names."""
    root = Path(__file__).parents[1]
    files = sorted(file for pattern in _CODE for file in root.glob(pattern))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _hash(recordings: Sequence[Recording]) -> str:
    """SHA-256 of all that is known of recordings, samples and labels."""
    digest = sha256()
    for recording in recordings:
        digest.update(repr((recording.source, recording.name, recording.label, recording.subject)).encode())
        for sensor in recording.sensors:
            digest.update(repr((sensor.placement, sensor.rate_hz, sensor.gravity)).encode())
            for array in (sensor.acc, sensor.gyro, sensor.valid):
                digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
