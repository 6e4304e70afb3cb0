"""Let the site show the tables in our docstrings as lists.

A griffe extension, named in mkdocs.yml. A paragraph whose lines are a name, two spaces or more, and what it
means reads well in the source; Markdown would run it together.
"""

import re
from typing import Any

from griffe import Extension, Object

ENTRY = re.compile(r"(\S.*?) {2,}(\S.*)")


def with_lists(docstring: str) -> str:
    """The same text, paragraphs of `name  meaning` lines (and their indented ends) made Markdown lists."""
    return re.sub(r"(?:^[^\n]+\n?)+", lambda match: _as_list(match[0]), docstring, flags=re.M)


def _as_list(paragraph: str) -> str:
    items: list[str] = []
    for line in paragraph.splitlines():
        if entry := ENTRY.fullmatch(line):
            items.append(f"- `{entry[1]}`: {entry[2]}")
        elif items and line.startswith(" "):
            items[-1] += " " + line.strip()
        else:
            return paragraph
    return "\n".join(items) + "\n"


class FieldLists(Extension):
    """Every docstring through `with_lists`."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Called for every module, class, function and attribute when it has been read."""
        if obj.docstring is not None:
            obj.docstring.value = with_lists(obj.docstring.value)
