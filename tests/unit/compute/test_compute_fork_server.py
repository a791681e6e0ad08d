"""The lines of workers that are forked together: which descriptors are whose, and their end."""

from __future__ import annotations

import os

from metaflow.compute.local import fork_server


def opened() -> set[int]:
    """Descriptors that are open now."""
    found = {int(name) for name in os.listdir("/proc/self/fd")}
    return {number for number in found if os.path.exists(f"/proc/self/fd/{number}")}


def test_closing_the_spans_closes_all_lines_and_nothing_else() -> None:
    holes = [os.dup(0) for _ in range(5)]
    for hole in holes[::2]:
        os.close(hole)
    before = opened()
    lines = fork_server._open_lines(3)
    own = [number for line in lines for number in (line.channel, line.out, line.err, *line.handed)]
    assert len(set(own)) == 18
    assert opened() - before == set(own)
    assert len(lines[0].spans) > 1
    fork_server._close_spans(lines[2].spans)
    assert opened() == before
    for kept in holes[1::2]:
        os.close(kept)


def test_neighbouring_descriptors_are_closed_in_one_call() -> None:
    lines = fork_server._open_lines(4)
    for first, after in lines[0].spans:
        assert first < after
    ends = [number for span in lines[0].spans for number in span]
    assert ends == sorted(set(ends))
    fork_server._close_spans(lines[0].spans)


def test_each_end_of_a_line_reaches_the_other() -> None:
    first, second = fork_server._open_lines(2)
    try:
        for line in (first, second):
            channel, out, err = line.handed
            os.write(line.channel, b"answer")
            assert os.read(channel, 10) == b"answer"
            os.write(channel, b"task")
            assert os.read(line.channel, 10) == b"task"
            os.write(line.out, b"out")
            os.write(line.err, b"err")
            assert (os.read(out, 10), os.read(err, 10)) == (b"out", b"err")
    finally:
        fork_server._close_spans(first.spans)
