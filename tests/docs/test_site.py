"""The site's map names every page and room, loads nothing from elsewhere, and shows docstrings as meant."""

import logging
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
SITE = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))


def leaves(tree: Any) -> Iterator[str]:
    """Every string in lists and mappings of lists and mappings; keys left out."""
    if isinstance(tree, dict | list):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(branch)
    else:
        yield str(tree)


def test_the_map_names_every_page_once() -> None:
    pages = {str(file.relative_to(DOCS)) for file in DOCS.rglob("*.md")}
    assert sorted(leaves(SITE["nav"])) == sorted(pages)


def test_every_room_has_its_page() -> None:
    library = REPOSITORY / "anymo"
    rooms = {file.stem for file in library.glob("*.py") if file.stem not in ("__init__", "__main__")}
    rooms |= {folder.parent.name for folder in library.glob("*/__init__.py")}
    said = {file.stem: file.read_text(encoding="utf-8") for file in (DOCS / "api").glob("*.md")}
    said.pop("index")
    assert said == {room: f"# anymo.{room}\n\n::: anymo.{room}\n" for room in rooms}


def test_links_between_pages_lead_somewhere() -> None:
    for file in (DOCS / "api").glob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).is_file(), f"{file.name}: {target}"


def test_lists_and_tables_stand_behind_an_empty_line() -> None:
    """The site's Markdown would run them into the paragraph before; other readers are more lenient."""
    begins = re.compile(r"^(?![-*|#\s]|\d+\. )[^\n]+\n(?:[-*] |\d+\. |\|).*", re.M)
    for file in sorted(DOCS.rglob("*.md")):
        text = re.sub(
            r"\A---\n.*?^---\n|^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.M | re.S
        )
        assert begins.findall(text) == [], file.name


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert SITE["theme"]["font"] is False
    assert SITE["strict"] is True
    assert [leaf for leaf in leaves(SITE) if "//" in leaf] == []


@pytest.fixture(scope="module")
def field_lists() -> dict[str, Any]:
    pytest.importorskip("griffe", reason="the extra `docs` is not installed")
    return runpy.run_path(str(DOCS / "field_lists.py"))


def test_tables_of_fields_become_lists(field_lists: dict[str, Any]) -> None:
    table = "What.\n\nname  meaning, m   (T, 3)\na, b    longer\n        than a line\n\nEnd of it.\n"
    assert field_lists["with_lists"](table) == (
        "What.\n\n- `name`: meaning, m   (T, 3)\n- `a, b`: longer than a line\n\nEnd of it.\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "One line.",
        "A sentence.\nAnother one.",
        "Args:\n    shape: (T, 3)   m\n    name: of it",
        "Two  spaces, and then\na line that has none of them.",
    ],
)
def test_other_paragraphs_stay(field_lists: dict[str, Any], text: str) -> None:
    assert field_lists["with_lists"](text) == text


def test_docstrings_name_what_is_there(field_lists: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Their Args are parameters, and their sections can be read."""
    import griffe

    def read(obj: griffe.Object) -> None:
        if obj.docstring is not None:
            obj.docstring.parse("google")
        for member in obj.members.values():
            if not member.is_alias:
                read(member)

    with caplog.at_level(logging.WARNING):
        read(griffe.load("anymo", search_paths=[REPOSITORY]))
    assert [record.getMessage() for record in caplog.records] == []
