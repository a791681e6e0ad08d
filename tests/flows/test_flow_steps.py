"""How tasks live: beside each other, in processes of their own, seeing what they should."""

from __future__ import annotations

import os

import pytest
from flow_of_two_steps import two_steps

BESIDE = """
import os, time
from metaflow import FlowSpec, step


class BesideFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)
{a}
{b}
    @step
    def join(self, inputs):
        self.spans = [(i.began, i.ended) for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BesideFlow()
"""
ONE_BESIDE = """
    @step
    def {name}(self):
        self.began = time.monotonic()
        open("began_{name}", "w").close()
        # Ends when the other one has begun, or when it can't be beside this one any more.
        while os.environ["WAIT"] == "1" and not os.path.exists("began_{other}"):
            assert time.monotonic() < self.began + 40
            time.sleep(0.005)
        time.sleep(0.05)
        self.ended = time.monotonic()
        self.next(self.join)
"""


def beside(workspace, *arguments, **env):
    """Tell whether two branches were running at the same time."""
    a = ONE_BESIDE.format(name="a", other="b")
    workspace.write(BESIDE.format(a=a, b=ONE_BESIDE.format(name="b", other="a")))
    first, second = workspace.run(*arguments, **env)["join"].task.data.spans
    return max(first[0], second[0]) < min(first[1], second[1])


@pytest.mark.parametrize("start", ["auto", "spawn"])
def test_branches_run_at_the_same_time(workspace, start):
    assert beside(workspace, METAFLOW_TASK_START=start, WAIT="1")


def test_one_worker_runs_them_one_after_the_other(workspace):
    assert not beside(workspace, "--max-workers", "1", WAIT="0")
    assert not beside(workspace, METAFLOW_RUN_MAX_WORKERS="1", WAIT="0")


@pytest.mark.parametrize("workers", [3, 9])
def test_a_foreach_runs_as_many_tasks_at_once_as_allowed(workspace, workers):
    workspace.write("""
        import glob, os, time
        from metaflow import FlowSpec, step

        class ManyFlow(FlowSpec):
            @step
            def start(self):
                self.items = range(9)
                self.next(self.work, foreach="items")

            @step
            def work(self):
                self.began = time.monotonic()
                open(f"began_{self.index}", "w").close()
                while len(glob.glob("began_*")) < int(os.environ["CROWD"]):
                    assert time.monotonic() < self.began + 40
                    time.sleep(0.005)
                time.sleep(0.02)
                self.ended = time.monotonic()
                self.next(self.join)

            @step
            def join(self, inputs):
                self.most = max(
                    sum(other.began <= one.began < other.ended for other in inputs)
                    for one in inputs
                )
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            ManyFlow()
        """)
    run = workspace.run("--max-workers", str(workers), CROWD=str(workers))
    assert run.data.most == workers


# ── what a task sees ─────────────────────────────────────────────────────────────────────


def test_current(workspace):
    two_steps(
        workspace,
        members="alpha = Parameter('al-pha', default=1)",
        start="""
assert current.is_running_flow
assert (current.flow_name, current.step_name, current.task_id) == ("StepsFlow", "start", "1")
assert current.run_id == os.environ["METAFLOW_RUN_ID"]
assert current.pathspec == f"StepsFlow/{current.run_id}/start/1"
assert current.retry_count == 0 and current.origin_run_id is None
assert current.namespace == "user:ann" and current.username == "ann"
assert current.tags == {"x", "y z"}
assert current.parameter_names == ["alpha"]
assert current.graph["start_step"] == "start" and set(current.graph["steps"]) == {"start", "end"}
assert os.path.isdir(current.tempdir)
assert current.get("flow_name") == "StepsFlow" and current.get("nothing", 7) == 7
assert "run_id" in current and "nothing" not in current
assert current.run.pathspec == f"StepsFlow/{current.run_id}" and not current.run.finished
for name in ("project_name", "nothing"):
    assert not hasattr(current, name)
try:
    current.run_id = "1"
except AttributeError:
    self.ok = True
assert self.name == "StepsFlow" and self.script_name == "flow.py"
""",
        end="assert current.task_id == '2'",
    )
    assert workspace.run("--tag", "x", "--tag", "y z").data.ok
    done = workspace.python(
        "-c",
        "from metaflow import current\n"
        "assert current.run_id is None and not current.is_running_flow\n"
        "try:\n    current.graph\nexcept RuntimeError: print('fine')",
    )
    assert done.out == "fine\n", done.err


def test_a_task_finds_itself_and_its_parents_with_the_client_at_once(workspace):
    workspace.write("""
        from metaflow import FlowSpec, Run, current, step

        class SelfFlow(FlowSpec):
            @step
            def start(self):
                assert current.task.pathspec == current.pathspec
                self.items = range(40)
                self.next(self.work, foreach="items")

            @step
            def work(self):
                mine = current.task
                assert mine.pathspec == current.pathspec and mine.finished_at is None
                (parent,) = mine.parent_tasks
                assert parent.successful and len(parent.data.items) == 40
                self.next(self.join)

            @step
            def join(self, inputs):
                assert len(list(Run(f"SelfFlow/{current.run_id}")["work"])) == 40
                assert all(task.successful for task in current.task.parent_tasks)
                self.next(self.end)

            @step
            def end(self):
                assert current.task.id == current.task_id

        if __name__ == "__main__":
            SelfFlow()
        """)
    done = workspace.flow("run")
    assert not done.said("Object not found")
    assert done.code == 0, done.out


def test_the_client_in_a_task_looks_at_the_runs_own_store_and_namespace(workspace):
    two_steps(
        workspace,
        start="os.chdir('/')\nself.me = [r.id for r in Flow('StepsFlow')]\n"
        "self.spaces = (get_namespace(), get_metadata())",
    )
    run = workspace.run()
    assert run.data.me == [run.id]
    assert run.data.spaces == ("user:ann", f"local@{workspace.folder}")
    assert workspace.run("--namespace", "").data.spaces[0] is None
    other = workspace.run("--namespace", "user:ann")
    assert len(other.data.me) == 3


def test_a_task_reads_nothing_from_the_terminal(workspace):
    two_steps(workspace, start="self.read = sys.stdin.read()")
    assert workspace.run().data.read == ""


def test_parameters_of_the_origin_are_kept_by_resume_and_constants_are_current(workspace):
    members = "alpha = Parameter('alpha', default=1)\nshade = 'light'"
    two_steps(workspace, members=members, end="1 / 0")
    workspace.fail("run", "--alpha", "42")
    origin = workspace.latest()
    two_steps(
        workspace,
        members=members.replace("light", "dark").replace("default=1", "default=2"),
        end="self.seen = (self.alpha, self.shade, current.origin_run_id)",
    )
    workspace.succeed("resume")
    run = workspace.latest()
    assert run.data.seen == (42, "dark", origin.id)
    assert run["_parameters"].task.data.alpha == 42
    assert run["start"].task.data.alpha == 42
    assert workspace.flow("resume", "--alpha", "3").code == 2


def test_random_numbers_differ_between_tasks(workspace):
    workspace.write("""
        import random, uuid
        import numpy
        from metaflow import FlowSpec, step

        class RandomFlow(FlowSpec):
            @step
            def start(self):
                self.items = range(4)
                self.next(self.work, foreach="items")

            @step
            def work(self):
                self.drawn = (random.random(), float(numpy.random.rand()), uuid.uuid4().int)
                self.next(self.join)

            @step
            def join(self, inputs):
                self.drawn = [i.drawn for i in inputs]
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            RandomFlow()
        """)
    drawn = workspace.run().data.drawn
    assert all(len(set(kind)) == 4 for kind in zip(*drawn, strict=True))


FAILING_BESIDE = """
    @step
    def {name}(self):
        open("began_{name}", "w").close()
        while not os.path.exists("began_{other}"):
            time.sleep(0.005)
        {then}
        self.began = self.ended = 0
        self.next(self.join)
"""


def test_a_failure_lets_its_neighbour_finish(workspace):
    a = FAILING_BESIDE.format(name="a", other="b", then="raise ValueError")
    b = FAILING_BESIDE.format(name="b", other="a", then="time.sleep(0.3)")
    workspace.write(BESIDE.format(a=a, b=b))
    workspace.fail("run")
    run = workspace.latest()
    assert not run["a"].task.finished
    assert run["b"].task.successful
    assert run["b"].task.stderr == ""
    assert not run.finished
    assert "join" not in run


def test_nothing_of_a_run_is_left_behind(workspace):
    two_steps(workspace, start="self.pids = [os.getpid(), os.getppid()]")
    run = workspace.run()
    for pid in (*run.data.pids, *run["start"].task.data.pids):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


# ── output ───────────────────────────────────────────────────────────────────────────────


def test_output_in_all_its_forms(workspace):
    two_steps(
        workspace,
        start="print('  stripped?  ')\nprint()\nprint('two\\nlines')\n"
        "sys.stderr.write('no newline')\nsys.stderr.flush()\nos.write(1, b'raw\\xff\\n')\n"
        "os.system('echo from a child')\nprint('ünï ☂')",
    )
    done = workspace.succeed("run")
    task = workspace.latest()["start"].task
    assert task.stdout == "  stripped?  \n\ntwo\nlines\nraw\ufffd\nfrom a child\nünï ☂\n"
    assert task.stderr == "no newline"
    for text in ("two", "lines", "no newline", "from a child", "ünï ☂"):
        assert done.said(text) == [text]


def test_long_output_is_cut_in_the_log_and_whole_on_the_console(workspace):
    two_steps(workspace, start="for i in range(30_000): print(f'{i:059}')")
    done = workspace.succeed("run", "--max-log-size", "1")
    task = workspace.latest()["start"].task
    assert task.stdout.endswith("[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]\n")
    assert 1 << 20 <= len(task.stdout) < (1 << 20) + 200
    assert done.said(f"{29_999:059}")
    assert len(done.said("0" * 50)) == 30_000
