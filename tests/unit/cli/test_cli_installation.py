"""What `metaflow configure`, `metaflow tutorials` and `metaflow develop` do, in real processes."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import zlib

import pytest

COMMAND = ("-c", "from metaflow.cli.command import main; main()")
S3 = ["y", "s3://bucket/flows", "", "n", "n", "n"]
S3_SETTINGS = {
    "METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/flows",
    "METAFLOW_DATATOOLS_S3ROOT": "s3://bucket/flows/data",
    "METAFLOW_DEFAULT_DATASTORE": "s3",
}


@pytest.fixture
def metaflow(project):
    def call(*args, answers=(), **env):
        return subprocess.run(
            [sys.executable, *COMMAND, *args],
            cwd=project.directory,
            env=project.env | env,
            input="".join(f"{line}\n" for line in answers),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call


@pytest.fixture
def home(project):
    return project.directory / "home"


def write(path, values):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values))


# ── configure ────────────────────────────────────────────────────────────────────────────


def test_nothing_configured_is_said_so(metaflow):
    done = metaflow("configure", "show")
    assert (done.returncode, done.stdout) == (0, "Configuration is set to run locally.\n")


def test_answers_become_settings_that_only_their_owner_reads(metaflow, home):
    done = metaflow("configure", "aws", answers=S3)
    assert done.returncode == 0, done.stderr
    assert json.loads((home / "config.json").read_text()) == S3_SETTINGS
    assert (home / "config.json").stat().st_mode & 0o777 == 0o600
    assert "not available" not in done.stderr
    assert done.stdout == ""


def test_answers_are_added_to_what_is_there(metaflow, home):
    write(home / "config.json", {"METAFLOW_USER": "ann", "METAFLOW_SERVICE_AUTH_KEY": "pssst"})
    asked = metaflow("configure", "gcp", answers=["n", "y", "http://service", "http://inside", ""])
    assert asked.returncode == 0, asked.stderr
    assert "pssst" not in asked.stderr
    assert json.loads((home / "config.json").read_text()) == {
        "METAFLOW_USER": "ann",
        "METAFLOW_DEFAULT_METADATA": "service",
        "METAFLOW_SERVICE_URL": "http://service",
        "METAFLOW_SERVICE_INTERNAL_URL": "http://inside",
        "METAFLOW_SERVICE_AUTH_KEY": "pssst",
    }


def test_what_was_answered_before_is_offered(metaflow, home):
    write(home / "config.json", {"METAFLOW_KUBERNETES_NAMESPACE": "lab"})
    done = metaflow("configure", "kubernetes", answers=["", "", "", ""])
    assert done.returncode == 0, done.stderr
    assert json.loads((home / "config.json").read_text()) == {
        "METAFLOW_KUBERNETES_NAMESPACE": "lab",
        "METAFLOW_KUBERNETES_SERVICE_ACCOUNT": "default",
    }


def test_leaving_in_the_middle_changes_nothing(metaflow, home):
    done = metaflow("configure", "azure", answers=["y"])
    assert done.returncode == 1
    assert "Aborted!" in done.stderr
    assert not home.exists()


def test_a_profile_of_its_own(metaflow, home):
    assert metaflow("configure", "aws", "-p", "lab", answers=S3).returncode == 0
    assert [path.name for path in home.iterdir()] == ["config_lab.json"]
    shown = metaflow("configure", "show", METAFLOW_PROFILE="lab").stdout.splitlines()
    assert shown == [f"{key}={S3_SETTINGS[key]}" for key in sorted(S3_SETTINGS)]


def test_a_profile_that_does_not_exist_can_be_made(metaflow, home):
    done = metaflow("configure", "import", "-", answers=["{}"], METAFLOW_PROFILE="new")
    assert done.returncode == 0, done.stderr
    assert (home / "config_new.json").read_text() == "{}\n"


def test_secrets_are_neither_echoed_nor_shown(project, metaflow, home):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, *COMMAND, "configure", "gcp"],
        cwd=project.directory,
        env=project.env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        answers = iter([b"n", b"y", b"http://service", b"", b"pssst"])
        while chunk := _read(ours):
            shown += chunk
            if re.search(rb"(: |\? \[Y/n\]: )$", shown):
                os.write(ours, next(answers) + b"\n")
        assert process.wait() == 0, shown
    os.close(ours)
    assert b"http://service" in shown
    assert b"pssst" not in shown
    assert "pssst" in (home / "config.json").read_text()
    assert "METAFLOW_SERVICE_AUTH_KEY=(hidden)\n" in metaflow("configure", "show").stdout


def _read(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:  # how Linux says that the other end of a terminal has closed
        return b""


def test_export_and_import(project, metaflow, home):
    write(home / "config.json", {"METAFLOW_B": "2", "METAFLOW_A": "1"})
    assert metaflow("configure", "export", "out.json").returncode == 0
    out = project.directory / "out.json"
    assert out.read_text() == '{\n    "METAFLOW_A": "1",\n    "METAFLOW_B": "2"\n}\n'
    assert metaflow("configure", "export", "out.json", answers=["n"]).returncode == 1
    assert metaflow("configure", "export", "out.json", "--yes").returncode == 0
    out.write_text('{"METAFLOW_C": "3"}')
    assert metaflow("configure", "import", "out.json", answers=["n"]).returncode == 1
    assert metaflow("configure", "import", "out.json", answers=["y"]).returncode == 0
    assert json.loads((home / "config.json").read_text()) == {"METAFLOW_C": "3"}


def test_reset_asks_first(metaflow, home):
    write(home / "config.json", {"METAFLOW_A": "1"})
    assert metaflow("configure", "reset", answers=["n"]).returncode == 1
    assert "METAFLOW_A" in (home / "config.json").read_text()
    assert metaflow("configure", "reset", "--yes").returncode == 0
    assert (home / "config.json").read_text() == "{}\n"


@pytest.mark.parametrize(
    ("args", "text", "says"),
    [
        (("import", "nowhere.json"), "", "There is no file `nowhere.json`"),
        (("import", "-"), "[1]", "does not hold a JSON object"),
        (("import", "-"), "{", "is not valid JSON"),
        (("export", "out.json"), "", "There is nothing to export"),
        (("sandbox",), "no sandbox", "not that of a sandbox"),
        (("sandbox",), base64.b64encode(zlib.compress(b"[1]")).decode(), "not that of a sandbox"),
    ],
)
def test_what_cannot_be_done(metaflow, home, args, text, says):
    done = metaflow("configure", *args, answers=[text])
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not home.exists()


def test_a_folder_that_cannot_be_written(metaflow, project):
    (project.directory / "home").write_text("in the way")
    done = metaflow("configure", "import", "-", answers=["{}"])
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "home" in done.stderr


def test_sandbox(metaflow, home):
    text = base64.b64encode(zlib.compress(b'{"METAFLOW_USER": "guest", "METAFLOW_X": 1}')).decode()
    write(home / "config.json", {"METAFLOW_OLD": "1"})
    assert metaflow("configure", "sandbox", answers=["y", text]).returncode == 0
    assert json.loads((home / "config.json").read_text()) == {
        "METAFLOW_USER": "guest",
        "METAFLOW_X": "1",
    }


# ── tutorials ────────────────────────────────────────────────────────────────────────────

EPISODES = ["01-first-run", "02-artifacts", "03-grid", "04-resume"]


def test_episodes_are_listed_in_the_order_in_which_they_teach(metaflow):
    lines = metaflow("tutorials", "list").stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == EPISODES
    assert lines[0] == "01-first-run: Your first run"


def test_an_episode_tells_what_it_is_about(metaflow):
    assert metaflow("tutorials", "info", "grid").stdout.startswith("# Many tasks at once\n")
    unknown = metaflow("tutorials", "info", "cards")
    assert unknown.returncode == 1
    assert "`03-grid`" in unknown.stderr


def test_pull_copies_and_replaces_nothing(metaflow, project):
    target = project.directory / "metaflow-tutorials"
    assert metaflow("tutorials", "pull", "--episode", "03-grid").returncode == 0
    assert [path.name for path in target.iterdir()] == ["03-grid"]
    refused = metaflow("tutorials", "pull")
    assert refused.returncode == 1
    assert "03-grid` exists already" in refused.stderr
    shutil.rmtree(target)
    assert metaflow("tutorials", "pull").returncode == 0
    assert sorted(path.name for path in target.iterdir()) == EPISODES
    assert all((path / "README.md").is_file() for path in target.iterdir())


def said(done):
    assert done.code == 0, done.err + done.out
    return [line.partition(")] ")[2] for line in done.out.splitlines()]


def test_the_episodes_do_what_their_readmes_say(metaflow, project):
    metaflow("tutorials", "pull")
    folder = "metaflow-tutorials/"

    def flow(path, *args, **env):
        return project.python(f"{folder}{path}", "--no-pylint", *args, **env)

    assert "=> greet" in flow("01-first-run/hello.py", "show").out
    assert "Hello, Ada!" in said(flow("01-first-run/hello.py", "run", "--name", "Ada"))

    assert "2021: month 7, 140 mm" in said(flow("02-artifacts/rainfall.py", "run"))
    assert "8 measurements" in said(flow("02-artifacts/rainfall.py", "run", "--from-year", "2021"))
    seen = project.python(f"{folder}02-artifacts/look.py").out.splitlines()
    assert [line.partition(" [")[2] for line in seen] == ["2021, 2022]", "2019, 2020, 2021, 2022]"]

    assert {"tried 15 lines", "best: 1.50 * x + 4.00"} <= set(said(flow("03-grid/grid.py", "run")))
    assert "tried 27 lines" in said(flow("03-grid/grid.py", "run", "--slopes", "9"))

    failed = flow("04-resume/orders.py", "run")
    assert failed.code == 1
    assert "ValueError" in failed.out
    resumed = flow("04-resume/orders.py", "resume", SKIP_BROKEN="1")
    assert {"left out: two tea", "8 coffee", "7 tea"} <= set(said(resumed))
    assert resumed.out.count("Task is starting.") == 3


# ── develop ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["check", "install", "remove"])
def test_no_stubs_are_needed(metaflow, command):
    done = metaflow("develop", "stubs", command)
    assert done.returncode == 0
    assert "ships its own types" in done.stderr


def test_foreign_stubs_are_found(metaflow, project):
    site = project.directory / "site"
    facts = site / "metaflow_stubs-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: metaflow-stubs\nVersion: 1.0\n")
    (facts / "RECORD").write_text("")
    env = {"PYTHONPATH": str(site)}
    checked = metaflow("develop", "stubs", "check", **env)
    assert checked.returncode == 1
    assert "metaflow develop stubs remove" in checked.stderr
    assert "hides them" in metaflow("develop", "stubs", "install", **env).stderr
    # It is in no folder that pip looks after, so it must be told that it could not be removed.
    kept = metaflow("develop", "stubs", "remove", **env)
    assert kept.returncode == 1
    assert "could not be removed" in kept.stderr


def test_help_loads_nothing_of_the_flows(metaflow, project):
    done = project.python("-X", "importtime", *COMMAND, "--help", PYTHONPATH=None)
    assert done.code == 0
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert "metaflow.cli.outcome" in loaded
    for heavy in ("metaflow.client", "sqlite3", "metaflow.authoring.flowspec", "metaflow.engine"):
        assert heavy not in loaded
