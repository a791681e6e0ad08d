"""How tasks live: beside each other, in processes of their own, tried again, caught, timed out."""

from __future__ import annotations

import os

import pytest

from metaflow import Task

STEPS = """
import os, sys, time, signal
from metaflow import *
from metaflow import Run, Task
{head}

class StepsFlow(FlowSpec):
{members}
    {before_start}
    @step
    def start(self):
{start}
        self.next(self.end)

    @step
    def end(self):
{end}


if __name__ == "__main__":
    StepsFlow()
"""


def indented(text, depth=8):
    return "\n".join(" " * depth + line for line in (text.strip("\n") or "pass").split("\n"))


def two_steps(workspace, start="", end="", decorator="", head="", members=""):
    workspace.write(
        STEPS.format(
            head=head,
            members=indented(members, 4) if members else "",
            before_start=decorator,
            start=indented(start),
            end=indented(end),
        )
    )


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
        time.sleep(0.2)
        self.ended = time.monotonic()
        self.next(self.join)
"""


def beside(workspace, *arguments, **env):
    both = {name: ONE_BESIDE.format(name=name) for name in "ab"}
    workspace.write(BESIDE.format(**both))
    (a, b) = workspace.run(*arguments, **env)["join"].task.data.spans
    return max(a[0], b[0]) < min(a[1], b[1])


@pytest.mark.parametrize("start", ["auto", "spawn"])
def test_branches_run_at_the_same_time(workspace, start):
    assert beside(workspace, METAFLOW_TASK_START=start)


def test_one_worker_runs_them_one_after_the_other(workspace):
    assert not beside(workspace, "--max-workers", "1")
    assert not beside(workspace, METAFLOW_RUN_MAX_WORKERS="1")


def test_a_foreach_runs_at_most_as_many_tasks_as_allowed(workspace):
    workspace.write("""
        import os, time
        from metaflow import FlowSpec, step

        class ManyFlow(FlowSpec):
            @step
            def start(self):
                self.items = range(9)
                self.next(self.work, foreach="items")

            @step
            def work(self):
                self.began = time.monotonic()
                time.sleep(0.05)
                self.ended = time.monotonic()
                self.next(self.join)

            @step
            def join(self, inputs):
                self.most = max(
                    sum(o.began <= i.began < o.ended for o in inputs) for i in inputs
                )
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            ManyFlow()
        """)
    assert workspace.run("--max-workers", "3").data.most in {2, 3}
    assert workspace.run("--max-workers", "9").data.most > 3


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


# ── attempts ─────────────────────────────────────────────────────────────────────────────


def test_retry_then_success(workspace):
    two_steps(
        workspace,
        decorator="@retry(times=3)",
        start="self.tried = current.retry_count\nself.first = getattr(self, 'first', 'new')\n"
        "print('attempt', current.retry_count)\n"
        "if current.retry_count < 2: raise ValueError('not yet')",
    )
    done = workspace.succeed("run")
    task = workspace.latest()["start"].task
    assert task.data.tried == 2
    assert task.successful
    assert task.exception is None
    assert task.current_attempt == 2
    assert task.stdout == "attempt 2\n"
    assert [Task(task.pathspec, attempt=n).data.tried for n in range(3)] == [0, 1, 2]
    assert [Task(task.pathspec, attempt=n).successful for n in range(3)] == [False, False, True]
    assert len(done.said("Task is starting.")) == 2
    assert len(done.said("Task is starting (retry).")) == 2
    assert len(done.said("Task failed.")) == 2
    log = workspace.succeed("--quiet", "logs", f"{task.pathspec}", "--attempt", "1", "--stdout")
    assert log.out == "attempt 1\n"


def test_retries_run_out(workspace):
    two_steps(workspace, decorator="@retry(times=2)", start="print('TRIED')\n1 / 0")
    done = workspace.fail("run")
    assert done.said("TRIED") == ["TRIED"] * 3
    assert "Workflow failed." in done.out
    assert "Flushing logs..." in done.out
    assert done.out.index("Workflow failed.") < done.out.index("Flushing logs...")
    assert "Step start (task-id 1) failed." in done.err
    assert "Done!" not in done.out


def test_exit_code_202_forbids_a_retry(workspace):
    two_steps(workspace, decorator="@retry(times=3)", start="print('TRIED')\nsys.exit(202)")
    assert workspace.fail("run").said("TRIED") == ["TRIED"]
    two_steps(workspace, decorator="@retry(times=1)", start="print('TRIED')\nsys.exit(3)")
    assert workspace.fail("run").said("TRIED") == ["TRIED", "TRIED"]


def test_leaving_before_the_transition_is_a_failure_that_says_so(workspace):
    two_steps(workspace, start="self.x = 1\nsys.exit(0)")
    done = workspace.fail("run")
    assert done.said("sys.exit(0)")
    assert "Internal error" not in done.err
    task = workspace.latest()["start"].task
    assert not task.finished
    assert task.data.x == 1


def test_leaving_the_end_step_early_is_a_success(workspace):
    two_steps(workspace, end="self.y = 2\nsys.exit()")
    assert workspace.run().data.y == 2


@pytest.mark.parametrize("killer", ["SIGKILL", "SIGTERM", "SIGSEGV"])
def test_a_task_that_dies_keeps_its_output(workspace, killer):
    two_steps(workspace, start=f"print('said before')\nos.kill(os.getpid(), signal.{killer})")
    done = workspace.fail("run")
    assert done.said("said before") == ["said before"]
    assert done.said("Task failed.")
    task = workspace.latest()["start"].task
    assert task.stdout == "said before\n"
    assert not task.finished
    if killer == "SIGSEGV":
        assert "Task failed with a segmentation fault." in task.stderr


def test_a_task_that_leaves_at_once_keeps_its_output(workspace):
    two_steps(workspace, start="print('said before', flush=True)\nos._exit(0)")
    done = workspace.fail("run")
    assert done.said("said before") == ["said before"]
    assert not workspace.latest()["start"].task.finished


def test_catch_with_retry(workspace):
    two_steps(
        workspace,
        decorator="@catch(var='oops')\n    @retry(times=1)",
        start="self.kept = current.retry_count\nraise KeyError('k')",
        end="assert self.oops.type == 'builtins.KeyError' and \"'k'\" in str(self.oops)",
    )
    run = workspace.run()
    task = run["start"].task
    assert (task.data.kept, task.current_attempt) == (1, 1)
    assert (task.successful, task.finished, task.exception) == (False, True, None)
    assert "KeyError" in task.stderr
    assert run.successful


def test_catch_stores_none_when_all_is_well(workspace):
    two_steps(workspace, decorator="@catch(var='oops')")
    assert workspace.run().data.oops is None


def test_catch_of_a_process_that_died(workspace):
    two_steps(
        workspace,
        decorator="@catch(var='oops')\n    @retry(times=1)",
        start="print('TRIED')\nos.kill(os.getpid(), signal.SIGKILL)",
    )
    done = workspace.succeed("run")
    assert done.said("TRIED") == ["TRIED", "TRIED"]
    assert done.said("Task fallback is starting to handle the failure.")
    task = workspace.latest()["start"].task
    assert task.data.oops.type.endswith("FailureHandledByCatch")
    assert task.finished
    assert not task.successful


@pytest.mark.parametrize(
    ("leave", "kind"),
    [
        ("self.next(self.b, foreach='x')", "foreach"),
        ("self.next({1: self.b, 2: self.c}, condition='x')", "switch"),
    ],
)
def test_catch_is_refused_where_only_the_code_knows_the_way(workspace, leave, kind):
    joins = {"foreach": "self, inputs", "switch": "self"}
    between = {"foreach": "c", "switch": "end"}
    workspace.write(f"""
        from metaflow import *

        class CatchFlow(FlowSpec):
            @catch
            @step
            def start(self):
                self.x = [1]
                {leave}

            @step
            def b(self):
                self.next(self.{between[kind]})

            @step
            def c({joins[kind]}):
                self.next(self.end)

            @step
            def end(self):
                pass

        CatchFlow()
        """)
    done = workspace.fail("run")
    assert "catch" in done.err
    assert kind in done.err
    assert done.out == ""


def test_timeout(workspace):
    two_steps(
        workspace,
        decorator="@catch(var='oops')\n    @retry(times=1)\n    @timeout(seconds=0.2)",
        start="print('sleeping')\ntime.sleep(30)",
    )
    done = workspace.succeed("run")
    assert done.said("sleeping") == ["sleeping"] * 2
    data = workspace.latest().data
    assert data.oops.type.endswith("TimeoutException")
    assert "timed out after" in data.oops.exception


def test_a_step_in_time_is_not_disturbed_afterwards(workspace):
    two_steps(workspace, decorator="@timeout(seconds=1)", start="self.x = 1")
    assert workspace.run().successful


@pytest.mark.parametrize("start", ["auto", "spawn"])
def test_environment_is_there_before_the_flow_file_is_imported(workspace, start):
    two_steps(
        workspace,
        head="HUE = os.environ.get('HUE')",
        decorator="@environment(vars={'HUE': 7, 'EMPTY': ''})",
        start="self.first = (HUE, os.environ['HUE'], os.environ['EMPTY'])",
        end="self.last = (HUE, os.environ.get('HUE'))",
    )
    data = workspace.run(METAFLOW_TASK_START=start, HUE="outside").data
    assert data.first == ("7", "7", "")
    assert data.last == ("outside", "outside")


def test_a_failure_lets_its_neighbour_finish(workspace):
    a = ONE_BESIDE.format(name="a").replace(
        "time.sleep(0.2)",
        "open('a', 'w').close()\n"
         """
        while not os.path.exists('b'):
            time.sleep(0.01)
        raise ValueError""",
    )
    b = ONE_BESIDE.format(name="b").replace(
        "time.sleep(0.2)",
        """
        while not os.path.exists('a'):
            time.sleep(0.01)
        open('b', 'w').close()
        time.sleep(0.3)""",
    )
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
