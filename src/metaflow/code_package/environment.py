"""What a package says of where it was made: the content of `.mf_meta/INFO`."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from metaflow.settings.version import get_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.code_package.git import GitState
    from metaflow.model.package import PackageOrder


def environment_info(
    order: PackageOrder, git: GitState | None, *, uncommitted: bool | None
) -> dict[str, Any]:
    """Describe this machine, this interpreter and the repository.

    Parameters
    ----------
    order : PackageOrder
        What is packed.
    git : GitState, optional
        The repository of the files, if they are in one.
    uncommitted : bool, optional
        Whether files differ from the commit; None when that is not known.

    Returns
    -------
    dict
        Plain data; nothing in it changes from one minute to the next, because equal packages
        are stored once.
    """
    system = os.uname()
    info = {
        "script": order.script,
        "metaflow_version": get_version(),
        "python_version": sys.version,
        "python_version_code": ".".join(str(part) for part in sys.version_info[:3]),
        "platform": f"{system.sysname}-{system.release}-{system.machine}",
        "username": order.user,
        "runtime": "dev",
        "environment_type": "local",
        "package_suffixes": list(order.suffixes),
    }
    return {**info, **git_info(git, uncommitted=uncommitted)}


def git_info(git: GitState | None, *, uncommitted: bool | None) -> dict[str, Any]:
    """Describe the repository; empty when there is none."""
    if git is None:
        return {}
    return {
        "repo_url": git.repo_url,
        "branch_name": git.branch_name,
        "commit_sha": git.commit_sha,
        "has_uncommitted_changes": uncommitted,
    }


def as_json(value: Mapping[str, Any]) -> bytes:
    """Write plain data so that equal data makes equal bytes."""
    return json.dumps(value, sort_keys=True, indent=1).encode()
