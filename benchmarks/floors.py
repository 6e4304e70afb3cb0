"""What a benchmark's figures must reach: the table, and whether they do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

_WORDS = {True: "pass", False: "MISS", None: ""}


@dataclass(frozen=True, kw_only=True)
class Floors:
    """Bounds by the name of a figure; one without bounds is only told."""

    at_most: Mapping[str, float]
    at_least: Mapping[str, float]

    def passes(self, key: str, value: float) -> bool | None:
        """Whether a figure is good enough; None where nothing is asked."""
        if key in self.at_most:
            return value <= self.at_most[key]
        return value >= self.at_least[key] if key in self.at_least else None

    def missed(self, numbers: Mapping[str, float], ignored: str = "") -> bool:
        """Whether a figure misses its bound or is not there; `ignored` are the first letters of some."""
        wanted = {key for key in {*self.at_most, *self.at_least} if not (ignored and key.startswith(ignored))}
        return any(self.passes(k, v) is False for k, v in numbers.items()) or not wanted <= numbers.keys()

    def table(self, numbers: Mapping[str, float], notes: Sequence[str] = ()) -> str:
        """Lines in Markdown."""
        lines = [
            f"torch {torch.__version__}, {torch.get_num_threads()} threads",
            "",
            "| figure | seen | must reach | |",
            "| --- | --- | --- | --- |",
        ]
        for key, value in numbers.items():
            signs = (("≤", self.at_most), ("≥", self.at_least))
            limit = next((f"{sign} {bounds[key]:g}" for sign, bounds in signs if key in bounds), "")
            lines.append(f"| {key} | {value:.4g} | {limit} | {_WORDS[self.passes(key, value)]} |")
        return "\n".join([*lines, *notes])
