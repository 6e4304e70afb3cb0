"""Speed of the motion tokenizer of default shape: from signals to tokens, from latents to codes, and back.

python benchmarks/tokenizer.py --json tokenizer.json

On one thread by its processor time, which other work does not lengthen but for the caches it takes, and on
all threads by the clock on the wall; medians of rounds. The weights are untrained, which costs the same.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import torch

from anymo.config import write_text
from anymo.encoders import AnymoEncoderConfig, ImuEncoder
from anymo.evaluation.token_errors import speed
from anymo.records import WindowBatch
from anymo.tables import terminal_table
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig

WINDOW_S = 5.0


def windows_of(size: int, rate_hz: float) -> WindowBatch:
    """Windows of noise of one sensor with a gyroscope."""
    samples = round(WINDOW_S * rate_hz)
    yes = torch.ones(size, 1, dtype=torch.bool)
    return WindowBatch(
        signal=torch.randn(size, 1, samples, 6, generator=torch.Generator().manual_seed(0)),
        sample_valid=yes[..., None].expand(-1, -1, samples),
        has_gyro=yes,
        worn=yes,
        segment=torch.full((size, 1), 9),
        has_gravity=yes,
        rate_hz=rate_hz,
    )


def measured(num_threads: int) -> dict[str, dict[str, float]]:
    """Tokens per second by quantiser and batch; on one thread by its processor time."""
    torch.set_num_threads(num_threads)
    torch.manual_seed(0)
    encoder, rows = ImuEncoder(AnymoEncoderConfig()), {}
    clock = time.thread_time if num_threads == 1 else time.perf_counter
    for quantizer in ("product", "residual", "fsq"):
        tokenizer = MotionTokenizer(MotionTokenizerConfig(quantizer=quantizer))
        for size in (1, 32):
            windows = windows_of(size, encoder.config.rate_hz)
            rows[f"{quantizer}, {size} windows, {num_threads} threads"] = speed(
                encoder, tokenizer, windows, clock
            )
    return rows


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file for the numbers")
    file = parser.parse_args().json
    rows = measured(1)
    if (threads := os.cpu_count() or 1) > 1:
        rows |= measured(threads)
    columns = ["tokens/s", "signals to tokens", "latents to codes", "codes to latents"]
    cells = [
        [name, *(f"{row[key]:,.0f}" for key in ("tokens", "encode", "decode"))] for name, row in rows.items()
    ]
    sys.stdout.write(terminal_table(columns, cells) + "\n")
    if file:
        write_text(file, json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
