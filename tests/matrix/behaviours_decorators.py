"""What stands above steps and flows and changes nothing of the results, but is to be seen."""

from __future__ import annotations

from matrix_behaviour import FRESH, WHOLE, Behaviour
from matrix_shapes import joins


class SecretsInline(Behaviour):
    decorator = (
        "@secrets(sources=[{'type': 'inline', 'id': 'db', "
        "'options': {'env_vars': {'MATRIX_DB': 'hunter2'}}}])"
    )
    each = "import os; self.secret_length = len(os.environ['MATRIX_DB'])"
    contexts = WHOLE

    def check_task(self, cell, key, task):
        assert task["secret_length"].data == 7

    def check(self, cell):
        for file in (cell.workspace.folder / ".metaflow").rglob("*"):
            if file.is_file() and "code" not in file.parts:
                data = file.read_bytes()
                assert b"hunter2" not in data or file.parts[-3] == "packs", file


class Resources(Behaviour):
    decorator = "@resources(cpu=2, memory=512)"
    contexts = WHOLE

    def check(self, cell):
        steps = cell.end["_graph_info"].data["steps"]
        for step in cell.shape.steps:
            (found,) = [d for d in steps[step]["decorators"] if d["name"] == "resources"]
            assert (found["attributes"]["cpu"], found["attributes"]["memory"]) in (
                (2, 512),
                ("2", "512"),
            )


class GeneratorDecorator(Behaviour):
    module = """
    @user_step_decorator
    def watched(step_name, flow, inputs=None, attributes=None):
        flow.watch_began = (step_name, attributes["note"], inputs is not None)
        flow.watch_ended = None  # the step may be a join that merges
        yield
        flow.watch_ended = (step_name, flow.completed)
    """
    decorator = "@watched(note='n of STEP')"
    contexts = WHOLE

    def check_task(self, cell, key, task):
        step = key[0]
        assert task["watch_began"].data == (step, f"n of {step}", step in joins(cell.shape))
        assert task["watch_ended"].data == (step, step)


class ClassDecorator(Behaviour):
    module = """
    class counted(UserStepDecorator):
        def init(self, start=0):
            self.start = start
        def pre_step(self, step_name, flow, inputs=None):
            flow.counted_from, flow.counted_to = self.start, None
        def post_step(self, step_name, flow, exception=None):
            flow.counted_to = (self.start + 1, exception)
            return exception
    """
    decorator = "@counted(start=4)"
    contexts = WHOLE

    def check_task(self, cell, key, task):
        assert task["counted_from"].data == 4
        assert task["counted_to"].data == (5, None)


class StepMutators(Behaviour):
    module = """
    @user_step_decorator
    def by_mutator(step_name, flow, inputs=None, attributes=None):
        flow.mutated = attributes["k"]
        yield

    class mutating(StepMutator):
        def init(self, k):
            self.k = k
        def mutate(self, mutable_step):
            mutable_step.add_decorator(by_mutator, deco_kwargs={"k": self.k + mutable_step.name})
    """
    decorator = "@mutating('of ')"
    contexts = WHOLE

    def check_task(self, cell, key, task):
        assert task["mutated"].data == f"of {key[0]}"


class FlowMutators(Behaviour):
    module = """
    class extended(FlowMutator):
        def pre_mutate(self, mutable_flow):
            mutable_flow.add_parameter("extra", Parameter("extra", default=11))
        def mutate(self, mutable_flow):
            for name, each in mutable_flow.steps:
                each.add_decorator("resources", deco_kwargs={"disk": 3})
    """
    above = "@extended"
    each = "self.of_extra = self.extra"
    contexts = WHOLE

    def check_task(self, cell, key, task):
        assert task["extra"].data == 11
        assert task["of_extra"].data == 11


class Project(Behaviour):
    above = "@project(name='matrix')"
    each = """
    self.of_project = (current.project_name, current.branch_name, current.is_user_branch,
                       current.is_production, current.project_flow_name)
    """

    def check_task(self, cell, key, task):
        wanted = ("matrix", "user.ann", True, False, f"matrix.user.ann.{cell.shape.flow}")
        assert task["of_project"].data == wanted

    def check(self, cell):
        if cell.context in FRESH:
            assert {"project:matrix", "project_branch:user.ann"} <= cell.run.system_tags


class Triggers(Behaviour):
    above = "@trigger(event='refreshed')"
    each = "self.of_trigger = current.trigger"

    def check_task(self, cell, key, task):
        assert task["of_trigger"].data is None
        names = {each["name"] for each in task["_graph_info"].data["decorators"]}
        assert "trigger" in names


class ExitHooks(Behaviour):
    module = """
    def hook_of_success(run):
        print("HOOK", run.pathspec, run.successful)
    def hook_of_error(run):
        print("ERROR HOOK", run.pathspec)
    """
    above = "@exit_hook(on_success=[hook_of_success], on_error=[hook_of_error])"
    contexts = frozenset({"run", "resume", "spawn"})

    def check(self, cell):
        assert cell.done.out.count(f"HOOK {cell.run.pathspec} True") == 1
        assert "ERROR HOOK" not in cell.done.out


class RetryOfSuccess(Behaviour):
    decorator = "@retry(times=3, minutes_between_retries=5)"
    contexts = FRESH

    def check_task(self, cell, key, task):
        names = [d["name"] for d in task["_graph_info"].data["steps"][key[0]]["decorators"]]
        assert "retry" in names
        assert task.current_attempt == 0


class CatchOfSuccess(Behaviour):
    decorator = "@catch(var='caught_nothing')"
    contexts = FRESH

    def applies(self, shape):
        return bool(self.decorated(shape))

    def decorated(self, shape):
        return [step for step in shape.steps if step not in shape.steps_that_choose]

    def check_task(self, cell, key, task):
        if key[0] in self.decorated(cell.shape):
            assert task["caught_nothing"].data is None
