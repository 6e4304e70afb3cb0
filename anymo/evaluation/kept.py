"""Numbers that took long, kept in a file with the facts they hang on."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anymo.config import environment, write_text

_log = logging.getLogger(__name__)


def kept(file: Path, facts: Mapping[str, Any], measure: Callable[[], Any]) -> Any:
    """Numbers of a file if its facts are these, else as they are now measured and written down.

    The commit that measures is written beside them: where another reads them, it warns.

    Args:
        file: JSON with `facts`, `numbers` and `commit`.
        facts: all that the numbers depend on, for JSON.
        measure: gives them, for JSON.
    """
    plain, commit = json.loads(json.dumps(facts)), environment()["git"]
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if found.get("facts") != plain:
        _log.info("%s: %s", file.parent, file.stem.replace("_", " "))
        found = {"facts": plain, "commit": commit, "numbers": json.loads(json.dumps(measure()))}
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(found, indent=1) + "\n")
    elif found.get("commit") != commit:
        _log.warning(
            "%s: numbers of commit %s, read by %s; delete the file to measure again",
            file,
            found.get("commit", "unknown"),
            commit,
        )
    return found["numbers"]
