"""What event loggers and monitors hear of attempts, and what becomes of one that fails."""

from __future__ import annotations

from metaflow.cli.telling import RunTeller
from metaflow.model.records import (
    PARAMETERS_STEP,
    AttemptDone,
    AttemptStarted,
    NewRun,
    RunDone,
    TaskCreated,
)

RUN = NewRun("F", "7", 100.0, "ann", (), (), {}, None, "pack")


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told = []

    def log(self, event):
        self.told.append(event)

    def count(self, name):
        self.told.append(name)

    def measure(self, name, seconds):
        self.told.append((name, seconds))


def done(at, attempt=0, *, ok=True, handled=False, error=None):
    return AttemptDone("1", attempt, at, ok, handled, "{}", None, error)


def created(step="start"):
    return TaskCreated("1", step, 100.0, (), ())


def teller():
    logger, meter = Recorder(), Recorder()
    return RunTeller("F", logger, meter), logger, meter


def test_attempts_end_in_different_ways():
    tells, logger, meter = teller()
    tells.begun(5, RUN)
    tells.written(5, [created(), AttemptStarted("1", 0, 101.0, 33)])
    tells.written(
        5, [done(103.0, ok=False, error="ValueError: no"), AttemptStarted("1", 1, 104, 34)]
    )
    tells.written(
        5, [done(109.0, 1, handled=True, error="ValueError: no"), RunDone(110.0, ok=True)]
    )
    ended = [event for event in logger.told if event["event"] == "task ended"]
    assert [(one["attempt"], one["outcome"], one["error"]) for one in ended] == [
        (0, "failed", "ValueError: no"),
        (1, "handled", "ValueError: no"),
    ]
    assert {(one["step"], one["task_id"], one["run_id"]) for one in ended} == {("start", "1", "7")}
    assert meter.told.count("metaflow.task.exception") == 2
    assert [one for one in meter.told if isinstance(one, tuple)] == [
        ("metaflow.task.duration", 2.0),
        ("metaflow.task.duration", 5.0),
        ("metaflow.run.duration", 10.0),
    ]


def test_parameters_are_no_task_and_a_clone_takes_no_time():
    tells, logger, meter = teller()
    tells.begun(5, RUN._replace(origin_run_id="6"))
    tells.written(5, [created(PARAMETERS_STEP), AttemptStarted("1", 0, 1.0, 33), done(1.0)])
    tells.written(5, [created(), done(101.0)])
    assert [event["event"] for event in logger.told] == ["run started", "task cloned"]
    assert logger.told[0]["origin_run_id"] == "6"
    assert meter.told == ["metaflow.run.start", "metaflow.task.clone"]


def test_a_logger_that_fails_is_told_nothing_more(capsys):
    tells, logger, _ = teller()

    def fail(event):
        logger.told.append(event)
        raise OSError("no room")

    logger.log = fail
    tells.begun(5, RUN)
    tells.written(5, [created(), AttemptStarted("1", 0, 101.0, 33)])
    assert len(logger.told) == 1
    assert capsys.readouterr().err == "Nobody is told of this run any more: OSError: no room\n"
