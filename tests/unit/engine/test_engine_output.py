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


def pipes() -> tuple[TaskOutput, int, int]:
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    return TaskOutput("7", 0, "[1/start/7 (pid 5)]", (out_read, err_read)), out_write, err_write


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
    output.finish_lines(console)
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
