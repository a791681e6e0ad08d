"""Diffs between two sets of files, applied by the tools that people use."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metaflow.code_package.difference import colored, difference

LINES = st.text(st.sampled_from("ab\n\rü\f "), max_size=30).map(str.encode)
TREES = st.dictionaries(st.sampled_from(["a.py", "b/c.py", "d e.py"]), LINES, max_size=3)


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def apply(folder, patch: bytes, *command: str):
    done = subprocess.run(command, cwd=folder, input=patch, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + patch


def test_equal_files_have_no_difference():
    assert difference({"a.py": b"1\n"}, {"a.py": b"1\n"}) == b""


@given(TREES, TREES)
@example({"a.py": b"", "b/c.py": b""}, {"b/c.py": b"a"})
@settings(max_examples=40, deadline=None)
def test_git_applies_it(tmp_path_factory, old, new):
    folder = tmp_path_factory.mktemp("git")
    write(folder, old)
    text = difference(old, new)
    if text:
        apply(folder, text, "git", "apply", "-p0", "--unsafe-paths", "-")
    assert tree(folder) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"a.py": b"1\n2\n3\n"}, {"a.py": b"1\nx\n3\n"}),
        ({"a.py": b"1"}, {"a.py": b"1\n"}),
        ({"a.py": b"1\n"}, {"a.py": b"1\n", "new/b.py": b"2\n"}),
        ({"a.py": b"1\n", "b.py": b"2\n"}, {"a.py": b"1\n"}),
        ({"d e.py": b"1\n"}, {"d e.py": b"2\n"}),
        ({"a.py": b"\xff\n"}, {"a.py": b"\xfe\n"}),
        ({"a.py": b"1\r\n2\r\n"}, {"a.py": b"1\r\n3\r\n"}),
    ],
)
def test_patch_applies_it(tmp_path, old, new):
    write(tmp_path, old)
    apply(tmp_path, difference(old, new), "patch", "-p0", "--binary")
    assert tree(tmp_path) == new


def test_files_that_are_no_text_are_named():
    text = difference({"a.rds": b"\0\1"}, {"a.rds": b"\0\2"})
    assert text == b"diff --git a.rds a.rds\nBinary files a.rds and a.rds differ\n"


def test_colors_change_no_text():
    text = difference({"a.py": b"1\n2\n"}, {"a.py": b"1\n3\n"}).decode()
    shown = colored(text)
    for code in ("31", "32", "36", "1", "0"):
        shown = shown.replace(f"\033[{code}m", "")
    assert shown == text
