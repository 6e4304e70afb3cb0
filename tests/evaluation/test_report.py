import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from anymo.evaluation.report import Figure, Section, SummaryRow, Table, render, write_report
from anymo.tables import terminal_table

PIXEL = "data:image/png;base64,iVBORw0KGgo="
NASTY = '<script src="http://x">&"\'</script>'
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Tags must close in the order they open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def content(text: str = "plain") -> tuple[list[SummaryRow], list[Section]]:
    rows = [
        SummaryRow(
            task=text, metric=text, value=0.6, chance=0.25, majority=0.3, interval=(0.5, 0.7), note=text
        ),
        SummaryRow(task="retrieval", metric="MRR", value=0.3125, is_share=False),
    ]
    table = Table(title=text, caption=text, columns=[text, "n"], rows=[[text, 1], ["b", None]])
    figure = Figure(title=text, caption=text, image=PIXEL)
    return rows, [Section(title=text, text=text, items=[figure, table])]


def written(folder: Path, metrics: dict[str, object]) -> Path:
    rows, sections = content()
    return write_report(folder, title="run", summary_rows=rows, sections=sections, metrics=metrics)


def test_page_is_balanced_and_loads_nothing() -> None:
    page = Page(render("run", *content()))
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    sources = [a["src"] for _, a in page.tags if "src" in a]
    assert sources == [PIXEL]
    assert all((a.get("href") or "#").startswith("#") for _, a in page.tags)
    style = render("run", [], []).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_links_lead_somewhere() -> None:
    page = Page(render("run", *content()))
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert {(a["href"] or "")[1:] for tag, a in page.tags if tag == "a"} <= ids


def test_all_text_is_escaped() -> None:
    page = Page(render(NASTY, *content(NASTY)))
    assert page.open == []
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(NASTY) >= 10


def test_numbers_stand_beside_chance_and_majority() -> None:
    text = Page(render("run", *content())).text
    assert "60.0 %50.0 to 70.025.0 %30.0 %" in text
    assert "0.312–––" in text


def test_metrics_are_sorted_plain_json(tmp_path: Path) -> None:
    page = written(
        tmp_path / "new", {"z": np.float64(0.5), "a": {"n": np.int64(3), "m": np.eye(2), "x": None}}
    )
    text = (page.parent / "metrics.json").read_text()
    assert json.loads(text) == {"a": {"m": [[1, 0], [0, 1]], "n": 3, "x": None}, "z": 0.5}
    assert text.index('"a"') < text.index('"z"')
    assert sorted(p.name for p in page.parent.iterdir()) == ["metrics.json", "report.html"]


@pytest.mark.parametrize("bad", [float("nan"), np.inf, np.array([1.0, np.nan]), {1, 2}])
def test_what_json_has_not_is_refused_by_name(tmp_path: Path, bad: object) -> None:
    written(tmp_path, {"ok": 1})
    with pytest.raises(ValueError, match=r"metrics\.task\[1\]\.score.*expected a finite number"):
        written(tmp_path, {"task": [0, {"score": bad}]})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"ok": 1}


def test_full_disk_leaves_the_earlier_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = written(tmp_path, {"ok": 1})
    before = page.read_bytes()
    write_text = Path.write_text

    def full(self: Path, data: str, **kwargs: str) -> int:
        if "report.html" in self.name:
            write_text(self, data[:10])
            raise OSError(28, "No space left on device")
        return write_text(self, data, **kwargs)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        written(tmp_path, {"ok": 2})
    assert page.read_bytes() == before
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"ok": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["metrics.json", "report.html"]


def test_bad_content_is_named() -> None:
    with pytest.raises(ValueError, match=r"'map': expected a data URI, got 'http://x/y.png'"):
        Figure(title="map", caption="", image="http://x/y.png")
    with pytest.raises(ValueError, match="table 'runs': expected 2 cells in row 1, got 1"):
        Table(title="runs", caption="", columns=["a", "b"], rows=[[1, 2], [3]])
    with pytest.raises(ValueError, match=r"expected value in \[-1, 1\], got 62"):
        SummaryRow(task="SPAR", metric="accuracy", value=62.0)
    with pytest.raises(ValueError, match=r"expected majority in \[-1, 1\], got 30"):
        SummaryRow(task="SPAR", metric="accuracy", value=0.5, majority=30)
    with pytest.raises(ValueError, match="expected chance in"):
        SummaryRow(task="SPAR", metric="accuracy", value=0.5, chance=float("nan"))


def test_terminal_table_aligns() -> None:
    table = terminal_table(["task", "accuracy"], [["BasicMotions", 0.62], ["SPAR", None], ["x", 1]])
    assert table.splitlines() == [
        "task          accuracy",
        "────────────  ────────",
        "BasicMotions     0.620",
        "SPAR                 –",
        "x                    1",
    ]
