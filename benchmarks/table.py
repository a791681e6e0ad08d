"""How results are shown: a table for the terminal, the same in Markdown for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.figures import FLOOR, OURS, RIVAL, Figure, RowResult

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADINGS = ["", "", "ours", "Metaflow", "floor", "better", "of floor", "target", ""]
ALIGNMENT = ["left", "left", "right", "right", "right", "right", "right", "left", "left"]
VERDICTS = {True: "met", False: "missed", None: ""}
FOREIGN_CPU_LIMIT = 0.05
"""Above this share of a core, others disturbed the figures enough to say so."""


def show(value: float | None, unit: str) -> str:
    """Write a value with three digits and the unit that suits its size."""
    if value is None:
        return ""
    if unit == "s":
        size = abs(value)
        if size < 0.001:
            return f"{value * 1e6:.0f} µs"
        return f"{_digits(value * 1000)} ms" if size < 1 else f"{_digits(value)} s"
    return f"{_digits(value)} {unit}".rstrip().replace(" /s", "/s")


def _digits(value: float) -> str:
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    parts = [
        ("≥ {}x Metaflow", figure.target.faster_than_rival, None),
        ("≤ {}x floor", figure.target.times_floor, None),
        ("≤ {}", figure.target.at_most, figure.unit),
        ("≥ {}", figure.target.at_least, figure.unit),
    ]
    return ", ".join(
        text.format(f"{limit:g}" if unit is None else show(limit, unit))
        for text, limit, unit in parts
        if limit is not None
    )


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{_digits(ratio)}x"


def _cells(figure: Figure) -> list[str]:
    values = [show(figure.middle(name), figure.unit) for name in (OURS, RIVAL, FLOOR)]
    ratios = [_times(figure.over_rival()), _times(figure.over_floor())]
    return [figure.what, *values, *ratios, _target(figure), VERDICTS[figure.meets_target()]]


def notes(result: RowResult) -> Iterator[str]:
    """Say what belongs under the table about one row."""
    if result.error is not None:
        yield f"{result.row} failed: {result.error}"
    for note in result.notes:
        yield f"{result.row}: {note}"
    if result.foreign_cpu > FOREIGN_CPU_LIMIT:
        yield f"{result.row}: other programs used {result.foreign_cpu:.0%} of a core meanwhile"


def headline(report: dict[str, Any]) -> str:
    """Say in one line what was measured, when and where."""
    machine, versions = report["machine"], report["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    share = "" if report["scale"] == 1 else f"; sizes x {report['scale']:g}"
    return (
        f"{report['finished'][:10]}: {named} on {machine['cores']} cores of "
        f"{machine['processor']}, {machine['memory_gb']:g} GB, {machine['system']}, "
        f"Python {machine['python']}{share}"
    )


def terminal(report: dict[str, Any], results: list[RowResult]) -> Table:
    """Lay the figures out for a terminal."""
    table = Table(title=headline(report), caption="medians", title_justify="left")
    for heading, side in zip(HEADINGS, ALIGNMENT, strict=True):
        table.add_column(heading, justify="right" if side == "right" else "left")
    for result in results:
        table.add_section()
        table.add_row(result.row, result.title, style="bold")
        for figure in result.figures:
            cells = _cells(figure)
            colour = {"met": "green", "missed": "red"}.get(cells[-1])
            cells[-1] = f"[{colour}]{cells[-1]}[/]" if colour else ""
            table.add_row("", *cells)
    return table


def markdown(report: dict[str, Any], results: list[RowResult]) -> str:
    """Lay the figures out for a document."""
    lines = [headline(report) + ".", ""]
    lines.append("| row | what | " + " | ".join([*HEADINGS[2:-1], "met"]) + " |")
    rule = ["--:" if side == "right" else "---" for side in ALIGNMENT]
    lines.append("|" + "|".join(rule) + "|")
    for result in results:
        lines.append(f"| **{result.row}** | **{result.title}** |" + " |" * (len(HEADINGS) - 2))
        for figure in result.figures:
            cells = _cells(figure)
            cells[-1] = {"met": "yes", "missed": "**no**"}.get(cells[-1], "")
            lines.append("| | " + " | ".join(cells) + " |")
    said = [note for result in results for note in notes(result)]
    if said:
        lines += ["", *(f"* {note}" for note in said)]
    return "\n".join(lines) + "\n"
