"""Every command, option, setting and documented name is in the documentation, and no other."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import click
import pytest
from docs_pages import REPOSITORY

import metaflow
from metaflow import Config, FlowSpec, Parameter, project, step, trigger_on_finish
from metaflow.cli import command
from metaflow.cli.configure_questions import TOPICS
from metaflow.cli.console import Console
from metaflow.cli.flow import COMMANDS, FlowGroup
from metaflow.cli.scope import Scope
from metaflow.settings import load_settings

DOCS = REPOSITORY / "docs"
RUNNING = "".join(
    (DOCS / page).read_text(encoding="utf-8")
    for page in ("running.md", "command-line.md", "single-tasks.md", "object-stores.md")
)
SETTINGS = Path(metaflow.__file__).parent / "settings"
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{3,}")
OUTSIDE = {
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "MASTER_PORT",
    "MF_PARALLEL_CONTROL_TASK_ID",
    "MF_PARALLEL_MAIN_IP",
    "NO_COLOR",
    "STORAGE_EMULATOR_HOST",
    "SUDO_USER",
    "USERNAME",
}
"""Variables that are no settings of ours."""


@project(name="docs")
@trigger_on_finish(flow="EarlierFlow")
class PlainFlow(FlowSpec):
    size = Parameter("size", default=1)
    cfg = Config("cfg")

    @step
    def start(self):
        pass


def commands() -> dict[str, click.Command]:
    """All commands by the words that call them."""
    scope = Scope(PlainFlow, load_settings({}), Console())
    found: dict[str, click.Command] = {"": FlowGroup(scope.settings, PlainFlow)}
    for name, module in COMMANDS.items():
        made = import_module(module).build(scope)
        found[name] = made
        if isinstance(made, click.Group):
            found |= {f"{name} {inner}": part for inner, part in made.commands.items()}
    return found


def options(made: click.Command) -> set[str]:
    """The options of a command that users are shown."""
    return {
        name
        for param in made.params
        if isinstance(param, click.Option) and not param.hidden
        for name in (*param.opts, *param.secondary_opts)
        if name != "--size"
    }


def variables() -> set[str]:
    """Environment variables that the settings read."""
    found = set()
    for file in SETTINGS.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value.removeprefix("METAFLOW_")
                if VARIABLE.fullmatch(name):
                    found.add(name if name in OUTSIDE else f"METAFLOW_{name}")
    return found


def mentioned(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def test_the_variables_are_found():
    assert {"METAFLOW_USER", "METAFLOW_HOME", "METAFLOW_TASK_START", "NO_COLOR"} <= variables()


@pytest.mark.parametrize("name", sorted(variables()))
def test_each_variable_is_documented(name):
    assert mentioned(name, RUNNING)


@pytest.mark.parametrize("name", sorted(filter(None, commands())))
def test_each_command_is_documented(name):
    assert mentioned(name, RUNNING)


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name, made in commands().items() for option in sorted(options(made))],
)
def test_each_option_is_documented(name, option):
    assert mentioned(option, RUNNING)


def installation_commands(made: click.Group, words: str) -> dict[str, click.Command]:
    """Commands of `metaflow`, by the words that call them."""
    context = click.Context(made)
    found: dict[str, click.Command] = {}
    for name in made.list_commands(context):
        inner = made.get_command(context, name)
        assert inner is not None
        found[f"{words} {name}"] = inner
        if isinstance(inner, click.Group):
            found |= installation_commands(inner, f"{words} {name}")
    return found


OF_INSTALLATION = installation_commands(command.InstallationGroup(Console()), "metaflow")


@pytest.mark.parametrize("words", sorted(OF_INSTALLATION))
def test_each_command_of_the_installation_is_documented(words):
    assert mentioned(words, RUNNING)
    for option in options(OF_INSTALLATION[words]):
        assert mentioned(option, RUNNING)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_a_page_names_no_option_or_variable_that_does_not_exist(page):
    if page.name == "performance.md":  # has the options of the benchmark
        return
    known = {
        option
        for made in [*commands().values(), *OF_INSTALLATION.values()]
        for option in options(made)
    }
    text = page.read_text(encoding="utf-8")
    own = set(re.findall(r"(?:Parameter|IncludeFile)\(\s*\"([\w-]+)\"", text))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert named - known - {f"--{name}" for name in own} <= {"--help"}

    read_by_options = (
        r"METAFLOW_(RUN|QUIET|PYLINT|DATASTORE|METADATA|ENVIRONMENT|DECOSPECS|RESUME|FLOW|"
        r"INIT|BRANCH|PRODUCTION|TRIGGER)"
    )
    of_options = re.compile(
        rf"{read_by_options}(_[A-Z_]+)?|METAFLOW_(EXIT_[A-Z_]+|PACKAGE_POLICY)?"
    )
    in_text = set(re.findall(r"\bMETAFLOW_[A-Z_0-9]*", text))
    asked_for = {
        question.key for topic in TOPICS for part in topic.parts for question in part.questions
    }
    in_text -= variables() | asked_for
    assert {name for name in in_text if not of_options.fullmatch(name)} == set()


def test_each_error_that_programs_catch_is_documented():
    from metaflow import exception

    errors = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert [name for name in exception.__all__ if not mentioned(name, errors)] == []


def test_each_word_of_the_packages_folders_is_in_the_layers():
    architecture = (DOCS / "architecture.md").read_text(encoding="utf-8")
    folders = {
        entry.stem
        for entry in Path(metaflow.__file__).parent.iterdir()
        if not entry.name.startswith("__") and entry.suffix in {"", ".py"}
    }
    assert {name for name in folders if f"`{name}`" not in architecture} == set()
