"""A project in which only older versions of Metaflow have worked so far, moved from elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from metaflow.ambient import UNSET, ambient

HERE = Path(__file__).parent
COMMAND = "from metaflow.cli.command import main; main()"


class OlderProject:
    """A folder with `.metaflow` as older versions have left it, and the flows beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = path / ".metaflow"

    def metaflow(self, *args: str, code: int = 0) -> str:
        """Run the command and return what it says."""
        return self._run(["-c", COMMAND, *args], code)

    def flow(self, *args: str, code: int = 0, **environ: str) -> str:
        """Run a flow's file and return what it says."""
        return self._run([*args], code, **environ)

    def python(self, script: str, code: int = 0) -> str:
        """Run a program and return what it says."""
        return self._run(["-c", script], code)

    def _run(self, args: list[str], code: int, **environ: str) -> str:
        done = subprocess.run(
            [sys.executable, *args],
            cwd=self.path,
            env={**os.environ, "METAFLOW_USER": "ann", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def replace(self, pattern: str, data: bytes | None) -> Path:
        """Replace the content of the one file that a pattern names; None removes it."""
        (found,) = self.root.glob(pattern)
        found.unlink()  # other tests share the file
        if data is not None:
            found.write_bytes(data)
        return found


def share(source: str, target: str) -> None:
    """Let tests share all files but those that some of them write to in place."""
    (shutil.copy2 if source.endswith(".log") else os.link)(source, target)


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory):
    path = tmp_path_factory.mktemp("older")
    with tarfile.open(HERE / "history.tar.xz") as archive:
        archive.extractall(path, filter="data")
    return path


@pytest.fixture
def older(unpacked, tmp_path, monkeypatch):
    monkeypatch.setattr(ambient, "metadata", UNSET)
    monkeypatch.setattr(ambient, "namespace", None)
    path = tmp_path / "project"
    shutil.copytree(unpacked, path, copy_function=share)
    for flow in (HERE / "flows").iterdir():
        if flow.is_file():
            shutil.copy(flow, path)
    monkeypatch.chdir(path)
    return OlderProject(path)
