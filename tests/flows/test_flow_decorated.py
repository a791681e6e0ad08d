"""Whole flows with flow decorators: projects, triggers, exit hooks; and what has no back end."""

from __future__ import annotations

import json

import pytest

from metaflow import Run

FLOW = """
from metaflow import *
{before}
{above}
class DecoratedFlow(FlowSpec):
    {inside}

    {on_start}
    @step
    def start(self):
        {start}
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    DecoratedFlow()
"""


def write(workspace, above="", start="pass", on_start="", inside="", before="", name="flow.py"):
    text = FLOW.format(above=above, start=start, on_start=on_start, inside=inside, before=before)
    workspace.write(text, name)


SHOW_PROJECT = (
    "print(current.project_flow_name, current.branch_name, current.is_production, "
    "current.is_user_branch, current.trigger)"
)


@pytest.mark.parametrize(
    ("options", "env", "branch"),
    [
        ((), {}, "user.ann"),
        ((), {"METAFLOW_OWNER": "bob"}, "user.bob"),
        (("--branch", "b"), {}, "test.b"),
        (("--production",), {"METAFLOW_BRANCH": "x"}, "prod.x"),
        ((), {"METAFLOW_FLOW_BRANCH": "y", "METAFLOW_BRANCH": "x"}, "test.y"),
        ((), {"METAFLOW_PRODUCTION": "1"}, "prod"),
        (("--branch", "b"), {"METAFLOW_BRANCH": "x"}, "test.b"),
    ],
)
def test_a_run_belongs_to_a_branch(workspace, options, env, branch):
    write(workspace, "@project(name='shop')", SHOW_PROJECT)
    done = workspace.succeed(*options, "run", **env)
    assert f"Project: shop, Branch: {branch}\n" in done.err
    is_production = branch.startswith("prod")
    is_user = branch.startswith("user")
    said = f"shop.{branch}.DecoratedFlow {branch} {is_production} {is_user} None"
    assert done.said("shop.") == [said]
    run = workspace.latest()
    assert run.system_tags >= {"project:shop", f"project_branch:{branch}"}
    assert "project:shop" not in run.user_tags
    (told,) = run["start"].task["_graph_info"].data["decorators"]
    assert told["name"] == "project"
    assert told["attributes"]["name"] == "shop"
    assert told["statically_defined"]


def test_defaults_that_functions_compute_see_the_project(workspace):
    default = "lambda context: current.project_flow_name + str(current.is_running_flow)"
    inside = f"p = Parameter('p', default={default})"
    write(workspace, "@project(name='shop')", "print(self.p)", inside=inside)
    done = workspace.succeed("run")
    assert done.said("shop.") == ["shop.user.ann.DecoratedFlowFalse"]
    helped = workspace.succeed("run", "--help")
    assert "shop.user.ann.DecoratedFlowFalse" in helped.out.replace("\n", "").replace(" ", "")
    assert "Project:" not in helped.err


def test_a_fresh_interpreter_and_a_resume_see_the_project(workspace):
    write(workspace, "@project(name='shop')", SHOW_PROJECT + "; 1 / 0")
    workspace.fail("run", METAFLOW_TASK_START="spawn")
    done = workspace.fail("--branch", "b", "resume")
    assert "Branch: test.b" in done.err
    assert done.said("shop.test.b.")
    assert "project_branch:test.b" in workspace.latest().system_tags


def test_a_project_can_depend_on_a_config_and_a_resume_keeps_it(workspace):
    write(
        workspace,
        "@project(name=config_expr('cfg.name'))",
        SHOW_PROJECT + "; assert current.origin_run_id",
        inside="cfg = Config('cfg', default_value='{\"name\": \"shop\"}')",
    )
    workspace.fail("--config-value", "cfg", '{"name": "mall"}', "run")
    done = workspace.succeed("resume")
    assert "Project: mall" in done.err
    assert done.said("mall.user.ann.")


@pytest.mark.parametrize(
    ("above", "options", "what"),
    [
        ("@project(name='Shop')", (), "the name of a project"),
        ("@project(name='shop', branch='a')", ("--branch", "b"), "say different things"),
        ("@project(name='a')\n@project(name='b')", (), "more than once"),
        ("@schedule(cron='* *')", (), "this has 2"),
        ("@trigger(event={'name': 'a', 'parameters': ['x']})", (), "no parameter `x`"),
        ("@exit_hook(on_error=['nope'])", (), "no function of this name"),
        ("@trigger_on_finish(flow='Up')", ("--trigger", "Up/1"), "there is no such run"),
        ("@trigger_on_finish(flow='Up')", ("--trigger", "Up"), "not the name of a run"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(workspace, above, options, what):
    write(workspace, above)
    done = workspace.fail(*options, "run")
    assert what in done.err
    assert "Internal error" not in done.err
    assert "Workflow starting" not in done.out
    assert not (workspace.folder / ".metaflow" / "metadata.db").exists()


def test_options_are_there_only_with_their_decorators(workspace):
    write(workspace)
    assert workspace.flow("--branch", "b", "run").code == 2
    assert "--production" not in workspace.succeed("--help").out
    write(workspace, "@project(name='shop')\n@trigger_on_finish(flow='Up')")
    helped = workspace.succeed("--help").out
    assert all(option in helped for option in ("--branch", "--production", "--trigger"))


def test_show_tells_the_decorators_of_the_flow(workspace):
    write(workspace, "@schedule\n@trigger(events=['a', namespaced_event_name('b')])")
    shown = workspace.succeed("--quiet", "show")
    assert shown.err.split("\n")[:2] == [
        "@trigger(events=['a', namespaced_event_name('b')])",
        "@schedule",
    ]
    assert shown.out.startswith("Step start")


def test_a_run_can_be_started_by_the_end_of_others(workspace):
    workspace.write(
        FLOW.format(above="", inside="", before="", on_start="", start="self.x = 42").replace(
            "DecoratedFlow", "UpFlow"
        ),
        "up.py",
    )
    ids = []
    for _ in range(2):
        assert workspace.python("up.py", "run", "--run-id-file", "id").code == 0
        ids.append((workspace.folder / "id").read_text())
    write(
        workspace,
        "@trigger_on_finish(flow='UpFlow')",
        "trigger = current.trigger\n        "
        "print('GOT', trigger.run.data.x, trigger['UpFlow'].id, trigger.event.name, "
        "len(trigger.runs), 'UpFlow' in trigger)",
    )
    options = [word for one in ids for word in ("--trigger", f"UpFlow/{one}")]
    done = workspace.succeed(*options, "run", "--run-id-file", "id")
    assert done.said("GOT") == [f"GOT 42 {ids[0]} metaflow.UpFlow.end 2 True"]
    run_id = (workspace.folder / "id").read_text()
    workspace.look()
    run = Run(f"DecoratedFlow/{run_id}")
    assert [one.pathspec for one in run.trigger.runs] == [f"UpFlow/{one}" for one in ids]
    assert run.trigger.event.type == "run"
    assert json.loads(run["start"].task.metadata_dict["execution-triggers"])[0]["type"] == "run"
    spawned = workspace.succeed("run", METAFLOW_TRIGGER=f"UpFlow/{ids[1]}")
    assert spawned.said("GOT") == [f"GOT 42 {ids[1]} metaflow.UpFlow.end 1 True"]


def test_a_run_that_failed_has_started_nothing(workspace):
    write(workspace, "@trigger_on_finish(flow='DecoratedFlow')", "1 / 0")
    workspace.fail("run", "--run-id-file", "id")
    pathspec = f"DecoratedFlow/{(workspace.folder / 'id').read_text()}"
    done = workspace.fail("--trigger", pathspec, "run")
    assert "this run has not succeeded" in done.err
    assert "Workflow starting" not in done.out


HOOKS = """
def first(run):
    import os
    print("FIRST", run.pathspec, run.successful, os.path.basename(os.getcwd()), flush=True)
    raise ValueError("hook trouble")

def second(**facts):
    print("SECOND", sorted(facts), flush=True)

def third():
    import os
    print("THIRD", flush=True)
    os._exit(7)
"""
HOOKED = "@exit_hook(on_success=[first, 'second'])\n@exit_hook(on_error=['third', first, second])"


def test_exit_hooks_after_a_success(workspace):
    write(workspace, HOOKED, before=HOOKS)
    done = workspace.succeed("run")
    run = workspace.latest()
    lines = done.out.splitlines()
    assert lines[-2:] == [
        f"FIRST {run.pathspec} True {workspace.folder.name}",
        "SECOND ['run']",
    ]
    assert "Done!" in lines[-3]
    assert "ValueError: hook trouble" in done.err
    assert "metaflow/task" not in done.err
    assert "Exit hook `first` failed" in done.err


def test_exit_hooks_after_a_failure_and_a_resume(workspace):
    write(workspace, HOOKED, "assert current.origin_run_id", before=HOOKS)
    done = workspace.fail("run")
    run = workspace.latest()
    words = [line.split()[0] for line in done.out.splitlines()]
    assert words[-3:] == ["THIRD", "FIRST", "SECOND"]
    assert f"FIRST {run.pathspec} False" in done.out
    assert "Exit hook `third` failed (exit code 7)" in done.err
    assert "SECOND" in workspace.succeed("resume").out
    cloned = workspace.succeed("resume", "--clone-only", "--origin-run-id", workspace.latest().id)
    assert "SECOND" in cloned.out
    assert "THIRD" not in cloned.out


def test_exit_hooks_of_modules_and_in_flows_of_modules(workspace):
    workspace.write("def notify(run):\n    print('NOTIFIED', run.id)", "hooks.py")
    write(workspace, "@exit_hook(on_success=['hooks.notify', hooks.notify])", before="import hooks")
    done = workspace.python("-m", "flow", "--no-pylint", "run")
    assert done.code == 0, done.err
    assert done.out.count("NOTIFIED") == 2


SECRET = (
    '@secrets(sources=[{"type": "inline", "id": "db", "options": {"env_vars": {"DB": "hunter2"}}}])'
)


def test_a_secret_is_in_the_step_and_nowhere_else(workspace):
    write(workspace, on_start=SECRET, start="import os; print('LEN', len(os.environ['DB']))")
    printed = []
    for command in (("run",), ("show",), ("output-raw",), ("output-raw", "--json"), ("check",)):
        done = workspace.succeed(*command)
        printed.append(done.out + done.err)
    assert "LEN 7" in printed[0]
    assert "hunter2" not in "".join(printed)
    for file in (workspace.folder / ".metaflow").rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes()
    info = workspace.latest()["start"].task["_graph_info"].data
    assert "hunter2" not in str(info)
    options = info["steps"]["start"]["decorators"][0]["attributes"]["sources"][0]["options"]
    assert options == {"env_vars": {"DB": "***"}}


def test_a_secret_that_cannot_be_used_fails_the_step(workspace):
    write(workspace, on_start="@catch(var='why')\n    " + SECRET, start="print('NOT REACHED')")
    done = workspace.succeed("run", DB="mine")
    assert "NOT REACHED" not in done.out
    assert done.said("`DB` of the secret source `inline.db` is an environment variable already")
    task = workspace.latest()["start"].task
    assert "SecretsClash" in task.data.why.type
    assert "hunter2" not in str(task.data.why) + task.stderr


def test_a_secret_without_a_back_end_is_told_before_the_run(workspace):
    write(workspace, on_start="@secrets(sources=['aws-secrets-manager.db'])")
    done = workspace.fail("run")
    assert "AWS Secrets Manager" in done.err
    assert "Workflow starting" not in done.out
    workspace.succeed("show")


@pytest.mark.parametrize(
    ("above", "on_start", "options", "what"),
    [
        ("", "@kubernetes(cpu=2)", (), "Step `start` has `@kubernetes`"),
        ("", "@batch(memory=100)", (), "the AWS Batch back end"),
        ("", "", ("--with", "kubernetes:cpu=2"), "leave out `--with kubernetes`"),
        ("", "@conda(packages={'numpy': '2'})", (), "Conda environments"),
        ("", "@pypi(python='3.12')", (), "PyPI environments"),
        ("@conda_base(packages={'numpy': '2'})", "", (), "The flow has `@conda_base`"),
        (
            "@conda_base(disabled=True)",
            "@conda(packages={'a': '1'}, disabled=False)",
            (),
            "Step `start` has `@conda`",
        ),
    ],
)
def test_what_needs_a_back_end_is_checked_and_shown_but_not_run(
    workspace, above, on_start, options, what
):
    write(workspace, above, on_start=on_start)
    workspace.succeed("show")
    workspace.succeed("check")
    done = workspace.fail("run", *options)
    assert what in done.err
    assert "Workflow starting" not in done.out


@pytest.mark.parametrize(
    ("above", "on_start"),
    [
        ("", "@conda(packages={'numpy': '2'}, disabled=True)"),
        ("", "@pypi"),
        ("@conda_base(disabled=True)", "@conda(packages={'a': '1'})"),
        ("@pypi_base", ""),
        ("@airflow_s3_key_sensor(bucket_key='k')", ""),
        ("@schedule(daily=True)\n@trigger(event='news')", ""),
    ],
)
def test_what_asks_for_nothing_here_runs(workspace, above, on_start):
    write(workspace, above, on_start=on_start)
    workspace.succeed("run")


def test_an_argument_that_a_back_end_does_not_have_is_an_error(workspace):
    write(workspace, on_start="@kubernetes(cpus=2)")
    done = workspace.fail("run")
    assert "did you mean `cpu`?" in done.err


def test_an_extension_package_can_keep_secrets(workspace):
    package = workspace.folder / "metaflow_extensions" / "acme" / "plugins"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('SECRETS_PROVIDERS_DESC = [("acme", ".vault.Vault")]\n')
    (package / "vault.py").write_text(
        "from metaflow.plugins.secrets import SecretsProvider\n"
        "class Vault(SecretsProvider):\n"
        "    TYPE = 'acme'\n"
        "    def get_secret_as_dict(self, secret_id, options={}, role=None):\n"
        "        return {'DB': secret_id + str(role)}\n"
    )
    write(
        workspace,
        on_start="@secrets(sources=['acme.x'], role='r')",
        start="import os; print('LEN', os.environ['DB'])",
    )
    done = workspace.succeed("run", PYTHONPATH=str(workspace.folder))
    assert done.said("LEN") == ["LEN xr"]
