"""A workspace for each test; the client is pointed back at nothing afterwards."""

from __future__ import annotations

import pytest
from flow_workspace import Workspace

from metaflow.ambient import UNSET, ambient


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(ambient, "metadata", UNSET)
    monkeypatch.setattr(ambient, "namespace", UNSET)
    return Workspace(tmp_path)
