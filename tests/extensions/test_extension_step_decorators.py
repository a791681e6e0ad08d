"""Step decorators of extension packages: their hooks are called, in order, where they belong."""

from __future__ import annotations

import pytest
from extension_project import SAMPLE, Project

FLOW = """
import os
from metaflow import FlowSpec, acme_note, acme_rescue, current, retry, step

class NotedFlow(FlowSpec):
    @acme_note(word="one")
    @step
    def start(self):
        self.items = [1, 2]
        self.seen = current.acme
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @acme_note(word="two")
    @step
    def join(self, inputs):
        self.seen = inputs[0].items
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    NotedFlow()
"""

FAILING = """
import os, signal
from metaflow import FlowSpec, acme_note, acme_rescue, retry, step

class FailingFlow(FlowSpec):
    @acme_rescue(retries=1)
    @step
    def start(self):
        self.kept = int("no number")
        self.next(self.middle)

    @acme_rescue(fallbacks=1)
    @step
    def middle(self):
        os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.end)

    @acme_note(word="bad")
    @retry(times=1)
    @step
    def end(self):
        raise KeyError("gone")

if __name__ == "__main__":
    FailingFlow()
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path, SAMPLE)
    made.env["ACME_NOTES"] = str(tmp_path / "notes")
    # Settings of the sample add a decorator to all steps of a run.
    made.env["METAFLOW_TOGGLE_ACME"] = "1"
    return made


def notes(project, word=""):
    text = (project.folder / "notes").read_text()
    return [line for line in text.splitlines() if line.startswith(word)]


def without_defaults(flow: str) -> str:
    """Keep the sample's setting from adding `@acme_note` to the steps."""
    return flow.replace(
        "if __name__", "import metaflow.settings.load as s; s.OVERRIDES.clear()\nif __name__"
    )


def test_hooks_are_called_in_order(project):
    project.flow("noted.py", without_defaults(FLOW))
    project.python("noted.py", "run")
    told = notes(project, "one")
    assert told == [
        "one runtime_init NotedFlow True",
        "one runtime_task_created start/1 None ['_parameters/0'] False",
        "one runtime_step_cli 0 0",
        "one task_pre_step start 1 0 None",
        "one before start one0",
        "one task_post_step by one",
        "one task_finished True",
        "one runtime_finished True",
    ]
    joined = notes(project, "two")
    assert "two runtime_task_created join/4 None ['work/2', 'work/3'] False" in joined
    assert "two task_pre_step join 4 0 2" in joined
    assert "two before join two0" in joined
    printed = project.evaluate(
        "from metaflow import Flow",
        "run = Flow('NotedFlow').latest_run",
        "task = run['start'].task",
        "print(task.data.decorated, '|', task.data.seen.split('/')[-2:], '|', run['join'].task.data.seen)",
    )
    assert printed == "by one | ['start', '1'] | [1, 2]"
    printed = project.evaluate(
        "from metaflow import Flow",
        "run = Flow('NotedFlow').latest_run",
        "facts = {step.id: step.task.metadata_dict.get('acme-word') for step in run}",
        "print(sorted(facts.items(), key=str))",
        "print([fact.type for fact in run['start'].task.metadata if fact.name == 'acme-word'])",
    )
    assert printed == (
        "[('end', None), ('join', 'two'), ('start', 'one'), ('work', None)]\n['acme']"
    )


def test_settings_of_extensions_add_decorators(project):
    project.flow("noted.py", FLOW)
    project.python("noted.py", "run")
    assert len([line for line in notes(project, "plain") if "before work" in line]) == 2


def test_failures_are_taken_over(project):
    project.flow("failing.py", without_defaults(FAILING))
    done = project.python("failing.py", "run", fails=True)
    assert "KeyError: 'gone'" in done.stdout
    assert (
        notes(project, "bad")[1:]
        == [
            "bad runtime_task_created end/6 None ['middle/2'] False",
            "bad runtime_step_cli 0 1",
            "bad task_pre_step end 6 0 None",
            "bad before end bad0",
            "bad task_exception KeyError 0 1",
            "bad task_finished False",
            "bad runtime_step_cli 1 1",
            "bad task_pre_step end 6 1 None",
            "bad before end bad1",
            "bad task_exception KeyError 1 1",
            "bad task_finished False",
            "bad runtime_finished False",
        ]
        or notes(project, "bad")[-1] == "bad runtime_finished False"
    )
    printed = project.evaluate(
        "from metaflow import Flow",
        "run = Flow('FailingFlow').latest_run",
        "print([run[name].task.data.rescued for name in ('start', 'middle')])",
        "print(run['start'].task.data.seen[::2], run['start'].task.successful)",
    )
    assert printed == ("['ValueError in start', 'TaskDied in middle']\n['start', 1] False")


def test_a_hook_refuses_before_anything_runs(project):
    project.flow("noted.py", FLOW)
    done = project.python("noted.py", "run", "--with", "acme_note:word=refused", fails=True)
    assert "Acme failed:" in done.stderr
    assert "is refused" in done.stderr
    assert "Workflow starting" not in done.stdout


def test_a_command_of_its_own_is_refused(project):
    project.flow("noted.py", without_defaults(FLOW).replace('word="one"', 'word="command"'))
    done = project.python("noted.py", "run", fails=True)
    assert "`@acme_note` wants to start step `start` by a command of its own" in done.stderr


def test_they_are_shown_like_others(project):
    project.flow("noted.py", without_defaults(FLOW))
    assert "@acme_note\nStep start" in project.python("noted.py", "show").stdout
    done = project.python("noted.py", "run", "--with", "acme_note:colour=red", fails=True)
    assert "colour" in done.stderr


def test_they_add_to_the_code_package(project):
    project.flow("failing.py", without_defaults(FAILING))
    listed = project.python("failing.py", "package", "list", "--archive").stderr
    assert "acme/rescue.txt" in listed
    assert "metaflow_extensions/acme/plugins/rescue_decorator.py" in listed
