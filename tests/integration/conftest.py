"""Real servers for tests: started once, reused by all processes of a test run, and after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
RUN = REPOSITORY / "services" / "run.py"
EXIT_CANNOT_INSTALL = 3


@pytest.fixture(scope="session")
def service() -> Iterator[Callable[[str], dict[str, str]]]:
    """Start a service by name, unless it runs; its clients' environment is set and returned.

    A server that can't be installed here skips the test, but never in continuous integration.
    """
    with pytest.MonkeyPatch.context() as patch:

        def start(name: str) -> dict[str, str]:
            done = subprocess.run(
                [sys.executable, str(RUN), "start", "--temporary", name],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == EXIT_CANNOT_INSTALL and not os.environ.get("CI"):
                pytest.skip(f"NOT TESTED against {name}: {done.stderr.strip()}")
            assert done.returncode == 0, done.stderr
            environment = json.loads(done.stdout)[name]
            for variable, value in environment.items():
                patch.setenv(variable, value)
            return environment

        yield start
