"""The notebook is its source executed: the same cells, outputs in place, and, slowly, the same outputs."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = (REPOSITORY / "examples" / "quickstart.py").read_text(encoding="utf-8")
STORED = REPOSITORY / "examples" / "quickstart.ipynb"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def maker() -> dict[str, Any]:
    return runpy.run_path(str(REPOSITORY / "docs" / "notebook.py"))


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def words_of(cell: dict[str, Any]) -> str:
    return "".join(output.get("text", "") for output in cell["outputs"])


def test_cells_are_those_of_the_source(maker: dict[str, Any], stored: dict[str, Any]) -> None:
    expected = [(cell["cell_type"], cell["source"]) for cell in maker["cells"](SOURCE)]
    found = [(cell["cell_type"], cell["source"]) for cell in stored["cells"]]
    assert found == expected, "run `make notebook`"


def test_every_code_cell_was_executed_in_order_and_shows_something(stored: dict[str, Any]) -> None:
    cells = code_cells(stored)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert [cell["source"] for cell in cells if not cell["outputs"]] == []
    kinds = [kind for cell in cells for output in cell["outputs"] for kind in output.get("data", {})]
    assert kinds.count("image/png") >= 5
    assert set(kinds) == {"image/png"}, "a figure was stored as text"


def test_the_notebook_is_small_and_names_no_machine(stored: dict[str, Any]) -> None:
    assert STORED.stat().st_size < 500_000
    said = "\n".join(cell["source"] + words_of(cell) for cell in code_cells(stored))
    assert re.findall(r"(?:^|[\s'\"(])(/\w+/[\w./-]+|[A-Z]:\\\S+)", said) == []
    assert "Traceback" not in said
    assert "Warning" not in said


def test_the_page_has_code_text_and_pictures(maker: dict[str, Any], stored: dict[str, Any]) -> None:
    page = maker["page"](stored)
    assert page.startswith("# AnyMo in ten minutes")
    assert page.count("```python\n") == len(code_cells(stored))
    assert page.count("](data:image/png;base64,") >= 5
    assert "right; chance is 20" in page


def test_a_magic_is_a_comment_in_the_source(maker: dict[str, Any]) -> None:
    cells = maker["cells"](
        "# %% [markdown]\n# # Title\n#\n# text\n\n# %%\n# %matplotlib inline\n# why\nf()\n"
    )
    assert [(cell["cell_type"], cell["source"]) for cell in cells] == [
        ("markdown", "# Title\n\ntext"),
        ("code", "%matplotlib inline\n# why\nf()"),
    ]


@pytest.mark.slow
def test_executed_again_it_says_the_same(maker: dict[str, Any], stored: dict[str, Any]) -> None:
    """Words equal, numbers within what another machine's arithmetic may do."""
    pytest.importorskip("nbclient", reason="the extra `docs` is not installed")
    again = maker["executed"](SOURCE)
    for old, new in zip(code_cells(stored), code_cells(again), strict=True):
        was, now = words_of(old), words_of(new)
        assert NUMBER.sub("#", now).split() == NUMBER.sub("#", was).split(), "run `make notebook`"
        numbers = [[float(number) for number in NUMBER.findall(text)] for text in (now, was)]
        assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=1.01)
        assert [sorted(o.get("data", {})) for o in new["outputs"]] == [
            sorted(o.get("data", {})) for o in old["outputs"]
        ]
