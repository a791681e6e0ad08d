"""Lines of several tasks as one log: `Run.logs`, `Step.logs`, `Task.logs`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from metaflow.client import Run, Step, Task
from metaflow.client.log_lines import LogFilter, lines_of
from metaflow.model.records import LogWritten


def texts(lines):
    return [line.text for line in lines]


def began(world):
    """Time of the next fact, in seconds since the epoch."""
    return next(world.clock) + 1


def two_tasks(world, run_id="1"):
    run = world.run(run_id=run_id)
    for task, step in (("1", "start"), ("2", "work"), ("3", "work")):
        run.create(task, step)
        run.start(task)
    return run


def test_lines_come_in_order_of_time(world):
    run = two_tasks(world)
    run.print("2", "stdout", b"one\ntw")
    run.print("3", "stdout", b"between\n")
    run.print("2", "stderr", b"oh\n")
    run.print("2", "stdout", b"o\nthree")
    run.print("1", "stdout", b"last\n")
    run.done()
    lines = list(Run("F/1").logs())
    assert texts(lines) == ["one", "two", "between", "oh", "three", "last"]
    assert {line.pathspec for line in Step("F/1/work").logs()} == {"F/1/work/2", "F/1/work/3"}
    assert texts(Task("F/1/work/2").logs("stderr")) == ["oh"]
    assert texts(Run("F/1").logs(contains="t", stream="stdout")) == [
        "two",
        "between",
        "three",
        "last",
    ]
    first = lines[0]
    assert (first.attempt, first.stream, first.time.tzinfo) == (0, "stdout", UTC)
    with pytest.raises(ValueError, match="There is no stream `stdin`"):
        Run("F/1").logs("stdin")


def test_lines_between_two_times(world):
    run = two_tasks(world)
    times = []
    for text in (b"a\nb", b"b\nc\n", b"d\n"):
        times.append(datetime.fromtimestamp(began(world), UTC))
        run.print("1", "stdout", text)
    every = list(Run("F/1").logs())
    assert texts(every) == ["a", "bb", "c", "d"]
    for since in [line.time for line in every]:
        for until in [line.time for line in every]:
            found = Run("F/1").logs(since=since, until=until)
            assert list(found) == [line for line in every if since <= line.time <= until]
    naive = every[3].time.astimezone().replace(tzinfo=None)
    assert texts(Run("F/1").logs(since=naive)) == ["d"]
    assert texts(Run("F/1").logs(since=timedelta(minutes=1))) == []
    assert texts(Run("F/1").logs(until=timedelta(minutes=1))) == ["a", "bb", "c", "d"]


def test_of_each_task_the_latest_attempt_counts(world):
    run = two_tasks(world)
    run.print("2", "stdout", b"first\n")
    run.end("2", ok=False)
    run.start("2", 1)
    run.print("2", "stdout", b"second\n", attempt=1)
    run.print("3", "stdout", b"other\n")
    assert texts(Run("F/1").logs()) == ["second", "other"]
    assert texts(Task("F/1/work/2", attempt=0).logs()) == ["first"]


def test_clones_show_what_their_originals_printed(world):
    run = two_tasks(world)
    run.print("2", "stdout", b"work\n")
    run.done(ok=False)
    for origin, run_id in (("1", "2"), ("2", "3")):
        clone = world.run(run_id=run_id, origin_run_id=origin)
        original = "2" if origin == "1" else "7"
        clone.create("7", "work", origin_task_id=original)
        clone.start("7")
        clone.end("7")
        clone.done()
    (line,) = Run("F/3").logs()
    assert (line.pathspec, line.text) == ("F/3/work/7", "work")
    assert list(Task("F/3/work/7").logs()) == list(Step("F/3/work").logs()) == [line]


def test_few_questions_for_many_tasks_and_no_bytes_of_what_is_left_out(world, monkeypatch):
    run = world.run()
    for task in range(300):
        run.create(str(task), "work")
        run.start(str(task))
        run.print(str(task), "stdout", b"%d\n" % task)
    middle = list(Run("F/1").logs())[150].time
    step = Step("F/1/work")
    asked = []
    step._view.catalog.connection._database.set_trace_callback(asked.append)
    assert texts(step.logs()) == [str(task) for task in range(300)]
    assert len(asked) <= 8
    read = []
    from metaflow.client import run_log

    real = run_log.read_log
    monkeypatch.setattr(run_log, "read_log", lambda *place: read.append(place) or real(*place))
    assert texts(step.logs(since=middle, until=middle)) == ["150"]
    assert len(read) == 1


@pytest.mark.parametrize("count", [0, 1, 7, 1000, 4000, 9000])
def test_the_last_lines_are_found_from_the_end(world, monkeypatch, count):
    run = two_tasks(world)
    for task in "12":
        run.print(task, "stdout", *(b"%s %d\n" % (b"x" * 60, line) for line in range(4000)))
    every = list(Run("F/1").logs())
    wanted = LogFilter(tail=count)
    lengths = []
    from metaflow.client import run_log

    real = run_log.read_log
    monkeypatch.setattr(
        run_log,
        "read_log",
        lambda path, offset, length: lengths.append(length) or real(path, offset, length),
    )
    found = list(lines_of(Run("F/1")._view, wanted))
    assert found == (every[-count:] if count else [])
    if count < 100:
        assert sum(lengths) < 1 << 17


def test_a_long_log_is_read_in_pieces(world):
    run = two_tasks(world)
    run.print("1", "stdout", b"%s\n" % (b"y" * 99) * 50_000)
    lines = Run("F/1").logs()
    assert next(lines).text == "y" * 99
    assert sum(1 for _ in lines) == 49_999


def test_a_follower_sees_lines_as_they_come_and_the_end(world):
    run = two_tasks(world)
    run.print("1", "stdout", b"before\nbeg")
    run.end("3")
    lines = Run("F/1").logs(follow=True)
    # Without a lease the run counts as lost, and with one of a scheduler as going on.
    hold(run)
    assert next(lines).text == "before"
    run.print("1", "stdout", b"un\n")
    assert next(lines).text == "begun"
    run.create("4", "work")
    run.start("4")
    run.print("4", "stderr", b"of a new task\nwithout end")
    assert next(lines).text == "of a new task"
    run.end("4", ok=False)
    assert next(lines).text == "without end"
    run.start("4", 1)
    run.print("4", "stderr", b"again\n", attempt=1)
    line = next(lines)
    assert (line.text, line.attempt) == ("again", 1)
    ended = Thread(target=run.done)
    ended.start()
    assert list(lines) == []
    ended.join()


def test_a_follower_sees_clones_that_come_later(world):
    origin = two_tasks(world)
    origin.print("1", "stdout", b"start\n")
    origin.print("2", "stdout", b"work\n")
    origin.done(ok=False)
    run = world.run(run_id="2", origin_run_id="1")
    hold(run)
    run.create("1", "start", origin_task_id="1")
    run.start("1")
    run.end("1")
    lines = Run("F/2").logs(follow=True)
    assert next(lines).pathspec == "F/2/start/1"
    run.create("9", "work", origin_task_id="2")
    run.start("9")
    run.end("9")
    line = next(lines)
    assert (line.pathspec, line.text) == ("F/2/work/9", "work")
    run.done()
    assert list(lines) == []


def hold(run):
    from metaflow.metadata_store.holding import BY_SCHEDULER
    from metaflow.model.records import LeaseHeld

    run.write(LeaseHeld("", BY_SCHEDULER, next(run.world.clock), 0.0))


def test_a_follower_of_a_run_whose_launcher_is_gone_ends(world):
    run = two_tasks(world)
    run.print("1", "stdout", b"last words")
    assert texts(Run("F/1").logs(follow=True)) == ["last words"]
    assert texts(Task("F/1/start/1").logs(follow=True)) == ["last words"]
    assert texts(Step("F/1/start").logs(follow=True)) == ["last words"]


def test_a_follower_of_a_task_ends_with_it(world):
    run = two_tasks(world)
    hold(run)
    run.print("1", "stdout", b"one\n")
    lines = Task("F/1/start/1").logs(follow=True)
    assert next(lines).text == "one"
    run.print("2", "stdout", b"another task's\n")
    run.print("1", "stdout", b"two\n")
    assert next(lines).text == "two"
    run.end("1")
    assert list(lines) == []


def test_what_members_print_is_not_shown_twice(world):
    run = world.run()
    frame = [["start", "1", None, 0, None, None, None]]
    for task in ("2", "2_node_1"):
        run.create(task, "work", frames=frame)
        run.start(task)
    run.print("2", "stdout", b"control\n")
    run.print("2_node_1", "stdout", b"member\n")
    at = next(world.clock)
    run.write(LogWritten("2", 0, "stdout", at, len(b"control\n"), len(b"member\n")))
    assert texts(Run("F/1").logs()) == ["control", "member"]
    assert texts(Task("F/1/work/2").logs()) == ["control", "member"]
    assert texts(Run("F/1").logs(follow=True)) == ["control", "member"]
