"""The memory table of docs/scaling.md is what its formula gives, and its throughput what its figures give."""

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")


def rows_after(heading: str) -> list[list[str]]:
    table = re.search(rf"^\| {heading}.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.M)
    assert table is not None
    return [[cell.strip() for cell in row.strip("| ").split("|")] for row in table[1].splitlines()]


def test_memory_is_what_the_formula_gives() -> None:
    formulas: dict = {}
    exec(re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)[0], formulas)
    rows = rows_after("model")
    assert len(rows) >= 5
    for _, trained, frozen, *stated in rows:
        for engine, gigabytes in zip(("ddp", "zero1", "zero2", "zero3"), stated, strict=True):
            expected = formulas["gigabytes"](float(trained), float(frozen), engine=engine)
            assert float(gigabytes) == pytest.approx(expected, rel=0.02, abs=0.006), (trained, engine)
    stated = re.search(r"`activation_gigabytes\(([\d, ]+)\)` = ([\d.]+) GB", TEXT)
    assert stated is not None
    sizes = [int(size) for size in stated[1].split(",")]
    assert float(stated[2]) == pytest.approx(formulas["activation_gigabytes"](*sizes), abs=0.006)


def test_throughput_is_a_tenth_of_the_peak() -> None:
    for _, _, gflop, *rates in rows_after("run"):
        for peak, rate in zip((312e12, 989e12, 8 * 989e12), rates, strict=True):
            assert float(rate.replace(",", "")) == pytest.approx(0.1 * peak / (float(gflop) * 1e9), rel=0.01)
