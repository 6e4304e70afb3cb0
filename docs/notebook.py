"""Make examples/quickstart.ipynb: the cells of examples/quickstart.py, executed. `make notebook` runs it.

With `--page FILE` nothing is executed: the notebook as it is stored becomes a page of the site.
"""

import argparse
import json
import os
import re
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "examples" / "quickstart.py"
NOTEBOOK = SOURCE.with_suffix(".ipynb")
PNG = "image/png"


def cells(source: str) -> list[dict[str, Any]]:
    """Cells of a file in percent format: `# %%` begins code, `# %% [markdown]` text behind `# `.

    A magic (`%matplotlib inline`) stands behind `# ` too, so that the file is plain Python.
    """
    found: list[dict[str, Any]] = []
    for kind, text in re.findall(r"^# %%( \[markdown\])?\n(.*?)(?=^# %%|\Z)", source, re.M | re.S):
        cell: dict[str, Any] = {"id": f"cell-{len(found)}", "metadata": {}}
        if kind:
            words = re.sub(r"^# ?", "", text.strip(), flags=re.M)
            found.append({**cell, "cell_type": "markdown", "source": words})
        else:
            typed = re.sub(r"^# (?=%\w)", "", text.strip(), flags=re.M)
            found.append(
                {**cell, "cell_type": "code", "source": typed, "outputs": [], "execution_count": None}
            )
    return found


def executed(source: str) -> dict[str, Any]:
    """The notebook of a source, run in an empty folder; of what it writes to stderr nothing is kept."""
    import nbformat
    from nbclient import NotebookClient

    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "cells": cells(source),
    }
    notebook = nbformat.from_dict(document)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    with TemporaryDirectory() as folder:
        settings = {
            "record_timing": False,
            "coalesce_streams": True,
            "timeout": 900,
            "resources": {"metadata": {"path": folder}},
        }
        NotebookClient(notebook, **settings).execute()
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            ran = next(c for c in notebook.cells if c.id == cell["id"])
            cell["execution_count"] = ran.execution_count
            cell["outputs"] = [kept for output in ran.outputs if (kept := _kept(output))]
    return document


def _kept(output: dict[str, Any]) -> dict[str, Any] | None:
    """Of a picture the PNG, of text the text."""
    if output["output_type"] == "stream":
        if output["name"] == "stderr":
            return None
        return {"output_type": "stream", "name": "stdout", "text": output["text"]}
    data = output["data"]
    shown = {PNG: _small(data[PNG])} if PNG in data else {"text/plain": data["text/plain"]}
    return {"output_type": "display_data", "metadata": {}, "data": shown}


def _small(png: str) -> str:
    """The picture, base64, in 64 colours: a quarter of the size, and no difference to see."""
    from PIL import Image

    buffer = BytesIO()
    picture = Image.open(BytesIO(b64decode(png))).convert("RGB")
    picture.quantize(64, dither=Image.Dither.NONE).save(buffer, format="png", optimize=True)
    return b64encode(buffer.getvalue()).decode("ascii")


def page(notebook: dict[str, Any]) -> str:
    """Markdown of a notebook, pictures inside it."""
    parts: list[str] = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            parts.append(cell["source"])
            continue
        parts.append(f"```python\n{cell['source']}\n```")
        for output in cell["outputs"]:
            if PNG in output.get("data", {}):
                picture = output["data"][PNG]
                parts.append(f"![What the cell above draws](data:{PNG};base64,{picture})")
            else:
                text = output.get("text") or output["data"]["text/plain"]
                parts.append(f"```text\n{text.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the notebook, or with --page its Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--page", type=Path, help="where the Markdown goes")
    target = parser.parse_args().page
    if target is None:
        notebook = executed(SOURCE.read_text(encoding="utf-8"))
        _write(NOTEBOOK, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    else:
        _write(target, page(json.loads(NOTEBOOK.read_text(encoding="utf-8"))))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


if __name__ == "__main__":
    main()
