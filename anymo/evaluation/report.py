"""The run's report: metrics.json for machines and one self-contained page for people."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from anymo.config import write_texts
from anymo.tables import Cell, cell_text, check_rows, is_numeric

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --card: #f6f7f9; --ink: #1d2125; --soft: #5b636b;
  --line: #e1e4e8; --bar: #8dbfe0; --mark: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181b; --card: #1e2226; --ink: #e8eaed;
  --soft: #a0a8b0; --line: #33393f; --bar: #2f6d97; --mark: #ff8a3d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1.5rem; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 3rem 0 0.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 2rem 0 0.4rem; }
p, figcaption, .caption { max-width: 46rem; }
figcaption, .caption, .soft { color: var(--soft); font-size: 0.9rem; margin: 0.4rem 0; }
nav { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; margin: 1.5rem 0 0; font-size: 0.95rem; }
a { color: inherit; text-decoration-color: var(--mark); text-underline-offset: 3px; }
figure { margin: 1.5rem 0; }
figure img { display: block; max-width: 100%; max-height: 34rem; background: #fff; border-radius: 8px;
  border: 1px solid var(--line); padding: 0.75rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.93rem; }
th { text-align: left; color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--line); }
th, td { padding: 0.45rem 0.8rem 0.45rem 0; vertical-align: top; overflow-wrap: break-word; }
tr + tr td { border-top: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.summary { background: var(--card); border-radius: 10px; padding: 0.6rem 1.2rem; }
.summary td { vertical-align: middle; }
.summary td .soft { margin: 0; line-height: 1.3; }
.summary .value { font-weight: 700; font-size: 1.1rem; }
.bar { position: relative; width: 10rem; height: 0.8rem; background: var(--line); border-radius: 3px; }
.bar i { position: absolute; inset: 0 auto 0 0; background: var(--bar); border-radius: 3px; }
.bar b { position: absolute; top: -0.2rem; bottom: -0.2rem; width: 3px; background: var(--mark); }
@media (max-width: 44rem) { .bar { display: none; } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One headline number: a share of cases, or a score such as MRR or BLEU; both in [-1, 1].

    is_share  shown in percent; a score is shown with three decimals
    chance    what the same metric gives without looking at the signal; None: there is no such level
    majority  what it gives where the largest class is always named; None: there are no classes
    interval  low and high of the 95 % interval; None: not estimated
    note      what the number stands on: classes, samples, seeds
    """

    task: str
    metric: str
    value: float
    chance: float | None = None
    majority: float | None = None
    interval: tuple[float, float] | None = None
    note: str = ""
    is_share: bool = True

    def __post_init__(self) -> None:
        for name, number in (("value", self.value), ("chance", self.chance), ("majority", self.majority)):
            if number is not None and not -1 <= number <= 1:
                raise ValueError(
                    f"summary row {self.task!r}, {self.metric!r}: expected {name} in [-1, 1], got {number}; "
                    "give shares, not percent, and leave undefined numbers out"
                )

    def shown(self, number: float | None) -> str:
        """The number as the page prints it, in percent or as a score."""
        if number is None:
            return "–"
        return f"{100 * number:.1f} %" if self.is_share else f"{number:.3f}"

    def shown_interval(self) -> str:
        """The interval as tables print it: "87.5 to 98.8 %"."""
        if self.interval is None:
            return "–"
        low, high = (self.shown(end) for end in self.interval)
        return f"{low.removesuffix(' %')} to {high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture as a data URI (`plots.png_data_uri`) with what is seen on it."""

    title: str
    caption: str
    image: str

    def __post_init__(self) -> None:
        if not self.image.startswith("data:image/"):
            raise ValueError(
                f"figure {self.title!r}: expected a data URI, got {self.image[:40]!r}; "
                "the page loads nothing from elsewhere: use plots.png_data_uri"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text and numbers; None is shown as a dash."""

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        check_rows(f"table {self.title!r}", self.columns, self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, a paragraph, then figures and tables in order."""

    title: str
    text: str = ""
    items: Sequence[Figure | Table] = ()


def write_report(
    folder: Path,
    *,
    title: str,
    summary_rows: Sequence[SummaryRow],
    sections: Sequence[Section],
    metrics: Mapping[str, object],
) -> Path:
    """Write metrics.json and report.html; nothing of an earlier pair is touched unless both can be written.

    Args:
        folder: made if missing.
        title: heading of the page.
        summary_rows: the headline table.
        sections: the rest of the page.
        metrics: nested numbers and text; numpy scalars and arrays are taken, None is null.

    Returns:
        The page.

    Raises:
        ValueError: a metric is NaN, infinite or of a type JSON has not; the message names it.
        OSError: the folder cannot be written.
    """
    pages = {
        folder / "metrics.json": json.dumps(_plain(metrics, "metrics"), sort_keys=True, indent=2) + "\n",
        folder / "report.html": render(title, summary_rows, sections),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_texts(pages)
    return folder / "report.html"


def render(title: str, summary_rows: Sequence[SummaryRow], sections: Sequence[Section]) -> str:
    """The page as HTML text; arguments as `write_report`."""
    links = "".join(f'<a href="#s{i}">{escape(s.title)}</a>' for i, s in enumerate(sections))
    body = "".join(_section(i, s) for i, s in enumerate(sections))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{_summary(summary_rows)}<nav>{links}</nav>{body}</main></body></html>\n"
    )


def _summary(rows: Sequence[SummaryRow]) -> str:
    head = "<th>task</th><th>metric</th>" + "".join(
        f'<th class="number">{name}</th>' for name in ("result", "95 % interval", "chance", "majority")
    )
    lines = "".join(
        f"<tr><td>{escape(row.task)}{_note(row.note)}</td><td>{escape(row.metric)}</td>"
        f'<td class="number value">{row.shown(row.value)}</td><td class="number">'
        f"{row.shown_interval().removesuffix(' %')}</td>"
        f'<td class="number">{row.shown(row.chance)}</td><td class="number">{row.shown(row.majority)}</td>'
        f"<td>{_bar(row.value, row.chance)}</td></tr>"
        for row in rows
    )
    legend = (
        '<p class="soft">The blue bar is the result, the orange mark is chance; majority is what naming '
        "the largest class always gets.</p>"
    )
    return (
        f'<div class="summary wide"><table><thead><tr>{head}<th></th></tr></thead>'
        f"<tbody>{lines}</tbody></table>{legend}</div>"
    )


def _bar(value: float, chance: float | None) -> str:
    mark = "" if chance is None else f'<b style="left:{100 * max(chance, 0):.1f}%"></b>'
    return f'<div class="bar"><i style="width:{100 * max(value, 0):.1f}%"></i>{mark}</div>'


def _note(note: str) -> str:
    return f'<div class="soft">{escape(note)}</div>' if note else ""


def _section(number: int, section: Section) -> str:
    text = f"<p>{escape(section.text)}</p>" if section.text else ""
    items = "".join(_figure(i) if isinstance(i, Figure) else _table(i) for i in section.items)
    return f'<section id="s{number}"><h2>{escape(section.title)}</h2>{text}{items}</section>'


def _figure(figure: Figure) -> str:
    return (
        f'<figure><h3>{escape(figure.title)}</h3><img alt="{escape(figure.title)}" '
        f'src="{escape(figure.image)}"><figcaption>{escape(figure.caption)}</figcaption></figure>'
    )


def _table(table: Table) -> str:
    right = [is_numeric([row[c] for row in table.rows]) for c in range(len(table.columns))]
    kind = ['class="number"' if r else "" for r in right]
    head = "".join(f"<th {k}>{escape(name)}</th>" for k, name in zip(kind, table.columns, strict=True))
    rows = [zip(kind, map(cell_text, row), strict=True) for row in table.rows]
    lines = "".join(
        f"<tr>{''.join(f'<td {k}>{escape(text)}</td>' for k, text in cells)}</tr>" for cells in rows
    )
    return (
        f'<h3>{escape(table.title)}</h3><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f'<tbody>{lines}</tbody></table></div><p class="caption">{escape(table.caption)}</p>'
    )


def _plain(value: object, where: str) -> object:
    """The value as JSON types, numbers finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist(), where)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(
        f"{where}: expected a finite number, text or None, got {value!r}; a number that is undefined is None"
    )
