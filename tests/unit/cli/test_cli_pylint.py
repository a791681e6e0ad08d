"""When Pylint runs before a flow does, and what its findings do."""

from __future__ import annotations

import pytest

SAYS = """
import sys
print('looking with', *sys.argv[1:])
sys.exit({code})
"""


@pytest.fixture
def with_pylint(project):
    """Put a program called `pylint` on the path that ends as told."""

    def install(code):
        package = project.directory / "site" / "pylint"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text(SAYS.format(code=code))
        project.env["PYTHONPATH"] = str(package.parent)
        return project

    return install


def test_without_pylint_there_is_a_note(project):
    project.write("import sys\nsys.modules['pylint'] = None\n", "sitecustomize.py")
    done = project.flow("check", PYTHONPATH=str(project.directory))
    assert done.code == 0
    assert "Running pylint...\n    Pylint not found, so extra checks are disabled.\n" in done.err


def test_without_findings_pylint_is_happy(with_pylint):
    done = with_pylint(0).flow("check")
    assert done.code == 0
    assert "Running pylint...\n    Pylint is happy!\n" in done.err


@pytest.mark.parametrize("command", ["check", "run"])
def test_errors_stop_the_command(with_pylint, command):
    done = with_pylint(2).flow(command)
    assert done.code == 1
    assert "    Pylint is not happy:\n" in done.err
    assert "looking with --errors-only" in done.err
    assert "flow.py" in done.err
    assert "starting" not in done.out


def test_warnings_alone_do_not_stop_it(with_pylint):
    assert with_pylint(4).flow("check").code == 0


def test_warnings_are_shown_when_asked_for(with_pylint):
    done = with_pylint(4).flow("check", "--warnings")
    assert done.code == 0
    assert "looking with" in done.err
    assert "--errors-only" not in done.err


@pytest.mark.parametrize(
    ("args", "env"), [(("--no-pylint", "check"), {}), (("check",), {"METAFLOW_PYLINT": "0"})]
)
def test_it_can_be_left_out(with_pylint, args, env):
    done = with_pylint(2).flow(*args, **env)
    assert done.code == 0
    assert "pylint" not in done.err.lower()
