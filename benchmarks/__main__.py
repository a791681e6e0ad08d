"""The benchmark's command line: which rows, how often, how large, and where results go."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmarks import contenders, machine, process, table
from benchmarks.bench import Bench, Sizes
from benchmarks.figures import FLOOR, OURS, RIVAL, RowResult
from benchmarks.rows import ROWS, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = contenders.CHECKOUT / "benchmarks" / "results"
QUICK_RIVAL_TASKS = 200
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or show what an earlier run measured."""
    options = _options(arguments)
    if options.show is not None:
        report = json.loads(options.show.read_text())
    else:
        report = measure(options)
        _store(report, options.results)
    results = [RowResult.from_json(row) for row in report["rows"]]
    # A file or a pipe gets the table in full width.
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table.terminal(report, results))
    for result in results:
        for note in table.notes(result):
            console.print(note, highlight=False, markup=False)
    if options.publish is not None:
        publish(options.publish, table.markdown(report, results))
    return 1 if any(result.error is not None for result in results) else 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the chosen rows and report on them."""
    skipped = set(options.skip)
    ours = contenders.ours()
    taking_part = [] if OURS in skipped else [ours]
    if RIVAL not in skipped:
        taking_part.append(contenders.rival(options.rival))
    sizes = Sizes().scaled(options.scale)
    if options.quick:
        sizes = sizes._replace(rival_tasks=min(sizes.rival_tasks, QUICK_RIVAL_TASKS))
    process.adopt_orphans()
    report: dict[str, Any] = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "versions": {each.distribution: each.version for each in taking_part},
        "commit": machine.commit(),
        "sizes": sizes._asdict(),
        "scale": options.scale,
    }
    bench = Bench(ours, taking_part, floors=FLOOR not in skipped, runs=options.runs, sizes=sizes)
    results: list[RowResult] = []
    try:
        for row in ROWS:
            if not options.row or row.name in options.row:
                results.append(_measure_row(bench, row))
    finally:
        bench.close(keep=any(result.error is not None for result in results))
    report["rows"] = [result.as_json() for result in results]
    report["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
    return report


def _measure_row(bench: Bench, row: Row) -> RowResult:
    bench.say(f"{row.name}: {row.title}")
    bench.notes = []
    quiet = machine.Quiet()
    try:
        figures, error = row.measure(bench), None
    except (process.BenchmarkFailed, ValueError, KeyError, OSError) as failure:
        # One row that cannot be measured leaves the others their chance.
        figures, error = [], f"{type(failure).__name__}: {failure}"
        bench.say(f"  failed: {error}")
    return RowResult(row.name, row.title, figures, quiet.foreign_share(), bench.notes, error)


def _store(report: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stamp = report["finished"].translate(str.maketrans("", "", ":-"))[:15]
    path = folder / f"{stamp}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"results: {path}", file=sys.stderr)


def publish(path: Path, figures: str) -> None:
    """Put the figures between the two marks of a document."""
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{path} has no place for figures, which is between {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n{figures}{END}{after}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure this package, the newest Metaflow and the physical floor in turns.",
    )
    parser.add_argument(
        "--row",
        action="append",
        default=[],
        type=str.upper,
        choices=[row.name for row in ROWS],
        help="only this row; may be repeated",
    )
    parser.add_argument(
        "--runs", type=int, help="rounds (default: 5, of long trials 3)", metavar="N"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"the rival runs {QUICK_RIVAL_TASKS} tasks of a foreach, not 1,000",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="shrink all sizes to this share, to try the benchmark itself",
        metavar="SHARE",
    )
    parser.add_argument(
        "--skip", action="append", default=[], choices=[OURS, RIVAL, FLOOR], help="leave out"
    )
    parser.add_argument(
        "--rival", help="interpreter that has the rival (default: one made in .rival/)"
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        help="folder for the results as JSON (default: benchmarks/results)",
        metavar="FOLDER",
    )
    parser.add_argument(
        "--show", type=Path, help="measure nothing, show these results", metavar="JSON"
    )
    parser.add_argument(
        "--publish", type=Path, help="also put the figures into this document", metavar="MD"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
