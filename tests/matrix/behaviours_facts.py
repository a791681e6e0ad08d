"""What the stores tell of a run: facts, tags, logs, code, relations, and what commands show of them."""

from __future__ import annotations

import datetime as dt
import json
import pickle

import pytest
from matrix_behaviour import CONTEXTS, FRESH, WHOLE, Behaviour

from metaflow import DataArtifact, Flow, Run, Step, Task, namespace
from metaflow.exception import MetaflowNamespaceMismatch, MetaflowTaggingError

ONCE = frozenset({"run"})
"""What changes the run or needs commands of its own is done in one context."""


class MetadataFacts(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check_task(self, cell, key, task):
        facts = task.metadata_dict
        assert facts["attempt"] == "0"
        assert facts["attempt_ok"] == "True"
        assert facts["script-name"] == "flow.py"
        assert facts["ds-type"] == "local"
        assert facts["user"] == "ann"
        assert "python_version" in facts
        if cell.context not in ("resume", "step"):
            assert facts["origin-run-id"] == "None"
        pairs = [(each.name, each.value) for each in task.metadata]
        assert all(pair in pairs for pair in facts.items())


class ForeachFacts(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def applies(self, shape):
        return "each" in shape.name or "loop_in_each" in shape.name

    def check_task(self, cell, key, task):
        facts = task.metadata_dict
        assert ("foreach-stack" in facts) == bool(key[1])
        if key[1]:
            path = facts["foreach-execution-path"].split(",")
            assert [int(part.rsplit(":", 1)[1]) for part in path] == list(key[1])


class Endpoints(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        facts = cell.run["_parameters"].task.metadata_dict
        assert (facts["start_step"], facts["end_step"]) == (cell.shape.start, cell.shape.end)


class Parents(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        places = {task.pathspec: key for key, task in cell.tasks.items()}
        children: dict = {key: [] for key in cell.tasks}
        for key, task in cell.tasks.items():
            assert [places[one] for one in task.parent_task_pathspecs] == list(
                cell.model[key].parents
            )
            for parent in cell.model[key].parents:
                children[parent].append(key)
        for key, task in cell.tasks.items():
            found = sorted(places[one] for one in task.child_task_pathspecs)
            assert found == sorted(children[key]), key


class Lineage(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        seen, task = 0, cell.end
        while parents := list(task.parent_tasks):
            task, seen = parents[0], seen + 1
        assert task.pathspec == cell.tasks[next(iter(cell.model))].pathspec
        assert seen < len(cell.tasks)


class StepsAndTheirNeighbours(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        ran = {key[0] for key in cell.model}
        assert {step.id for step in cell.run} == ran
        for step in cell.run:
            before = {p[0] for k, t in cell.model.items() if k[0] == step.id for p in t.parents}
            assert {one.id for one in step.parent_steps} >= before - {step.id}


class Times(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        for key, task in cell.tasks.items():
            assert task.created_at <= task.finished_at
            if cell.context == "resume":
                continue
            for parent in cell.model[key].parents:
                assert cell.tasks[parent].finished_at <= task.finished_at
                assert cell.tasks[parent].created_at <= task.created_at
            assert cell.run.created_at <= task.created_at
        assert cell.run.finished_at == cell.end.finished_at
        for step in cell.run:
            assert step.finished_at == max(task.finished_at for task in step)


class Success(Behaviour):
    intrinsic = True

    def check_task(self, cell, key, task):
        assert task.successful
        assert task.finished
        assert task.exception is None
        assert task.current_attempt == 0

    def check(self, cell):
        if cell.context != "spin":
            assert cell.run.successful
            assert cell.run.finished
            assert cell.run.end_task.pathspec == cell.end.pathspec
            assert cell.run.data.told == cell.end.data.told


class ObjectsAndIteration(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        run = cell.run
        assert run.id in [one.id for one in Flow(cell.shape.flow)]
        assert Run(run.pathspec).id == run.id
        assert "_parameters" not in {step.id for step in run}
        for task in cell.tasks.values():
            step = Step(task.parent.pathspec)
            assert task.id in step
            assert step[task.id].pathspec == task.pathspec
            assert task.path_components == task.pathspec.split("/")
            assert repr(Task(task.pathspec)).startswith(f"Task('{task.pathspec}'")
            assert DataArtifact(f"{task.pathspec}/told").data == task.data.told
            break
        with pytest.raises(KeyError):
            run["no_such_step"]
        assert "no_such_step" not in run


class PickledObjects(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        for one in (cell.run, cell.end, cell.end.parent, cell.end["told"], Flow(cell.shape.flow)):
            again = pickle.loads(pickle.dumps(one))
            assert again.pathspec == one.pathspec
        assert pickle.loads(pickle.dumps(cell.end)).data.told == cell.end.data.told


class TaskIds(Behaviour):
    intrinsic = True
    contexts = frozenset({"run", "runner", "async", "spawn"})

    def check(self, cell):
        ids = sorted(int(task.id) for task in cell.tasks.values() if "_node_" not in task.id)
        assert ids == list(range(1, len(ids) + 1))
        assert cell.run["_parameters"].task.id == "0"
        assert cell.run.id.isdigit()


class SystemTags(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        tags = cell.run.system_tags
        assert {"user:ann", "runtime:dev"} <= tags
        assert any(tag.startswith("python_version:") for tag in tags)
        assert any(tag.startswith("metaflow_version:") for tag in tags)
        assert cell.end.tags == cell.run.tags
        assert cell.run.tags == cell.run.user_tags | cell.run.system_tags


class UserTags(Behaviour):
    intrinsic = True
    contexts = FRESH

    def check(self, cell):
        assert cell.run.user_tags == {"two words", "t"}
        assert cell.run.id in [run.id for run in Flow(cell.shape.flow).runs("t", "two words")]
        assert not list(Flow(cell.shape.flow).runs("t", "never given"))


class TagsByClient(Behaviour):
    intrinsic = True
    contexts = ONCE

    def check(self, cell):
        run = Run(cell.run.pathspec)
        run.add_tags(["new", "ä"])
        run.replace_tag("new", "newer")
        run.remove_tag("ä")
        assert Run(run.pathspec).user_tags == run.user_tags == {"two words", "t", "newer"}
        with pytest.raises(MetaflowTaggingError):
            run.remove_tag("user:ann")
        with pytest.raises(MetaflowTaggingError):
            run.add_tag("")
        run.remove_tags(["newer"])
        assert run.user_tags == {"two words", "t"}


class TagsByCommand(Behaviour):
    intrinsic = True
    contexts = ONCE

    def check(self, cell):
        given, flow = ("--run-id", cell.run.id), cell.workspace.succeed
        flow("tag", "add", *given, "by command", "more")
        flow("tag", "replace", *given, "--remove", "more", "--add", "less")
        assert Run(cell.run.pathspec).user_tags == {"two words", "t", "by command", "less"}
        told = flow("--quiet", "tag", "list", *given, "--hide-system-tags").err
        assert "by command" in told
        assert "user:ann" not in told
        flow("tag", "remove", *given, "by command", "less")
        assert Run(cell.run.pathspec).user_tags == {"two words", "t"}


class Namespaces(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        try:
            namespace("user:eve")
            with pytest.raises(MetaflowNamespaceMismatch):
                Run(cell.run.pathspec)
            namespace("user:ann")
            assert Run(cell.run.pathspec).is_in_namespace()
        finally:
            namespace(None)


class LogsByClient(Behaviour):
    each = "import sys; print('one', step); print('two', file=sys.stderr); print('three ☂ ä')"

    def check_task(self, cell, key, task):
        said = task.stdout.splitlines()
        assert said.index(f"one {key[0]}") < said.index("three ☂ ä")
        assert "two" in task.stderr.splitlines()
        assert f"out {task.data.told}" in said
        assert f"one {key[0]}" not in task.stderr.splitlines()
        assert task.stdout_size >= len(task.stdout)


class LogTimes(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check_task(self, cell, key, task):
        times = [time for time, _ in task.loglines("stdout")]
        assert times == sorted(times)
        assert all(isinstance(time, dt.datetime) for time in times)
        lines = [line for _, line in task.loglines("stdout")]
        assert "\n".join(lines) == task.stdout.rstrip("\n")


class EndWithoutNewline(Behaviour):
    each = "import sys; sys.stderr.write('no newline here\\n'); sys.stderr.write('tail of ' + step)"

    def check_task(self, cell, key, task):
        assert f"tail of {key[0]}" in task.stderr


class LongLines(Behaviour):
    each = "print('x' * 20_000)"

    def check_task(self, cell, key, task):
        assert "x" * 20_000 in task.stdout.splitlines()


class OutputReachesTheConsole(Behaviour):
    intrinsic = True
    contexts = frozenset({"run", "spawn"})

    def check(self, cell):
        texts = sorted(task.data.told for task in cell.tasks.values())
        for stream in ("out", "err"):
            said = sorted(
                line.removeprefix(f"{stream} ") for line in cell.done.said(f"{stream} <flow")
            )
            assert said == texts
        assert len(cell.done.said("Task is starting.")) == len(texts)
        assert len(cell.done.said("Task finished successfully.")) == len(texts)
        assert "Done!" in cell.done.out
        assert cell.done.code == 0


class LogsByCommand(Behaviour):
    intrinsic = True
    contexts = ONCE

    def check(self, cell):
        flow, task = cell.workspace.succeed, cell.end
        place = "/".join(task.path_components[1:])
        for stream, text in (("--stdout", task.stdout), ("--stderr", task.stderr)):
            assert flow("--quiet", "logs", place, stream).out.rstrip("\n") == text.rstrip("\n")


class DumpByCommand(Behaviour):
    intrinsic = True
    contexts = ONCE

    def check(self, cell):
        task = cell.end
        place = "/".join(task.path_components[1:])
        cell.workspace.succeed("dump", place, "--include", "trail,level", "--file", "some")
        dumped = pickle.loads((cell.workspace.folder / "some").read_bytes())
        assert dumped == {place: {"trail": task.data.trail, "level": 7}}
        told = cell.workspace.succeed("dump", place, "--include", "level").out
        assert told.startswith("level [size: ")
        assert told.endswith(" = 7\n")


class CodePackage(Behaviour):
    intrinsic = True
    contexts = WHOLE - {"step"}

    def check(self, cell):
        code = cell.run.code
        source = (cell.workspace.folder / "flow.py").read_text()
        assert code.flowspec == source
        assert code.script_name == "flow.py"
        names = set(code.tarball.getnames())
        assert {"flow.py", "recorder.py", "added.py"} <= names
        assert cell.end.code.flowspec == source


class GraphInfo(Behaviour):
    intrinsic = True

    def check_task(self, cell, key, task):
        info = task["_graph_info"].data
        assert (info["start_step"], info["end_step"]) == (cell.shape.start, cell.shape.end)
        assert sorted(info["steps"]) == sorted(cell.shape.steps)
        assert {each["name"] for each in info["parameters"]} >= {"level", "options"}
        assert {each["name"] for each in info["constants"]} >= {"palette", "LIMIT"}
        json.dumps(info)


class Origins(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        assert cell.run.origin_pathspec == (cell.origin.pathspec if cell.origin else None)
        assert cell.run.trigger is None
        for key, task in cell.tasks.items():
            assert (task.origin_pathspec is not None) == (key in cell.cloned)


class ParametersOfTheRun(Behaviour):
    intrinsic = True
    contexts = frozenset(CONTEXTS)

    def check_task(self, cell, key, task):
        assert (task.data.level, task.data.options) == (7, {"deep": [2]})

    def check(self, cell):
        if cell.context != "spin":
            data = cell.run["_parameters"].task.data
            assert (data.level, data.options) == (7, {"deep": [2]})


class RunIdFile(Behaviour):
    arguments = {"run_id_file": "id.txt"}
    contexts = frozenset({"run", "runner", "async"})

    def check(self, cell):
        assert (cell.workspace.folder / "id.txt").read_text() == cell.run.id


class RunnerAttributeFile(Behaviour):
    intrinsic = True
    contexts = ONCE

    def check(self, cell):
        told = json.loads((cell.workspace.folder / "attributes.json").read_text())
        folder = cell.workspace.folder
        assert told == {
            "run_id": cell.run.id,
            "flow_name": cell.shape.flow,
            "metadata": f"local@{folder}",
        }


class LatestRun(Behaviour):
    intrinsic = True
    contexts = ONCE

    def check(self, cell):
        file = cell.workspace.folder / ".metaflow" / cell.shape.flow / "latest_run"
        assert file.read_text() == cell.run.id
        assert Flow(cell.shape.flow).latest_run.id == cell.run.id
        assert Flow(cell.shape.flow).latest_successful_run.id == cell.run.id
