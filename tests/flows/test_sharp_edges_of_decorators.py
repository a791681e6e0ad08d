"""Where commands, decorators and processes used to cut: each behaviour has a test of its name."""

from __future__ import annotations

import os
import sys

import pytest

from metaflow import Flow, Run

HEAD = """
import os, sys, threading, time
from metaflow import (
    Config, FlowMutator, FlowSpec, Parameter, current, environment, parallel, retry, step,
    timeout, user_step_decorator,
)
"""


def linear(body="pass", *, above="", head="", top="", end="pass"):
    """Write a flow of two steps."""
    indented = "\n".join(f"        {line}" for line in body.splitlines())
    return f"""{HEAD}
{top}

class EdgeFlow(FlowSpec):
    {head or "pass"}

    {above}
    @step
    def start(self):
{indented}
        self.next(self.end)

    @step
    def end(self):
        {end}


if __name__ == "__main__":
    EdgeFlow()
"""


# ── 6: spin and resume ───────────────────────────────────────────────────────────────────


def test_a_spin_does_not_take_the_place_of_the_latest_run(workspace):
    workspace.write(linear())
    run = workspace.run()
    workspace.succeed("spin", "start", "--persist")
    workspace.succeed("resume", "end")
    assert workspace.latest().origin_pathspec == run.pathspec


def test_a_run_that_resumes_none_has_no_origin(workspace):
    workspace.write(linear())
    run = workspace.run()
    assert run.origin_pathspec is None
    assert run["start"].task.origin_pathspec is None
    assert run["start"].task.metadata_dict["origin-run-id"] == "None"


# ── 10: gangs ────────────────────────────────────────────────────────────────────────────


def test_a_gang_runs_in_the_running_interpreter(workspace):
    source = """
class EdgeFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.work, num_parallel=2)

    @parallel
    @step
    def work(self):
        self.python = sys.executable
        self.next(self.join)

    @step
    def join(self, inputs):
        self.pythons = [task.python for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EdgeFlow()
"""
    workspace.write(HEAD + source)
    assert workspace.run(PATH="/nowhere").data.pythons == [sys.executable] * 2


# ── 11, 12: decorators in texts, configs in decorators ───────────────────────────────────


def test_a_comma_inside_of_a_json_value_divides_nothing(workspace):
    workspace.write(linear("print('A is', os.environ['A'])"))
    done = workspace.succeed("run", "--with", 'environment:vars={"A": "b,c=d"}')
    assert done.said("A is b,c=d")


@pytest.mark.parametrize("value", ["cfg['dash-key']", "cfg.names[0]", "cfg.deep['a'].b[1]"])
def test_a_config_can_be_looked_into_before_it_is_known(workspace, value):
    config = '{"dash-key": "found", "names": ["found"], "deep": {"a": {"b": [0, "found"]}}}'
    head = f'cfg = Config("cfg", default_value={config!r})'
    above = f"@environment(vars={{'A': {value}}})"
    workspace.write(linear("print('A is', os.environ['A'])", above=above, head=head))
    assert workspace.succeed("run").said("A is found")


def test_a_decorator_of_the_flow_file_is_the_same_one_by_its_module(workspace):
    top = """
print("imported")

@user_step_decorator
def noted(step_name, flow, inputs):
    print("noted", step_name)
    yield
"""
    workspace.write(linear(above="@noted", top=top))
    done = workspace.succeed("run", "--with", "flow.noted")
    assert len(done.said("noted start")) == 1
    assert len(done.said("noted end")) == 1


# ── 13: time ─────────────────────────────────────────────────────────────────────────────


def test_a_step_that_waits_for_its_threads_has_a_timeout(workspace):
    body = """done = threading.Event()
thread = threading.Thread(target=done.wait, daemon=True)
thread.start()
thread.join()"""
    workspace.write(linear(body, above="@timeout(seconds=1)"))
    assert workspace.fail("run").said("timed out after")


# ── 14: processes ────────────────────────────────────────────────────────────────────────


def test_a_task_leaves_nothing_to_the_next_one(workspace):
    workspace.write(
        linear(
            "SEEN.append(1)\nos.environ['LEFT'] = '1'\nself.pid = os.getpid()",
            top="SEEN = []",
            end="print(SEEN, os.environ.get('LEFT'), self.pid == os.getpid())",
        )
    )
    assert workspace.succeed("run").said("[] None False")


# ── 16: mutators ─────────────────────────────────────────────────────────────────────────


def test_what_a_mutator_prints_is_not_in_the_logs_of_tasks(workspace):
    top = """
class Talks(FlowMutator):
    def pre_mutate(self, mutable_flow):
        print("mutating")
"""
    source = linear("print('from the step')", top=top)
    workspace.write(source.replace("class EdgeFlow", "@Talks\nclass EdgeFlow"))
    run = workspace.run()
    assert run["start"].task.stdout == "from the step\n"


# ── 17: what is typed, and what a switch takes ───────────────────────────────────────────


def test_a_parameter_takes_a_list_by_its_separator(workspace):
    workspace.write(
        linear("print('got', self.names)", head='names = Parameter("names", separator=",")')
    )
    assert workspace.succeed("run", "--names", "a,b").said("got ['a', 'b']")


def test_times_are_local_and_naive(workspace):
    workspace.write(linear())
    run = workspace.run()
    created = Run(run.pathspec).created_at
    assert created.tzinfo is None
    assert abs(created.timestamp() - os.stat(workspace.folder / "flow.py").st_mtime) < 60
    assert Flow("EdgeFlow").created_at == created
