"""Labs for tests that break things; all of them may run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults_lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.clean_up()
