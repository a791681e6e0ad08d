"""The code of a run is kept with it, and comes back by the client and by commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile

import pytest
from flow_scheduler import Scheduler, Todo
from flow_workspace import Done

from metaflow import Flow, Task, inspect_spin

FLOW = """
    from metaflow import FlowSpec, current, environment, step

    class CodeFlow(FlowSpec):
        @step
        def start(self):
            self.has_code = current.run.code is not None
            self.next(self.end)

        {decorator}
        @step
        def end(self):
            pass

    if __name__ == "__main__":
        CodeFlow()
"""
ADDING = """
    import os
    import signal
    import time

    from metaflow import FlowSpec, step
    from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator

    class Adds(StepDecorator):
        name = "adds"

        def add_to_package(self):
            {adds}

    adds = DecoratorSyntax(Adds)

    class CodeFlow(FlowSpec):
        @adds
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            open("end_has_run", "w").close()

    if __name__ == "__main__":
        CodeFlow()
"""


@pytest.fixture
def flow(workspace):
    workspace.write(FLOW.format(decorator=""))
    return workspace


def command(workspace, *arguments: str) -> Done:
    call = "import sys; from metaflow.cli.command import main; main()"
    return workspace.python("-c", call, *arguments)


def source(workspace) -> str:
    return (workspace.folder / "flow.py").read_text()


def test_a_run_keeps_its_code(flow):
    (flow.folder / "tools").mkdir()
    (flow.folder / "tools" / "one.py").write_text("ONE = 1\n")
    (flow.folder / "table.csv").write_text("a\n")
    run = flow.run()
    code = run.code
    assert code.script_name == "flow.py"
    assert code.flowspec == source(flow)
    assert code.info["script"] == "flow.py"
    assert code.info["username"] == "ann"
    assert code.info["python_version_code"] == ".".join(map(str, sys.version_info[:3]))
    assert os.path.isfile(code.path)
    assert repr(code) == "<MetaflowCode: flow.py>"
    assert code.files() == {"flow.py": source(flow).encode(), "tools/one.py": b"ONE = 1\n"}
    with code.extract() as folder, code.tarball as tarball:
        assert sorted(os.listdir(folder)) == ["flow.py", "tools"]
        assert set(tarball.getnames()) > {".mf_meta/INFO", ".mf_install", "flow.py"}
    task = run["end"].task
    assert task.code.path == code.path
    assert task.environment_info == code.info
    assert json.loads(task.metadata_dict["code-package"])["ds_type"] == "local"


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_the_package_is_there_whichever_way_tasks_start(flow, start):
    assert flow.run(METAFLOW_TASK_START=start).code.flowspec == source(flow)


def test_the_package_can_be_there_before_the_first_task(flow):
    run = flow.run(METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE="1")
    assert run["start"].task.data.has_code is True


def test_unchanged_code_is_one_package_and_changed_code_another(flow):
    first, second = flow.run().code, flow.run().code
    assert first.path == second.path
    with (flow.folder / "flow.py").open("a") as file:
        file.write("# changed\n")
    third = flow.run().code
    assert third.path != second.path
    assert third.flowspec.endswith("# changed\n")
    assert first.flowspec == second.flowspec != third.flowspec


def test_a_resumed_run_has_the_code_of_its_own_day(workspace):
    workspace.write(FLOW.format(decorator="").replace("pass", "raise SystemExit(3)"))
    workspace.fail("run")
    first = workspace.latest()
    workspace.write(FLOW.format(decorator=""))
    workspace.succeed("resume")
    second = workspace.latest()
    assert first.code.flowspec != second.code.flowspec == source(workspace)
    assert second["start"].task.origin_pathspec == first["start"].task.pathspec


@pytest.mark.parametrize("step", ["start", "end"])
def test_a_step_with_a_warm_parent_of_its_own_packs_nothing_more(workspace, step):
    text = FLOW.format(decorator="")
    place = text.index("@step") if step == "start" else text.rindex("@step")
    indent = text[:place].rpartition("\n")[2]
    added = f'@environment(vars={{"A": "1"}})\n{indent}'
    workspace.write(text[:place] + added + text[place:])
    run = workspace.run()
    assert run.code.flowspec == source(workspace)
    assert len(list((workspace.folder / ".metaflow" / "blobs").glob("*/*"))) == 1


def test_suffixes_on_the_command_line_and_in_the_environment(flow):
    for name in ("a.yaml", "b.sql", "c.csv"):
        (flow.folder / name).write_text(name)
    flow.succeed("--package-suffixes", ".yaml,.sql", "run")
    assert {"a.yaml", "b.sql"} <= flow.latest().code.files().keys()
    run = flow.run(METAFLOW_DEFAULT_PACKAGE_SUFFIXES=".csv")
    assert run.code.files().keys() == {"c.csv"}


def test_nothing_is_packed_if_that_is_wished(flow):
    run = flow.run(METAFLOW_CODE_PACKAGE_MB="0")
    assert run.code is None
    assert run["end"].task.code is None
    done = command(flow, "code", "diff", run.pathspec)
    assert done.code == 1
    assert "No code package" in done.err


def test_too_much_code_is_said_and_fails_nothing(flow):
    (flow.folder / "large.py").write_text("#" * (1 << 20))
    done = flow.succeed("run", METAFLOW_CODE_PACKAGE_MB="1")
    assert "The code of this run is not packed: " in done.out
    assert "METAFLOW_CODE_PACKAGE_MB" in done.out
    assert flow.latest().code is None


def test_the_state_of_a_repository(flow):
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        done = subprocess.run(
            ["git", *who, *arguments],
            cwd=flow.folder,
            env={**flow.env, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    git("init", "-q", "-b", "trunk")
    git("remote", "add", "origin", "https://ann:secret@example.org/flows.git")
    git("add", "flow.py")
    git("commit", "-q", "-m", "first")
    first = json.loads(flow.run()["end"].task.metadata_dict["git-info"])
    assert first == {
        "repo_url": "https://example.org/flows.git",
        "branch_name": "trunk",
        "commit_sha": git("rev-parse", "HEAD"),
        "has_uncommitted_changes": False,
    }
    with (flow.folder / "flow.py").open("a") as file:
        file.write("# changed\n")
    second = flow.run()
    assert second.code.info["has_uncommitted_changes"] is True
    git("commit", "-qam", "second")
    third = flow.run().code.info
    assert third["commit_sha"] == git("rev-parse", "HEAD") != first["commit_sha"]
    assert third["has_uncommitted_changes"] is False


def test_a_run_that_is_over_sooner_waits_for_its_package(workspace):
    adds = """
            while not os.path.exists("end_has_run"):
                time.sleep(0.001)
            yield b"late", "late.txt"
    """
    workspace.write(ADDING.format(adds=adds.strip()))
    run = workspace.run()
    with run.code.tarball as tarball:
        assert ".mf_code/late.txt" in tarball.getnames()


def test_a_run_survives_the_death_of_what_packs_it(workspace):
    workspace.write(ADDING.format(adds="os.kill(os.getpid(), signal.SIGKILL)"))
    done = workspace.succeed("run")
    assert "is not packed: the process that packs it has died" in done.out
    assert workspace.latest().code is None


def test_a_run_survives_a_store_that_takes_no_package(flow):
    flow.succeed("run")
    blobs = flow.folder / ".metaflow" / "blobs"
    for path in sorted(blobs.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    blobs.rmdir()
    blobs.touch()
    done = flow.succeed("run")
    assert "The code of this run is not packed: Cannot use" in done.out
    assert flow.latest().code is None


def test_decorators_and_mutators_add_to_the_package(workspace):
    workspace.write(
        """
        from elsewhere import marks
        from metaflow import FlowMutator, FlowSpec, StepMutator, UserStepDecorator, step
        from metaflow.packaging_sys import ContentType
        from metaflow.plugins.package_suffixes_mutator import package_suffixes

        class Adds:
            def add_to_package(self):
                yield b"made", f"{type(self).__name__}.txt", ContentType.USER_CONTENT

        class of_step(Adds, UserStepDecorator):
            pass

        class of_mutator(Adds, StepMutator):
            pass

        class of_flow(Adds, FlowMutator):
            pass

        @package_suffixes([".yaml", ".sql"])
        @of_flow
        class CodeFlow(FlowSpec):
            @marks
            @of_step
            @of_mutator
            @step
            def start(self):
                pass

        if __name__ == "__main__":
            CodeFlow()
        """
    )
    elsewhere = workspace.folder.parent / f"{workspace.folder.name}-lib"
    (elsewhere / "elsewhere").mkdir(parents=True)
    (elsewhere / "elsewhere" / "__init__.py").write_text(
        "from metaflow import user_step_decorator\n"
        "@user_step_decorator\n"
        "def marks(step_name, flow, inputs=None, attributes=None):\n"
        "    yield\n"
    )
    (workspace.folder / "tables").mkdir()
    for name in ("a.yaml", "tables/b.sql", "c.csv"):
        (workspace.folder / name).write_text(name)
    for _ in range(2):
        run = workspace.run(PYTHONPATH=str(elsewhere))
        with run.code.tarball as tarball:
            names = set(tarball.getnames())
        added = {"of_step.txt", "of_mutator.txt", "of_flow.txt"}
        assert run.code.files().keys() == {"flow.py", "a.yaml", "tables/b.sql", *added}
        assert ".mf_code/elsewhere/__init__.py" in names
        assert ".mf_code/metaflow" not in {name[: len(".mf_code/metaflow")] for name in names}


# --- commands ---


def test_package_shows_and_saves_what_other_machines_get(flow):
    (flow.folder / "a.yaml").write_text("a")
    info = flow.succeed("package", "info").err
    assert "script: flow.py" in info
    listed = flow.succeed("--package-suffixes", ".yaml", "package", "list", "--archive").err
    assert {"flow.py", "a.yaml", ".mf_code/metaflow/__init__.py", ".mf_meta/DIST_INFO"} <= set(
        listed.splitlines()
    )
    assert str(flow.folder / "flow.py") in flow.succeed("package", "list").err.splitlines()
    flow.succeed("package", "save", "code.tgz")
    out = flow.folder / "out"
    with tarfile.open(flow.folder / "code.tgz") as archive:
        archive.extractall(out, filter="data")
    done = flow.python(
        "-c",
        "import metaflow, flow; print(metaflow.__file__, flow.CodeFlow.__name__)",
        PYTHONPATH=f"{out}/.mf_code:{out}",
    )
    assert done.out.split() == [str(out / ".mf_code/metaflow/__init__.py"), "CodeFlow"]


def test_package_gives_up_in_time(flow):
    done = flow.fail("package", "--timeout", "0.00001", "info")
    assert "was not complete after 1e-05 seconds" in done.err
    assert flow.flow("package", "--timeout", "0", "info").code == 2


def test_package_cannot_save_just_anywhere(flow):
    assert "File not written" in flow.fail("package", "save", "no/such/folder").err


@pytest.fixture
def two_runs(flow):
    """Two runs of code that differs, and a third state in the folder."""
    original = source(flow)
    (flow.folder / "tool.py").write_text("x = 1\n")
    first = flow.run()
    (flow.folder / "flow.py").write_text(original + "# second\n")
    (flow.folder / "tool.py").unlink()
    second = flow.run()
    (flow.folder / "flow.py").write_text(original + "# third\n")
    return first, second, original


def test_diff_shows_what_has_changed_since(flow, two_runs):
    first, second, _ = two_runs
    (flow.folder / "new.py").write_text("1\n")
    done = command(flow, "code", "diff", second.pathspec)
    assert done.code == 0
    assert "-# second\n+# third\n" in done.out
    assert "\033" not in done.out
    assert "Only here, and left out: new.py" in done.err
    task = command(flow, "code", "diff", second["end"].task.pathspec)
    assert task.out == done.out
    both = command(flow, "code", "diff-runs", first.pathspec, second.pathspec)
    assert "+# second\n" in both.out
    assert "--- tool.py\n+++ /dev/null\n" in both.out


def test_pull_makes_a_folder_and_no_other(flow, two_runs):
    first, _, original = two_runs
    done = command(flow, "code", "pull", first.pathspec)
    folder = flow.folder / f"codeflow_{first.id}_code"
    assert done.code == 0
    assert sorted(os.listdir(folder)) == ["flow.py", "tool.py"]
    assert (folder / "flow.py").read_text() == original
    again = command(flow, "code", "pull", first.pathspec)
    assert again.code == 1
    assert "Already there" in again.err
    assert command(flow, "code", "pull", first.pathspec, "--dir", "x/y").code == 0
    assert (flow.folder / "x" / "y" / "tool.py").exists()


@pytest.mark.parametrize("tool", [("patch", "-p0", "-i"), ("git", "apply", "-p0")])
def test_a_patch_brings_the_code_of_a_run_back(flow, two_runs, tool):
    first, _, original = two_runs
    assert command(flow, "code", "patch", first.pathspec).code == 0
    name = f"codeflow_{first.id}.patch"
    subprocess.run([*tool, name], cwd=flow.folder, check=True, capture_output=True)
    assert source(flow) == original
    assert (flow.folder / "tool.py").read_text() == "x = 1\n"
    assert command(flow, "code", "diff", first.pathspec).out == ""


def test_a_patch_replaces_only_what_it_may(flow, two_runs):
    first, _, _ = two_runs
    (flow.folder / "my.patch").write_text("mine")
    done = command(flow, "code", "patch", first.pathspec, "--file_path", "my.patch")
    assert done.code == 1
    assert (flow.folder / "my.patch").read_text() == "mine"
    arguments = ("code", "patch", first.pathspec, "--file_path", "my.patch", "--overwrite")
    assert command(flow, *arguments).code == 0
    assert "tool.py" in (flow.folder / "my.patch").read_text()


def test_what_is_not_there_is_said(flow, two_runs):
    for arguments in (("diff", "CodeFlow/1"), ("pull", "NoFlow/1"), ("patch", "CodeFlow")):
        assert command(flow, "code", *arguments).code == 1


def test_tasks_of_the_past_have_code_without_a_lookup_of_the_run(flow):
    run = flow.run()
    assert Task(f"{run.pathspec}/start/1").code.flowspec == source(flow)


def test_a_run_of_a_scheduler_keeps_its_code(flow):
    scheduler = Scheduler(flow, set())
    scheduler.run()
    first = source(flow)
    run = flow.latest()
    assert run.code.flowspec == first
    assert {task.code.path for step in run for task in step} == {run.code.path}
    # What a task runs that is not what its run began with is the task's own.
    (flow.folder / "flow.py").write_text(first + "# edited\n")
    todo = Todo("start", (scheduler.parameters,))
    assert scheduler.step(todo, "again").code == 0
    flow.look()
    run = flow.latest()
    assert run.code.flowspec == first
    assert run["start"]["again"].code.flowspec == first + "# edited\n"
    assert run["end"].task.code.flowspec == first


def test_a_scheduler_hears_that_code_is_not_packed(workspace):
    workspace.write(ADDING.format(adds='yield "data.txt", "data.txt"'))
    done = Scheduler(workspace, set()).init()
    assert "The code of this run is not packed: " in done.err
    assert "there is no such file" in done.err
    assert workspace.latest().code is None


@pytest.mark.parametrize("start", ["auto", "spawn"])
def test_a_spun_task_has_the_code_that_it_ran(flow, start):
    settings = {"METAFLOW_TASK_START": start}
    flow.succeed("run")
    packed = flow.latest().code.path

    def spin(*options):
        flow.succeed("spin", *options, "end", **settings)
        inspect_spin(str(flow.folder))
        return next(iter(Flow("CodeFlow", _namespace_check=False)))

    # Nothing has changed: it is the package of the run.
    assert spin().code.path == packed
    assert spin("--persist").code.path == packed
    with open(flow.folder / "flow.py", "a") as file:
        file.write("# edited\n")
    # What is not to be kept makes no package.
    assert spin().code is None
    run = spin("--persist")
    assert run.code.flowspec == source(flow)
    assert run["end"].task.code.path == run.code.path
    assert ".metaflow_spin" in run.code.path
