"""What is kept of a task's output, where it is cut, and what reaches the console."""

from __future__ import annotations

import os
import re

import pytest

from metaflow.engine.console import Console
from metaflow.engine.output import LONGEST_LINE, MARKER, LogBook, TaskOutput

STAMP = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"


class MemoryLog:
    def __init__(self) -> None:
        self.data = b""
        self.settled = 0
        """Length that was settled at last."""

    def settle(self) -> None:
        self.settled = len(self.data)

    def append(self, data: bytes) -> int:
        offset = len(self.data)
        self.data += bytes(data)
        return offset

    def close(self) -> None:
        pass


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


def shown(console: Console, capfdbinary: pytest.CaptureFixture[bytes]) -> bytes:
    console.flush()
    return capfdbinary.readouterr().out


def pipes(task_id: str = "7", control_id: str | None = None) -> tuple[TaskOutput, int, int]:
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    label = "[1/start/7 (pid 5)]"
    output = TaskOutput(task_id, 0, label, (out_read, err_read), control_id)
    return output, out_write, err_write


def test_a_stream_is_cut_at_its_limit_with_a_marker(log: MemoryLog) -> None:
    book = LogBook(lambda: log, limit=10)
    book.write("1", 0, "stdout", b"12345\n", 1.0)
    book.write("1", 0, "stdout", b"6789012345\n", 2.0)
    book.write("1", 0, "stdout", b"more\n", 3.0)
    assert log.data == b"12345\n6789\n" + MARKER


def test_the_limit_is_for_each_stream_and_attempt_alone(log: MemoryLog) -> None:
    book = LogBook(lambda: log, limit=4)
    for attempt in (0, 1):
        for stream in ("stdout", "stderr"):
            book.write("1", attempt, stream, b"abc\n", 1.0)
    assert log.data == b"abc\n" * 4


def test_output_that_follows_closely_is_one_entry(log: MemoryLog) -> None:
    book = LogBook(lambda: log, limit=100)
    book.write("1", 0, "stdout", b"a\n", 1.0)
    book.write("1", 0, "stdout", b"b\n", 1.01)
    book.write("1", 0, "stdout", b"c\n", 2.0)
    book.write("1", 0, "stderr", b"d\n", 2.0)
    entries = [(entry.stream, entry.offset, entry.length) for entry in book.take_entries()]
    assert entries == [("stdout", 0, 4), ("stdout", 4, 2), ("stderr", 6, 2)]
    assert book.take_entries() == []


def test_each_line_has_its_place_in_front(
    log: MemoryLog, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    output, out, err = pipes()
    console, book = Console("1", color=False), LogBook(lambda: log, 1000)
    os.write(out, b"one\n  two\nthr")
    assert output.read(0, book, console, 1.0)
    os.write(out, b"ee\n\xff\n")
    os.write(err, b"no newline")
    output.drain(book, console, 1.0)
    output.finish_lines(book, console, 1.0)
    place = rb" \[1/start/7 \(pid 5\)\] "
    expected = rb"".join(
        STAMP + place + re.escape(line) + rb"\n"
        for line in (b"one", b"  two", b"three", b"\xff", b"no newline")
    )
    assert re.fullmatch(expected, shown(console, capfdbinary))
    assert log.data == b"one\n  two\nthree\n\xff\nno newline"
    for descriptor in (out, err):
        os.close(descriptor)
    output.close()


def test_an_endless_line_does_not_pile_up(
    log: MemoryLog, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    output, out, err = pipes()
    console, book = Console("1", color=False), LogBook(lambda: log, 10 * LONGEST_LINE)
    for _ in range(3):
        os.write(out, b"x" * LONGEST_LINE)
        output.drain(book, console, 1.0)
    assert len(shown(console, capfdbinary)) > 2 * LONGEST_LINE
    assert log.data == b"x" * (3 * LONGEST_LINE)
    for descriptor in (out, err):
        os.close(descriptor)
    output.close()


def test_a_note_of_ours_begins_on_a_line_of_its_own(
    log: MemoryLog, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    output, out, err = pipes()
    console, book = Console("1", color=False), LogBook(lambda: log, 1000)
    os.write(err, b"before")
    output.drain(book, console, 1.0)
    output.note("Task failed with a segmentation fault.", book, console, 1.0)
    assert log.data == b"before\nTask failed with a segmentation fault.\n"
    lines = shown(console, capfdbinary).splitlines()
    assert [line.rpartition(b"] ")[2] for line in lines] == [
        b"before",
        b"Task failed with a segmentation fault.",
    ]
    for descriptor in (out, err):
        os.close(descriptor)
    output.close()


def test_members_of_a_gang_print_whole_lines_into_the_log_that_they_share(log: MemoryLog) -> None:
    console, book = Console("1", color=False), LogBook(lambda: log, 1000)
    first, first_out, first_err = pipes("7", "7")
    other, other_out, other_err = pipes("7_node_1", "7")

    def print_by(member: TaskOutput, pipe: int, data: bytes) -> None:
        os.write(pipe, data)
        member.drain(book, console, 1.0)

    for number, pipe, member in ((b"0", first_out, first), (b"1", other_out, other)):
        print_by(member, pipe, b"node " + number)
    print_by(first, first_out, b"\nfirst")
    print_by(other, other_out, b"\nother\n")
    # The first has ended without a newline, and the other goes on.
    first.finish_lines(book, console, 1.0)
    print_by(other, other_out, b"more")
    other.finish_lines(book, console, 1.0)
    read: dict[str, bytes] = {"7": b"", "7_node_1": b""}
    for entry in sorted(book.take_entries(), key=lambda entry: entry.offset):
        read[entry.task_id] += log.data[entry.offset : entry.offset + entry.length]
    assert read == {
        "7": b"node 0\nnode 1\nother\nfirst\nmore",
        "7_node_1": b"node 1\nother\nmore",
    }
    for descriptor in (first_out, first_err, other_out, other_err):
        os.close(descriptor)
    first.close()
    other.close()


def test_output_is_settled_before_anybody_is_told_where_it_is(log: MemoryLog) -> None:
    book = LogBook(lambda: log, 1000)
    book.write("1", 0, "stdout", b"some\n", 1.0)
    assert log.settled == 0
    (entry,) = book.take_entries()
    assert log.settled == entry.offset + entry.length
