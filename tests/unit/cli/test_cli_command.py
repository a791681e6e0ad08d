"""The `metaflow` command."""

from __future__ import annotations

from metaflow.settings.version import VERSION

COMMAND = ("-c", "from metaflow.cli.command import main; main()")


def test_alone_it_introduces_itself(project):
    done = project.python(*COMMAND)
    assert done.code == 0
    assert done.out.startswith(f"Metaflow {VERSION}\n")
    assert "https://docs.metaflow.org" in done.out
    assert "\n  status " in done.out


def test_contacts_can_be_set(project):
    done = project.python(*COMMAND, METAFLOW_CONTACT_INFO='{"Ask": "the team"}')
    assert "Ask: the team\n" in done.out
    assert "docs.metaflow.org" not in done.out


def test_version_and_help(project):
    assert project.python(*COMMAND, "version") == (0, f"{VERSION}\n", "")
    assert "Usage: metaflow" in project.python(*COMMAND, "help").out


def test_status_needs_a_store(project):
    done = project.python(*COMMAND, "status")
    assert done.code == 1
    assert "    Invalid command:\n" in done.err


def test_status_lists_flows(project):
    project.flow("run")
    done = project.python(*COMMAND, "status")
    assert (done.code, done.out) == (0, "* Flow('HelloFlow')\n")


def test_bad_usage(project):
    assert project.python(*COMMAND, "bogus").code == 2
