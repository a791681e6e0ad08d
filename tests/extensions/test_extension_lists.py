"""Each list of an extension package reaches those who use what is in it."""

from __future__ import annotations

import json

import pytest
from extension_project import Project, package

FLOW = """
import os
from metaflow import FlowSpec, secrets, step


class ListedFlow(FlowSpec):
    @secrets(sources=["zoo-vault.cage"])
    @step
    def start(self):
        print("key:", os.environ["CAGE_KEY"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ListedFlow()
"""
PLUGINS = """
SECRETS_PROVIDERS_DESC = [("zoo-vault", ".zoo.Vault")]
LOGGING_SIDECARS_DESC = [("zooLogger", ".zoo.Logger")]
MONITOR_SIDECARS_DESC = [("zooMonitor", ".zoo.Monitor")]
DEPLOYER_IMPL_PROVIDERS_DESC = [("zoo_scheduler", ".zoo.Scheduler")]
RUNNER_CLIS_DESC = [("zoo", ".zoo.cli")]
DATASTORES_DESC = [("zoo-store", ".nowhere.Store")]
"""
ZOO = """
import json
from metaflow._vendor import click
from metaflow.plugins.secrets import SecretsProvider


class Vault(SecretsProvider):
    TYPE = "zoo-vault"

    def get_secret_as_dict(self, secret_id, options={}, role=None):
        return {"CAGE_KEY": f"key of {secret_id}"}


class Logger:
    def log(self, event):
        with open("events", "a") as file:
            file.write(json.dumps(dict(event)) + "\\n")


class Monitor:
    def count(self, name):
        with open("measures", "a") as file:
            file.write(f"count {name}\\n")

    def measure(self, name, seconds):
        with open("measures", "a") as file:
            file.write(f"measure {name}\\n")


class Scheduler:
    name = "zoo_scheduler"

    def create(self, request):
        raise AssertionError("nobody deploys here")


@click.group()
def cli():
    pass


@cli.command(help="Feed the animals.")
@click.option("--food", default="hay")
@click.pass_obj
def feed(obj, food):
    click.echo(f"{obj.flow.name} feeds {food}")
"""


@pytest.fixture
def project(tmp_path):
    package(tmp_path, "zoo/plugins/__init__.py", PLUGINS)
    package(tmp_path, "zoo/plugins/zoo.py", ZOO)
    made = Project(tmp_path, tmp_path)
    made.flow("listed.py", FLOW)
    return made


def test_secrets_come_from_it(project):
    assert "key: key of cage" in project.python("listed.py", "run").stdout


def test_it_is_told_what_happens(project):
    options = ("--event-logger", "zooLogger", "--monitor", "zooMonitor")
    project.python("listed.py", *options, "run")
    lines = (project.folder / "events").read_text().splitlines()
    told = [json.loads(line)["event"] for line in lines]
    assert (told[0], told[-1]) == ("command started", "command ended")
    measured = (project.folder / "measures").read_text().splitlines()
    assert measured[0] == "count metaflow.command.run"
    assert measured[-1] == "measure metaflow.command.run"
    done = project.python("listed.py", "--monitor", "nobody", "run", fails=True)
    assert "'debugMonitor', 'nullSidecarMonitor', 'zooMonitor'" in done.stderr


def test_by_a_setting_too(project):
    project.python("listed.py", "version", METAFLOW_DEFAULT_EVENT_LOGGER="zooLogger")
    assert "command ended" in (project.folder / "events").read_text()
    off = {"METAFLOW_TOGGLE_LOGGING_SIDECAR": "-zooLogger"}
    done = project.python("listed.py", "--event-logger", "zooLogger", "version", fails=True, **off)
    assert "'zooLogger' is not one of" in done.stderr


def test_a_scheduler_is_known(project):
    printed = project.evaluate(
        "from metaflow import Deployer",
        "from metaflow.runner.deploy_targets import find_target, target_names",
        "print('zoo_scheduler' in target_names(), find_target('zoo_scheduler').name)",
        "print(callable(Deployer('listed.py').zoo_scheduler))",
    )
    assert printed == "True zoo_scheduler\nTrue"


def test_commands_for_programs_are_commands(project):
    assert project.python("listed.py", "feed").stdout == "ListedFlow feeds hay\n"
    printed = project.evaluate(
        "from metaflow.runner.click_api import MetaflowAPI",
        "print(MetaflowAPI.from_cli('listed.py', None).feed(food='fish')[-2:])",
    )
    assert printed == "['feed', '--food=fish']"


def test_commands_of_the_installation_can_be_switched_off(tmp_path):
    package(
        tmp_path,
        "zoo/cmd/__init__.py",
        "CMDS_DESC = [('zoo', '.open.zoo')]\n",
    )
    opened = (
        "from metaflow._vendor import click\n\n@click.command()\ndef zoo():\n    print('open')\n"
    )
    package(tmp_path, "zoo/cmd/open.py", opened)
    project = Project(tmp_path, tmp_path)
    command = ("-c", "from metaflow.cli.command import main; main()", "zoo")
    assert project.python(*command).stdout == "open\n"
    done = project.python(*command, fails=True, METAFLOW_TOGGLE_CMD="-zoo")
    assert "No such command 'zoo'" in done.stderr


def test_who_looks_for_the_reason_is_told_what_is_not_used(project):
    done = project.python("listed.py", "version", METAFLOW_DEBUG_EXT="1")
    assert "this version has no use for DATASTORES_DESC of metaflow_extensions.zoo" in done.stderr
