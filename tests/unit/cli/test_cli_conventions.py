"""What all commands of a flow have in common: streams, exit codes, errors, options."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

BANNER = "executing HelloFlow for user:ann\n"


def test_no_command_checks_the_flow(project):
    done = project.flow()
    assert done.code == 0
    assert done.out == ""
    assert done.err.startswith("Metaflow ")
    assert BANNER in done.err
    assert "Validating your flow...\n    The graph looks good!\n" in done.err


def test_check_says_so_on_stderr_only(project):
    done = project.flow("check")
    assert (done.code, done.out) == (0, "")
    assert "    The graph looks good!\n" in done.err


def test_quiet_leaves_out_banner_and_notes(project):
    assert project.flow("--quiet", "check") == (0, "", "")
    assert project.flow("check", METAFLOW_QUIET="1") == (0, "", "")
    assert BANNER in project.flow("--not-quiet", "check", METAFLOW_QUIET="1").err


def test_data_goes_to_stdout_and_the_docstring_to_stderr(project):
    done = project.flow("show")
    assert done.code == 0
    assert "Step start\n    Say it.\n    => end\n" in done.out
    assert "Step end\n    ?\n" in done.out
    assert "Says hello." in done.err
    assert "Says hello." not in done.out


def test_asterisks_of_the_user_are_kept(project):
    source = (project.directory / "flow.py").read_text()
    (project.directory / "flow.py").write_text(source.replace("Says hello.", "Says *hello*."))
    assert "Says *hello*." in project.flow("show").err


def test_output_dot(project):
    done = project.flow("output-dot")
    assert done.code == 0
    assert done.out.startswith("digraph HelloFlow {")
    assert "start -> end;" in done.out


def test_output_raw(project):
    import json

    described = json.loads(project.flow("output-raw", "--json").out)
    assert described["graph_structure"] == ["start", "end"]
    assert described["graph"]["start"]["next"] == ["end"]
    assert "start" in project.flow("output-raw").out


@pytest.mark.parametrize(
    ("args", "env", "decorators"),
    [
        (("--with", "retry"), {}, "@retry"),
        ((), {"METAFLOW_DECOSPECS": "retry timeout:seconds=9"}, "@retry\n@timeout"),
        (("--with", "retry"), {"METAFLOW_DECOSPECS": "catch"}, "@retry"),
        (("--with", "retry"), {"METAFLOW_DEFAULT_DECOSPECS": "catch retry"}, "@retry\n@catch"),
    ],
)
def test_decorators_added_from_outside_are_shown(project, args, env, decorators):
    shown = project.flow(*args, "show", **env).out
    assert shown.startswith(f"{decorators}\nStep start\n")


def test_version_goes_to_stderr(project):
    from metaflow.settings.version import VERSION

    assert project.flow("version") == (0, "", f"{VERSION}\n")


@pytest.mark.parametrize("args", [("--help",), ("help",)])
def test_help_lists_all_commands(project, args):
    done = project.flow(*args)
    assert done.code == 0
    for command in ("run", "resume", "show", "check", "dump", "logs", "tag", "output-dot"):
        assert f"\n  {command} " in done.out
    assert "executing" not in done.err


@pytest.mark.parametrize(
    "args", [("--help",), ("help",), ("version",), ("run", "--help"), ("tag", "add", "--help")]
)
def test_help_needs_no_user(project, args):
    assert project.flow(*args, METAFLOW_USER=None).code == 0


def test_an_unknown_user_is_told_what_to_do(project):
    done = project.flow("run", METAFLOW_USER=None)
    assert done.code == 1
    assert "    Unknown user:\n" in done.err
    assert "METAFLOW_USER" in done.err


def test_the_production_token_is_the_identity(project):
    done = project.flow("check", METAFLOW_PRODUCTION_TOKEN="t1")
    assert "executing HelloFlow for production:t1" in done.err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("bogus",), "No such command 'bogus'"),
        (("--bogus", "run"), "No such option"),
        (("run", "--bogus"), "No such option"),
        (("check", "extra"), "unexpected extra argument"),
        (("run", "--max-workers", "0"), "'--max-workers'"),
        (("run", "--max-workers", "many"), "'--max-workers'"),
        (("run", "--max-num-splits", "-1"), "'--max-num-splits'"),
        (("run", "--max-log-size", "0"), "'--max-log-size'"),
        (("dump",), "Missing argument"),
        (("tag", "add"), "Missing argument"),
        (("tag", "replace", "--add", "x"), "Missing option"),
        (("tag", "list", "--flat", "--group-by-tag"), "exclude each other"),
        (("tag", "list", "1", "--my-runs"), "Name one run"),
        (("--metadata", "service", "run"), "'service' is not available in this installation"),
        (("--environment", "conda", "run"), "'conda' is not available"),
        (("--datastore", "tape", "run"), "'tape' is not one of 'local', 's3'"),
    ],
)
def test_bad_usage_exits_with_two(project, args, says):
    done = project.flow(*args)
    assert done.code == 2
    assert "Error: " in done.err
    assert says in done.err
    assert done.out == ""


def test_a_default_that_is_not_available_is_refused_too(project):
    done = project.flow("run", METAFLOW_DEFAULT_METADATA="service")
    assert done.code == 2
    assert "'service' is not available" in done.err


def test_a_bad_graph_names_file_and_line(project):
    path = project.write(
        """
        class BadFlow(FlowSpec):
            @step
            def start(self):
                self.next(self.nowhere)

            @step
            def end(self):
                pass

        BadFlow()
        """
    )
    line = 1 + path.read_text().splitlines().index("        self.next(self.nowhere)")
    for command in ("check", "run", "resume"):
        done = project.flow(command)
        assert done.code == 1
        assert "    Validity checker found an issue" in done.err
        assert str(line) in done.err
        assert "nowhere" in done.err


def test_a_bad_setting_is_an_error_with_a_headline(project):
    done = project.flow("check", METAFLOW_TASK_START="thread")
    assert done.code == 1
    assert "    Invalid setting:\n" in done.err
    missing = project.flow("check", METAFLOW_PROFILE="none")
    assert missing.code == 1
    assert "    Profile not found:\n" in missing.err


@pytest.mark.parametrize("args", [("--with", "bogus", "check"), ("run", "--with", "bogus")])
def test_an_unknown_decorator(project, args):
    done = project.flow(*args)
    assert done.code == 1
    assert "    Unknown step decorator:\n" in done.err


def test_an_unknown_attribute_of_a_decorator(project):
    done = project.flow("run", "--with", "retry:tmes=3")
    assert done.code == 1
    assert "    Unknown decorator attribute:\n" in done.err


def test_an_exception_of_the_framework_shows_its_frames(project):
    project.write(
        """
        class BrokenFlow(FlowSpec):
            @step
            def start(self):
                pass

        import metaflow.graph.build
        del metaflow.graph.build.build_graph
        metaflow.graph.build_graph = None
        BrokenFlow()
        """
    )
    done = project.flow("check")
    assert done.code == 1
    assert "    Internal error:\n    Traceback (most recent call last):\n" in done.err
    assert "metaflow/cli" in done.err


def test_no_colours_without_a_terminal(project):
    assert "\033" not in project.flow("check").err


@pytest.mark.parametrize(("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal(project, env, colored):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "flow.py", "check"],
        cwd=project.directory,
        env=project.env | env,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        assert process.wait() == 0
    os.close(ours)
    assert (b"\033[1mHelloFlow\033[0m" in shown) is colored
    assert b"*HelloFlow*" not in shown


def _read(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:  # how Linux says that the other end of a terminal has closed
        return b""


def test_a_reader_that_goes_away_is_no_error(project):
    command = f'"{sys.executable}" flow.py output-raw --json | head -c 1'
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=project.directory,
        env=project.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "{"
    assert "Traceback" not in done.stderr
