"""The contexts: ways to come to a run of a flow, each of which ends in a cell to look at."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import behaviours_decorators  # noqa: F401 - registers what it defines
import behaviours_facts  # noqa: F401 - the same
import behaviours_places  # noqa: F401 - the same
import behaviours_values  # noqa: F401 - the same
import pytest
from flow_model import Circumstances, expected_tasks
from flow_scheduler import Scheduler
from flow_workspace import Done, tasks_by_key
from matrix_behaviour import Behaviour, Cell, arguments_of, as_options, of_group, write
from matrix_shapes import joins
from matrix_troubles import taken_over

from metaflow import Run, Runner, Task, inspect_spin

if TYPE_CHECKING:
    from flow_grammar import Shape
    from flow_model import Key
    from flow_workspace import Workspace

AS_GIVEN = Circumstances(level=7, options={"deep": [2]}, tags=("two words", "t"))
MATRIX = {"MATRIX": "variable of the matrix"}


def main(shape: Shape, context: str) -> list[Behaviour]:
    """Behaviours of a shape's main flow that are looked at in a context."""
    return [one for one in of_group("main", shape) if context in one.contexts]


def prepare(workspace: Workspace, shape: Shape, context: str) -> None:
    """Write the main flow of a shape, with what is looked at in a context."""
    write(workspace, shape, main(shape, context))
    constants = f"START, END = {shape.start!r}, {shape.end!r}\n"
    added = workspace.folder / "added.py"
    added.write_text(f"{added.read_text()}\n{constants}")
    workspace.env.update(MATRIX)


def options_of_run(shape: Shape, context: str) -> list[str]:
    return [*as_options(arguments_of(main(shape, context))), *shape.options]


def cell_of(workspace, shape, context, run, done=None, given=AS_GIVEN, **more) -> Cell:
    tasks = dict(tasks_by_key(run))
    model = expected_tasks(shape, given)
    assert tasks.keys() == model.keys()
    return Cell(workspace, shape, context, run, tasks, model, done, **more)


def run_by_command(workspace, shape, context="run", **env) -> Cell:
    prepare(workspace, shape, context)
    files = ("--runner-attribute-file", "attributes.json")
    done = workspace.succeed("run", *options_of_run(shape, context), *files, **env)
    return cell_of(workspace, shape, context, workspace.latest(), done)


def run_by_fresh_interpreters(workspace, shape) -> Cell:
    return run_by_command(workspace, shape, "spawn", METAFLOW_TASK_START="spawn")


def run_resumed(workspace, shape) -> Cell:
    """Fail in a step in the middle, and resume."""
    prepare(workspace, shape, "resume")
    ran = list(dict.fromkeys(key[0] for key in expected_tasks(shape)))
    failing = ran[len(ran) // 2]
    workspace.fail("run", *options_of_run(shape, "resume"), FAIL_IN=failing)
    origin = workspace.latest()
    done = {key: task for key, task in tasks_by_key(origin) if task.successful}
    good = frozenset(taken_over(shape, done))
    done = workspace.succeed("resume", *shape.options)
    run = workspace.latest()
    return cell_of(workspace, shape, "resume", run, done, origin=origin, cloned=good)


def runner(workspace) -> Runner:
    """Make a runner; it imports the flow here, where another one's modules must not be in its way."""
    for name in ("added", "base", "recorder"):
        sys.modules.pop(name, None)
    flow = str(workspace.folder / "flow.py")
    return Runner(
        flow, show_output=False, env=workspace.env, cwd=str(workspace.folder), pylint=False
    )


def keywords_of_run(shape, context) -> dict:
    keywords = arguments_of(main(shape, context))
    return keywords | ({"max_num_splits": int(shape.options[1])} if shape.options else {})


def run_by_runner(workspace, shape) -> Cell:
    prepare(workspace, shape, "runner")
    (workspace.folder / ".metaflow").mkdir()
    workspace.look()
    with runner(workspace).run(**keywords_of_run(shape, "runner")) as running:
        done = Done(running.returncode, running.stdout, running.stderr)
        assert running.status == "successful", done
        return cell_of(workspace, shape, "runner", Run(running.run.pathspec), done)


def run_by_runner_async(workspace, shape) -> Cell:
    prepare(workspace, shape, "async")
    (workspace.folder / ".metaflow").mkdir()
    workspace.look()

    async def drive():
        async with await runner(workspace).async_run(**keywords_of_run(shape, "async")) as running:
            lines = [line async for _, line in running.stream_log("stdout")]
            await running.wait()
            assert running.status == "successful", running.stderr
            assert any("Done!" in line for line in lines)
            return running.run.pathspec

    return cell_of(workspace, shape, "async", Run(asyncio.run(drive())))


def run_by_steps(workspace, shape) -> Cell:
    prepare(workspace, shape, "step")
    scheduler = Scheduler(workspace, joins(shape), shape.start)
    scheduler.run(*as_options(arguments_of(main(shape, "step"))))
    return cell_of(workspace, shape, "step", workspace.latest())


def spun_task(cell: Cell, key: Key) -> Task:
    """Spin the task of a run and return what is left of it."""
    place = "/".join(cell.tasks[key].path_components[1:])
    workspace = cell.workspace
    workspace.succeed("spin", place, "--persist", "--runner-attribute-file", "spun.json")
    told = json.loads((workspace.folder / "spun.json").read_text())
    spun = "/".join(told[name] for name in ("flow_name", "run_id", "step_name", "task_id"))
    inspect_spin(str(workspace.folder))
    return Task(spun, _namespace_check=False)


def look(cell: Cell, behaviours: list[Behaviour]) -> None:
    """Look at all behaviours; tell all that does not hold."""
    faults = []
    for one in behaviours:
        try:
            for key, task in cell.tasks.items():
                one.check_task(cell, key, task)
            one.check(cell)
        except Exception as error:
            place = pytest.ExceptionInfo.from_exception(error).getrepr(style="short")
            faults.append(f"{one.name}:\n{place}")
    assert not faults, "\n\n".join(faults)
