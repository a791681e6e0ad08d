"""What a task knows of its place: joins and their inputs, foreachs, `current`, its process."""

from __future__ import annotations

import os

from flow_grammar import Foreach
from matrix_behaviour import FRESH, WHOLE, Behaviour
from matrix_shapes import has, joins


class AtJoins(Behaviour, abstract=True):
    """Something that joins do; in other steps its code does nothing."""

    def applies(self, shape):
        return bool(joins(shape))


class MergeInclude(AtJoins):
    each = """
    if step == START:
        self.include_a, self.include_b = 1, 2
    if inputs is not None:
        self.merge_artifacts(inputs, include=["include_a"])
        self.after_include = [name for name in ("include_a", "include_b") if hasattr(self, name)]
    """

    def check_task(self, cell, key, task):
        assert (task["include_a"].data, task["include_b"].data) == (1, 2)
        if key[0] in joins(cell.shape):
            assert task["after_include"].data == ["include_a"]


class MergeConflict(AtJoins):
    each = """
    self.disputed = current.task_id
    if inputs is not None and len(inputs) > 1:
        del self.disputed
        try:
            self.merge_artifacts(inputs, include=["disputed"])
        except Exception as error:
            self.dispute = (type(error).__name__, sorted(error.artifact_names))
        self.disputed = current.task_id
    """

    def check_task(self, cell, key, task):
        if key[0] in joins(cell.shape) and len(cell.model[key].parents) > 1:
            dispute = task["dispute"].data
            assert dispute == ("UnhandledInMergeArtifactsException", ["disputed"])


class MergeMissing(AtJoins):
    each = """
    if inputs is not None:
        try:
            self.merge_artifacts(inputs, include=["found_nowhere"])
        except Exception as error:
            self.miss = (type(error).__name__, list(error.artifact_names))
    """

    def check_task(self, cell, key, task):
        if key[0] in joins(cell.shape):
            assert task["miss"].data == ("MissingInMergeArtifactsException", ["found_nowhere"])


class MergeMisused(Behaviour):
    each = """
    try:
        if inputs is None:
            self.merge_artifacts([])
        else:
            self.merge_artifacts(inputs, include=["a"], exclude=["b"])
    except Exception as error:
        self.misuse = isinstance(error, __import__("metaflow.exception").exception.MetaflowException)
    """

    def check_task(self, cell, key, task):
        assert task["misuse"].data is True


class InputsOfJoins(AtJoins):
    each = """
    if inputs is not None:
        self.of_inputs = ([one.told for one in inputs], len(inputs), inputs[-1].told,
                          [one.told for one in inputs[1:]], [one.level for one in inputs])
    """

    def check_task(self, cell, key, task):
        if key[0] in joins(cell.shape):
            wanted = [cell.model[parent].values["told"] for parent in cell.model[key].parents]
            told, count, last, rest, levels = task["of_inputs"].data
            assert (told, count, last, rest) == (wanted, len(wanted), wanted[-1], wanted[1:])
            assert set(levels) == {7}


class InputsAreReadOnly(AtJoins):
    each = """
    if inputs is not None:
        try:
            inputs[0].told = "changed"
        except AttributeError as error:
            self.input_refused = str(error)
    """

    def check_task(self, cell, key, task):
        if key[0] in joins(cell.shape):
            assert task["input_refused"].data


class ForeachState(Behaviour):
    each = "self.state = (self.index, self.input, self.foreach_stack(), str(self))"

    def applies(self, shape):
        return has(shape, Foreach)

    def check_task(self, cell, key, task):
        values = cell.model[key].values
        wanted = (*values["place"], values["stack"], values["told"])
        assert task["state"].data == wanted
        assert task.index == values["place"][0]


class CurrentValues(Behaviour):
    each = """
    self.of_current = {
        name: getattr(current, name)
        for name in ("flow_name", "step_name", "run_id", "task_id", "pathspec", "retry_count",
                     "username", "is_running_flow", "namespace", "origin_run_id")
    }
    """

    def check_task(self, cell, key, task):
        found = task["of_current"].data
        assert found["flow_name"] == cell.shape.flow
        assert found["step_name"] == key[0]
        assert found["is_running_flow"] is True
        assert (found["username"], found["namespace"]) == ("ann", "user:ann")
        if key not in cell.cloned and cell.context != "spin":
            assert found["pathspec"] == task.pathspec
            assert (found["run_id"], found["task_id"]) == (cell.run.id, task.id)
        if cell.context == "resume":
            wanted = None if key in cell.cloned else cell.origin.id
            assert found["origin_run_id"] == wanted


class CurrentAsMapping(Behaviour):
    each = "self.of_get = (current.get('nothing', 5), 'step_name' in current, 'nothing' in current)"

    def check_task(self, cell, key, task):
        assert task["of_get"].data == (5, True, False)


class CurrentCannotBeAssigned(Behaviour):
    each = """
    self.assigned = True
    try:
        current.step_name = "x"
    except Exception:
        self.assigned = False
    """

    def check_task(self, cell, key, task):
        assert task["assigned"].data is False


class CurrentParameters(Behaviour):
    each = "self.of_names = sorted(current.parameter_names)"

    def check_task(self, cell, key, task):
        assert {"level", "options"} <= set(task["of_names"].data)


class CurrentTags(Behaviour):
    each = "self.of_tags = sorted(current.tags)"
    contexts = FRESH

    def check_task(self, cell, key, task):
        assert task["of_tags"].data == ["t", "two words"]


class CurrentGraph(Behaviour):
    each = "self.of_graph = (current.graph['start_step'], current.graph['end_step'], list(current.graph['steps']))"

    def check_task(self, cell, key, task):
        start, end, steps = task["of_graph"].data
        assert (start, end) == (cell.shape.start, cell.shape.end)
        assert sorted(steps) == sorted(cell.shape.steps)


class ClientInTasks(Behaviour):
    each = """
    self.seen_by_client = None
    if step in (START, END):
        self.seen_by_client = (current.run.id, current.run['_parameters'].task.data.level,
                               get_metadata().partition('@')[0])
    """
    contexts = FRESH

    def check_task(self, cell, key, task):
        if key[0] in (cell.shape.start, cell.shape.end):
            assert task["seen_by_client"].data == (cell.run.id, 7, "local")


class ProcessOfItsOwn(Behaviour):
    intrinsic = True
    contexts = WHOLE

    def check(self, cell):
        pids = [task["process"].data["pid"] for task in cell.tasks.values()]
        assert len(set(pids)) == len(pids) > 0
        assert os.getpid() not in pids


class WorkingDirectory(Behaviour):
    each = "import os; self.cwd = os.getcwd()"

    def check_task(self, cell, key, task):
        assert task["cwd"].data == str(cell.workspace.folder)


class Environment(Behaviour):
    each = "import os; self.of_env = (os.environ.get('MATRIX'), os.environ.get('METAFLOW_RUN_ID'))"

    def check_task(self, cell, key, task):
        told, run_id = task["of_env"].data
        assert told == "variable of the matrix"
        if key not in cell.cloned and cell.context != "spin":
            assert run_id == cell.run.id


class NameOfTheScript(Behaviour):
    each = "import os, sys; self.of_script = (os.path.basename(sys.argv[0]), self.script_name)"

    def check_task(self, cell, key, task):
        assert task["of_script"].data == ("flow.py", "flow.py")


class GlobalsDoNotLeak(Behaviour):
    module = "VISITED = []"
    each = """
    import added
    added.VISITED.append(step)
    self.visited = list(added.VISITED)
    """

    def check_task(self, cell, key, task):
        assert task["visited"].data == [key[0]]


class EnvironmentDoesNotLeak(Behaviour):
    each = """
    import os
    self.leaked = os.environ.get("SET_BY_TASK")
    os.environ["SET_BY_TASK"] = step
    """

    def check_task(self, cell, key, task):
        assert task["leaked"].data is None


class RandomnessDiffers(Behaviour):
    each = "import random, uuid; self.luck, self.mark = random.random(), uuid.uuid4().hex"
    contexts = WHOLE

    def check(self, cell):
        for name in ("luck", "mark"):
            drawn = [value for _, value in cell.values(name)]
            assert len(set(drawn)) == len(drawn) > 0


class StandardInputIsEmpty(Behaviour):
    each = "import sys; self.of_stdin = sys.stdin.read()"

    def check_task(self, cell, key, task):
        assert task["of_stdin"].data == ""


class ShellCommands(Behaviour):
    each = (
        "self.shouted = self.cmd('tr a-z A-Z < word > out', input={'word': step}, output=['out'])"
    )

    def check_task(self, cell, key, task):
        assert task["shouted"].data == [key[0].upper().encode()]


class StepsOfTheClass(Behaviour):
    each = "self.step_list = sorted(one.name for one in self)"

    def check_task(self, cell, key, task):
        assert task["step_list"].data == sorted(cell.shape.steps)
