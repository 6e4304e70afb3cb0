"""What a run logged, as curves."""

import json
from collections.abc import Sequence
from pathlib import Path

History = dict[str, list[tuple[int, float]]]

OBJECTIVES = ("text", "pose", "pose_text", "cross_view", "reconstruction", "pose_to_imu", "synthesis")


def history(run: Path, keys: Sequence[str], prefix: str = "") -> History:
    """Step and value of each of these quantities that the run's `metrics.jsonl` has, under its plain name."""
    path = run / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    found = {key: [(line["step"], line[key]) for line in lines if key in line] for key in keys}
    return {f"{prefix}{key.replace('_', ' ')}": points for key, points in found.items() if points}
