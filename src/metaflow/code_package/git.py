"""What Git knows of a folder: which commit it is at, and whether files differ from it."""

import os
import select
import signal
import time
from collections.abc import Iterable
from typing import NamedTuple

STATUS_WITHIN_S = 10.0
"""A repository for which Git takes longer is shown without a word on changes."""


class GitState(NamedTuple):
    """What can be read of a repository without running Git."""

    top: str
    """Folder of the working tree."""
    repo_url: str | None
    """Address of the remote `origin`, without user name and password."""
    branch_name: str | None
    """None when no branch is checked out."""
    commit_sha: str | None
    """None as long as there is no commit."""
    staged: tuple[int, int]
    """Time of change in ns and size of the index: it has another when files were staged."""


def read_git(top: str) -> GitState | None:
    """Read the state of a repository.

    Parameters
    ----------
    top : str
        Folder of the working tree, which has an entry `.git`.

    Returns
    -------
    GitState or None
        None when it cannot be read.
    """
    try:
        return _read(top)
    except (OSError, UnicodeDecodeError):
        return None


def _read(top: str) -> GitState | None:
    private = _private_folder(os.path.join(top, ".git"))
    shared = _shared_folder(private)
    head = _text(os.path.join(private, "HEAD"))
    if head is None:
        return None
    branch = None
    commit: str | None = head
    if head.startswith("ref: "):
        reference = head.removeprefix("ref: ")
        branch = reference.removeprefix("refs/heads/")
        commit = _commit(private, shared, reference)
    try:
        status = os.stat(os.path.join(private, "index"))
        staged = (status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        staged = (0, 0)
    url = _origin(_text(os.path.join(shared, "config")) or "")
    return GitState(top, url and without_credentials(url), branch, commit, staged)


def _private_folder(dot_git: str) -> str:
    """Find the folder of this working tree; in linked trees and submodules `.git` is a file."""
    if os.path.isdir(dot_git):
        return dot_git
    target = (_text(dot_git) or "").removeprefix("gitdir: ")
    return os.path.normpath(os.path.join(os.path.dirname(dot_git), target))


def _shared_folder(private: str) -> str:
    common = _text(os.path.join(private, "commondir"))
    return private if common is None else os.path.normpath(os.path.join(private, common))


def _commit(private: str, shared: str, reference: str) -> str | None:
    for folder in dict.fromkeys((private, shared)):
        commit = _text(os.path.join(folder, reference))
        if commit:
            return commit
    for line in (_text(os.path.join(shared, "packed-refs")) or "").splitlines():
        sha, _, name = line.partition(" ")
        if name == reference:
            return sha
    return None


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _origin(config: str) -> str | None:
    inside = False
    for raw in config.splitlines():
        line = raw.strip()
        if line.startswith("["):
            inside = line == '[remote "origin"]'
        elif inside:
            key, equals, value = line.partition("=")
            if equals and key.strip().lower() == "url":
                return value.strip().strip('"')
    return None


def without_credentials(url: str) -> str:
    """Take user name, password and query out of an address.

    Parameters
    ----------
    url : str
        Such as `https://ann:secret@example.org/flows.git`.

    Returns
    -------
    str
        Such as `https://example.org/flows.git`. A form without a scheme, such as
        `git@example.org:flows.git`, has no password and stays as it is.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def has_uncommitted_changes(state: GitState, folder: str, names: Iterable[str]) -> bool | None:
    """Ask Git whether files differ from the commit.

    Parameters
    ----------
    state : GitState
        The repository.
    folder : str
        Where the files are, absolute.
    names : iterable of str
        The files, relative to the folder.

    Returns
    -------
    bool or None
        None when Git is not installed, refuses or takes too long.
    """
    listing = _status(folder)
    if listing is None:
        return None
    below = os.path.relpath(os.path.realpath(folder), state.top)
    prefix = "" if below == "." else f"{below}/"
    changed = {os.fsdecode(entry[3:]) for entry in listing.split(b"\0")}
    return any(prefix + name in changed for name in names)


def _status(folder: str) -> bytes | None:
    """Run `git status` by hand: this runs where `subprocess` is not loaded yet."""
    command = ["git", "-C", folder, "status", "--porcelain", "-z", "--no-renames"]
    command += ["--untracked-files=all", "--", "."]
    # Locks would get in the way of what the user does at the same time.
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    ours, theirs = os.pipe()
    null = os.devnull
    try:
        pid = os.posix_spawnp(
            "git",
            command,
            env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, null, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, theirs, 1),
                (os.POSIX_SPAWN_OPEN, 2, null, os.O_WRONLY, 0),
            ],
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGCHLD),
        )
    except OSError:
        os.close(ours)
        return None
    finally:
        os.close(theirs)
    try:
        output = _read_until(ours, time.monotonic() + STATUS_WITHIN_S)
    finally:
        os.close(ours)
    if output is None:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return output if status == 0 else None


def _read_until(descriptor: int, deadline: float) -> bytes | None:
    pieces: list[bytes] = []
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(1000 * left):
            return None
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
