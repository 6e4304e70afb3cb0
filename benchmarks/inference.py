"""How fast a recording is embedded, classified and put into words: 5 s of one sensor on two cores.

    python benchmarks/inference.py                       the table
    python benchmarks/inference.py --json                the figures on standard output, the table elsewhere
    python benchmarks/inference.py --model runs/x/model  another than the package's model

docs/using.md says what the figures mean. The exit status is 1 if a figure misses what it must reach.
"""

import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import torch
import typer
from floors import Floors

from anymo.assets.hub import SHIPPED
from anymo.data import read_recording
from anymo.pipeline import AnymoPipeline
from anymo.pipeline.batches import worn_segments
from anymo.records import Recording

FLOORS = Floors(
    at_most={
        "embed_ms": 15.0,
        "classify_ms": 20.0,
        "likelihood_ms": 1500.0,
        "first_likelihood_ms": 1500.0,
        "hour_s": 20.0,
        "hour_peak_gib": 2.0,
    },
    at_least={"caption_tokens_per_s": 20.0},
)
_WHAT = (
    "walking",
    "running",
    "jumping",
    "waving",
    "climbing",
    "throwing",
    "dancing",
    "sitting",
    "cycling",
    "rowing",
)
LABELS = [f"{how} {what}" for how in ("slow", "quick", "careful", "tired", "happy") for what in _WHAT]
HOUR_HZ = 100.0
STATED = {"acc_unit": "m/s^2", "gyro_unit": "rad/s", "gravity": "included", "placement": "left wrist"}


def signal(duration_s: float, rate_hz: float) -> np.ndarray:
    """(T, 6) acc m/s² and gyro rad/s of a swinging arm."""
    t = np.arange(round(duration_s * rate_hz))[:, None] / rate_hz
    rng = np.random.default_rng(0)
    swing = np.sin(2 * np.pi * rng.uniform(0.5, 3.0, 6) * t + rng.uniform(0, 6, 6))
    return swing * [3, 3, 3, 2, 2, 2] + rng.normal(scale=0.1, size=(len(t), 6)) + [0, 0, 9.8, 0, 0, 0]


def milliseconds(call: Callable[[], object], rounds: int, clock: Callable[[], float]) -> float:
    """Median of the rounds after two that warm up."""
    seconds = []
    for _ in range(rounds + 2):
        began = clock()
        call()
        seconds.append(clock() - began)
    return 1e3 * median(seconds[2:])


def measure(model: Path, rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Every figure but the hour's."""
    pipe = AnymoPipeline.from_pretrained(model)
    window = read_recording(signal(5.0, 50.0), rate_hz=50.0, name="window", **STATED)

    def classify(route: str) -> Callable[[], object]:
        return lambda: pipe.classify(window, labels=LABELS, route=route)

    began = clock()
    classify("embedding")()
    numbers = {"first_classify_ms": 1e3 * (clock() - began)}
    numbers["embed_ms"] = milliseconds(lambda: pipe.embed(window), rounds, clock)
    numbers["classify_ms"] = milliseconds(classify("embedding"), rounds, clock)
    few = max(1, rounds // 10)
    assert pipe.language_model.is_fused  # and loaded, before what it does is timed
    began = clock()
    classify("likelihood")()  # finds the priors of the labels too, which are kept
    numbers["first_likelihood_ms"] = 1e3 * (clock() - began)
    numbers["likelihood_ms"] = milliseconds(classify("likelihood"), few, clock)
    numbers["generate_ms"] = milliseconds(classify("generate"), few, clock)
    return numbers | {"caption_tokens_per_s": tokens_per_s(pipe, window, few, clock)}


def tokens_per_s(pipe: AnymoPipeline, window: Recording, rounds: int, clock: Callable[[], float]) -> float:
    """Tokens of an answer, activity and sentence, over the time of a caption, encoder, prompt and all."""
    (batch, _), model = next(pipe.windows(window)), pipe.language_model
    prompt = model.prompt(pipe.codes(batch)[0], worn_segments(batch)[0])
    (answer,) = pipe.answers.described([prompt], pipe.activity_similarity(batch))
    num = len(model.text_ids(answer))
    return num / milliseconds(lambda: pipe.caption(window), rounds, clock) * 1e3


def hour(model: Path, *, options: list[str]) -> dict[str, float]:
    """An hour at 100 Hz on disk, classified; of a process of its own, read and model included."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(file := Path(folder) / "hour.npz", signal=signal(3600.0, HOUR_HZ))
        command = [sys.executable, __file__, "--hour", str(file), "--model", str(model), *options]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    numbers: dict[str, float] = json.loads(done.stdout)
    return numbers


def classify_hour(file: Path, model: Path, clock: Callable[[], float]) -> dict[str, float]:
    """What `hour` measures, in its process."""
    pipe = AnymoPipeline.from_pretrained(model)
    began = clock()
    (found,) = pipe.classify(read_recording(file, rate_hz=HOUR_HZ, **STATED), labels=LABELS)
    whole_s = clock() - began
    began = clock()
    segments = list(pipe.stream(file, labels=LABELS, rate_hz=HOUR_HZ, **STATED))
    streamed_s = clock() - began
    assert found.label
    assert segments
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"hour_s": whole_s, "hour_streamed_s": streamed_s, "hour_peak_gib": peak}


def main(
    as_json: Annotated[bool, typer.Option("--json", help="the figures as JSON on standard output")] = False,
    model: Annotated[Path, typer.Option(help="model folder")] = SHIPPED,
    rounds: Annotated[int, typer.Option(help="of the fast figures; a tenth of the slow ones")] = 50,
    threads: Annotated[int, typer.Option(help="of torch")] = 2,
    beside_others: Annotated[
        bool, typer.Option(help="time the thread's processor, for a busy machine; takes one thread")
    ] = False,
    hour_file: Annotated[Path | None, typer.Option("--hour", hidden=True)] = None,
) -> None:
    """Measure, print, and fail if a figure misses."""
    logging.getLogger("anymo").setLevel(logging.ERROR)
    torch.set_num_threads(1 if beside_others else threads)
    clock = time.thread_time if beside_others else time.perf_counter
    if hour_file is not None:
        typer.echo(json.dumps(classify_hour(hour_file, model, clock)))
        return
    options = ["--threads", str(threads), *(["--beside-others"] if beside_others else [])]
    numbers = hour(model, options=options) | measure(model, rounds, clock)
    typer.echo(FLOORS.table(numbers), err=as_json)
    if as_json:
        typer.echo(json.dumps(numbers, indent=2))
    raise typer.Exit(int(FLOORS.missed(numbers)))


if __name__ == "__main__":
    typer.run(main)
