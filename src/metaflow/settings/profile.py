"""The file that holds a profile's settings: where it is, what it says, how it is replaced."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from metaflow.errors.input import SettingsFileInvalid, SettingsFileNotWritten
from metaflow.settings.load import profile_path

if TYPE_CHECKING:
    from collections.abc import Mapping


def current_profile() -> str | None:
    """Return the name that METAFLOW_PROFILE gives; None for the profile without a name."""
    return os.environ.get("METAFLOW_PROFILE") or None


def path_of(profile: str | None) -> str:
    """Return the path of a profile's file, which need not exist.

    Parameters
    ----------
    profile : str, optional
        Name of the profile; None for the one without a name.

    Returns
    -------
    str
        The path.
    """
    return profile_path(os.environ, profile)


def read(path: str) -> dict[str, Any]:
    """Return what a file of settings says; nothing if there is no such file.

    Raises
    ------
    SettingsFileInvalid
        The file is no JSON object, or cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read(), path)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsFileInvalid(path, f"cannot be read: {error}") from error


def parse(text: str, path: str) -> dict[str, Any]:
    """Read the text of a file of settings.

    Raises
    ------
    SettingsFileInvalid
        The text is no JSON object.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise SettingsFileInvalid(path, f"is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise SettingsFileInvalid(path, "does not hold a JSON object")
    return content


def write(path: str, values: Mapping[str, Any]) -> None:
    """Replace a file of settings wholly or not at all; only its owner can read it.

    Raises
    ------
    SettingsFileNotWritten
        The file cannot be written.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    text = json.dumps(dict(values), indent=4, sort_keys=True) + "\n"
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        # Settings may hold keys and tokens, so the file is nobody else's from the beginning.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as error:
        raise SettingsFileNotWritten(path, error.strerror or str(error)) from error
