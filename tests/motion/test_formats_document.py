"""docs/formats.md: its code runs, and its table of skeletons is the library's."""

import re
from pathlib import Path

import numpy as np

from anymo.motion.joints import LANDMARKS, SKELETONS

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_the_code_runs() -> None:
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.M | re.S):
        exec(compile(block, "formats.md", "exec"), names)
    walk, same = names["walk"], names["same"]
    np.testing.assert_allclose(same.joint_offsets, walk.joint_offsets, atol=1e-5)  # type: ignore[attr-defined]


def test_the_table_of_skeletons() -> None:
    rows = re.findall(r'^\| `"(\w+)"` \| (\d+) \| .* \| (\S+) \| (\S+) \| (\S+) \|$', DOCUMENT, re.M)
    said = {name: (int(num), unit, up, rate) for name, num, unit, up, rate in rows}
    asked = "**demanded**"
    assert said == {
        name: (
            len(s.points),
            {1.0: "m"}[s.unit_m or 0.0],
            s.up or asked,
            f"{s.rate_hz:g}" if s.rate_hz else asked,
        )
        for name, s in SKELETONS.items()
    }
    assert all(f"`{landmark}`" in DOCUMENT for landmark in LANDMARKS)
