"""The client shows what older versions have left as it shows everything else."""

from __future__ import annotations

import json
import os
import tempfile
from array import array
from datetime import UTC

import pytest

from metaflow import DataArtifact, Flow, Metaflow, Run, Step, Task, namespace
from metaflow.exception import MetaflowNamespaceMismatch, MetaflowNotFound

USER = frozenset({"user:ann", "runtime:dev", "python_version:3.11.7", "metaflow_version:2.19.39"})


def run_of(flow, tag):
    (found,) = Flow(flow).runs(tag)
    return found


def test_flows_and_runs_are_listed_newest_first(older):
    assert [flow.id for flow in Metaflow()] == ["Turns", "Troubled", "Shapes", "Plain"]
    runs = list(Flow("Troubled"))
    assert [sorted(run.user_tags) for run in runs] == [["last"], ["better"], ["sad"]]
    assert Flow("Troubled").latest_run.id == runs[0].id
    assert Flow("Troubled").latest_successful_run.id == runs[1].id
    assert [run.created_at for run in runs] == sorted((r.created_at for r in runs), reverse=True)
    for run in runs:
        assert abs(run.created_at.timestamp() - int(run.id) / 1e6) < 60
    began = Flow("Troubled").created_at - runs[-1].created_at
    assert abs(began.total_seconds()) < 60


def test_tags_and_namespaces_are_those_of_the_time(older):
    shapes = run_of("Shapes", "first")
    assert shapes.user_tags == {"first", "two words"}
    assert shapes.system_tags == USER
    namespace("production:prod-1")
    (produced,) = Flow("Turns")
    assert "production:prod-1" in produced.system_tags
    assert produced["start"].task.metadata_dict["production"] == "prod-1"
    with pytest.raises(MetaflowNamespaceMismatch):
        Run(shapes.pathspec)


def test_artifacts_are_what_the_flow_has_made(older):
    run = run_of("Shapes", "first")
    start = run["start"].task
    assert start.data.number == 41
    assert start.data.text == "größer"
    assert start.data.table == {"a": [1, 2.5, None], ("t", 1): {3}}
    assert start.data.series == array("d", range(4000))
    assert start["_private"].data == "hidden"
    assert start.data.limit == 3
    assert start.data.alpha == 0.25
    assert start.data.name_of == "ann's"
    assert start.data.options == {"deep": [1, 2]}
    assert sorted(task.data.word for task in run["inner"]) == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert run.data.words == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert run.data.number == 42
    assert {one.id for one in start} == {
        "alpha", "limit", "name", "name_of", "notes", "number", "options", "picture", "series",
        "table", "text",
    }  # fmt: skip


def test_facts_of_artifacts_are_known_without_loading(older):
    start = run_of("Shapes", "first")["start"].task
    number = start["number"]
    assert len(number.sha) == 40
    assert number.size == 5
    assert number.type_name == "builtins.int"
    assert start["series"].size > 30000
    assert DataArtifact(f"{start.pathspec}/text").data == "größer"
    assert "number" in start
    assert "numbers" not in start


def test_private_artifacts_that_tools_ask_for_are_there(older):
    inner = Task(f"{run_of('Shapes', 'first').pathspec}/inner/9")
    outermost, innermost = inner["_foreach_stack"].data
    assert (outermost.var, outermost.num_splits) == ("letters", 3)
    assert (innermost.var, innermost.num_splits, innermost.index) == ("digits", 2, 1)
    assert inner["_transition"].data == (["join_inner"], None)
    assert inner["_task_ok"].data is True
    assert inner["_success"].data is True
    info = inner["_graph_info"].data
    assert info["steps"]["outer"]["matching_join"] == "join_inner"


def test_included_files_are_found_where_they_are_now(older):
    run = run_of("Shapes", "first")
    assert "/tmp/project" not in os.getcwd()
    assert run["_parameters"].task.data.notes == "a note\nwith ä\n"
    assert run["end"].task.data.picture == b"\x00\x01\xffPNG"
    assert Flow("Plain").latest_run["work"].task.data.note == "a note\nwith ä\n"


def test_neighbours_follow_splits_and_joins(older):
    run = run_of("Shapes", "first")

    def parents(step):
        return [
            [path.split("/", 2)[2] for path in task.parent_task_pathspecs]
            for task in list(run[step])[::-1]
        ]

    assert parents("start") == [[]]
    assert parents("outer") == [["left/2"]] * 3
    assert [len(one) for one in parents("join_inner")] == [2, 2, 2]
    (join_outer,) = run["join_outer"]
    inner = list(join_outer.parent_tasks)
    assert [task.index for task in inner] == [0, 1, 2]
    assert [task.data.words for task in inner] == [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]
    assert parents("join") == [[f"join_outer/{join_outer.id}", f"middle/{run['middle'].task.id}"]]
    left = run["left"].task
    assert sorted(task.data.letter for task in left.child_tasks) == ["a", "b", "c"]
    assert {step.id for step in run["join"].parent_steps} == {"middle", "join_outer"}
    assert {step.id for step in run["start"].child_steps} == {"left", "right"}
    began = [step.created_at for step in run]
    assert began == sorted(began, reverse=True)


def test_a_run_without_a_stored_graph_has_neighbours_too(older):
    run = Flow("Plain").latest_run
    assert run.successful
    assert sorted(run.data.sides) == ["left", "right"]
    assert [task.index for task in run["join"].task.parent_tasks] == [0, 1]
    assert [task.pathspec.split("/")[2] for task in run["both"].task.parent_tasks] == [
        "left",
        "right",
    ]
    assert run["join"].task.data.all == ["A", "B"]
    assert [task.stdout for task in run["work"]] == ["B\n", "A\n"]


def test_loops_choices_and_gangs_are_told(older):
    (run,) = Flow("Turns").runs("user:ann")
    turns = list(run["around"])[::-1]
    assert [task.data.count for task in turns] == [1, 2, 3]
    before = [next(task.parent_tasks).id for task in turns[1:]]
    assert before == [task.id for task in turns[:-1]]
    assert [task.pathspec for task in run["choose"].task.parent_tasks] == [turns[-1].pathspec]
    assert "large" not in run
    members = list(run["member"])
    assert {task.index for task in members} == {0, 1}
    assert run["member"].control_task.index == 0
    assert run["member"].control_task.metadata_dict["parallel-world-size"] == "2"
    assert {task.id for task in run["gather"].task.parent_tasks} == {one.id for one in members}
    assert run.data.nodes == [0, 1]
    assert run.data.setup == {"lr": 0.1, "deep": {"x": [1]}}


def test_attempts_failures_and_catches_are_told(older):
    run = run_of("Troubled", "sad")
    assert not run.successful
    assert not run.finished
    assert run.finished_at is None
    flaky = run["flaky"].task
    assert (flaky.successful, flaky.current_attempt, flaky.data.tries) == (True, 1, 1)
    first = Task(flaky.pathspec, attempt=0)
    assert not first.successful
    assert first.exception.type == "builtins.RuntimeError"
    assert "not yet" in str(first.exception)
    assert (first.stdout, flaky.stdout) == ("attempt 0\n", "attempt 1\n")
    assert first.finished_at < flaky.finished_at
    caught = run["caught"].task
    assert (caught.successful, caught.finished, caught.exception) == (False, True, None)
    assert "caught one" in str(caught.data.problem)
    failed = {task.index: task for task in run["work"]}[1]
    assert failed.exception.type == "builtins.KeyError"
    assert failed.data.done == "Y"
    names = [fact.name for fact in flaky.metadata]
    assert names.count("attempt_ok") == 2


def test_output_comes_back_line_by_line(older):
    outer = {task.index: task for task in run_of("Shapes", "first")["outer"]}
    assert [task.stdout for _, task in sorted(outer.items())] == ["out a\n", "out b\n", "out c\n"]
    ((at, line),) = outer[1].loglines("stderr")
    assert line == "err b"
    assert abs(at.replace(tzinfo=UTC).timestamp() - outer[1].created_at.timestamp()) < 60
    assert outer[1].stdout_size > 0
    failed = run_of("Troubled", "sad")["work"]
    assert any("y is bad" in task.stderr for task in failed)


def test_a_resumed_run_knows_its_origin(older):
    resumed = run_of("Troubled", "better")
    origin = run_of("Troubled", "sad")
    assert resumed.origin_pathspec == origin.pathspec
    assert resumed["start"].task.origin_pathspec == origin["start"].task.pathspec
    fresh = {task.index: task for task in resumed["work"]}[1]
    assert fresh.origin_pathspec is None
    assert resumed["flaky"].task.stdout == "attempt 1\n"
    assert resumed["flaky"].task.metadata_dict["origin-run-id"] == origin.id
    assert resumed.data.all_done == ["X", "Y", "Z"]


def test_code_packages_are_read_where_they_are_now(older):
    (run,) = [run for run in Flow("Turns") if run.code is not None]
    assert run.code.script_name == "turns.py"
    assert "class Turns" in run.code.flowspec
    assert run.code.info["username"] == "ann"
    assert sorted(run.code.files()) == ["plain.py", "shapes.py", "troubled.py", "turns.py"]
    assert run["start"].task.code.path == run.code.path
    with run.code.extract() as folder:
        assert os.path.isfile(f"{folder}/turns.py")


def test_tags_can_be_changed_and_stay_changed(older):
    run = run_of("Shapes", "first")
    run.replace_tag("first", "second")
    assert run.user_tags == {"second", "two words"}
    seen = older.python(
        "from metaflow import *; namespace(None); print(sorted(Flow('Shapes').latest_run.user_tags))"
    )
    assert seen == "['second', 'two words']\n"
    (kept,) = older.root.glob("Shapes/1*/_meta/_self.json")
    assert set(json.loads(kept.read_text())["tags"]) == {"first", "two words"}


def test_what_is_not_there_is_not_found(older):
    with pytest.raises(MetaflowNotFound, match="Shape"):
        Flow("Shape")
    with pytest.raises(MetaflowNotFound):
        Run("Shapes/1")
    run = Flow("Shapes").latest_run
    with pytest.raises(MetaflowNotFound):
        Step(f"{run.pathspec}/outset")
    with pytest.raises(MetaflowNotFound):
        Task(f"{run.pathspec}/start/77")
    with pytest.raises(KeyError):
        run["start"].task["nothing"]


def test_output_can_be_taken_away(older):
    run = run_of("Shapes", "first")
    older.flow("shapes.py", "logs", "scrub", f"{run.id}/start")
    assert "start says" not in Flow("Shapes")[run.id]["start"].task.stdout
    (kept,) = older.root.glob("Shapes/*/start/1/0.runtime_stdout.log")
    assert kept.read_bytes() == b""


def test_a_folder_of_somebody_else_is_read_and_left_alone(older, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # As root, who may write everywhere, runs the tests in many containers.
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert Flow("Shapes").latest_run.data.number == 42
    assert not (older.root / "metadata.db").exists()
    (own,) = tmp_path.glob("metaflow-older-*")
    assert own.stat().st_mode & 0o777 == 0o700
