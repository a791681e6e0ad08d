"""What brings a service onto the machine: Debian's packages, or npm."""

from __future__ import annotations

import fcntl
import os
import shutil
from typing import TYPE_CHECKING

from daemons import SERVICES, CannotInstall, ServiceFailed, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def debian(packages: Sequence[str], needed: Sequence[str]) -> None:
    """Install packages of Debian unless the commands that are needed of them are there."""
    if all(shutil.which(command) for command in needed):
        return
    missing = " ".join(packages)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise CannotInstall(f"install as root: apt-get install --no-install-recommends {missing}")
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    # Two services may want packages at the same time.
    with (SERVICES / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            run(install, 600, **quiet)
        except ServiceFailed:  # the lists of packages may be missing or old
            run(["apt-get", "update"], 300, **quiet)
            run(install, 600, **quiet)


def npm(folder: Path, package: str, version: str, command: str) -> str:
    """Install a package of npm into a folder and return the path of a command."""
    path = folder / "node_modules" / ".bin" / command
    if not path.exists():
        if shutil.which("npm") is None:
            debian(["npm"], ["npm"])
        folder.mkdir(parents=True, exist_ok=True)
        run(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund",
             "--omit=dev", f"{package}@{version}"], 600)  # fmt: skip
    return str(path)
