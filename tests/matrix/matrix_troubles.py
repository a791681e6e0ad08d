"""Behaviours that need a run of their own: failures, retries, limits, decorators that change ways."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from flow_grammar import Foreach, Gang, Split, all_blocks, entry
from flow_model import Circumstances, expected_tasks
from flow_workspace import tasks_by_key
from matrix_behaviour import Behaviour, arguments_of, as_options, sources
from matrix_shapes import has, joins, loops

from metaflow import Task, get_metadata

if TYPE_CHECKING:
    from flow_grammar import Shape
    from flow_model import Key
    from flow_workspace import Done, Workspace

AS_GIVEN = Circumstances(level=7, options={"deep": [2]}, tags=("two words", "t"))
TROUBLES: list[Trouble] = []


class Trouble(Behaviour, abstract=True):
    """A behaviour whose flow has no other, or only others that succeed and do not disturb it."""

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        if not abstract:
            TROUBLES.append(cls())

    options: ClassVar[tuple[str, ...]] = ()
    env: ClassVar[dict[str, str]] = {}
    sociable: ClassVar[bool] = False
    """Whether it shares its flow with the others of which this is true."""

    def write(self, workspace: Workspace, shape: Shape) -> None:
        write_together(workspace, shape, [self])

    def constants(self, shape: Shape) -> dict[str, Any]:
        """Names that the code of the flow sees."""
        return {"START": shape.start, "END": shape.end, "FREE": free(shape)}

    def arguments_given(self, shape: Shape) -> list[str]:
        return [*as_options(arguments_of([])), *shape.options, *self.options]

    def perform(self, workspace: Workspace, shape: Shape) -> None:
        """Run a flow of this shape and look at what comes of it."""
        perform_together(workspace, shape, [self])

    def circumstances(self) -> Circumstances:
        return AS_GIVEN

    def look(self, shape: Shape, done: Done, run: Any, tasks: Any) -> None:
        raise NotImplementedError


def write_together(workspace: Workspace, shape: Shape, troubles: list[Trouble]) -> None:
    workspace.write_files(sources(shape, list(troubles)))
    names = {name: value for one in troubles for name, value in one.constants(shape).items()}
    added = workspace.folder / "added.py"
    lines = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    added.write_text(f"{added.read_text()}\n{lines}")


def perform_together(workspace: Workspace, shape: Shape, troubles: list[Trouble]) -> None:
    """Run a flow that succeeds, compare it with the model, and let all look at it."""
    write_together(workspace, shape, troubles)
    options = [word for one in troubles for word in one.options]
    env = {name: value for one in troubles for name, value in one.env.items()}
    arguments = [*as_options(arguments_of([])), *shape.options, *options]
    done = workspace.succeed("run", *arguments, **env)
    run = workspace.latest()
    tasks = dict(tasks_by_key(run))
    model = expected_tasks(shape, troubles[0].circumstances())
    assert tasks.keys() == model.keys()
    for key, task in tasks.items():
        wanted = model[key].values
        assert {name: task[name].data for name in wanted} == wanted, key
    for one in troubles:
        one.look(shape, done, run, tasks)


def members(shape: Shape) -> set[str]:
    """Steps whose tasks are gangs: when one member fails, the others are ended."""
    return {block.member for block in all_blocks(shape.blocks) if isinstance(block, Gang)}


def taken_over(shape: Shape, done: dict[Key, Task]) -> dict[Key, Task]:
    """Of the tasks that have succeeded, those that `resume` clones: of gangs all members or none."""
    sizes = {
        block.member: block.size for block in all_blocks(shape.blocks) if isinstance(block, Gang)
    }
    came = Counter((step, place[:-1]) for step, place, _ in done)
    return {
        key: task
        for key, task in done.items()
        if key[0] not in sizes or came[key[0], key[1][:-1]] == sizes[key[0]]
    }


def free(shape: Shape) -> list[str]:
    """Steps whose code does not choose the way: they may fail and be caught, or be replaced."""
    others = shape.steps_that_choose | members(shape)
    return [step for step in shape.steps if step not in others]


class RetryOnce(Trouble):
    decorator = "@retry(times=1)"
    env = {"FAIL_FIRST": "1"}

    def circumstances(self):
        return AS_GIVEN._replace(retry=1)

    def look(self, shape, done, run, tasks):
        assert len(done.said("Task is starting (retry).")) == len(tasks)
        for (step, *_), task in tasks.items():
            assert task.current_attempt == 1
            first = Task(task.pathspec, attempt=0)
            assert not first.successful
            if step in members(shape):
                continue
            assert first.exception.exception == "failing attempt 0"
            assert first.data.process["pid"] != task.data.process["pid"]


class RetryTwice(Trouble):
    """The first attempt is killed, the second ends with an exit code."""

    decorator = "@retry(times=2)"
    each = """
    import os, signal, sys
    if current.retry_count == 0:
        print('about to be killed', flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if current.retry_count == 1:
        sys.exit(203)
    """

    def applies(self, shape):
        return not has(shape, Gang)  # members that others end are no separate failures

    def circumstances(self):
        return AS_GIVEN._replace(retry=2)

    def look(self, shape, done, run, tasks):
        for task in tasks.values():
            assert task.current_attempt == 2
            assert "about to be killed" in Task(task.pathspec, attempt=0).stdout
            assert not Task(task.pathspec, attempt=1).successful


class RetryRuledOut(Trouble):
    """Exit code 202 ends the run at once, whatever `@retry` says."""

    decorator = "@retry(times=3)"
    each = "import sys; sys.exit(202) if step == END else None"

    def perform(self, workspace, shape):
        self.write(workspace, shape)
        done = workspace.fail("run", *self.arguments_given(shape))
        run = workspace.latest()
        (task,) = run[shape.end]
        assert task.current_attempt == 0
        assert not task.successful
        assert not run.successful
        assert f"Step {shape.end} (task-id {task.id}) failed." in done.err
        assert not done.said("(retry)")


class CaughtExceptions(Trouble):
    each = "if step in FREE: raise ValueError(f'trouble in {step}')"
    decorator = "@catch(var='oops', print_exception=False)"

    def failing(self, shape):
        return free(shape)

    def constants(self, shape):
        return {"FREE": self.failing(shape)}

    def decorated(self, shape):
        return self.failing(shape)

    def perform(self, workspace, shape):
        # A join that fails before it merges has nothing to carry on: the model does not know this.
        self.write(workspace, shape)
        workspace.succeed("run", *self.arguments_given(shape), **self.env)
        run = workspace.latest()
        tasks = [task for step in run for task in step]
        assert len(tasks) == len(expected_tasks(shape))
        for task in tasks:
            step = task.path_components[2]
            assert task.finished
            assert task.exception is None
            assert task.successful == (step not in self.failing(shape))
            if step in self.failing(shape):
                self.look_at(task, step)
        assert run.finished

    def look_at(self, task, step):
        assert task.data.oops.type == "builtins.ValueError"
        assert task.data.oops.exception == f"trouble in {step}"
        assert "raise ValueError(f'trouble in" in task.data.oops.stacktrace


class CaughtDeath(CaughtExceptions):
    """A process that dies takes its artifacts along, so it is the last one that does."""

    def failing(self, shape):
        return [shape.end]

    each = """
    import os, signal
    if step in FREE:
        os.kill(os.getpid(), signal.SIGSEGV)
    """

    def look_at(self, task, step):
        assert task.data.oops.type.endswith("FailureHandledByCatch")


class CaughtAfterRetries(CaughtExceptions):
    each = """
    if step in FREE:
        self.tried = current.retry_count
        raise ValueError(f'trouble in {step}')
    """
    decorator = "@catch(var='oops', print_exception=False)\n@retry(times=1)"

    def look_at(self, task, step):
        super().look_at(task, step)
        assert task.data.tried == 1
        assert Task(task.pathspec, attempt=0)["tried"].data == 0


class CaughtWithoutVariable(CaughtExceptions):
    decorator = "@catch(print_exception=False)"

    def look_at(self, task, step):
        assert "oops" not in task


class TimedOut(Trouble):
    """The last step runs for ever."""

    each = "import signal; signal.pause() if step == END else None"
    decorator = "@timeout(seconds=1)"

    def decorated(self, shape):
        return [shape.end]

    def perform(self, workspace, shape):
        self.write(workspace, shape)
        workspace.fail("run", *self.arguments_given(shape))
        task = workspace.latest()[shape.end].task
        assert task.exception.type.endswith("TimeoutException")
        assert (task.finished_at - task.created_at).total_seconds() >= 1


class UnpicklableArtifact(Trouble):
    each = "if step == END: self.lock = __import__('threading').Lock()"

    def perform(self, workspace, shape):
        self.write(workspace, shape)
        done = workspace.fail("run", *self.arguments_given(shape))
        task = workspace.latest()[shape.end].task
        assert not task.successful
        assert task.metadata_dict["attempt_ok"] == "False"
        assert "`lock`" in done.out
        assert done.said("Cannot pickle artifact")
        assert task["told"].data


class FailureInTheLastStep(Trouble):
    """What was done stays and can be looked at."""

    each = "if step == END: raise ValueError('deliberate')"

    def perform(self, workspace, shape):
        self.write(workspace, shape)
        options = ("--run-id-file", "id.txt")
        done = workspace.fail("run", *self.arguments_given(shape), *options)
        run = workspace.latest()
        assert (workspace.folder / "id.txt").read_text() == run.id
        assert not run.successful
        assert not run.finished
        task = run[shape.end].task
        assert not task.finished
        assert task.finished_at is not None
        assert task.exception.exception == "deliberate"
        assert "ValueError: deliberate" in task.stderr
        assert "raise ValueError('deliberate')" in task.stderr
        assert "metaflow/" not in task.stderr, "frames of the framework stay out"
        assert "Workflow failed." in done.out
        assert f"Step {shape.end} (task-id {task.id}) failed." in done.err
        found = dict(tasks_by_key(run))
        assert found.keys() == expected_tasks(shape).keys()
        assert all(t.successful for key, t in found.items() if key[0] != shape.end)


class SkippedSteps(Trouble):
    module = """
    @user_step_decorator
    def skipping(step_name, flow, inputs=None, attributes=None):
        flow.skipped = True
        if inputs is not None:
            flow.met_at_skip = len(inputs)
        yield USER_SKIP_STEP
    """
    decorator = "@skipping"

    def decorated(self, shape):
        # A join that does not merge leaves nothing to choose by to those that come later: where
        # some do, only what follows the last of them is skipped.
        order = shape.steps
        last = max((order.index(step) for step in order if step not in free(shape)), default=0)
        first = last if any(step in joins(shape) for step in order[:last]) else 0
        return [step for step in order[first:] if step in free(shape) and step != shape.start]

    def applies(self, shape):
        return bool(self.decorated(shape))

    def perform(self, workspace, shape):
        self.write(workspace, shape)
        done = workspace.succeed("run", *self.arguments_given(shape))
        run = workspace.latest()
        tasks = [task for step in run for task in step]
        assert len(tasks) == len(expected_tasks(shape))
        assert run.successful
        for task in tasks:
            skipped = task.path_components[2] in self.decorated(shape)
            assert skipped == (f"seen_{task.path_components[2]}" not in task)
            assert task.stdout.startswith("out ") != skipped
        assert len(done.said("Task finished successfully.")) == len(tasks)


class ReplacedSteps(SkippedSteps):
    module = """
    def instead(flow, inputs=None):
        flow.replaced = True
        print('instead of', current.step_name)
        return True

    @user_step_decorator
    def skipping(step_name, flow, inputs=None, attributes=None):
        yield instead
    """


class SwallowedFailures(Trouble):
    module = """
    class swallowing(UserStepDecorator):
        def post_step(self, step_name, flow, exception=None):
            flow.swallowed = repr(exception)
    """
    decorator = "@swallowing"
    each = "if step in FREE: raise KeyError(step)"

    def applies(self, shape):
        return bool(free(shape))

    def perform(self, workspace, shape):
        self.write(workspace, shape)
        workspace.succeed("run", *self.arguments_given(shape))
        run = workspace.latest()
        assert run.successful
        tasks = [task for step in run for task in step]
        assert len(tasks) == len(expected_tasks(shape))
        for task in tasks:
            step = task.path_components[2]
            assert task.data.swallowed == (f"KeyError('{step}')" if step in free(shape) else "None")


class AtTheSameTime(Trouble):
    """Tasks that one opener starts meet: each waits until all others have come."""

    module = """
    import os

    def meet(name, position, count):
        places = [f"meet-{name}-{other}" for other in range(count)]
        pipes = []
        for place in places:
            try:
                os.mkfifo(place)
            except FileExistsError:
                pass
            pipes.append(os.open(place, os.O_RDWR))  # open until all have come: no byte is lost
        for pipe in pipes:
            os.write(pipe, b"x")
        came = 0
        while came < count:
            came += len(os.read(pipes[position], count))
        return came
    """
    each = """
    import added
    self.came = None
    if step in ENTRIES:
        name, position, count = ENTRIES[step]
        path = [index for index, _, _ in self.foreach_stack()]
        if position is None:
            position, count, path = self.index, COUNTS.get(step) or self.foreach_stack()[-1][1], path[:-1]
        self.came = (added.meet("-".join([name, *map(str, path)]), position, count), count)
    """
    decorator = "@timeout(seconds=60)"

    def applies(self, shape):
        return bool(entries(shape)) and len(expected_tasks(shape)) < 60

    def constants(self, shape):
        counts = {b.member: b.size for b in all_blocks(shape.blocks) if isinstance(b, Gang)}
        return {"ENTRIES": entries(shape), "COUNTS": counts}

    options = ("--max-workers", "64")

    def look(self, shape, done, run, tasks):
        for (step, *_), task in tasks.items():
            if step in entries(shape):
                came, count = task.data.came
                assert came == count
                assert count > 0
            else:
                assert task.data.came is None


def entries(shape: Shape) -> dict[str, tuple[str, int | None, int | None]]:
    """First steps of what is opened: opener, position and number, which a foreach knows itself."""
    found: dict[str, tuple[str, int | None, int | None]] = {}
    for block in all_blocks(shape.blocks):
        if isinstance(block, Split):
            starts = [entry(branch[0]) for branch in block.branches]
            if not any(loops(shape, step) for step in starts):  # who comes again would wait again
                for place, step in enumerate(starts):
                    found[step] = (block.opener, place, len(starts))
        elif isinstance(block, Foreach):
            if not loops(shape, entry(block.body[0])):
                found[entry(block.body[0])] = (block.opener, None, None)
        elif isinstance(block, Gang):
            found[block.member] = (block.opener, None, None)
    return found


class OneAtATime(Trouble):
    """With one worker, no task begins before the one before it has ended."""

    sociable = True
    each = "import time; self.began = time.monotonic_ns(); self.ended = time.monotonic_ns()"
    options = ("--max-workers", "1")

    def applies(self, shape):
        return not has(shape, Gang)  # whose members have one worker together

    def look(self, shape, done, run, tasks):
        events = []
        for line in done.out.splitlines():
            if found := re.search(r"/(\w+) \(pid \d+\)\] Task (is starting|finished succ)", line):
                events.append((found[1], found[2]))
        assert len(events) == 2 * len(tasks)
        for begin, end in zip(events[::2], events[1::2], strict=True):
            assert begin == (end[0], "is starting")
            assert end[1] == "finished succ"
        spans = sorted((task.data.began, task.data.ended) for task in tasks.values())
        assert all(one[1] <= two[0] for one, two in itertools.pairwise(spans))


class Arrays(Trouble):
    """Arrays and frames, stored once, mapped and private to each task."""

    sociable = True
    module = "import numpy\nimport pandas"
    each = """
    if step == START and not hasattr(self, "large"):
        self.large = numpy.arange(300_000, dtype="int64")
    if inputs is not None:
        self.large = inputs[0].large
    self.total = int(self.large.sum())
    self.small = numpy.arange(6).reshape(2, 3) * len(self.trail)
    self.frame = pandas.DataFrame({"a": range(3000), "b": [step] * 3000})
    """

    def look(self, shape, done, run, tasks):
        import numpy as np
        import pandas as pd

        assert len({task["large"].sha for task in tasks.values()}) == 1
        total = sum(range(300_000))
        for (step, *_), task in tasks.items():
            assert task.data.total == total
            assert (task.data.small == np.arange(6).reshape(2, 3) * len(task.data.trail)).all()
            wanted = pd.DataFrame({"a": range(3000), "b": [step] * 3000})
            pd.testing.assert_frame_equal(task.data.frame, wanted)

        stored = bytes_stored(get_metadata().partition("@")[2])
        assert stored < 2_400_000 + 120_000 * len(tasks), "one copy of `large`"


def bytes_stored(folder: str) -> int:
    """Return how large all stored artifacts of a folder are."""
    files = (Path(folder) / ".metaflow").rglob("*")
    return sum(f.stat().st_size for f in files if f.is_file() and {"blobs", "packs"} & set(f.parts))


class RefusedBackEnds(Trouble):
    """What needs a back end that is not there is refused before anything starts."""

    def perform(self, workspace, shape):
        self.write(workspace, shape)
        spec = ("card", "kubernetes", "no_such_decorator")[len(shape.name) % 3]
        done = workspace.fail("run", *self.arguments_given(shape), "--with", spec)
        assert f"`{spec}`" in done.err or f"@{spec}" in done.err
        assert "Workflow starting" not in done.out
        assert not (workspace.folder / ".metaflow" / "metadata.db").exists()


class Scheduled(Trouble):
    sociable = True
    above = "@schedule(cron='0 6 * * MON')"

    def look(self, shape, done, run, tasks):
        for task in tasks.values():
            (found,) = task["_graph_info"].data["decorators"]
            assert found["name"] == "schedule"
            assert found["attributes"]["cron"] == "0 6 * * MON"


class LogsUpToALimit(Trouble):
    sociable = True
    each = "if step == END: print(('y' * 1023 + '\\n') * 2000)"
    options = ("--max-log-size", "1")

    def look(self, shape, done, run, tasks):
        text = run[shape.end].task.stdout
        assert len(text) < 1_200_000
        assert "TRUNCATED - MAXIMUM LOG FILE SIZE REACHED" in text[-200:]
        assert done.out.count("y" * 1023) == 2000, "the console has all"
