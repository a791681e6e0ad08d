"""Commands that look at runs of the past or change their tags: `dump`, `logs`, `tag`."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from datetime import datetime
from itertools import product

import pytest
from flow_project import Project

FLOW = """
import sys

class PastFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5)

    @step
    def start(self):
        self.items = ["a", "b"]
        self.big = "x" * 5000
        self._hidden = 7
        print("out 1")
        print("err 1", file=sys.stderr)
        print("out 2")
        self.next(self.each, foreach="items")

    @step
    def each(self):
        print("item", self.input)
        self.value = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    PastFlow()
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A directory in which one run has finished, and the run's id."""
    project = Project(tmp_path_factory.mktemp("finished"))
    project.write(FLOW)
    done = project.flow("run", "--run-id-file", "id", "--tag", "first", "--tag", "a b")
    assert done.code == 0, done.err
    return project.directory, (project.directory / "id").read_text()


@pytest.fixture
def past(finished, tmp_path):
    """A copy of that directory, and the run's id as `past.run_id`."""
    directory, run_id = finished
    shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
    project = Project(tmp_path)
    project.write(FLOW)
    project.run_id = run_id
    return project


def test_dump_prints_a_line_per_artifact(past):
    done = past.flow("dump", f"{past.run_id}/start")
    assert done.code == 0
    lines = dict(line.split(" ", 1) for line in done.out.splitlines())
    assert list(lines) == ["alpha", "big", "items", "name"]
    assert re.fullmatch(r"\[size: \d+ type: <class 'list'>\] = \['a', 'b'\]", lines["items"])
    assert re.fullmatch(r"\[size: \d+ type: <class 'float'>\] = 0\.5", lines["alpha"])
    assert re.fullmatch(r"\[size: \d+ type: <class 'str'>\] = < artifact too large >", lines["big"])
    assert f"run_id={past.run_id} step=start" in done.err


def test_dump_of_larger_values_and_of_names_only(past):
    path = f"{past.run_id}/start/1"
    assert "x" * 5000 in past.flow("dump", "--max-value-size", "6000", path).out
    assert past.flow("dump", "--max-value-size", "0", path).out == "alpha\nbig\nitems\nname\n"


def test_dump_of_some_artifacts_and_of_private_ones(past):
    path = f"PastFlow/{past.run_id}/start"
    some = past.flow("dump", "--include", "items,alpha,absent", "--max-value-size", "0", path)
    assert some.out == "alpha\nitems\n"
    everything = past.flow("dump", "--private", "--max-value-size", "0", path).out.splitlines()
    assert {"_hidden", "_graph_info", "_task_ok", "items"} <= set(everything)


def test_dump_of_all_tasks_in_order_into_a_file(past):
    done = past.flow("dump", "--include", "value", "--file", "values", f"{past.run_id}/each")
    assert (done.code, done.out) == (0, "")
    found = pickle.loads((past.directory / "values").read_bytes())
    assert found == {
        f"{past.run_id}/each/2": {"value": "a"},
        f"{past.run_id}/each/3": {"value": "b"},
    }
    assert list(found) == [f"{past.run_id}/each/2", f"{past.run_id}/each/3"]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("dump", "{run}"),
        *product(("dump", "logs"), ("{run}/start/1/x", "/start", "{run}//1")),
    ],
)
def test_a_path_of_another_shape(past, command, path):
    done = past.flow(command, path.format(run=past.run_id))
    assert done.code == 1
    assert "    Invalid command:\n" in done.err


@pytest.mark.parametrize("command", ["dump", "logs"])
@pytest.mark.parametrize("path", ["1/start", "{run}/bogus", "{run}/start/99"])
def test_what_does_not_exist(past, command, path):
    done = past.flow(command, path.format(run=past.run_id))
    assert (done.code, done.out) == (1, "")
    assert "    Object not found:\n" in done.err


@pytest.mark.parametrize("args", [("dump", "1/start"), ("logs", "1/start"), ("tag", "list")])
def test_without_a_store(project, args):
    done = project.flow(*args)
    assert done.code == 1
    assert "There is no local store here" in done.err


def test_logs_of_one_step(past):
    done = past.flow("logs", f"{past.run_id}/start")
    assert done.code == 0
    assert sorted(done.out.splitlines()) == ["err 1", "out 1", "out 2"]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (("--stdout",), ["out 1", "out 2"]),
        (("--stderr",), ["err 1"]),
        (("--attempt", "0", "--stderr"), ["err 1"]),
    ],
)
@pytest.mark.parametrize("command", [("logs",), ("logs", "show")])
def test_logs_of_one_stream(past, command, options, lines):
    done = past.flow(*command, *options, f"{past.run_id}/start/1")
    assert done.out.splitlines() == lines


def test_logs_of_several_tasks(past):
    done = past.flow("logs", f"{past.run_id}/each")
    assert done.out == "item a\nitem b\n"
    assert done.err.index("each/2") < done.err.index("each/3")
    whole = past.flow("logs", "--stdout", past.run_id).out.splitlines()
    assert whole == ["[start/1] out 1", "[start/1] out 2", "[each/2] item a", "[each/3] item b"]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (("--grep", "item"), ["[each/2] item a", "[each/3] item b"]),
        (("--grep", "ITEM B"), []),
        (("--grep", "ITEM B", "--ignore-case"), ["[each/3] item b"]),
        (
            ("--grep", "out [12]|b$", "--regex", "--tail", "2"),
            ["[start/1] out 2", "[each/3] item b"],
        ),
        (("--tail", "1"), ["[each/3] item b"]),
        (("--tail", "0"), []),
        (("--since", "1h", "--tail", "1"), ["[each/3] item b"]),
        (("--until", "1h"), []),
        (("--since", "2100-01-01"), []),
        (("--since", "0"), []),
        (("--until", "2100-01-01T00:00:00+02:00", "--tail", "1"), ["[each/3] item b"]),
        (("--follow", "--stderr"), ["[start/1] err 1"]),
    ],
)
def test_some_lines_of_a_run(past, options, lines):
    done = past.flow("logs", *options, past.run_id)
    assert (done.code, done.out.splitlines()) == (0, lines)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--ignore-case",), "need --grep"),
        (("--regex", "--grep", "("), "is no regular expression"),
        (("--since", "soon"), "neither a time"),
        (("--follow", "--until", "1m"), "exclude each other"),
    ],
)
def test_questions_that_make_no_sense(past, options, says):
    done = past.flow("logs", *options, past.run_id)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_logs_as_json(past):
    done = past.flow("logs", "--json", "--grep", "item a", past.run_id)
    (line,) = map(json.loads, done.out.splitlines())
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "pathspec": f"PastFlow/{past.run_id}/each/2",
        "attempt": 0,
        "stream": "stdout",
        "text": "item a",
    }


def test_logs_with_timestamps(past):
    done = past.flow("logs", "--timestamps", "--stderr", f"{past.run_id}/start")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} err 1\n", done.out)


def test_logs_of_an_attempt_that_was_never_made(past):
    done = past.flow("logs", "--attempt", "3", f"{past.run_id}/start/1")
    assert done.code == 1
    assert "    Object not found:\n" in done.err


def user_tags(past):
    done = past.flow("--quiet", "tag", "list", past.run_id)
    assert done.code == 0
    name, _, user = done.err.rstrip("\n").split(" ; ")
    assert name == f"PastFlow/{past.run_id}"
    return user


def test_tags_are_added_removed_and_replaced(past):
    named = ("--run-id", past.run_id)
    done = past.flow("tag", "add", *named, "new", "other")
    assert done.code == 0
    assert "Operation successful" in done.err
    assert user_tags(past) == "a b,first,new,other"
    past.flow("tag", "remove", *named, "new", "first")
    assert user_tags(past) == "a b,other"
    past.flow("tag", "replace", *named, "--remove", "other", "--add", "x", "--add", "y")
    assert user_tags(past) == "a b,x,y"


def test_a_change_needs_a_run(past):
    done = past.flow("tag", "add", "x")
    assert done.code == 1
    assert "    Invalid command:\n" in done.err
    assert past.run_id in done.err


def test_a_system_tag_stays(past):
    done = past.flow("tag", "remove", "--run-id", past.run_id, "user:ann", "first")
    assert done.code == 1
    assert "    Tagging error:\n" in done.err
    assert user_tags(past) == "a b,first"


def test_a_run_of_somebody_else_needs_their_namespace(past):
    change = ("tag", "add", "--run-id", past.run_id)
    mismatch = past.flow(*change, "x", METAFLOW_USER="bob")
    assert mismatch.code == 1
    assert "namespace" in mismatch.err
    assert past.flow(*change, "--namespace", "user:ann", "y", METAFLOW_USER="bob").code == 0
    assert past.flow(*change, "--namespace", "", "z", METAFLOW_USER="bob").code == 0
    assert user_tags(past) == "a b,first,y,z"


def test_tags_one_per_line(past):
    done = past.flow("tag", "list", "--flat", "--hide-system-tags")
    assert done.out == ""
    assert done.err.splitlines()[1:] == ["a b", "first"]


def test_tags_by_tag_and_by_run(past):
    by_tag = past.flow("--quiet", "tag", "list", "--group-by-tag").err.splitlines()
    assert f"user:first ; PastFlow/{past.run_id}" in by_tag
    assert f"system:user:ann ; PastFlow/{past.run_id}" in by_tag
    by_run = past.flow("--quiet", "tag", "list", "--group-by-run", "--hide-system-tags")
    assert by_run.err == f"PastFlow/{past.run_id} ;  ; a b,first\n"
    readable = past.flow("tag", "list", "--run-id", past.run_id).err
    assert f"PastFlow/{past.run_id}:\n    System tags: " in readable
    assert "    User tags: a b, first\n" in readable


def test_tags_of_my_runs(past):
    assert past.flow("tag", "list", "--my-runs").code == 0
    done = past.flow("tag", "list", "--my-runs", METAFLOW_USER="bob")
    assert done.code == 1
    assert "has no runs" in done.err


def test_a_named_root_is_looked_at(past):
    (past.directory / ".metaflow").rename(past.directory / "store")
    path = f"{past.run_id}/start"
    assert past.flow("logs", path).code == 1
    done = past.flow("--datastore-root", "store", "logs", "--stderr", path)
    assert (done.code, done.out) == (0, "err 1\n")


# ── logs scrub ───────────────────────────────────────────────────────────────────────────


def log_file(past):
    return (past.directory / ".metaflow/logs/PastFlow" / past.run_id).read_bytes()


def test_scrub_erases_for_good_and_leaves_a_mark(past):
    assert b"out 1" in log_file(past)
    done = past.flow("logs", "scrub", f"{past.run_id}/start")
    assert (done.code, done.out) == (0, "")
    shown = past.flow("--quiet", "logs", f"{past.run_id}/start")
    assert sorted(shown.out.splitlines()) == ["[REDACTED task stderr]", "[REDACTED task stdout]"]
    assert b"out 1" not in log_file(past)
    assert b"err 1" not in log_file(past)
    assert past.flow("--quiet", "logs", f"{past.run_id}/each/2").out == "item a\n"
    again = past.flow("logs", "scrub", f"{past.run_id}/start")
    assert again.code == 0
    assert "Erased" not in again.err


def test_scrub_of_one_stream(past):
    assert past.flow("logs", "scrub", "--stdout", f"{past.run_id}/start/1").code == 0
    shown = past.flow("--quiet", "logs", "--stderr", f"{past.run_id}/start/1")
    assert shown.out == "err 1\n"
    assert b"out 1" not in log_file(past)


def test_scrub_of_a_clone_erases_what_its_original_printed(past):
    past.flow("resume", "--run-id-file", "id2")
    clone = (past.directory / "id2").read_text()
    assert past.flow("--quiet", "logs", "--stderr", f"{clone}/start").out == "err 1\n"
    assert past.flow("logs", "scrub", f"{clone}/start").code == 0
    assert b"err 1" not in log_file(past)
    for run_id in (clone, past.run_id):
        shown = past.flow("--quiet", "logs", "--stderr", f"{run_id}/start")
        assert shown.out == "[REDACTED task stderr]\n"


def test_scrub_of_attempts(past):
    source = FLOW.replace(
        "        self.next(self.join)",
        "        assert self.input == 'b'\n        self.next(self.join)",
    )
    past.write(source)
    assert past.flow("run", "--with", "retry:times=1", "--run-id-file", "id3").code == 1
    past.run_id = (past.directory / "id3").read_text()

    def shown(attempt):
        path = f"{past.run_id}/each/2"
        return past.flow("--quiet", "logs", "--stdout", "--attempt", attempt, path).out

    assert past.flow("logs", "scrub", f"{past.run_id}/each/2").code == 0
    assert (shown("0"), shown("1")) == ("item a\n", "[REDACTED task stdout]\n")
    assert past.flow("logs", "scrub", "--all", f"{past.run_id}/each/2").code == 0
    assert shown("0") == "[REDACTED task stdout]\n"


def test_scrub_leaves_running_tasks_alone_unless_it_is_told_otherwise(past):
    import sqlite3

    with sqlite3.connect(past.directory / ".metaflow/metadata.db") as database:
        database.execute("UPDATE attempt SET ended_at = NULL WHERE task = 2")
    path = f"{past.run_id}/each/2"
    done = past.flow("logs", "scrub", path)
    assert done.code == 0
    assert f"attempt 0 of {path} is not done" in done.err
    assert b"item a" in log_file(past)
    assert past.flow("logs", "scrub", "--include-not-done", path).code == 0
    assert b"item a" not in log_file(past)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ((), 2),
        (("nonsense",), 1),
        (("77/start",), 1),
        (("{run}/start", "--attempt", "3"), 1),
        (("{run}/start", "--attempt", "0", "--all"), 2),
    ],
)
def test_scrub_of_what_is_not_there(past, args, code):
    done = past.flow("logs", "scrub", *(arg.format(run=past.run_id) for arg in args))
    assert done.code == code
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "args",
    [("--stderr", "{path}"), ("show", "{path}", "--stderr"), ("{path}", "--stderr")],
)
def test_show_may_be_left_out_wherever_the_options_stand(past, args):
    path = f"{past.run_id}/start"
    done = past.flow("--quiet", "logs", *(arg.format(path=path) for arg in args))
    assert (done.code, done.out) == (0, "err 1\n")
