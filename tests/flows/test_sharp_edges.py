"""Where flows used to cut themselves: each behaviour has a test of its name."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
from flow_workspace import TASK_LINE


def flow_of(body, *, after="", head="", top=""):
    """Write a flow whose first step has this body; the second one prints `after`."""
    indented = "\n".join(f"        {line}" for line in body.splitlines())
    constants = "\n".join(f"    {line}" for line in head.splitlines())
    after = after or "pass"
    return f"""
import os, sys
from metaflow import FlowSpec, step
{top}

class EdgeFlow(FlowSpec):
{constants}

    @step
    def start(self):
{indented}
        self.next(self.end)

    @step
    def end(self):
        {after}


if __name__ == "__main__":
    EdgeFlow()
"""


def joined(transition, item="print(self.input)", gather="pass"):
    """Write a flow with a foreach whose items and join do as told."""
    return f"""
from metaflow import FlowSpec, step


class EdgeFlow(FlowSpec):
    @step
    def start(self):
        {transition}
        self.next(self.each, foreach="items")

    @step
    def each(self):
        {item}
        self.next(self.join)

    @step
    def join(self, inputs):
        {gather}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EdgeFlow()
"""


# ── 1: what is not stored ────────────────────────────────────────────────────────────────


def test_a_function_that_is_not_stored_is_told(workspace):
    workspace.write(flow_of("self.twice = lambda x: 2 * x\nself.kept = self.twice(4)"))
    done = workspace.succeed("run")
    (note,) = done.said("Note:")
    assert "`self.twice`" in note
    assert "functions are not stored" in note
    assert workspace.latest()["start"].task.data.kept == 8


def test_a_name_with_two_underscores_that_is_not_stored_is_told(workspace):
    workspace.write(flow_of('setattr(self, "__secret", 4)'))
    assert "two underscores" in workspace.succeed("run").said("Note:")[0]


def test_what_is_stored_brings_no_note(workspace):
    workspace.write(flow_of("self._hidden = 4\nself.shown = 5"))
    assert workspace.succeed("run").said("Note:") == []
    assert workspace.latest()["end"].task["_hidden"].data == 4


@pytest.mark.parametrize("before", ["", "self.x; "])
def test_deleting_an_inherited_artifact_warns_and_leaves_it(workspace, before):
    workspace.write(flow_of("self.x = 4", after=f"{before}del self.x; print('still', self.x)"))
    done = workspace.succeed("run")
    assert done.said("still 4")
    (warning,) = done.said("UserWarning")
    assert "flow.py:" in warning
    assert "`x` is inherited" in warning


def test_deleting_ones_own_artifact_needs_no_warning(workspace):
    body = "self.x = 4\ndel self.x\nprint(hasattr(self, 'x'))\ntry:\n    del self.y\n"
    workspace.write(flow_of(body + "except AttributeError as error:\n    print('no', error)"))
    done = workspace.succeed("run")
    assert done.said("False")
    assert done.said("no ")
    assert done.said("UserWarning") == []


# ── 2: classes and callables on the class ────────────────────────────────────────────────


def test_classes_and_callables_of_a_flow_are_ordinary_attributes(workspace):
    top = "class Callable:\n    def __call__(self):\n        raise RuntimeError('called')\n"
    head = "class Inner:\n    size = 3\nasked = Callable()\nKind = dict"
    workspace.write(
        flow_of("print(self.Inner.size, self.Kind(a=1), type(self.asked))", head=head, top=top)
    )
    assert workspace.succeed("run").said("3 {'a': 1} <class '__main__.Callable'>")


# ── 3: odd shapes ────────────────────────────────────────────────────────────────────────


def test_a_foreach_straight_into_a_join_is_a_fault_of_the_graph(workspace):
    workspace.write(
        joined("self.items = [1]").replace("def each(self):", "def each(self, inputs):")
    )
    done = workspace.fail("run")
    assert "Validity checker found an issue in file" in done.err
    assert "straight into the join `each`" in done.err
    assert "Traceback" not in done.err


# ── 4: inputs ────────────────────────────────────────────────────────────────────────────


def test_inputs_can_be_counted_and_come_in_order(workspace):
    workspace.write(
        joined(
            "self.items = 'dacb'",
            "self.letter = self.input",
            "print(len(inputs), ''.join(one.letter for one in inputs))",
        )
    )
    for _ in range(3):
        assert workspace.succeed("run").said("4 dacb")


# ── 5: foreach over a dict, names of conflicts ───────────────────────────────────────────


def test_a_foreach_over_a_dict_goes_through_its_keys(workspace):
    workspace.write(joined("self.items = {'a': 1, 'b': 2}", "print('key', self.input)"))
    assert sorted(workspace.succeed("run").said("key ")) == ["key a", "key b"]


def test_a_conflict_is_named_once(workspace):
    workspace.write(
        joined("self.items = [1, 2, 3]", "self.mine = self.input", "self.merge_artifacts(inputs)")
    )
    done = workspace.fail("run")
    (line,) = done.said("UnhandledInMergeArtifacts") or done.said("`mine`")
    assert line.count("`mine`") == 1


# ── 7: tracebacks ────────────────────────────────────────────────────────────────────────


def test_a_traceback_has_the_users_frames_with_their_indentation(workspace):
    workspace.write(flow_of("if True:\n    raise ValueError('mine')"))
    done = workspace.fail("run")
    assert "Internal error" not in done.out + done.err
    assert "site-packages" not in done.out
    assert f"{os.sep}metaflow{os.sep}" not in done.out
    frames = [m[5] for m in map(TASK_LINE.fullmatch, done.out.splitlines()) if m]
    assert any(re.fullmatch(r'  File ".*flow.py", line \d+, in start', line) for line in frames)
    assert "    raise ValueError('mine')" in frames


# ── 8: commands about what is not there ──────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["77/start", "{run}/nothing", "{run}/start/99"])
def test_dump_of_what_is_not_there_is_an_error_with_a_headline(workspace, path):
    workspace.write(flow_of("self.x = 4"))
    run = workspace.run()
    done = workspace.fail("dump", path.format(run=run.id))
    assert "    Object not found:\n" in done.err
    assert "Traceback" not in done.err


def test_help_needs_no_user(workspace):
    workspace.write(flow_of("pass"))
    nobody = dict.fromkeys(("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"), "")
    for command in ("run", "resume", "dump", "logs"):
        assert workspace.flow(command, "--help", **nobody).code == 0
    assert workspace.flow("help", **nobody).code == 0


# ── 9: endings ───────────────────────────────────────────────────────────────────────────


def test_no_workers_are_refused(workspace):
    workspace.write(flow_of("pass"))
    done = workspace.flow("run", "--max-workers", "0")
    assert done.code == 2
    assert "--max-workers" in done.err


def test_an_exit_with_success_is_told_as_what_it_is(workspace):
    workspace.write(flow_of("sys.exit(0)"))
    assert workspace.fail("run").said("The step called `sys.exit(0)`.")


def test_a_process_that_ends_without_results_is_told_as_what_it_is(workspace):
    workspace.write(flow_of("os._exit(0)"))
    assert workspace.fail("run").said("ended with exit code 0 before its results were stored")


def test_standard_input_is_empty(workspace):
    workspace.write(flow_of("print('read', repr(sys.stdin.read()))"))
    assert workspace.succeed("run").said("read ''")


def test_a_terminated_launcher_leaves_no_tasks(workspace):
    body = "print('pid', os.getpid(), flush=True)\nimport time\nwhile True:\n    time.sleep(60)"
    workspace.write(flow_of(body))
    with subprocess.Popen(
        [sys.executable, "flow.py", "--no-pylint", "run"],
        cwd=workspace.folder,
        env=workspace.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as launcher:
        pid = next(
            int(found[1]) for line in launcher.stdout if (found := re.search(r"\bpid (\d+)$", line))
        )
        launcher.send_signal(signal.SIGTERM)
        launcher.stdout.read()
        assert launcher.wait() == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# ── 13: decorators ───────────────────────────────────────────────────────────────────────


def test_a_wait_between_retries_does_not_hold_a_local_run_up(workspace):
    body = "from metaflow import current\nassert current.retry_count == 1"
    source = flow_of(body).replace(
        "    @step\n    def start",
        "    @retry(times=1, minutes_between_retries=60)\n    @step\n    def start",
    )
    workspace.write(source.replace("FlowSpec, step", "FlowSpec, retry, step", 1))
    assert workspace.run().successful


# ── 15, 17, 18: reading, typing, finishing ───────────────────────────────────────────────


def test_a_namespace_is_part_of_the_question(workspace):
    from metaflow import Flow, namespace

    workspace.write(flow_of("pass"))
    mine = workspace.run()
    workspace.succeed("run", METAFLOW_USER="eve")
    workspace.look()
    namespace("user:ann")
    assert [run.id for run in Flow("EdgeFlow")] == [mine.id]
    assert Flow("EdgeFlow").latest_run.id == mine.id


def test_a_boolean_parameter_takes_a_value(workspace):
    source = flow_of("print('quick', self.quick)", head='quick = Parameter("quick", default=False)')
    workspace.write(source.replace("FlowSpec, step", "FlowSpec, Parameter, step", 1))
    assert workspace.succeed("run", "--quick", "yes").said("quick True")
    assert workspace.flow("run", "--quick").code == 2


def test_a_failed_task_is_not_finished_but_has_an_end(workspace):
    workspace.write(flow_of("raise ValueError"))
    workspace.fail("run")
    task = workspace.latest()["start"].task
    assert (task.finished, task.successful) == (False, False)
    assert task.finished_at is not None


def test_a_resume_of_an_unknown_run_leaves_no_run(workspace):
    workspace.write(flow_of("pass"))
    run = workspace.run()
    assert "could not find run id 77" in workspace.fail("resume", "--origin-run-id", "77").err
    assert workspace.latest().id == run.id
    assert run.origin_pathspec is None
