"""No question makes the database look at rows that it could have skipped."""

from __future__ import annotations

import re

import pytest
from test_metadata_store_journal import created, done

from metaflow.metadata_store.sqlite import catalog, queries, queries_of_many

PARTS = {"RUN_COLUMNS", "TASK_COLUMNS", "LATEST_DONE"}
"""What several queries share; none by itself."""

QUERIES = {
    name: query
    for module in (queries, queries_of_many)
    for name, query in vars(module).items()
    if name.isupper() and not name.startswith("_") and name not in PARTS
}

ORDERED = {"RUNS", "RUNS_WITH_TAG", "RUNS_WITH_TAGS", "TASKS", "ORIGIN_TASKS", "RUN_BY_KEY"}
ORDERED |= {name for name in QUERIES if name.startswith("LATEST_")}
"""Questions for the first of very many rows: what sorts reads all of them before."""

# Small by nature: all flows are listed, or arrays that the question itself brings.
SCANNED = {"flow", "wanted", "parent"}


def values_for(query):
    names = re.findall(r"(?<![:\w]):([a-z_]+)", query)
    if names:
        return dict.fromkeys(names, 1) | {
            name: "[]" for name in names if name in {"tags", "others"}
        }
    numbered = re.findall(r"\?(\d)", query)
    return [1] * (max(map(int, numbered)) if numbered else query.count("?"))


@pytest.mark.parametrize("name", QUERIES)
def test_each_query_goes_by_an_index(store, name):
    query = QUERIES[name]
    plan = store.connection.rows(f"EXPLAIN QUERY PLAN {query}", values_for(query))
    steps = [detail for *_, detail in plan]
    scans = {match[1] for step in steps if (match := re.match(r"SCAN (\w+)", step))}
    assert scans - {"CONSTANT"} <= SCANNED | derived(query), steps
    if name in ORDERED:
        assert not any("TEMP B-TREE" in step for step in steps), steps


def derived(query):
    # A query over the rows of its own subquery reads all of them, as it should.
    return {"subquery"} if "FROM (" in query else set()


def test_there_are_queries_to_check():
    assert len(QUERIES) > 40
    assert len(ORDERED) >= 9
    assert set(QUERIES) >= ORDERED


def test_a_search_that_begins_with_the_rarest_tag_does_not_look_at_the_others(store, new_run):
    for number in range(200):
        tags = ("often", "seldom") if number == 50 else ("often",)
        key = store.begin_run(new_run(str(number), tags=tags))
        if number != 100:
            store.write(key, [created("1", "end"), done("1")])
    flow = store.flow("F").key
    assert list(store.rarest_first(flow, ("often", "seldom"))) == ["seldom", "often"]
    assert list(store.rarest_first(flow, ("never", "often"))) == ["never", "often"]
    assert store.rarest_first(flow, ()) == ()
    assert store.latest_successful_run(flow, ("often", "seldom")).run_id == "50"
    assert store.latest_successful_run(flow, ("often",)).run_id == "199"
    assert store.latest_successful_run(flow, ("never", "often")) is None


def test_of_tags_that_many_runs_have_the_newest_success_is_found_as_well(
    store, new_run, monkeypatch
):
    monkeypatch.setattr(catalog, "MANY", 3)
    for number in range(10):
        key = store.begin_run(new_run(str(number), tags=("often", "also")))
        if number < 5:
            store.write(key, [created("1", "end"), done("1")])
    flow = store.flow("F").key
    assert store.latest_successful_run(flow, ("often", "also")).run_id == "4"
