"""A folder with flows, and extension packages on its path, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parent / "sample"


class Project:
    """Runs programs in an empty folder as a user with extension packages would."""

    def __init__(self, folder: Path, *paths: Path | str) -> None:
        self.folder = folder
        kept = {name: text for name, text in os.environ.items() if not name.startswith("METAFLOW")}
        self.env = kept | {
            "METAFLOW_USER": "ann",
            "METAFLOW_HOME": str(folder / "home"),
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def python(self, *arguments: str, fails: bool = False, **env: str):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done

    def evaluate(self, *lines: str, **env: str) -> str:
        return self.python("-c", "\n".join(lines), **env).stdout.strip()

    def flow(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


def package(folder: Path, path: str, text: str) -> None:
    """Write a module of an extension package."""
    file = folder / "metaflow_extensions" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
