"""Which files below a folder are the user's code."""

from __future__ import annotations

import os

import pytest

from metaflow.code_package.finding import find_files
from metaflow.errors.package import PackageTooLarge

DEFAULT = (".py", ".R", ".RDS")


@pytest.fixture
def tree(tmp_path):
    def make(*names: str):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path

    return make


def names(folder, suffixes=DEFAULT):
    return sorted(found.name for found in find_files(str(folder), suffixes))


def test_files_with_the_suffixes_are_found_at_any_depth(tree):
    folder = tree("flow.py", "a/b/c.py", "plot.R", "data.csv", "a/notes.txt", "model.rds")
    assert names(folder) == ["a/b/c.py", "flow.py", "model.rds", "plot.R"]


def test_the_case_of_a_suffix_does_not_matter(tree):
    assert names(tree("FLOW.PY", "x.r"), (".py", ".R")) == ["FLOW.PY", "x.r"]


def test_a_suffix_may_be_the_end_of_any_name(tree):
    assert names(tree("Makefile", "flow.py"), ("Makefile",)) == ["Makefile"]


@pytest.mark.parametrize("hidden", [".git", ".venv", "__pycache__", ".mf_code", ".mf_meta", ".x"])
def test_hidden_and_generated_folders_are_left_out(tree, hidden):
    assert names(tree("flow.py", f"{hidden}/inside.py", f"a/{hidden}/deep.py")) == ["flow.py"]


def test_a_virtual_environment_is_left_out(tree):
    folder = tree("flow.py", "env/pyvenv.cfg", "env/lib/site.py")
    assert names(folder) == ["flow.py"]


def test_the_folder_itself_may_be_hidden(tree):
    folder = tree(".work/flow.py", ".work/a/b.py")
    assert names(folder / ".work") == ["a/b.py", "flow.py"]


def test_a_dot_file_is_found_only_by_its_full_name(tree):
    folder = tree(".hidden.py", ".env", "flow.py", "prod.env")
    assert names(folder, (".py", ".env")) == [".env", "flow.py", "prod.env"]
    assert names(folder, (".hidden.py",)) == [".hidden.py"]


def test_links_are_followed(tree, tmp_path_factory):
    folder = tree("flow.py")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "shared.py").write_text("1")
    (folder / "lib").symlink_to(elsewhere)
    (folder / "one.py").symlink_to(elsewhere / "shared.py")
    (folder / "nowhere.py").symlink_to(elsewhere / "gone.py")
    assert names(folder) == ["flow.py", "lib/shared.py", "one.py"]


def test_links_that_lead_back_end_the_search(tree):
    folder = tree("flow.py", "a/x.py", "b/y.py")
    (folder / "a" / "up").symlink_to(folder)
    (folder / "a" / "other").symlink_to(folder / "b")
    (folder / "b" / "other").symlink_to(folder / "a")
    assert names(folder) == ["a/other/y.py", "a/x.py", "b/other/x.py", "b/y.py", "flow.py"]


def test_an_unreadable_folder_is_passed_over(tree):
    folder = tree("flow.py", "locked/x.py")
    (folder / "locked").chmod(0)
    try:
        found = names(folder)
    finally:
        (folder / "locked").chmod(0o755)
    assert found == (["flow.py"] if os.geteuid() else ["flow.py", "locked/x.py"])


def test_a_named_pipe_is_no_file(tree):
    folder = tree("flow.py")
    os.mkfifo(folder / "pipe.py")
    assert names(folder) == ["flow.py"]


def test_too_many_entries_are_refused(tree):
    folder = tree(*(f"f{number}.txt" for number in range(20)))
    with pytest.raises(PackageTooLarge, match="more than 10 entries"):
        find_files(str(folder), DEFAULT, most=10)
