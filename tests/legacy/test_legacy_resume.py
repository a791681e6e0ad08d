"""A run that an older version has made is resumed like one of our own."""

from __future__ import annotations

from metaflow import Flow, Run


def test_a_failed_run_is_resumed_where_it_failed(older):
    latest = (older.root / "Troubled" / "latest_run").read_text()
    said = older.flow("troubled.py", "--no-pylint", "resume", "--tag", "new", ALL_GOOD="1")
    run = Flow("Troubled").latest_run
    assert run.user_tags == {"new"}
    assert run.origin_pathspec == f"Troubled/{latest}"
    assert run.successful
    assert said.count("Cloning previously run task") == 7
    assert said.count("Task finished successfully.") == 3
    by_index = {task.index: task for task in run["work"]}
    assert [task.data.done for _, task in sorted(by_index.items())] == ["X", "Y", "Z"]
    assert by_index[0].origin_pathspec == f"Troubled/{latest}/work/6"
    assert by_index[1].origin_pathspec is None
    assert run.data.all_done == ["X", "Y", "Z"]
    assert run.data.kept == {"of": "start"}
    assert run["flaky"].task.stdout == "attempt 1\n"
    assert "caught one" in str(run["caught"].task.data.problem)
    assert run["caught"].task.successful is False


def test_a_resumed_run_can_be_resumed(older):
    failed = Flow("Troubled").latest_run.id
    older.flow("troubled.py", "--no-pylint", "resume", code=1)
    again = Flow("Troubled").latest_run
    assert not again.successful
    older.flow("troubled.py", "--no-pylint", "resume", "--origin-run-id", again.id, ALL_GOOD="1")
    done = Flow("Troubled").latest_run
    assert done.successful
    assert done.origin_pathspec == again.pathspec
    assert again.origin_pathspec == f"Troubled/{failed}"
    assert done["flaky"].task.stdout == "attempt 1\n"


def test_all_shapes_are_taken_over(older):
    origin = Flow("Shapes").latest_run
    said = older.flow(
        "shapes.py", "--no-pylint", "resume", "join_outer", "--origin-run-id", origin.id
    )
    run = Flow("Shapes").latest_run
    assert run.successful
    assert said.count("Task finished successfully.") == 3
    assert run.data.words == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert run.data.notes == "a note\nwith ä\n"
    assert run["end"].task.data.alpha == 0.25
    assert "14 6" in run["end"].task.stdout
    assert run["inner"].task["series"].sha == origin["start"].task["series"].sha


def test_items_of_a_foreach_run_again_with_what_they_were_given(older):
    origin = Flow("Shapes").latest_run
    older.flow("shapes.py", "--no-pylint", "resume", "inner", "--origin-run-id", origin.id)
    run = Flow("Shapes").latest_run
    assert run.successful
    assert run.data.words == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert [one.origin_pathspec is None for one in run["inner"]] == [True] * 6
    inner = run["inner"].task
    assert [frame.value for frame in inner["_foreach_stack"].data] == ["c", 2]


def test_loops_and_gangs_are_taken_over(older):
    origin = next(iter(Flow("Turns").runs("user:ann")))
    said = older.flow("turns.py", "--no-pylint", "resume", "gather", "--origin-run-id", origin.id)
    run = Flow("Turns").latest_run
    assert run.successful
    assert said.count("Cloning previously run task") == 9
    assert [task.data.count for task in run["around"]] == [3, 2, 1]
    assert (run.data.nodes, run.data.count, run.data.size) == ([0, 1], 3, 1)
    assert run.data.setup == {"lr": 0.1, "deep": {"x": [1]}}
    older.flow("turns.py", "--no-pylint", "resume", "around", "--origin-run-id", origin.id)
    assert [task.data.count for task in Flow("Turns").latest_run["around"]] == [3, 2, 1]


def test_a_run_of_the_oldest_versions_is_taken_over(older):
    origin = Flow("Plain").latest_run
    said = older.flow("plain.py", "--no-pylint", "resume", "both")
    run = Flow("Plain").latest_run
    assert run.origin_pathspec == origin.pathspec
    assert said.count("Cloning previously run task") == 7
    assert sorted(run.data.sides) == ["left", "right"]
    assert run["end"].task.data.note == "a note\nwith ä\n"
    assert run["join"].task.data.all == ["A", "B"]


def test_both_histories_are_one(older):
    old = [run.id for run in Flow("Plain")]
    older.flow("plain.py", "--no-pylint", "run", "--tag", "mine")
    assert [run.id for run in Flow("Plain")][1:] == old
    newest = Flow("Plain").latest_run
    assert newest.user_tags == {"mine"}
    assert newest.data.note == "a note\nwith ä\n"
    assert (older.root / "Plain" / "latest_run").read_text() == newest.id
    assert Run(f"Plain/{old[0]}").successful
    # One of our own is the origin again, and the files of older ones are as they were.
    older.flow("plain.py", "--no-pylint", "resume", "end")
    assert Flow("Plain").latest_run.origin_pathspec == newest.pathspec


SAME = """
import os

from metaflow import FlowSpec, step


class Troubled(FlowSpec):
    @step
    def start(self):
        self.next(self.flaky, self.caught)

    @step
    def flaky(self):
        self.tries, self.kept = 1, {"of": "start"}
        self.next(self.join)

    @step
    def caught(self):
        self.tries, self.kept = int(os.environ["TRIES"]), {"of": "start"}
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs, include=["kept", "tries"])
        self.next(self.end)

    @step
    def end(self):
        print(self.kept, self.tries)


if __name__ == "__main__":
    Troubled()
"""


def test_values_of_both_kinds_agree_in_a_join_if_they_are_equal(older):
    (older.path / "same.py").write_text(SAME)
    resume = ("same.py", "--no-pylint", "resume", "caught")
    # One branch is cloned, with values that an older version has stored; the other runs anew.
    said = older.flow(*resume, TRIES="1")
    assert "{'of': 'start'} 1" in said
    assert "flaky/2" in said
    said = older.flow(*resume, TRIES="2", code=1)
    assert "`tries`" in said
    assert "`kept`" not in said
