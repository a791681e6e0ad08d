"""No question makes the database look at rows that it could have skipped."""

from __future__ import annotations

import re

import pytest

from metaflow.metadata_store.sqlite import queries

NAMES = [name for name in vars(queries) if name.isupper() and not name.startswith("_")]

# Small by nature: all flows are listed, or arrays that the question itself brings.
SCANNED = {"flow", "wanted", "parent"}


def values_for(query):
    names = re.findall(r"(?<![:\w]):([a-z]+)", query)
    if names:
        return dict.fromkeys(names, 1) | {
            name: "[]" for name in names if name in {"tags", "others"}
        }
    numbered = re.findall(r"\?(\d)", query)
    return [1] * (max(map(int, numbered)) if numbered else query.count("?"))


@pytest.mark.parametrize("name", NAMES)
def test_each_query_goes_by_an_index(store, name):
    query = getattr(queries, name)
    plan = store.connection.rows(f"EXPLAIN QUERY PLAN {query}", values_for(query))
    steps = [detail for *_, detail in plan]
    scans = {match[1] for step in steps if (match := re.match(r"SCAN (\w+)", step))}
    assert scans - {"CONSTANT"} <= SCANNED | derived(query), steps
    if name in {"RUNS", "RUNS_WITH_TAG", "RUNS_WITH_TAGS", "TASKS", "LATEST_SUCCESSFUL_RUN"}:
        assert not any("TEMP B-TREE" in step for step in steps), steps


def derived(query):
    # A query over the rows of its own subquery reads all of them, as it should.
    return {"subquery"} if "FROM (" in query else set()


def test_there_are_queries_to_check():
    assert len(NAMES) > 30
