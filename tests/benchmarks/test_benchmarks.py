"""The benchmark measures what it says: our side, really run, in its smallest size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
ROWS = ("E1", "E2", "E4", "E8", "E9", "E10", "E11", "C4", "S1", "S2", "S6")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc")


def benchmark(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, arguments)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    rows = [part for row in ROWS for part in ("--row", row)]
    done = benchmark(
        *rows, "--skip", "rival", "--runs", "1", "--scale", "0.005", "--results", folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = folder.glob("*.json")
    return file


@pytest.fixture
def report(results: Path) -> dict[str, Any]:
    return json.loads(results.read_text())


def figures(report: dict[str, Any], row: str) -> dict[str, dict[str, Any]]:
    (found,) = (each for each in report["rows"] if each["row"] == row)
    return {figure["what"]: figure for figure in found["figures"]}


def test_every_row_has_figures_of_ours(report: dict[str, Any]) -> None:
    assert [row["row"] for row in report["rows"]] == list(ROWS)
    for row in report["rows"]:
        assert row["error"] is None
        measured = [f for f in row["figures"] if f["values"]]
        assert measured
        assert all(len(f["values"]["ours"]) >= 1 for f in measured)


def test_a_run_costs_more_than_the_floor(report: dict[str, Any]) -> None:
    for row, what in (("E1", "process: import metaflow"), ("E2", "end to end")):
        assert figures(report, row)[what]["times_floor"] > 1


def test_counts_are_those_of_the_work(report: dict[str, Any]) -> None:
    lines = figures(report, "E10")["lines that were kept"]
    assert lines["values"]["ours"] == [report["sizes"]["lines"]]
    assert figures(report, "E2")["files left on disk"]["median"]["ours"] >= 1
    assert figures(report, "E4")["2 workers: peak memory of the tree"]["median"]["ours"] > 5
    assert figures(report, "C4")["peak memory of the join"]["median"]["ours"] > 5


def test_without_a_rival_no_ratio_and_no_verdict_is_invented(report: dict[str, Any]) -> None:
    end_to_end = figures(report, "E2")["end to end"]
    assert end_to_end["times_better_than_rival"] is None
    assert end_to_end["meets_target"] is None


def test_results_can_be_shown_and_published_again(results: Path, tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n")
    done = benchmark("--show", results, "--publish", document)
    assert done.returncode == 0, done.stderr
    assert "end to end" in done.stdout

    page = document.read_text()
    assert page.startswith("before\n<!-- figures: begin -->\n")
    assert page.endswith("<!-- figures: end -->\nafter\n")
    assert "old" not in page
    assert "| | end to end |" in page


def test_a_document_without_a_place_for_figures_is_left_alone(
    results: Path, tmp_path: Path
) -> None:
    document = tmp_path / "page.md"
    document.write_text("no place here\n")
    done = benchmark("--show", results, "--publish", document)
    assert done.returncode != 0
    assert document.read_text() == "no place here\n"
