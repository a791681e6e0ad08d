"""How attempts end: tried again, given up, caught, timed out, killed."""

from __future__ import annotations

import pytest
from flow_of_two_steps import two_steps

from metaflow import Task


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
        decorator="@catch(var='oops')\n    @retry(times=1)\n    @timeout(seconds=0.5)",
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
