"""Extension packages are found, ordered, and heard where the framework asks for names."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from extension_project import SAMPLE, Project, package


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path, SAMPLE)


def test_top_level_names(project):
    printed = project.evaluate(
        "import metaflow",
        "from metaflow import ACME_VERSION, acme_greeting, acme_helper, acme_note, step",
        "print(ACME_VERSION, acme_greeting(), acme_helper(), acme_note.__name__)",
        "print(hasattr(metaflow, 'acme_off'), hasattr(metaflow, 'nothing'))",
    )
    assert printed == "7 hello from acme helped acme_note\nFalse False"


def test_errors_and_aliases(project):
    printed = project.evaluate(
        "from metaflow.exception import AcmeException, MetaflowException",
        "from metaflow.integrations import AcmeEvent",
        "print(AcmeException('x').headline, issubclass(AcmeException, MetaflowException))",
        "print(AcmeEvent.__module__)",
    )
    assert printed == "Acme failed True\nmetaflow_extensions.acme.alias.acme_event"


def test_settings(project):
    lines = ("from metaflow.metaflow_config import *", "import metaflow.metaflow_config as c")
    show = "print(TEMPDIR, c.ACME_LEVEL, DEFAULT_DECOSPECS)"
    assert project.evaluate(*lines, show) == "/acme/temp 3 acme_note"
    assert project.evaluate(*lines, show, METAFLOW_ACME_LEVEL="5") == "/acme/temp 5 acme_note"
    done = project.python("-c", "\n".join([*lines, show]), fails=True, METAFLOW_ACME_LEVEL="five")
    assert "ACME_LEVEL" in done.stderr


def test_modules_under_names_of_the_framework(project):
    printed = project.evaluate(
        "from metaflow.plugins.helper import acme_helper",
        "import metaflow.plugins.retry_decorator as promoted",
        "from metaflow.plugins.retry_decorator._orig import RetryDecorator",
        "from metaflow.plugins.catch_decorator import FailureHandledByCatch",
        "import metaflow_extensions.acme.plugins.retry_decorator as own",
        "print(acme_helper(), promoted.LOUD, promoted is own)",
        "print(promoted.RetryDecorator is RetryDecorator, RetryDecorator.name, own.__name__)",
    )
    assert printed == (
        "helped True True\nTrue retry metaflow_extensions.acme.plugins.retry_decorator"
    )


def test_a_broken_plug_in_says_whose_it_is(project):
    done = project.python("-c", "from metaflow import acme_broken", fails=True)
    assert "`acme_broken` of the extension package" in done.stderr
    assert "broken on purpose" in done.stderr


def test_a_broken_module_is_left_out(tmp_path):
    package(tmp_path, "zebra/plugins/__init__.py", "raise RuntimeError('no stripes')")
    package(tmp_path, "zebra/exceptions/__init__.py", "class Stripes(Exception):\n    pass")
    project = Project(tmp_path, SAMPLE, tmp_path)
    done = project.python(
        "-c", "from metaflow import acme_helper\nfrom metaflow.exception import Stripes\n"
    )
    assert "metaflow_extensions.zebra.plugins of" in done.stderr
    assert "is left out: RuntimeError: no stripes" in done.stderr


def test_the_log_tells_the_order(project):
    done = project.python("-c", "import metaflow\nmetaflow.step", METAFLOW_DEBUG_EXT="1")
    assert "loaded metaflow_extensions.acme.plugins.mfextinit_acme of" in done.stderr
    assert project.python("-c", "import metaflow").stderr == ""


def test_the_last_on_the_path_wins(tmp_path):
    for folder, organization in (("one", "zulu"), ("two", "alpha")):
        text = f"FOUND = {organization!r}"
        package(tmp_path / folder, f"{organization}/toplevel/__init__.py", text)
    first, second = tmp_path / "one", tmp_path / "two"
    show = "from metaflow import FOUND\nprint(FOUND)"
    assert Project(tmp_path, first, second).evaluate(show) == "alpha"
    assert Project(tmp_path, second, first).evaluate(show) == "zulu"


def test_only_some_folders_are_searched(tmp_path):
    package(tmp_path / "one", "one/toplevel/__init__.py", "FOUND = 1")
    package(tmp_path / "two", "two/toplevel/__init__.py", "FOUND = 2")
    project = Project(tmp_path, tmp_path / "one")
    show = "from metaflow import FOUND\nprint(FOUND)"
    assert project.evaluate(show) == "1"
    two = str(tmp_path / "two")
    assert project.evaluate(show, METAFLOW_EXTENSIONS_SEARCH_DIRS=two) == "2"


def distribution(folder, name, *, requires="", editable=None):
    """Write what an installer leaves behind of a distribution."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    need = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{need}")
    files = [f"{name}-1.0.dist-info/METADATA,,"]
    if editable is None:
        module = f"metaflow_extensions/{name}/toplevel/__init__.py"
        package(folder, f"{name}/toplevel/__init__.py", f"FOUND = {name!r}")
        files.append(f"{module},,")
    else:
        (info / "direct_url.json").write_text(
            f'{{"dir_info": {{"editable": true}}, "url": "file://{editable}"}}'
        )
    (info / "RECORD").write_text("\n".join(files))


def test_a_distribution_comes_after_what_it_requires(tmp_path):
    site = tmp_path / "site"
    distribution(site, "aardvark", requires="zebra>=1")
    distribution(site, "zebra")
    package(tmp_path / "own", "mine/config/__init__.py", "")
    project = Project(tmp_path, site, tmp_path / "own")
    assert project.evaluate("from metaflow import FOUND\nprint(FOUND)") == "aardvark"
    package(tmp_path / "own", "mine/toplevel/__init__.py", "FOUND = 'mine'")
    assert project.evaluate("from metaflow import FOUND\nprint(FOUND)") == "mine"


def test_an_editable_distribution_comes_before_what_is_only_on_the_path(tmp_path):
    site, checkout = tmp_path / "site", tmp_path / "checkout"
    distribution(site, "zebra", editable=checkout)
    package(checkout / "src", "zebra/toplevel/__init__.py", "FOUND = 'editable'")
    package(tmp_path / "own", "mine/toplevel/__init__.py", "FOUND = 'mine'")
    project = Project(tmp_path, tmp_path / "own", checkout / "src", site)
    assert project.evaluate("from metaflow import FOUND\nprint(FOUND)") == "mine"


@pytest.mark.parametrize(
    ("variable", "value", "gone", "there"),
    [
        ("METAFLOW_TOGGLE_STEP_DECORATOR", "-retry", "retry", "catch"),
        ("METAFLOW_ENABLED_STEP_DECORATOR", '["retry"]', "catch", "retry"),
        ("METAFLOW_ENABLED_STEP_DECORATOR", "-catch", "catch", "retry"),
    ],
)
def test_plug_ins_can_be_switched_off(tmp_path, variable, value, gone, there):
    project = Project(tmp_path)
    printed = project.evaluate(
        "from metaflow import registry",
        "print(*registry.names('step_decorator'))",
        f"registry.load('step_decorator', '{there}')",
        "try:",
        f"    registry.load('step_decorator', '{gone}')",
        "except KeyError:",
        "    print('gone')",
        **{variable: value},
    )
    assert gone not in printed.splitlines()[0].split()
    assert there in printed.splitlines()[0].split()
    assert printed.endswith("gone")


def test_nothing_is_loaded_without_extensions(tmp_path):
    printed = Project(tmp_path).evaluate(
        "import metaflow, sys", "print([name for name in sys.modules if 'extension' in name])"
    )
    assert printed == "[]"


def test_a_switched_off_decorator_is_unknown_to_the_command_line(project):
    project.flow(
        "plain.py",
        "from metaflow import FlowSpec, step\n"
        "class PlainFlow(FlowSpec):\n"
        "    @step\n"
        "    def start(self):\n"
        "        pass\n"
        "if __name__ == '__main__':\n"
        "    PlainFlow()\n",
    )
    done = project.python("plain.py", "run", "--with", "acme_off", fails=True)
    assert "Unknown step decorator" in done.stderr
    assert "acme_note" in done.stderr


def test_pip_installs_an_extension(tmp_path):
    """What pip leaves behind is read as it is."""
    wheel, info = tmp_path / "acme_flows-1.0-py3-none-any.whl", "acme_flows-1.0.dist-info"
    files = {
        file.relative_to(SAMPLE).as_posix(): file.read_text() for file in SAMPLE.rglob("*.py")
    } | {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: acme_flows\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    target = tmp_path / "target"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", target, wheel], check=True, timeout=100
    )
    project = Project(tmp_path, target)
    done = project.python(
        "-c", "from metaflow import acme_helper\nprint(acme_helper())", METAFLOW_DEBUG_EXT="1"
    )
    assert done.stdout == "helped\n"
    assert "mfextinit_acme of acme-flows" in done.stderr
