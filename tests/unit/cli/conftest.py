"""A flow file in a directory of its own, for each test."""

from __future__ import annotations

import pytest
from flow_project import Project


@pytest.fixture
def project(tmp_path):
    """A project with a two-step flow called `HelloFlow`."""
    return Project(tmp_path)
