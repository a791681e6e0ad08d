"""Each task is a process of its own, however workers are started, and inherits nothing."""

from __future__ import annotations

import random

import pytest
from faults_lab import Lab

STARTS = pytest.mark.parametrize("start", ["fork", "spawn", "auto"])
PLACES = """
class PlaceFlow(FlowSpec):
    @step
    def start(self):
        self.who = [os.getpid(), os.getppid(), os.getpgid(0)]
        self.items = list(range(6))
        self.next(self.item, foreach="items")

    @step
    def item(self):
        self.who = [os.getpid(), os.getppid(), os.getpgid(0)]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.whos = [one.who for one in inputs]
        self.who = [os.getpid(), os.getppid(), os.getpgid(0)]
        self.next(self.end)

    @step
    def end(self):
        self.who = [os.getpid(), os.getppid(), os.getpgid(0)]
"""


@STARTS
def test_each_task_is_a_process_of_its_own(lab: Lab, start: str) -> None:
    lab.write(PLACES)
    done = lab.run(METAFLOW_TASK_START=start)
    assert done.code == 0, done.all
    launcher = lab.launchers[-1].pid
    tasks = [task for step in lab.run_object(f"PlaceFlow/{done.run_id}") for task in step]
    whos = [task.data.who for task in tasks]
    assert len(whos) == 9
    assert len({pid for pid, _, _ in whos}) == 9
    # Each leads a process group, so that what it starts can be ended with it.
    assert all(pid == group for pid, _, group in whos)
    parents = {parent for _, parent, _ in whos}
    if start == "spawn":
        assert parents == {launcher}
    else:
        assert len(parents) == 1
        assert launcher not in parents
    assert f"(pid {whos[0][0]})" in done.out


def test_a_new_attempt_is_a_new_process(lab: Lab) -> None:
    lab.write_step(
        "did(os.getpid())\nif current.retry_count < 2:\n    raise ValueError\nself.next(self.end)",
        decorator="@retry(times=2)",
    )
    done = lab.run()
    assert done.code == 0, done.all
    assert len(set(lab.did(done.run_id))) == 3


OPEN_FILES = """
self.files = {}
for name in os.listdir("/proc/self/fd"):
    try:
        self.files[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    except FileNotFoundError:
        pass
self.next(self.end)
"""


@STARTS
def test_a_task_inherits_nothing_that_is_open(lab: Lab, start: str) -> None:
    # In a foreach, so that siblings' pipes and sockets are there to be inherited.
    lab.write(
        "class OpenFlow(FlowSpec):\n"
        "    @step\n    def start(self):\n"
        "        self.items = list(range(5))\n"
        "        self.next(self.item, foreach='items')\n"
        "    @step\n    def item(self):\n"
        + "".join(
            f"        {line}\n"
            for line in OPEN_FILES.replace("self.end", "self.join").strip().splitlines()
        )
        + "    @step\n    def join(self, inputs):\n        self.next(self.end)\n"
        "    @step\n    def end(self):\n        pass\n"
    )
    done = lab.run(METAFLOW_TASK_START=start)
    assert done.code == 0, done.all
    for task in lab.run_object(f"OpenFlow/{done.run_id}")["item"]:
        files = task.data.files
        assert not [file for file in files.values() if ".metaflow" in file], files
        assert files[0] == "/dev/null"
        assert files[1].startswith("pipe:")
        assert files[2].startswith("pipe:")
        assert files[1] != files[2]
        others = {number: file for number, file in files.items() if number > 2}
        sockets = [file for file in others.values() if file.startswith("socket:")]
        # The line to the launcher, and nothing else but the folder that is being listed.
        assert len(sockets) == 1, files
        rest = [file for file in others.values() if not file.startswith("socket:")]
        assert all(file.startswith("/proc/") for file in rest), files
        assert not [file for file in others.values() if file.startswith("pipe:")], files


@STARTS
def test_the_environment_of_a_step_is_there_when_its_file_is_imported(lab: Lab, start: str) -> None:
    lab.write(
        """
        AT_IMPORT = os.environ.get("ASKED_FOR", "nothing")

        class EnvFlow(FlowSpec):
            @environment(vars={"ASKED_FOR": "this"})
            @step
            def start(self):
                self.seen = [AT_IMPORT, os.environ.get("ASKED_FOR")]
                self.next(self.other)

            @environment(vars={"ASKED_FOR": 7})
            @step
            def other(self):
                self.seen = [AT_IMPORT, os.environ.get("ASKED_FOR")]
                self.next(self.end)

            @step
            def end(self):
                self.seen = [AT_IMPORT, os.environ.get("ASKED_FOR")]
        """
    )
    done = lab.run(METAFLOW_TASK_START=start)
    assert done.code == 0, done.all
    seen = {
        name: lab.only_task(done, name, "EnvFlow").data.seen for name in ("start", "other", "end")
    }
    assert seen == {"start": ["this", "this"], "other": ["7", "7"], "end": ["nothing", None]}
    assert not lab.launchers[-1].leftovers()


THREAD = """
import threading

STOP = threading.Event()
threading.Thread(target=STOP.wait, name="at-import", daemon=True).start()


class ThreadFlow(FlowSpec):
    @step
    def start(self):
        self.threads = [thread.name for thread in threading.enumerate()]
        self.parent = os.getppid()
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_a_flow_that_starts_a_thread_falls_back_by_itself_and_says_why(lab: Lab) -> None:
    lab.write(THREAD)
    done = lab.run()
    assert done.code == 0, done.all
    lines = [line for line in done.err.splitlines() if "at-import" in line]
    assert len(lines) == 1
    assert "fresh interpreter" in lines[0]
    data = lab.only_task(done, flow="ThreadFlow").data
    # The thread lives in the task, too, as it would without any forking.
    assert "at-import" in data.threads
    assert data.parent == lab.launchers[-1].pid


def test_a_flow_without_threads_is_forked_without_a_word(lab: Lab) -> None:
    lab.write_step("self.parent = os.getppid()\nself.next(self.end)")
    done = lab.run()
    assert done.code == 0
    assert "interpreter" not in done.err
    assert lab.only_task(done).data.parent != lab.launchers[-1].pid


def test_the_user_may_insist_on_a_fork_in_spite_of_threads(lab: Lab) -> None:
    lab.write(THREAD)
    done = lab.run(METAFLOW_TASK_START="fork")
    assert done.code == 0, done.all
    data = lab.only_task(done, flow="ThreadFlow").data
    assert data.parent != lab.launchers[-1].pid


def test_a_way_to_start_that_does_not_exist_is_refused(lab: Lab) -> None:
    lab.write_step("self.next(self.end)")
    done = lab.run(METAFLOW_TASK_START="telepathy")
    assert done.code != 0
    assert "telepathy" in done.err
    assert "Traceback" not in done.err


RANDOM = """
import random

import numpy as np

SEEDED = np.random.default_rng(7)
UNSEEDED = np.random.default_rng()
OWN = random.Random(7)


class RandomFlow(FlowSpec):
    @step
    def start(self):
        self.items = list(range(4))
        self.next(self.item, foreach="items")

    @step
    def item(self):
        self.seeded = [float(SEEDED.random()), OWN.random()]
        self.unseeded = float(UNSEEDED.random())
        self.numpy_global = float(np.random.random())
        self.python_global = random.random()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seeded = [one.seeded for one in inputs]
        self.unseeded = [one.unseeded for one in inputs]
        self.numpy_global = [one.numpy_global for one in inputs]
        self.python_global = [one.python_global for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@STARTS
def test_random_numbers_are_those_of_a_fresh_interpreter(lab: Lab, start: str) -> None:
    pytest.importorskip("numpy")
    lab.write(RANDOM)
    done = lab.run(METAFLOW_TASK_START=start)
    assert done.code == 0, done.all
    data = lab.only_task(done, "join", "RandomFlow").data
    assert all(numbers == data.seeded[0] for numbers in data.seeded)
    assert len(set(data.unseeded)) == 4
    assert len(set(data.numpy_global)) == 4
    assert len(set(data.python_global)) == 4


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_numpy_seeded_at_import_time_stays_seeded(lab: Lab, start: str) -> None:
    np = pytest.importorskip("numpy")
    lab.write_step(
        "self.number = float(np.random.random())\nself.next(self.end)",
        before="import numpy as np\nnp.random.seed(7)\n",
    )
    done = lab.run(METAFLOW_TASK_START=start)
    assert done.code == 0, done.all
    assert lab.only_task(done).data.number == np.random.RandomState(7).random_sample()


@pytest.mark.parametrize(("start", "keeps"), [("fork", False), ("spawn", True)])
def test_a_seed_of_random_at_import_time_reaches_fresh_interpreters_only(
    lab: Lab, start: str, keeps: bool
) -> None:
    # Python itself gives every forked process a fresh state, and its generator does not tell
    # who has seeded it.
    lab.write_step(
        "self.number = random.random()\nself.next(self.end)",
        before="import random\nrandom.seed(7)\n",
    )
    done = lab.run(METAFLOW_TASK_START=start)
    assert done.code == 0, done.all
    assert (lab.only_task(done).data.number == random.Random(7).random()) is keeps
