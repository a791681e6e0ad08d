"""A run whose tasks a scheduler starts one by one leaves behind what a launcher's run does."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest
from flow_grammar import Foreach, Split, all_blocks
from flow_scheduler import Scheduler, Todo
from flow_shapes import SHAPES
from flow_writer import flow_source
from test_flow_shapes import AS_GIVEN, GIVEN, check, check_all_ran_here

from metaflow import Flow, Run, Task, inspect_spin
from metaflow.model.input_paths import TaskPath

CHOSEN = {
    "single",
    "custom_ends",
    "nested_splits",
    "each_in_each",
    "split_in_each",
    "each_in_split",
    "switch_in_each",
    "loop_in_each",
    "each_in_switch",
}
SCHEDULED = [shape for shape in SHAPES if shape.name in CHOSEN]


def of_name(shape):
    return shape.name


def scheduler_of(workspace, shape):
    workspace.write_files(flow_source(shape))
    blocks = all_blocks(shape.blocks)
    joins = {block.join for block in blocks if isinstance(block, Split | Foreach)}
    return Scheduler(workspace, joins, shape.start)


@pytest.mark.parametrize("shape", SCHEDULED, ids=of_name)
def test_a_scheduled_run_is_like_any_other(workspace, shape):
    scheduler_of(workspace, shape).run(*GIVEN)
    run = workspace.latest()
    assert run.id == "scheduled-1"
    check_all_ran_here(run, check(run, shape))


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.name == "each_of_one"], ids=of_name)
def test_second_attempts_of_single_tasks(workspace, shape):
    scheduler = scheduler_of(workspace, shape)
    scheduler.attempts = 2
    scheduler.env = {"FAIL_FIRST": "1"}
    scheduler.run(*GIVEN)
    check_all_ran_here(
        workspace.latest(), check(workspace.latest(), shape, AS_GIVEN._replace(retry=1))
    )


STEPS = """
import os, signal, sys, time
from metaflow import *


class OneFlow(FlowSpec):
    size = Parameter("size", default=3)
    whole = Parameter("whole", default="as it was")

    @catch(var="oops")
    @timeout(seconds=20)
    @environment(vars={{"OF_STEP": "yes"}})
    @step
    def start(self):
        print("out", current.retry_count)
        print("err", file=sys.stderr)
        self.env = os.environ.get("OF_STEP")
        self.facts = (current.origin_run_id, sorted(current.tags), current.run_id, current.task_id)
        self.seen = current.run.pathspec
        {body}
        self.next(self.end)

    @step
    def end(self):
        {end}


if __name__ == "__main__":
    OneFlow()
"""


def one(workspace, body="pass", end="pass"):
    workspace.write(STEPS.format(body=body, end=end))
    scheduler = Scheduler(workspace, set())
    scheduler.init("--size", "4", "--tag", "mine")
    return scheduler


def start_of(scheduler):
    return Todo("start", (scheduler.parameters,))


def test_what_one_task_leaves_behind(workspace):
    scheduler = one(workspace)
    done = scheduler.step(start_of(scheduler), "t1", "--tag", "late")
    assert (done.code, done.out) == (0, "out 0\n")
    assert "err\n" in done.err
    workspace.look()
    task = Task("OneFlow/scheduled-1/start/t1")
    assert task.successful
    assert (task.stdout, task.stderr) == ("out 0\n", "err\n")
    assert task.data.size == 4
    assert task.data.env == "yes"
    assert task.data.facts == (None, ["late", "mine"], "scheduled-1", "t1")
    assert task.data.seen == "OneFlow/scheduled-1"
    run = task.parent.parent
    assert run.user_tags == {"mine", "late"}
    assert not run.finished
    path = TaskPath("scheduled-1", "start", "t1")
    assert scheduler.step(Todo("end", (path,)), "t2").code == 0
    assert run.successful
    assert workspace.succeed("--quiet", "logs", "scheduled-1/start/t1", "--stdout").out == "out 0\n"


def test_beginning_twice_changes_nothing(workspace):
    scheduler = one(workspace)
    scheduler.init("--size", "99")
    assert scheduler.step(start_of(scheduler), "1").code == 0
    workspace.look()
    run = Run("OneFlow/scheduled-1")
    assert run["start"].task.data.size == 4
    assert len(list(run.parent)) == 1
    done = workspace.flow("init", "--run-id", "a/b", "--task-id", "x")
    assert done.code == 2
    other = workspace.succeed("init", "--run-id", "other", "--task-id", "0", METAFLOW_INIT_SIZE="7")
    assert other.out == ""
    path = TaskPath("other", "_parameters", "0")
    scheduler.run_id = "other"
    assert scheduler.step(Todo("start", (path,)), "1").code == 0
    assert Run("OneFlow/other")["start"].task.data.size == 7


def test_the_last_attempt_is_the_one_that_catch_takes(workspace):
    scheduler = one(workspace, "raise ValueError('bad')")
    retries = ("--max-user-code-retries", "1")
    first = scheduler.step(start_of(scheduler), "1", "--retry-count", "0", *retries)
    assert first.code == 1
    assert "ValueError: bad" in first.err
    second = scheduler.step(start_of(scheduler), "1", "--retry-count", "1", *retries)
    assert second.code == 0
    workspace.look()
    task = Task("OneFlow/scheduled-1/start/1")
    assert task.finished
    assert task.data.oops.exception == "bad"
    assert "out 0" in Task(task.pathspec, attempt=0).stdout
    assert "out 1" in task.stdout


def test_a_process_that_dies_is_recorded_by_a_fallback(workspace):
    scheduler = one(workspace, "os.kill(os.getpid(), signal.SIGKILL)")
    first = scheduler.step(start_of(scheduler), "1")
    assert first.code == 1
    assert "SIGKILL" in first.err
    fallback = scheduler.step(start_of(scheduler), "1", "--retry-count", "1")
    assert fallback.code == 0
    workspace.look()
    task = Task("OneFlow/scheduled-1/start/1")
    assert task.finished
    assert "FailureHandledByCatch" in task.data.oops.type
    # Where nothing catches there is nothing to do.
    path = TaskPath("scheduled-1", "start", "1")
    beyond = scheduler.step(Todo("end", (path,)), "2", "--retry-count", "1")
    assert beyond.code == 202
    assert "No attempts left" in beyond.err


def test_exit_codes(workspace):
    scheduler = one(workspace, end="sys.exit(202)")
    assert scheduler.step(start_of(scheduler), "1").code == 0
    path = TaskPath("scheduled-1", "start", "1")
    assert scheduler.step(Todo("end", (path,)), "2").code == 202
    retries = ("--max-user-code-retries", "1")
    workspace.write(STEPS.format(body="pass", end="sys.exit(3)"))
    assert scheduler.step(Todo("end", (path,)), "2", "--retry-count", "1", *retries).code == 1
    workspace.write(STEPS.format(body="pass", end="pass"))
    assert (
        scheduler.step(
            Todo("end", (path,)), "2", "--retry-count", "2", "--max-user-code-retries", "2"
        ).code
        == 0
    )


def test_requests_that_make_no_sense(workspace):
    scheduler = one(workspace)
    nowhere = workspace.fail("step", "start", "--run-id", "none", "--task-id", "1")
    assert "Run not begun" in nowhere.err
    assert "did you mean `start`?" in scheduler.step(Todo("strat", ()), "1").err
    end = Todo("end", (TaskPath("scheduled-1", "start", "77"),))
    assert "there is no finished task" in scheduler.step(end, "1").err
    other = Todo("end", (TaskPath("another", "start", "1"),))
    assert "is not of run `scheduled-1`" in scheduler.step(other, "1").err
    assert scheduler.step(Todo("end", ()), "1", "--input-paths", "a/b").code == 2
    (workspace.folder / "paths").write_text("scheduled-1/_parameters/init-0\n")
    given = ("--run-id", "scheduled-1", "--task-id", "5", "--input-paths-filename", "paths")
    assert workspace.succeed("step", "start", *given).out == "out 0\n"
    assert workspace.flow("step", "start", *given, "--input-paths", "x").code == 2
    workspace.look()
    assert [task.id for task in Run("OneFlow/scheduled-1")["start"]] == ["5"]


def test_a_task_is_taken_over_from_an_earlier_run(workspace):
    scheduler = one(workspace)
    assert scheduler.step(start_of(scheduler), "s").code == 0
    scheduler.run_id = "second"
    scheduler.parameters = TaskPath("second", "_parameters", "init-0")
    scheduler.init()
    clone = scheduler.step(start_of(scheduler), "c", "--clone-only", "scheduled-1/start/s")
    assert (clone.code, clone.out) == (0, "")
    path = TaskPath("second", "start", "c")
    end = scheduler.step(Todo("end", (path,)), "e", "--clone-run-id", "scheduled-1")
    assert end.code == 0, end.err
    workspace.look()
    run = Run("OneFlow/second")
    assert run.origin_pathspec == "OneFlow/scheduled-1"
    assert run["start"].task.stdout == "out 0\n"
    assert run["start"].task.data.facts[2] == "scheduled-1"
    assert run.successful
    wrong = scheduler.step(start_of(scheduler), "d", "--clone-only", "scheduled-1/end/s")
    assert wrong.code == 1


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_the_step_dies_with_its_command_and_can_be_tried_again(workspace, start):
    body = "print('here', os.getpid()); 'GO' in os.environ or time.sleep(60)"
    scheduler = one(workspace, body)
    options = ["--run-id", "scheduled-1", "--task-id", "1", "--max-user-code-retries", "3"]
    options += ["--input-paths", str(scheduler.parameters)]
    command = [sys.executable, "flow.py", "step", "start", *options]
    env = workspace.env | {"METAFLOW_TASK_START": start}
    with subprocess.Popen(
        command, cwd=workspace.folder, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        pid = next(int(line.split()[1]) for line in process.stdout if line.startswith("here"))
        step = os.pidfd_open(pid)
        process.kill()
        process.wait()
        # Not `select.select`: a long session has more descriptors open than it can take.
        poller = select.poll()
        poller.register(step, select.POLLIN)
        assert poller.poll(20_000), "the step's process has ended"
        os.close(step)
    workspace.look()
    task = Task("OneFlow/scheduled-1/start/1")
    assert not task.finished
    again = scheduler.step(
        start_of(scheduler), "1", "--retry-count", "1", "--max-user-code-retries", "3", GO="1"
    )
    assert again.code == 0
    assert Task(task.pathspec).successful
    assert Task(task.pathspec).current_attempt == 1


def test_a_command_that_is_asked_to_stop_records_that(workspace):
    scheduler = one(workspace, "print('here'); time.sleep(60)")
    command = [sys.executable, "flow.py", "step", "start", "--run-id", "scheduled-1"]
    command += ["--task-id", "1", "--input-paths", str(scheduler.parameters)]
    command += ["--max-user-code-retries", "1"]
    with subprocess.Popen(
        command,
        cwd=workspace.folder,
        env=workspace.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        next(line for line in process.stdout if line.startswith("here"))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "SIGTERM" in errors
    workspace.look()
    task = Task("OneFlow/scheduled-1/start/1")
    assert not task.successful
    assert "here" in task.stdout


def test_single_tasks_have_the_configs_that_the_run_was_begun_with(workspace):
    workspace.write("""
        from metaflow import *


        class ConfFlow(FlowSpec):
            conf = Config("conf", default_value={"size": 1})
            twice = Parameter("twice", default=conf.size)

            @environment(vars={"SIZE": conf.size})
            @step
            def start(self):
                import os
                self.seen = (self.conf.size, self.twice, os.environ["SIZE"])
                self.next(self.end)

            @step
            def end(self):
                pass


        if __name__ == "__main__":
            ConfFlow()
    """)
    given = ("--config-value", "conf", '{"size": 7}')
    workspace.succeed(*given, "init", "--run-id", "scheduled-1", "--task-id", "init-0")
    scheduler = Scheduler(workspace, set())
    assert scheduler.step(start_of(scheduler), "1").code == 0
    workspace.look()
    assert Task("ConfFlow/scheduled-1/start/1").data.seen == (7, 7, "7")
    workspace.succeed("spin", "--persist", "start")
    inspect_spin(str(workspace.folder))
    (spun,) = Flow("ConfFlow")
    assert spun["start"].task.data.seen == (7, 7, "7")
    assert workspace.flow(*given, "spin", "start").code == 2
    assert "init" not in workspace.succeed("--help").out


def test_an_event_logger_hears_of_single_tasks(workspace):
    scheduler = one(workspace)
    done = scheduler.step(start_of(scheduler), "t1", METAFLOW_EVENT_LOGGER="debugLogger")
    start, end = (f'"event": "task {what}", "flow": "OneFlow"' for what in ("started", "ended"))
    place = '"run_id": "scheduled-1", "step": "start", "task_id": "t1", "attempt": 0'
    assert f"{start}, {place}" in done.err
    assert f'{end}, {place}, "outcome": "succeeded"' in done.err
