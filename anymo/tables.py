"""Tables as text: for the terminal, and for Markdown."""

from collections.abc import Sequence

Cell = str | int | float | None


def terminal_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Aligned plain text: numbers to the right, text to the left, None a dash.

    Args:
        columns: n headings.
        rows: each of n cells; whatever wants its own format comes as text.

    Raises:
        ValueError: a row has another number of cells.
    """
    check_rows("table", columns, rows)
    right = [is_numeric([row[c] for row in rows]) for c in range(len(columns))]
    lines = [list(columns)] + [[cell_text(cell) for cell in row] for row in rows]
    width = [max(len(line[c]) for line in lines) for c in range(len(columns))]
    aligned = [
        "  ".join(
            t.rjust(w) if r else t.ljust(w) for t, w, r in zip(line, width, right, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([aligned[0], "  ".join("─" * w for w in width), *aligned[1:]])


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; a bar in a cell is escaped.

    Args:
        columns: n headings.
        rows: each of n cells, as `str` gives them.
    """
    cells = [[str(c).replace("|", "\\|") for c in row] for row in (columns, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * len(columns), *lines[1:]])


def cell_text(cell: Cell) -> str:
    """A dash for None, three decimals for a float."""
    if cell is None:
        return "–"
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def is_numeric(cells: Sequence[Cell]) -> bool:
    """Whether a column has a number and no text."""
    return any(cell is not None for cell in cells) and not any(isinstance(cell, str) for cell in cells)


def check_rows(name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Refuse, by the table's name, a row that has another number of cells than the head."""
    for i, row in enumerate(rows):
        if len(row) != len(columns):
            raise ValueError(f"{name}: expected {len(columns)} cells in row {i}, got {len(row)}")
