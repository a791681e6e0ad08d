"""The version in the code is the version of the distribution."""

from __future__ import annotations

import tomllib
from pathlib import Path

from metaflow.settings.version import get_version


def test_version_equals_the_project_file():
    project = Path(__file__).parents[3] / "pyproject.toml"
    assert get_version() == tomllib.loads(project.read_text())["project"]["version"]
