"""Parameters that are files: read once where the run starts, seen by steps and by the client."""

from __future__ import annotations

import os

import pytest
from flow_workspace import Workspace

FLOW = """
    from metaflow import FlowSpec, IncludeFile, step

    def chosen(context):
        return "chosen.txt"

    def count(text):
        return len(text.split())

    class FileFlow(FlowSpec):
        {declaration}

        @step
        def start(self):
            self.seen = self.file
            self.next(self.end)

        @step
        def end(self):
            {end}

    if __name__ == "__main__":
        FileFlow()
"""


def declare(workspace: Workspace, arguments: str = "", end: str = "pass") -> None:
    declaration = f'file = IncludeFile("file"{arguments})'
    workspace.write(FLOW.format(declaration=declaration, end=end))


def test_text(workspace):
    declare(workspace)
    (workspace.folder / "a.txt").write_text("grüße\r\n", newline="")
    done = workspace.succeed("run", "--file", "a.txt")
    assert f"Including file {workspace.folder}/a.txt of size 9 B" in done.err
    task = workspace.latest()["start"].task
    assert task.data.seen == task.data.file == "grüße\r\n"
    assert task["file"].size == 9


def test_another_encoding(workspace):
    declare(workspace, ', encoding="latin-1"')
    (workspace.folder / "a.txt").write_bytes(b"gr\xfc\xdfe")
    assert workspace.run("--file", "a.txt")["end"].task.data.seen == "grüße"


@pytest.mark.parametrize("size", [0, 1, 70_000, 20 << 20])
def test_bytes_of_any_size(workspace, size):
    declare(workspace, ", is_text=False", end="self.length = len(self.file)")
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (workspace.folder / "a.bin").write_bytes(content)
    run = workspace.run("--file", "a.bin")
    assert run["start"].task.data.file == content
    assert run.data.length == size


def test_large_files_are_stored_once(workspace):
    workspace.write(
        FLOW.format(declaration='file = IncludeFile("file", is_text=False)', end="pass").replace(
            "self.seen = self.file", "assert len(self.file) == 9 << 20"
        )
    )
    (workspace.folder / "a.bin").write_bytes(os.urandom(9 << 20))
    for _ in range(2):
        workspace.run("--file", "a.bin", METAFLOW_CODE_PACKAGE_MB="0")
    blobs = (workspace.folder / ".metaflow" / "blobs").glob("*/*")
    assert sum(path.stat().st_size for path in blobs) == 9 << 20


def test_none_without_a_file(workspace):
    declare(workspace, ", parser=count")
    assert workspace.run().data.seen is None


@pytest.mark.parametrize("parser", ["count", '"flow.count"', "lambda text: len(text.split())"])
def test_a_parser_works_in_steps_only(workspace, parser):
    declare(workspace, f", parser={parser}", end="self.again = self.file + 1")
    (workspace.folder / "a.txt").write_text("one two three")
    run = workspace.run("--file", "a.txt")
    assert run.data.seen == 3
    assert run.data.again == 4
    assert run.data.file == "one two three"


def test_a_parser_that_fails_fails_the_step_that_asks(workspace):
    declare(workspace, ', parser="json.loads"')
    (workspace.folder / "a.txt").write_text("{")
    done = workspace.fail("run", "--file", "a.txt")
    assert "JSONDecodeError" in done.out
    assert "self.seen = self.file" in done.out


def test_defaults_by_value_and_by_function(workspace):
    (workspace.folder / "chosen.txt").write_text("chosen")
    (workspace.folder / "other.txt").write_text("other")
    declare(workspace, ", default=chosen")
    assert workspace.run().data.seen == "chosen"
    assert workspace.run(METAFLOW_RUN_FILE="other.txt").data.seen == "other"
    declare(workspace, ', default="other.txt"')
    assert workspace.run().data.seen == "other"
    assert "[default: other.txt]" in workspace.succeed("run", "--help").out


def test_the_home_folder(workspace):
    declare(workspace)
    (workspace.folder / "a.txt").write_text("home")
    assert workspace.run("--file", "~/a.txt", HOME=str(workspace.folder)).data.seen == "home"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("gone.txt", "cannot be read: No such file or directory"),
        (".", "cannot be read: Is a directory"),
        ("bad.txt", "is no text in utf-8"),
        ("s3://bucket/a.txt", "is an address"),
        ("https://example.org/a", "is an address"),
    ],
)
def test_what_cannot_be_included_is_refused_before_the_run(workspace, given, said):
    declare(workspace)
    (workspace.folder / "bad.txt").write_bytes(b"\xff")
    done = workspace.flow("run", "--file", given)
    assert done.code == 2
    assert said in done.err
    assert "Workflow starting" not in done.out


def test_a_missing_default_matters_only_to_runs(workspace):
    declare(workspace, ', default="gone.txt"')
    workspace.succeed("check")
    workspace.succeed("run", "--help")
    assert workspace.flow("run").code == 2


def test_a_required_file(workspace):
    declare(workspace, ", required=True")
    assert "Missing option '--file'" in workspace.flow("run").err


def test_resume_keeps_the_content(workspace):
    declare(workspace, end="assert self.file == 'new'")
    (workspace.folder / "a.txt").write_text("old")
    workspace.fail("run", "--file", "a.txt")
    (workspace.folder / "a.txt").write_text("new")
    declare(workspace, end="self.kept = self.file")
    done = workspace.succeed("resume")
    assert "Including" not in done.err
    assert workspace.latest().data.kept == "old"


def test_it_cannot_be_assigned(workspace):
    declare(workspace, end="self.file = 'x'")
    assert "not modifiable" in workspace.fail("run").out


def test_a_program_gives_a_path(workspace):
    declare(workspace, ", parser=count")
    (workspace.folder / "a.txt").write_text("one two")
    program = (
        "from metaflow import Runner\n"
        "with Runner('flow.py', show_output=False).run(file='a.txt') as running:\n"
        "    print(running.run.data.file, running.run.data.seen)\n"
    )
    done = workspace.python("-c", program)
    assert done.out == "one two 2\n", done.err


def test_a_single_step_sees_the_content(workspace):
    declare(workspace, ", parser=count")
    (workspace.folder / "a.txt").write_text("one two")
    program = (
        "from flow import FileFlow\n"
        "from metaflow.testing import run_step\n"
        "print(run_step(FileFlow, 'start', parameters={'file': 'a.txt'}).seen)\n"
    )
    done = workspace.python("-c", program)
    assert done.out == "2\n", done.err
