"""What is read of a Git repository, next to what Git itself says."""

from __future__ import annotations

import os
import subprocess

import pytest

from metaflow.code_package.git import has_uncommitted_changes, without_credentials
from metaflow.code_package.repository import repository_of


@pytest.fixture
def git(tmp_path, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)

    def run(*arguments: str, folder=tmp_path) -> str:
        identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    run("init", "-q", "-b", "trunk")
    return run


@pytest.fixture
def folder(tmp_path, git):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "flow.py").write_text("1\n")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return tmp_path / "flows"


def state(folder):
    found = repository_of(str(folder))
    assert found is not None
    return found


def changed(folder, *names):
    return has_uncommitted_changes(state(folder), str(folder), names)


def test_a_folder_in_no_repository_has_none(tmp_path):
    assert repository_of(str(tmp_path)) is None


def test_a_repository_without_a_commit(tmp_path, git):
    assert state(tmp_path).commit_sha is None
    assert state(tmp_path).branch_name == "trunk"


def test_branch_and_commit(folder, git):
    assert state(folder).commit_sha == git("rev-parse", "HEAD")
    git("checkout", "-q", "-b", "team/idea")
    assert state(folder).branch_name == "team/idea"


def test_packed_references(folder, git):
    git("pack-refs", "--all")
    assert state(folder).commit_sha == git("rev-parse", "HEAD")


def test_a_commit_without_a_branch(folder, git):
    git("checkout", "-q", "--detach")
    found = state(folder)
    assert (found.branch_name, found.commit_sha) == (None, git("rev-parse", "HEAD"))


def test_a_linked_working_tree(folder, git, tmp_path_factory):
    other = tmp_path_factory.mktemp("trees") / "other"
    git("remote", "add", "origin", "https://example.org/x.git")
    git("worktree", "add", "-q", "-b", "side", str(other))
    found = state(other / "flows")
    assert found.branch_name == "side"
    assert found.commit_sha == git("rev-parse", "HEAD")
    assert found.repo_url == "https://example.org/x.git"


def test_the_address_has_no_credentials(folder, git):
    git("remote", "add", "upstream", "https://other.example.org/x.git")
    git("remote", "add", "origin", "https://ann:secret@example.org/ann/flows.git")
    assert state(folder).repo_url == "https://example.org/ann/flows.git"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://token@example.org/a.git", "https://example.org/a.git"),
        ("https://ann:p%40ss@example.org:8443/a", "https://example.org:8443/a"),
        ("https://ann:p@ss@example.org/a@b.git", "https://example.org/a@b.git"),
        ("https://example.org/a.git?private_token=x", "https://example.org/a.git"),
        ("ssh://git@example.org/a.git", "ssh://example.org/a.git"),
        ("git@example.org:ann/a.git", "git@example.org:ann/a.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
    ],
)
def test_credentials_are_taken_out(url, shown):
    assert without_credentials(url) == shown


def test_committed_files_have_no_changes(folder):
    assert changed(folder, "flow.py") is False


def test_edited_staged_and_new_files_are_changes(folder, git):
    (folder / "flow.py").write_text("2\n")
    assert changed(folder, "flow.py") is True
    git("add", ".")
    assert changed(folder, "flow.py") is True
    git("commit", "-q", "-m", "second")
    (folder / "new file.py").write_text("3\n")
    assert changed(folder, "flow.py") is False
    assert changed(folder, "flow.py", "new file.py") is True


def test_without_git_changes_are_unknown(folder, monkeypatch):
    found = state(folder)
    monkeypatch.setenv("PATH", str(folder))
    assert has_uncommitted_changes(found, str(folder), ["flow.py"]) is None
