"""`run_flow` on classes from everywhere, and flows that call flows."""

from __future__ import annotations

import re

import pytest

APP = """
from metaflow import FlowSpec, Parameter, current, environment, step

class AppFlow(FlowSpec):
    alpha = Parameter("alpha", default=1)
    timeout = Parameter("timeout", default=2)

    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @environment(vars={"A_WORD": "set"})
    @step
    def work(self):
        import os
        self.word = os.environ["A_WORD"]
        if self.alpha == 13:
            raise ValueError("unlucky " + str(self.input))
        self.next(self.join)

    @step
    def join(self, inputs):
        self.words = [one.word for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
"""

DRIVER = """
from metaflow.runner.call import run_flow
{imports}

if __name__ == "__main__":
    run = run_flow(AppFlow, alpha=3, parameters={{"timeout": 5}}, tags=["a"], pylint=False)
    print(run.pathspec, run.data.words, run.data.alpha, run.data.timeout, sorted(run.user_tags))
    print(run["start"].task.metadata_dict["script-name"])
"""
EXPECTED = "['set', 'set'] 3 5 ['a']"


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_class_of_the_program_itself(workspace, start):
    workspace.write(APP + DRIVER.format(imports=""), "app.py")
    done = workspace.python("app.py", METAFLOW_TASK_START=start)
    assert done.code == 0, done.err
    assert EXPECTED in done.out
    assert "app.py" in done.out
    assert done.err == ""


def test_a_class_of_a_module_in_a_package(workspace):
    package = workspace.folder / "src" / "pack" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "values.py").write_text("A = 1")
    (package / "flows.py").write_text("from .values import A\n" + APP)
    workspace.write(
        DRIVER.format(imports="from pack.inner.flows import AppFlow"), "src/drive_it.py"
    )
    done = workspace.python("src/drive_it.py")
    assert done.code == 0, done.err
    assert EXPECTED in done.out
    module = workspace.python("-m", "pack.inner.run_it", PYTHONPATH="src")
    assert module.code != 0
    (package / "run_it.py").write_text(DRIVER.format(imports="from .flows import AppFlow"))
    module = workspace.python("-m", "pack.inner.run_it", PYTHONPATH="src")
    assert EXPECTED in module.out, module.err


def test_a_flow_file_with_a_last_line_and_a_name_that_is_no_identifier(workspace):
    workspace.write(APP + "\nAppFlow()\n", "last_line.py")
    workspace.write(DRIVER.format(imports="from last_line import AppFlow"), "drive.py")
    assert EXPECTED in workspace.python("drive.py").out
    workspace.write(APP + DRIVER.format(imports=""), "my-app.py")
    assert EXPECTED in workspace.python("my-app.py").out


def test_a_failure_names_the_step_and_shows_the_users_traceback(workspace):
    workspace.write(
        APP
        + """
if __name__ == "__main__":
    from metaflow.errors.runner import RunFailed
    from metaflow.runner.call import run_flow
    try:
        run_flow(AppFlow, alpha=13, max_workers=1)
    except RunFailed as error:
        print(error.step, error.task, error.pathspec)
        print(error)
""",
        "app.py",
    )
    done = workspace.python("app.py")
    first = done.out.splitlines()[0].split()
    assert first[0] == "work"
    assert first[1].startswith(first[2] + "/work/")
    assert re.search(r'app\.py", line \d+, in work\n +raise ValueError', done.out)
    assert "ValueError: unlucky 1" in done.out
    assert "runner" not in done.out
    assert "metaflow/" not in done.out


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("run_flow(AppFlow, beta=1)", "Unknown argument: 'beta'"),
        ("run_flow(AppFlow, alpha='x')", "not `int`"),
        ("run_flow(AppFlow, timeout=0.001)", "was ended after 0.001 seconds"),
        ("run_flow(AppFlow, decospecs=['nosuch'])", "nosuch"),
    ],
)
def test_what_can_not_be_run_is_told(workspace, call, text):
    workspace.write(
        f"{APP}\nfrom metaflow.runner.call import run_flow\n"
        f'if __name__ == "__main__":\n    {call}\n',
        "app.py",
    )
    done = workspace.python("app.py")
    assert done.code == 1
    assert text in done.err


def test_a_call_at_import_is_refused_instead_of_repeated(workspace):
    workspace.write(
        APP + "\nfrom metaflow.runner.call import run_flow\nrun_flow(AppFlow)\n", "a.py"
    )
    done = workspace.python("a.py")
    assert done.code == 1
    assert "starts a flow when it is imported" in done.err


def test_a_local_class_is_refused(workspace):
    workspace.write(
        "def make():\n"
        + "".join(f"    {line}\n" for line in APP.splitlines())
        + "    return AppFlow\nfrom metaflow.runner.call import run_flow\n"
        'if __name__ == "__main__":\n    run_flow(make())\n',
        "app.py",
    )
    assert "is not a name of module" in workspace.python("app.py").err


PARENT = """
from metaflow import FlowSpec, Runner, current, step

class ParentFlow(FlowSpec):
    @step
    def start(self):
        from child import ChildFlow
        from metaflow.runner.call import run_flow
        self.first = run_flow(ChildFlow).pathspec
        with Runner("child.py", show_output=False).run(fails=True) as running:
            self.second = running.run.pathspec
        self.me = current.pathspec
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    ParentFlow()
"""

CHILD = """
from metaflow import FlowSpec, Parameter, step

class ChildFlow(FlowSpec):
    fails = Parameter("fails", default=False)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        assert not self.fails

if __name__ == "__main__":
    ChildFlow()
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_run_and_the_task_that_started_it_know_each_other(workspace, start):
    from metaflow.client import Flow, Run

    workspace.write(PARENT)
    workspace.write(CHILD, "child.py")
    workspace.succeed("run", METAFLOW_TASK_START=start)
    workspace.look()
    parent = Flow("ParentFlow").latest_run
    task = parent["start"].task
    started = [task.data.first, task.data.second]
    assert [fact.value for fact in task.metadata if fact.name == "child-run"] == started
    assert [run.pathspec for run in task.child_runs] == started
    assert [run.successful for run in task.child_runs] == [True, False]
    assert list(parent["end"].task.child_runs) == []
    assert parent.parent_task is None
    for pathspec in started:
        child = Run(pathspec)
        assert child.parent_task.pathspec == task.data.me == task.pathspec
        assert child["start"].task.metadata_dict["parent-task"] == task.pathspec


def test_a_store_that_can_not_take_the_note_fails_no_task(workspace):
    from metaflow.client import Flow

    workspace.write(
        PARENT.replace(
            "        from child",
            "        import metaflow.runner.lineage as lineage\n"
            "        lineage.DATABASE = 'nowhere.db'\n"
            "        from child",
        )
    )
    workspace.write(CHILD, "child.py")
    done = workspace.succeed("run")
    assert "could not be noted" in done.out
    workspace.look()
    assert list(Flow("ParentFlow").latest_run["start"].task.child_runs) == []
