"""Every command in one table: exit code, what goes to stdout, what goes to stderr."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from flow_project import Project

NOTHING, SOMETHING = "", None
BANNER = "executing HelloFlow for user:ann"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which one run has finished, and the run's id."""
    project = Project(tmp_path_factory.mktemp("table"))
    done = project.flow("--no-pylint", "run", "--run-id-file", "id", "--tag", "first")
    assert done.code == 0, done.err
    return project.directory, (project.directory / "id").read_text()


@pytest.fixture
def past(finished, tmp_path):
    directory, run_id = finished
    shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
    project = Project(tmp_path)
    project.run_id = run_id
    return project


# Arguments, exit code, standard output (text, or whether there is any), part of standard error.
TABLE = [
    ((), 0, NOTHING, "The graph looks good!"),
    (("check",), 0, NOTHING, "The graph looks good!"),
    (("check", "--warnings"), 0, NOTHING, "The graph looks good!"),
    (("show",), 0, SOMETHING, "Says hello."),
    (("output-dot",), 0, SOMETHING, BANNER),
    (("output-raw",), 0, SOMETHING, BANNER),
    (("output-raw", "--json"), 0, SOMETHING, BANNER),
    (("version",), 0, NOTHING, "0."),
    (("help",), 0, SOMETHING, ""),
    (("--help",), 0, SOMETHING, ""),
    (("run",), 0, SOMETHING, BANNER),
    (("run", "--help"), 0, SOMETHING, ""),
    (("resume",), 0, SOMETHING, BANNER),
    (("resume", "end"), 0, SOMETHING, BANNER),
    (("resume", "nowhere"), 1, NOTHING, "    Invalid command:\n"),
    (("resume", "--origin-run-id", "7"), 1, NOTHING, "Resume could not find run id 7"),
    (("resume", "--run-id", "7"), 2, NOTHING, "Error: "),
    (("resume", "--reentrant"), 2, NOTHING, "--reentrant needs --run-id"),
    (("dump", "{run}/start"), 0, SOMETHING, "Dumping output of"),
    (("dump", "{run}/start/1", "--max-value-size", "0"), 0, "greeting\nname\n", BANNER),
    (("dump", "{run}/start", "--file", "out"), 0, NOTHING, "Artifacts written to out"),
    (("dump", "start"), 1, NOTHING, "    Invalid command:\n"),
    (("dump", "7/start"), 1, NOTHING, "    Object not found:\n"),
    (("dump", "{run}/start/7"), 1, NOTHING, "    Object not found:\n"),
    (("dump",), 2, NOTHING, "Error: "),
    (("logs", "{run}/start"), 0, "hello\n", "Dumping logs of"),
    (("logs", "--stdout", "{run}/start"), 0, "hello\n", BANNER),
    (("logs", "{run}/start", "--stderr"), 0, NOTHING, BANNER),
    (("logs", "show", "{run}/start"), 0, "hello\n", BANNER),
    (("logs", "7/start"), 1, NOTHING, "    Object not found:\n"),
    (("logs", "start"), 1, NOTHING, "    Object not found:\n"),
    (("logs", "{run}"), 0, "[start/1] hello\n", "Dumping logs of"),
    (("logs", "{run}//1"), 1, NOTHING, "    Invalid command:\n"),
    (("logs", "{run}/start", "--attempt", "9"), 1, NOTHING, "    Object not found:\n"),
    (("logs", "--help"), 0, SOMETHING, ""),
    (("logs", "scrub", "{run}/start"), 0, NOTHING, "Erased the logs of"),
    (("logs", "scrub", "7/start"), 1, NOTHING, "    Object not found:\n"),
    (("logs", "scrub"), 2, NOTHING, "Error: "),
    (("tag", "add", "--run-id", "{run}", "x"), 0, NOTHING, "User tags: first, x"),
    (("tag", "add", "x"), 1, NOTHING, "the latest one is `{run}`"),
    (("tag", "add", "--run-id", "{run}", ""), 1, NOTHING, "    Tagging error:\n"),
    (("tag", "add", "--run-id", "7", "x"), 1, NOTHING, "    Object not found:\n"),
    (("tag", "remove", "--run-id", "{run}", "first"), 0, NOTHING, "Operation successful."),
    (("tag", "remove", "--run-id", "{run}", "user:ann"), 1, NOTHING, "    Tagging error:\n"),
    (
        ("tag", "replace", "--run-id", "{run}", "--remove", "first", "--add", "second"),
        0,
        NOTHING,
        "User tags: second",
    ),
    (("tag", "replace", "--run-id", "{run}", "--add", "x"), 2, NOTHING, "Error: "),
    (("tag", "list"), 0, NOTHING, "User tags: first"),
    (("tag", "list", "{run}"), 0, NOTHING, "HelloFlow/{run}:"),
    (("tag", "list", "--run-id", "{run}", "--flat"), 0, NOTHING, "\nfirst\n"),
    (("tag", "list", "7"), 1, NOTHING, "    Object not found:\n"),
    (("bogus",), 2, NOTHING, "Error: "),
    (("--bogus",), 2, NOTHING, "Error: "),
    (("--event-logger", "bogus", "check"), 2, NOTHING, "'debugLogger'"),
    (("--monitor", "bogus", "check"), 2, NOTHING, "'debugMonitor'"),
    (("--with", "bogus", "check"), 1, NOTHING, "    Unknown step decorator:\n"),
]


@pytest.mark.parametrize(
    ("args", "code", "out", "err"), TABLE, ids=[" ".join(row[0]) or "-" for row in TABLE]
)
def test_exit_code_and_streams(past, args, code, out, err):
    given = [arg.format(run=past.run_id) for arg in args]
    done = past.flow("--no-pylint", *given)
    assert done.code == code, done.out + done.err
    if out is SOMETHING:
        assert done.out
    else:
        assert done.out == out
    assert err.format(run=past.run_id) in done.err
    assert "Traceback" not in done.err
    assert BANNER not in done.out
    if code == 0 and given and "--help" not in given and given[0] not in {"help", "version"}:
        assert BANNER in done.err


# ── options from the environment ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("args", "variable", "value"),
    [
        (("run",), "METAFLOW_RUN_MAX_WORKERS", "many"),
        (("run",), "METAFLOW_RUN_MAX_NUM_SPLITS", "0"),
        (("resume",), "METAFLOW_RESUME_MAX_LOG_SIZE", "-1"),
        (("check",), "METAFLOW_PYLINT", "perhaps"),
        (("check",), "METAFLOW_DATASTORE", "tape"),
        (("check",), "METAFLOW_ENVIRONMENT", "conda"),
        (("check",), "METAFLOW_EVENT_LOGGER", "tape"),
        (("dump", "1/start"), "METAFLOW_DUMP_MAX_VALUE_SIZE", "large"),
        (("logs", "1/start"), "METAFLOW_LOGS_SHOW_ATTEMPT", "last"),
    ],
)
def test_a_bad_value_from_the_environment_names_its_variable(project, args, variable, value):
    done = project.flow(*args, **{variable: value})
    assert done.code == 2
    assert f"The value is that of the variable {variable}." in done.err


def test_a_bad_parameter_from_the_environment_names_its_variable(project):
    project.with_parameters("number = Parameter('my-int', type=int)")
    done = project.flow("run", METAFLOW_RUN_MY_INT="x")
    assert done.code == 2
    assert "METAFLOW_RUN_MY_INT" in done.err
    given = project.flow("run", "--my-int", "x", METAFLOW_RUN_MY_INT="4")
    assert given.code == 2
    assert "METAFLOW_RUN_MY_INT" not in given.err


@pytest.mark.parametrize(
    ("variable", "value", "seen"),
    [
        ("METAFLOW_PYLINT", "0", "The graph looks good!"),
        ("METAFLOW_DECOSPECS", "retry", "@retry"),
        ("METAFLOW_EVENT_LOGGER", "debugLogger", "debugLogger: {"),
        ("METAFLOW_MONITOR", "debugMonitor", "debugMonitor: count metaflow.command.show"),
        ("METAFLOW_DEFAULT_EVENT_LOGGER", "debugLogger", "debugLogger: {"),
        ("METAFLOW_DEFAULT_MONITOR", "debugMonitor", "debugMonitor: measure"),
        ("METAFLOW_FORCE_REBUILD_ENVIRONMENTS", "1", "Nothing to rebuild"),
    ],
)
def test_top_level_options_read_the_environment(project, variable, value, seen):
    command = "check" if variable == "METAFLOW_PYLINT" else "show"
    done = project.flow(command, **{variable: value})
    assert done.code == 0
    assert seen in done.out + done.err
    if variable == "METAFLOW_PYLINT":
        assert "pylint" not in done.err


def test_what_the_watchers_are_told(project):
    watch = ("--event-logger", "debugLogger", "--monitor", "debugMonitor")
    done = project.flow(*watch, "--no-pylint", "dump", "nonsense")
    told = [line for line in done.err.splitlines() if line.startswith("debug")]
    assert '"command started"' in told[0]
    assert '"command": "dump"' in told[0]
    assert told[1] == "debugMonitor: count metaflow.command.dump"
    assert '"outcome": "CommandException"' in told[2]
    assert told[3].startswith("debugMonitor: measure metaflow.command.dump ")
    assert '"outcome": 0' in project.flow(*watch, "show").err


def told_by(project, *arguments, code=0, **env):
    """Return the events of a command, and the lines that its monitor got."""
    watch = ("--event-logger", "debugLogger", "--monitor", "debugMonitor", "--no-pylint")
    done = project.flow(*watch, *arguments, **env)
    assert done.code == code, done.err
    events = [
        json.loads(line.removeprefix("debugLogger: "))
        for line in done.err.splitlines()
        if line.startswith("debugLogger: ")
    ]
    metered = [line.split()[1:3] for line in done.err.splitlines() if "debugMonitor" in line]
    return events, [" ".join(words) for words in metered]


def test_the_watchers_are_told_of_runs_and_tasks(project):
    events, metered = told_by(project, "run", "--run-id-file", "id")
    run_id = (project.directory / "id").read_text()
    assert [event["event"] for event in events] == [
        "command started",
        "run started",
        *("task started", "task ended") * 2,
        "run ended",
        "command ended",
    ]
    assert all(event["run_id"] == run_id for event in events[1:-1])
    assert events[2] == {
        "event": "task started",
        "flow": "HelloFlow",
        "run_id": run_id,
        "step": "start",
        "task_id": "1",
        "attempt": 0,
    }
    assert [event["outcome"] for event in events if "outcome" in event] == [
        *("succeeded",) * 3,
        0,
    ]
    assert metered == [
        "count metaflow.command.run",
        "count metaflow.run.start",
        *("count metaflow.task.start", "count metaflow.task.end", "measure metaflow.task.duration")
        * 2,
        "count metaflow.run.end",
        "measure metaflow.run.duration",
        "measure metaflow.command.run",
    ]
    events, metered = told_by(project, "resume", "--origin-run-id", run_id)
    assert events[1]["origin_run_id"] == run_id
    assert metered.count("count metaflow.task.clone") == 2
    events, _ = told_by(project, "spin", f"{run_id}/end")
    assert [one["step"] for one in events if one["event"] == "task ended"] == ["end"]


def test_the_page_of_a_run(project):
    done = project.flow("--no-pylint", "run", "--run-id-file", "id", METAFLOW_UI_URL="https://ui/")
    page = f"https://ui/HelloFlow/{(project.directory / 'id').read_text()}"
    first, *_, last = done.out.splitlines()
    assert first.endswith(f"), see it in the UI at {page}")
    assert last.endswith(f" Done! See the run in the UI at {page}")


# ── the store of spun tasks ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "options",
    [("--mode", "spin"), ("--metadata", "spin"), ("--datastore", "spin", "--metadata", "spin")],
)
def test_commands_can_use_the_store_of_spun_tasks(project, options):
    done = project.flow("--no-pylint", *options, "run", "--run-id-file", "id")
    assert done.code == 0, done.err
    run_id = (project.directory / "id").read_text()
    assert (project.directory / ".metaflow_spin/HelloFlow/latest_run").read_text() == run_id
    assert not (project.directory / ".metaflow").exists()
    assert project.flow("--quiet", *options, "logs", f"{run_id}/start").out == "hello\n"
    assert project.flow("dump", f"{run_id}/start").code == 1
    looked = "from metaflow import *; inspect_spin('.'); print(Flow('HelloFlow').latest_run.id)"
    assert project.python("-c", looked).out == f"{run_id}\n"


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (("--mode", "spin", "--metadata", "local"), {}),
        (("--metadata", "spin", "--datastore", "local"), {}),
        (("--mode", "spin"), {"METAFLOW_DATASTORE": "local"}),
    ],
)
def test_one_store_cannot_be_two(project, options, env):
    done = project.flow(*options, "check", **env)
    assert done.code == 2
    assert "contradicts `spin`" in done.err


# ── resume --reentrant ───────────────────────────────────────────────────────────────────

AGAIN = ("--no-pylint", "resume", "--run-id", "again", "--reentrant", "--clone-only")


def test_a_second_reentrant_resume_finds_the_first_one_done(past):
    assert "cloned!" in past.flow(*AGAIN, "--resume-identifier", "start-1").out
    second = past.flow(*AGAIN)
    assert second.code == 0, second.err
    assert "was begun by another resume" in second.err
    refused = past.flow("--no-pylint", "resume", "--run-id", "again")
    assert refused.code == 1
    assert "    Run exists:\n" in refused.err


def test_reentrant_resumes_at_the_same_time_make_one_run(past):
    both = [
        subprocess.Popen(
            [sys.executable, "flow.py", *AGAIN],
            cwd=past.directory,
            env=past.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outs
    assert sum("cloned!" in out for out, _ in outs) == 1
    assert sum("was begun by another resume" in err for _, err in outs) == 1


def test_a_reentrant_resume_notices_that_the_first_one_has_died(past):
    import sqlite3

    past.flow(*AGAIN)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with sqlite3.connect(past.directory / ".metaflow/metadata.db") as database:
        (key,) = database.execute("SELECT key FROM run WHERE run_id = 'again'").fetchone()
        database.execute("UPDATE run SET status = 'running', end_ok = 0 WHERE key = ?", (key,))
        change = "UPDATE attempt SET pid = ? WHERE run = ? AND task = 0"
        database.execute(change, (ended.pid, key))
    done = past.flow(*AGAIN)
    assert done.code == 1
    assert "has died" in done.err
