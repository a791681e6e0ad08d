"""Who is measured: our package in this environment, and the newest Metaflow in its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parent.parent
RIVAL_ENVIRONMENT = CHECKOUT / ".rival"
CONSTRAINTS = CHECKOUT / "requirements" / "bench.txt"
DATA_LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn")


class Contender(NamedTuple):
    """An interpreter in which `import metaflow` means one implementation."""

    name: str
    python: str
    distribution: str
    version: str


def ours() -> Contender:
    """Our package, as it is installed for the interpreter that runs the benchmark."""
    return _contender("ours", sys.executable, "millrace")


def rival(python: str | None) -> Contender:
    """Metaflow itself; without an interpreter that has it, an environment is made for it."""
    if python is None:
        python = str(RIVAL_ENVIRONMENT / "bin" / "python")
        if not Path(python).exists():
            _make_rival_environment(python)
    return _contender("rival", python, "metaflow")


def _contender(name: str, python: str, distribution: str) -> Contender:
    asked = f"from importlib.metadata import version; print(version({distribution!r}))"
    done = subprocess.run(
        [python, "-I", "-c", asked], capture_output=True, text=True, check=True, cwd="/"
    )
    return Contender(name, python, distribution, done.stdout.strip())


def _make_rival_environment(python: str) -> None:
    print(f"installing the newest metaflow into {RIVAL_ENVIRONMENT.name}/", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", RIVAL_ENVIRONMENT], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--upgrade", "--constraint", CONSTRAINTS, "metaflow", *DATA_LIBRARIES], check=True
    )
