"""Programs that use the package pass mypy and pyright at their strictest, without stubs.

The programs beside this file are held to the strictest; every flow and program of the
documentation and the examples, which have no annotations, as users' flows have none, to what
checkers say of such code.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import metaflow

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PROGRAMS = sorted([*(HERE / "programs").glob("*.py"), *(HERE / "mistakes").glob("*.py")])
BIN = Path(sys.executable).parent

sys.path.append(str(REPOSITORY / "tests" / "docs"))
from docs_pages import PAGES, blocks_of  # noqa: E402 - the path is set above

UNTYPED_LIBRARIES = re.compile(r"^(?:from|import) (?:sklearn|matplotlib)", re.MULTILINE)
AS_USERS_WRITE = """
# pyright: standard, reportMissingImports=false
# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics
# mypy: disable-error-code="var-annotated, import-not-found, import-untyped"
"""
"""Code in documentation has no annotations, and imports what other blocks are saved as: whatever
else a checker finds is a mistake."""
WITH_UNTYPED_LIBRARIES = """
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportPrivateImportUsage=false
# mypy: disable-error-code="var-annotated, import-untyped, arg-type, attr-defined"
"""
INTERNAL = ("metaflow.cli.", "metaflow.compute.", "metaflow.engine.", "metaflow.tutorials.")
"""Folders from which nothing is imported by programs; mypy alone looks at the first three."""


def as_users_write(text: str) -> str:
    """Ask no more of a file than code without annotations can give."""
    libraries = WITH_UNTYPED_LIBRARIES if UNTYPED_LIBRARIES.search(text) else ""
    return f"{text}\n{AS_USERS_WRITE}{libraries}"


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The programs, and below them those of documentation and examples, in one folder."""
    folder = tmp_path_factory.mktemp("typing")
    for program in PROGRAMS:
        (folder / program.name).write_text(program.read_text(encoding="utf-8"), encoding="utf-8")
    for example in (REPOSITORY / "examples").glob("*.py"):
        text = as_users_write(example.read_text(encoding="utf-8"))
        (folder / f"example_{example.name}").write_text(text, encoding="utf-8")
    for page in PAGES:
        for block in blocks_of(page):
            if block.language == "python" and block.reason_not_to_run is None:
                name = f"docs_{page.stem.replace('-', '_').lower()}_{block.line}.py"
                (folder / name).write_text(as_users_write(block.text), encoding="utf-8")
    return folder


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # pyright finds the interpreter, and with it the package, by the path.
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=110
    )


def test_programs_cover_all_public_names():
    text = "\n".join(program.read_text(encoding="utf-8") for program in PROGRAMS)
    assert {name for name in metaflow.__all__ if not re.search(rf"\b{name}\b", text)} == set()


def test_mypy_finds_nothing_but_the_mistakes(collected):
    cache = REPOSITORY / ".mypy_cache" / "programs"
    done = run(
        *(str(BIN / "mypy"), "--strict", "--config-file=", f"--cache-dir={cache}", "."),
        cwd=collected,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_finds_nothing_but_the_mistakes(collected):
    settings = {
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": "error",
        "enableTypeIgnoreComments": False,
    }
    (collected / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    done = run(str(BIN / "basedpyright"), cwd=collected)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_type_is_known(tmp_path):
    command = (str(BIN / "basedpyright"), "--verifytypes", "metaflow", "--ignoreexternal")
    report = json.loads(run(*command, "--outputjson", cwd=tmp_path).stdout)["typeCompleteness"]
    symbols = [name for name in report["symbols"] if not name["name"].startswith(INTERNAL)]
    assert len(symbols) > 1000
    assert [
        f"{symbol['name']}: {told['message']}"
        for symbol in symbols
        if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]
        for told in symbol["diagnostics"]
    ] == []
