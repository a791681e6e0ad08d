"""Options of decorators that mutators add are there as if the decorators stood in the source."""

from __future__ import annotations

import pytest

from metaflow import Runner
from metaflow.runner.click_api import MetaflowAPI

FLOW = """
from metaflow import Config, FlowMutator, FlowSpec, Parameter, StepMutator, current, step


class in_project(FlowMutator):
    def pre_mutate(self, mutable_flow):
        if "project" in mutable_flow.cfg:
            mutable_flow.add_decorator("project", deco_kwargs={"name": mutable_flow.cfg.project})


@in_project
class MutatedFlow(FlowSpec):
    cfg = Config("cfg", default_value={"project": "birds"})
    branch = Parameter("branch-of-run", default=lambda context: current.get("branch_name", "none"))

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print("branch:", self.branch)


if __name__ == "__main__":
    MutatedFlow()
"""
NO_PROJECT = ("--config-value", "cfg", "{}")


@pytest.fixture
def mutated(workspace):
    workspace.write(FLOW)
    return workspace


def tags(run):
    return {tag for tag in run.system_tags if tag.startswith("project")}


def refused(workspace, *arguments):
    done = workspace.flow(*arguments)
    assert done.code == 2, done.out + done.err
    return done.err


def test_options_are_read(mutated):
    for arguments, env in (
        (("--branch", "b", "run"), {}),
        (("--branch=b", "run"), {}),
        (("run",), {"METAFLOW_BRANCH": "b"}),
    ):
        done = mutated.succeed(*arguments, **env)
        assert "branch: test.b" in done.out
        assert tags(mutated.latest()) == {"project:birds", "project_branch:test.b"}


def test_a_branch_named_like_a_command_is_no_command(mutated):
    given = ("--branch", "run", "--config-value", "cfg", '{"project": "fish"}', "--production")
    mutated.succeed(*given, "run")
    assert tags(mutated.latest()) == {"project:fish", "project_branch:prod.run"}


def test_help_lists_what_the_configs_bring(mutated):
    assert "--production" in mutated.succeed("--help").out
    assert "--production" not in mutated.succeed(*NO_PROJECT, "--help").out
    # Help is given even if the options cannot be known.
    told = mutated.succeed("--config", "cfg", "nowhere.json", "--help").out
    assert "--production" not in told
    assert "--config-value" in told


def test_mistakes_are_refused(mutated):
    assert "No such option '--branch'" in refused(mutated, *NO_PROJECT, "--branch", "b", "run")
    told = refused(mutated, "--barnch", "b", "run")
    assert "No such option '--barnch'" in told
    assert "--branch" in told
    given = ("--branch", "b", "--config", "cfg", "nowhere.json", "run")
    assert "file `nowhere.json` cannot be read" in refused(mutated, *given)
    assert "requires 2 arguments" in refused(mutated, "--branch", "b", "--config", "cfg")


def test_what_needs_no_configs_works_whatever_they_are(mutated):
    env = {"METAFLOW_FLOW_CONFIG": '{"cfg": "nowhere.json"}'}
    assert mutated.flow("version", **env).code == 0
    assert mutated.flow("show", **env).code == 2


def test_a_mutator_that_fails_is_told_once(mutated):
    source = FLOW.replace('if "project"', 'print("here"); 1 / 0\n        if "project"')
    mutated.write(source)
    done = mutated.fail("--branch", "b", "run")
    assert "ZeroDivisionError" in done.err
    assert done.out.count("here") == 1
    assert "--metadata" in mutated.succeed("--help").out


def test_an_earlier_run_says_which_options_there_are(mutated):
    with_project = mutated.run()
    done = mutated.succeed("--branch", "c", "resume", "start")
    assert "branch: user.ann" in done.out  # values are those of the origin
    assert tags(mutated.latest()) == {"project:birds", "project_branch:test.c"}
    mutated.succeed("--branch", "c", "spin", f"{with_project.id}/end")
    mutated.succeed(*NO_PROJECT, "run")
    told = refused(mutated, "--branch", "c", "resume")
    assert "No such option '--branch': with the configs of the earlier run" in told
    assert "MutatedFlow" in told
    # In the environment, an option is there for whoever wants it.
    mutated.succeed("resume", METAFLOW_BRANCH="c")
    assert tags(mutated.latest()) == set()


def test_a_step_mutator_may_bring_options_too(mutated):
    source = FLOW.replace("FlowMutator):", "StepMutator):").replace("@in_project\n", "")
    source = source.replace("def pre_mutate(self, mutable_flow):", "def pre_mutate(self, of):")
    source = source.replace(
        '        if "project"', '        mutable_flow = of.flow\n        if "project"'
    )
    mutated.write(
        source.replace("    @step\n    def start", "    @in_project\n    @step\n    def start")
    )
    assert "branch: test.b" in mutated.succeed("--branch", "b", "run").out


def test_a_mutator_takes_options_away(mutated):
    source = FLOW.replace("@in_project", "@in_project\n@project(name='p')")
    source = source.replace("import Config", "import project, Config")
    mutated.write(
        source.replace(
            'if "project"', 'mutable_flow.remove_decorator("project")\n        if "project"'
        )
    )
    assert "--production" not in mutated.succeed(*NO_PROJECT, "--help").out
    assert "No such option" in refused(mutated, *NO_PROJECT, "--branch", "b", "run")


def test_programs_give_them(mutated):
    file = str(mutated.folder / "flow.py")
    with Runner(
        file, branch="b", show_output=False, env=mutated.env, cwd=str(mutated.folder)
    ) as runner:
        run = runner.run().run
        assert tags(run) == {"project:birds", "project_branch:test.b"}
    api = MetaflowAPI.from_cli(file, None)
    assert "--branch=b" in api(branch="b").run()
    with pytest.raises(ValueError, match="Unknown argument: 'branch'"):
        api(config_value=[("cfg", {})], branch="b")
    unsettled = {"METAFLOW_CLICK_API_PROCESS_CONFIG": "0"}
    api = MetaflowAPI.from_cli(file, None, environ=unsettled)
    assert "--branch=b" in api(config_value=[("cfg", {})], branch="b").words
