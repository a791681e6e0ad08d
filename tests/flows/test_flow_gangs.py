"""Gangs: tasks of one step that run at the same time, and succeed or fail as one."""

from __future__ import annotations

import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
from flow_scheduler import Scheduler, Todo
from flow_workspace import Done

from metaflow import Step
from metaflow.model.input_paths import TaskPath

FLOW = """
import os
import signal
import sys
from multiprocessing.connection import Client, Listener

from metaflow import (
    FlowSpec, Parameter, catch, current, environment, parallel, pytorch_parallel, retry, step,
    timeout,
)


def meet():
    \"\"\"Add up the members' numbers at the first, and give all of them the sum.\"\"\"
    place, key = current.parallel, b"secret"
    address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    if place.node_index == 0:
        with Listener(address, authkey=key) as listener:
            others = [listener.accept() for _ in range(place.num_nodes - 1)]
            total = sum(other.recv() for other in others)
            for other in others:
                other.send(total)
            return total
    while True:
        try:
            with Client(address, authkey=key) as first:
                first.send(place.node_index)
                return first.recv()
        except ConnectionRefusedError:
            pass


class GangFlow(FlowSpec):
    size = Parameter("size", default=3)

    @step
    def start(self):
        self.shared = "from start"
        self.next(self.work, num_parallel=self.size)

{decorators}
    @step
    def work(self):
        self.place = tuple(current.parallel)
        self.stack = (self.input, self.index, self.foreach_stack(), current.is_parallel, str(self))
        self.env = {{name: value for name, value in os.environ.items() if name.startswith(
            ("MF_PARALLEL", "MASTER_", "NODE_RANK", "WORLD_SIZE", "NUM_NODES"))}}
        self.me = current.task_id
{work}
        self.next(self.join)

    @step
    def join(self, inputs):
        def told(name):
            return [getattr(one, name, None) for one in inputs]

        self.order, self.places, self.stacks = told("me"), told("place"), told("stack")
        self.envs, self.sums, self.oops = told("env"), told("total"), told("oops")
        self.last = inputs.work is inputs[-1]
        self.next(self.end)

    @step
    def end(self):
        assert not current.is_parallel and not hasattr(current, "parallel")


if __name__ == "__main__":
    GangFlow()
"""
FIRST_TRY = "if current.retry_count == 0 and self.index == 1: "
WAIT = "\nsignal.pause()"


def gang(workspace, work: str = "", decorators: str = "@parallel") -> None:
    workspace.write(
        FLOW.format(
            work=textwrap.indent(work, " " * 8), decorators=textwrap.indent(decorators, " " * 4)
        )
    )


def test_members_know_their_places_and_the_join_gets_all_in_order(workspace):
    gang(workspace)
    run = workspace.run()
    data = run["join"].task.data
    assert data.order == ["2", "2_node_1", "2_node_2"]
    assert data.last
    assert data.places == [("127.0.0.1", 3, node, "2") for node in range(3)]
    assert data.stacks == [
        (
            node,
            node,
            [(node, None, node)],
            True,
            f"<flow GangFlow step work[{node}] (input: {node})>",
        )
        for node in range(3)
    ]
    assert data.envs[1] == {
        "MF_PARALLEL_MAIN_IP": "127.0.0.1",
        "MF_PARALLEL_NUM_NODES": "3",
        "MF_PARALLEL_NODE_INDEX": "1",
        "MF_PARALLEL_CONTROL_TASK_ID": "2",
    }


def test_members_meet_at_a_port_that_all_of_them_are_told(workspace):
    gang(workspace, "self.total = meet()", "@timeout(seconds=30)\n@pytorch_parallel")
    # One slot for the whole gang: it can't wait for itself.
    run = workspace.run("--max-workers", "1")
    data = run["join"].task.data
    assert data.sums == [3, 3, 3]
    assert len({env["MASTER_PORT"] for env in data.envs}) == 1
    assert [env["NODE_RANK"] for env in data.envs] == ["0", "1", "2"]
    assert {(env["WORLD_SIZE"], env["NUM_NODES"]) for env in data.envs} == {("3", "3")}


def test_the_client_tells_the_control_task(workspace):
    gang(workspace, "print('node', self.index)\nprint('err', self.index, file=sys.stderr)")
    run = workspace.run()
    work = run["work"]
    assert work.control_task.id == "2"
    assert [task.id for task in work.control_tasks()] == ["2"]
    assert {task.id for task in work} == {"2", "2_node_1", "2_node_2"}
    assert run["join"].control_task is None
    first, other = Step(work.pathspec)["2"], work["2_node_1"]
    assert first.metadata_dict["internal_task_type"] == "control_task"
    assert "internal_task_type" not in other.metadata_dict
    assert {task.metadata_dict["parallel-world-size"] for task in work} == {"3"}
    assert other.metadata_dict["foreach-stack"] == ["num_parallel=1"]
    assert other.metadata_dict["foreach-execution-path"] == "start:1"
    assert other.index == 1
    assert other["_foreach_stack"].data[0].num_splits is None
    assert other["_foreach_stack"].data[0].value == 1
    assert [task.id for task in run["join"].task.parent_tasks] == ["2", "2_node_1", "2_node_2"]
    assert [task.id for task in other.child_tasks] == ["3"]
    # The control task's log has what all of them printed; every other has its own.
    assert other.stdout == "node 1\n"
    assert sorted(first.stdout.splitlines()) == ["node 0", "node 1", "node 2"]
    assert sorted(first.stderr.splitlines()) == ["err 0", "err 1", "err 2"]
    assert {line for _, line in first.loglines("stdout")} == {"node 0", "node 1", "node 2"}


def test_lines_of_members_stay_whole_in_the_log_of_the_control_task(workspace):
    gang(
        workspace,
        """
for part in ["a", "b"] * 50:
    os.write(1, part.encode() * 10)
    if part == "b":
        os.write(1, b"\\n")
os.write(1, b"last")
""",
    )
    run = workspace.run()
    control, other = run["work"].control_task, run["work"]["2_node_1"]
    line = "a" * 10 + "b" * 10
    assert other.stdout == f"{line}\n" * 50 + "last"
    assert sorted(control.stdout.splitlines()) == [line] * 150 + ["last"] * 3


def test_what_is_erased_of_one_member_is_erased_where_it_is_shown_as_well(workspace):
    gang(workspace, "print('node', self.index)")
    run = workspace.run()
    workspace.succeed("logs", "scrub", f"{run.id}/work/2_node_1")
    workspace.look()
    tasks = {task.id: task for task in run["work"]}
    assert tasks["2_node_1"].stdout == "[REDACTED task stdout]\n"
    assert sorted(tasks["2"].stdout.splitlines()) == ["[REDACTED task stdout]", "node 0", "node 2"]
    workspace.succeed("logs", "scrub", f"{run.id}/work/2")
    workspace.look()
    assert {task.stdout for task in run["work"]} == {"[REDACTED task stdout]\n"}


@pytest.mark.parametrize("size", ["0", "-4"])
def test_less_than_one_node_is_a_plain_call(workspace, size):
    gang(workspace, decorators="@pytorch_parallel(master_port=4321)")
    run = workspace.run("--size", size)
    data = run["join"].task.data
    assert data.order == ["2"]
    assert data.places == [("127.0.0.1", 1, 0, "2")]
    assert data.stacks == [(None, None, [], False, "<flow GangFlow step work>")]
    assert data.envs[0]["MASTER_PORT"] == "4321"
    assert run["work"].control_task is None


def test_a_failure_ends_the_others_and_the_step(workspace):
    gang(
        workspace,
        f"if self.index == 1: raise ValueError('member')\nelse:{WAIT[1:]}".replace(
            "else:", "else: "
        ),
    )
    done = workspace.fail("run")
    assert "Step work (task-id 2_node_1) failed." in done.err
    assert (
        done.said("its gang has failed")
        == ["Task ended: task 2_node_1 of its gang has failed."] * 2
    )
    assert "ValueError: member" in workspace.latest()["work"].control_task.stderr


@pytest.mark.parametrize("end", ["raise ValueError(1)", "os.kill(os.getpid(), 9)", "os._exit(1)"])
def test_a_retry_is_one_of_the_whole_gang(workspace, end):
    gang(
        workspace,
        f"{FIRST_TRY}{end}\nif current.retry_count == 0 and self.index == 2: signal.pause()\n"
        "self.total = current.retry_count",
        "@retry(times=2)\n@parallel",
    )
    run = workspace.run()
    assert run["join"].task.data.sums == [1, 1, 1]
    assert [task.current_attempt for task in run["work"]] == [1, 1, 1]


def test_members_that_never_had_a_process_in_a_failed_attempt_have_one_in_the_next(workspace):
    gang(workspace, "self.total = 1 / current.retry_count", "@retry(times=1)\n@parallel")
    run = workspace.run("--size", "40")
    assert run["join"].task.data.sums == [1] * 40
    assert len(list(run["work"])) == 40
    assert {task.current_attempt for task in run["work"]} == {1}


def test_each_attempt_meets_at_a_port_of_its_own(workspace):
    gang(
        workspace,
        f"open(f'port-{{current.retry_count}}', 'w').write(os.environ['MASTER_PORT'])\n"
        f"self.total = meet()\n{FIRST_TRY}1 / 0",
        "@retry(times=1)\n@timeout(seconds=30)\n@pytorch_parallel",
    )
    assert workspace.run()["join"].task.data.sums == [3, 3, 3]
    assert (workspace.folder / "port-0").read_text() != (workspace.folder / "port-1").read_text()


def test_catch_takes_the_failure_of_a_member_and_ends_who_waits_for_it(workspace):
    gang(
        workspace,
        "if self.index == 1: raise ValueError('member')\nif self.index == 2: signal.pause()\n"
        "if not self.index: signal.pause()",
        "@catch(var='oops')\n@parallel",
    )
    run = workspace.run()
    first, second, third = run["join"].task.data.oops
    assert "ValueError" in repr(second)
    assert "FailureHandledByCatch" in repr(first)
    assert "FailureHandledByCatch" in repr(third)
    assert run.successful


def test_catch_takes_the_death_of_a_member(workspace):
    gang(
        workspace,
        "if self.index == 1: os.kill(os.getpid(), 9)\nsignal.pause()",
        "@catch(var='oops')\n@retry(times=1)\n@parallel",
    )
    run = workspace.run()
    assert all("FailureHandledByCatch" in repr(oops) for oops in run["join"].task.data.oops)


def test_a_timeout_of_any_member_ends_the_gang(workspace):
    gang(workspace, "if self.index: signal.pause()", "@timeout(seconds=1)\n@parallel")
    done = workspace.fail("run")
    assert done.said("timed out after")
    assert {task.finished_at is not None for task in workspace.latest()["work"]} == {True}


def test_members_get_the_environment_of_their_step(workspace):
    gang(workspace, "self.total = os.environ['A']", "@environment(vars={'A': 'b'})\n@parallel")
    assert workspace.run()["join"].task.data.sums == ["b"] * 3


def test_resume_clones_a_gang_wholly_or_not_at_all(workspace):
    gang(workspace, "if self.index == 1 and 'FAIL_IN' in os.environ: 1 / 0")
    workspace.fail("run", FAIL_IN="work")
    broken = workspace.latest()
    done = workspace.succeed("resume", "--origin-run-id", broken.id)
    assert "Cloning previously run task" in done.out
    assert f"{broken.id}/work" not in done.out
    assert len(done.said("Task is starting.")) == 5
    resumed = workspace.latest()
    done = workspace.succeed("resume", "end", "--origin-run-id", resumed.id)
    assert done.out.count(f"Cloning previously run task {resumed.id}/work/2") == 3
    again = workspace.latest()
    assert again["join"].task.data.order == ["2", "2_node_1", "2_node_2"]
    assert again["work"].control_task.id == "2"
    assert again["work"].control_task.origin_pathspec == f"GangFlow/{resumed.id}/work/2"


def test_a_gang_in_each_item_of_a_foreach(workspace):
    workspace.write("""
        from metaflow import FlowSpec, current, parallel, step

        class NestedFlow(FlowSpec):
            @step
            def start(self):
                self.items = [1, 2]
                self.next(self.fan, foreach="items")

            @step
            def fan(self):
                self.size = self.input
                self.next(self.work, num_parallel=self.size)

            @parallel
            @step
            def work(self):
                self.seen = (self.foreach_stack(), current.parallel.num_nodes)
                self.next(self.gather)

            @step
            def gather(self, inputs):
                self.seen = [one.seen for one in inputs]
                self.next(self.join)

            @step
            def join(self, inputs):
                self.all = [one.seen for one in inputs]
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            NestedFlow()
        """)
    assert workspace.run()["join"].task.data.all == [
        [([(0, 2, 1), (0, None, 0)], 1)],
        [([(1, 2, 2), (0, None, 0)], 2), ([(1, 2, 2), (1, None, 1)], 2)],
    ]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2.0", "`num_parallel` takes a whole number, not a value of type `float`"),
        ("2, foreach='shared'", "combines `num_parallel` and `foreach`"),
        ("101", "`num_parallel` in step start (task-id 1) yields 101 child steps"),
    ],
)
def test_what_num_parallel_refuses(workspace, value, told):
    gang(workspace)
    path = workspace.folder / "flow.py"
    path.write_text(path.read_text().replace("num_parallel=self.size", f"num_parallel={value}"))
    done = workspace.fail("run")
    assert told in done.out + done.err


def test_a_bad_port_is_refused_before_the_run(workspace):
    gang(workspace, decorators="@pytorch_parallel(master_port=70000)")
    done = workspace.fail("run")
    assert "1 to 65535" in done.err
    assert "Workflow starting" not in done.out


UNBOUNDED = """
from metaflow import FlowSpec, current, step, unbounded_test_foreach_internal
from metaflow.plugins import InternalTestUnboundedForeachInput


class UnboundedFlow(FlowSpec):
    @step
    def start(self):
        self.letters = InternalTestUnboundedForeachInput("abc")
        self.next(self.work, foreach="letters")

    {decorator}
    @step
    def work(self):
        self.seen = (self.input, self.index, self.foreach_stack(), current.is_parallel)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [one.seen for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    UnboundedFlow()
"""


def test_an_unbounded_foreach_has_a_control_task_that_runs_no_code(workspace):
    workspace.write(UNBOUNDED.format(decorator="@unbounded_test_foreach_internal"))
    run = workspace.run()
    assert run["join"].task.data.seen == [
        (letter, place, [(place, None, letter)], False) for place, letter in enumerate("abc")
    ]
    assert {task.id for task in run["work"]} == {"2", "2-0", "2-1", "2-2"}
    control = run["work"].control_task
    assert control.id == "2"
    assert "seen" not in control
    assert control.index is None


def test_an_unbounded_input_needs_a_step_that_takes_it(workspace):
    workspace.write(UNBOUNDED.format(decorator=""))
    done = workspace.fail("run")
    assert "which step `work` does not take" in done.out


# ── members that a scheduler starts one by one ───────────────────────────────────────────


class GangScheduler(Scheduler):
    """Begins a run of the gang's flow and starts each member by itself."""

    def begin(self) -> None:
        self.init()
        assert self.step(Todo("start", (self.parameters,)), "1").code == 0

    def member(self, node: int, task_id: str, *options: str, **env: str) -> Done:
        context = ("--ubf-context", "ubf_task" if node else "ubf_control")
        todo = Todo("work", (TaskPath(self.run_id, "start", "1"),), node or None)
        return self.step(todo, task_id, *context, *options, **env)

    def join(self, *task_ids: str) -> Done:
        return self.step(
            Todo("join", tuple(TaskPath(self.run_id, "work", i) for i in task_ids)), "9"
        )


def test_a_scheduler_starts_the_members_of_a_gang(workspace):
    gang(
        workspace,
        "self.total = meet()\nprint('node', self.index)",
        "@timeout(seconds=60)\n@pytorch_parallel",
    )
    scheduler = GangScheduler(workspace, {"join"})
    scheduler.begin()
    ids = ["7", "7_node_1", "7_node_2"]
    with ThreadPoolExecutor(3) as pool:
        # They wait for one another.
        done = list(pool.map(scheduler.member, range(3), ids, ["--num-parallel=3"] * 3))
    assert [one.code for one in done] == [0, 0, 0], [one.err for one in done]
    assert "of the 3 branches of `start/1`, 2 lack" in scheduler.join(*ids[:2]).err
    assert scheduler.join(*reversed(ids)).code == 0
    data = workspace.latest()["join"].task.data
    assert (data.sums, data.order) == ([3, 3, 3], ids)
    assert data.places == [("127.0.0.1", 3, node, "7") for node in range(3)]
    assert [stack[:3] for stack in data.stacks] == [
        (node, node, [(node, None, node)]) for node in range(3)
    ]
    assert len({env["MASTER_PORT"] for env in data.envs}) == 1
    work = workspace.latest()["work"]
    assert work.control_task.id == "7"
    assert {task.metadata_dict["parallel-world-size"] for task in work} == {"3"}
    assert sorted(work.control_task.stdout.split()) == ["0", "1", "2", "node", "node", "node"]


def test_the_environment_of_a_member_tells_where_the_others_are(workspace):
    gang(workspace, decorators="@pytorch_parallel")
    scheduler = GangScheduler(workspace, {"join"})
    scheduler.begin()
    there = {
        "MF_PARALLEL_MAIN_IP": "10.0.0.7",
        "MF_PARALLEL_CONTROL_TASK_ID": "first",
        "MASTER_PORT": "4321",
    }
    assert scheduler.member(2, "another", **there).code == 0
    data = workspace.latest()["work"]["another"].data
    assert data.place == ("10.0.0.7", 3, 2, "first")
    assert (data.env["MASTER_ADDR"], data.env["MASTER_PORT"]) == ("10.0.0.7", "4321")


def test_members_that_make_no_sense_are_refused(workspace):
    gang(workspace)
    scheduler = GangScheduler(workspace, {"join"})
    scheduler.begin()
    plain = scheduler.step(Todo("work", (TaskPath("scheduled-1", "start", "1"),)), "7")
    assert "`start/1` starts a gang" in plain.err
    assert "say with `--ubf-context`" in plain.err
    assert "starts a gang of 3" in scheduler.member(0, "7", "--num-parallel", "4").err
    assert "is number 0, not 2" in scheduler.member(0, "7", "--split-index", "2").err
    assert "members 1 to 2" in scheduler.member(3, "7_node_3").err
    assert "give the task the id CONTROL_node_1" in scheduler.member(1, "8").err
    first = Todo("start", (scheduler.parameters,))
    assert "they start no gang" in scheduler.step(first, "5", "--ubf-context", "ubf_control").err
    assert scheduler.step(first, "5", "--num-parallel", "2").code == 2
    assert scheduler.member(0, "7").code == 0
    assert [task.id for task in workspace.latest()["work"]] == ["7"]
