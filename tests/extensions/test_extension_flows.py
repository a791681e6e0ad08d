"""Flow decorators and commands of extension packages."""

from __future__ import annotations

import pytest
from extension_project import SAMPLE, Project

FLOW = """
from metaflow import FlowSpec, acme_flow, current, step
import metaflow.settings.load as settings; settings.OVERRIDES.clear()

@acme_flow(team="blue")
class TeamFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print("of", current.acme_team, "in", current.acme_colour)

if __name__ == "__main__":
    TeamFlow()
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path, SAMPLE)
    made.flow("team.py", FLOW)
    return made


def test_a_flow_decorator_adds_to_tasks_and_tags(project):
    assert "of blue in None" in project.python("team.py", "run").stdout
    assert "of blue in red" in project.python("team.py", "--colour", "red", "run").stdout
    done = project.python("team.py", "run", METAFLOW_TASK_START="spawn", METAFLOW_COLOUR="green")
    assert "of blue in green" in done.stdout
    printed = project.evaluate(
        "from metaflow import Flow", "print('team:blue' in Flow('TeamFlow').latest_run.system_tags)"
    )
    assert printed == "True"


def test_a_flow_decorator_refuses(project):
    project.flow("team.py", FLOW.replace('team="blue"', 'team="nobody"'))
    done = project.python("team.py", "run", fails=True)
    assert "Acme failed:" in done.stderr
    assert "TeamFlow has no team" in done.stderr
    project.flow("team.py", FLOW.replace('team="blue"', 'crew="blue"'))
    assert "crew" in project.python("team.py", "run", fails=True).stderr


def test_flows_have_further_commands(project):
    assert project.python("team.py", "acme", "count").stdout == "TeamFlow has 2 steps\n"
    assert project.python("team.py", "acme", "count", "--loud").stdout.endswith("steps!\n")
    assert "Commands of acme." in project.python("team.py", "--help").stdout
    assert "Count the steps." in project.python("team.py", "acme", "--help").stdout
    assert "No such command" in project.python("team.py", "zoo", fails=True).stderr


def test_the_installation_has_further_commands(project):
    run = ("-c", "from metaflow.cli.command import main; main()", "acme", "--name", "ada")
    assert project.python(*run).stdout == "acme greets ada\n"
    listed = project.python("-c", "from metaflow.cli.command import main; main()", "--help").stdout
    assert "Greet." in listed
