"""How `self.cmd` runs a shell command with files handed in and out."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping

from metaflow.errors.base import MetaflowException


class ExternalCommandFailed(MetaflowException):
    """An external command failed.

    Parameters
    ----------
    command : str
        The command as given to the shell.
    reason : str
        What went wrong.
    """

    headline = "External command failed"

    def __init__(self, command: str, reason: str) -> None:
        self.command = command
        super().__init__(f"The command `{command}` {reason}.")


def run_command(
    command: str, files: Mapping[str, str | bytes], outputs: Iterable[str]
) -> list[bytes]:
    """Run a shell command in a temporary folder and return the files asked for."""
    with tempfile.TemporaryDirectory(prefix="metaflow-cmd-") as folder:
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
        done = subprocess.run(command, shell=True, cwd=folder, check=False)  # noqa: S602 - a shell is what the caller asks for
        if done.returncode:
            raise ExternalCommandFailed(command, f"ended with exit code {done.returncode}")
        return [_read(command, folder, name) for name in outputs]


def _read(command: str, folder: str, name: str) -> bytes:
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise ExternalCommandFailed(command, f"did not write the file `{name}`") from error
