"""Facts go to the store together, and a line that claims one is never seen before it is there."""

from __future__ import annotations

import pytest

from metaflow.engine import ledger as ledger_module
from metaflow.engine.cloning import SHOWN, Cloning
from metaflow.engine.console import Console
from metaflow.engine.inputs import InputTexts
from metaflow.engine.ledger import GATHER_S, INDEX_EVERY_S, Ledger
from metaflow.engine.output import LogBook
from metaflow.engine.plan_messages import Clone
from metaflow.errors.metadata import MetadataStoreFull
from metaflow.model.records import AttemptDone, OriginTask, RunDone, TaskCreated
from metaflow.model.task import Frame, Transition


class Journal:
    """Keeps what it is given, unless it is full; knows what was on the console by then."""

    def __init__(self, capfd):
        self.capfd = capfd
        self.written = []
        self.shown = ""
        self.is_full = False

    def write(self, run, changes):
        if self.is_full:
            raise MetadataStoreFull("metadata.db")
        self.shown += self.capfd.readouterr().out
        assert "finished" not in self.shown, "nobody may know before it is recorded"
        self.written.append((run, list(changes)))


class Log:
    def __init__(self):
        self.size = 0

    def append(self, data):
        self.size += len(data)
        return self.size - len(data)

    def settle(self):
        pass

    def close(self):
        pass


class Status:
    def erase(self):
        return b""

    def draw(self):
        return b""


@pytest.fixture
def console():
    return Console("7", color=False)


@pytest.fixture
def book():
    return LogBook(Log, 1000)


@pytest.fixture
def journal(capfd):
    return Journal(capfd)


@pytest.fixture
def ledger(journal, console, book):
    return Ledger(journal, 4711, console, book)


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when the test says so."""
    now = [1000.0]
    monkeypatch.setattr(ledger_module.time, "monotonic", lambda: now[0])
    return now


def done(task_id):
    return AttemptDone(task_id, 0, 1.0, True, False, "{}", None)


def test_a_line_is_shown_after_the_fact_that_it_claims(ledger, journal, console, capfd):
    ledger.add(done("1"))
    console.say("finished")
    assert ledger.has_news
    ledger.commit()
    assert journal.written == [(4711, [done("1")])]
    assert "finished" in capfd.readouterr().out
    assert not ledger.has_news


def test_facts_wait_for_company_but_not_for_long(ledger):
    assert not ledger.is_due(1.0, has_more=False)
    ledger.add(done("1"))
    assert not ledger.is_due(1.0, has_more=False)
    ledger.add(done("2"))
    assert ledger.gathers_for(1.0 + GATHER_S / 4) == pytest.approx(GATHER_S * 3 / 4)
    assert not ledger.is_due(1.0 + GATHER_S / 2, has_more=False)
    assert ledger.is_due(1.0 + GATHER_S, has_more=False)


def test_what_else_waits_for_the_commit_counts_like_a_fact(ledger):
    assert not ledger.is_due(1.0, has_more=True)
    assert ledger.is_due(1.0 + GATHER_S, has_more=True)
    assert not ledger.is_due(2.0, has_more=False)
    assert not ledger.is_due(2.0, has_more=True)


def test_the_index_of_the_log_waits_longer(ledger, journal, book, clock):
    ledger.commit()
    assert ledger.index_due is None
    book.write("1", 0, "stdout", b"hello", clock[0])
    assert ledger.index_due == clock[0] + INDEX_EVERY_S
    clock[0] += INDEX_EVERY_S
    assert ledger.is_due(clock[0], has_more=False)
    ledger.commit()
    ((_, (entry,)),) = journal.written
    assert (entry.task_id, entry.length) == ("1", 5)
    # So soon after the last time, more of it waits, unless something else is recorded.
    book.write("1", 0, "stdout", b"again", clock[0] + 1)
    ledger.commit()
    assert len(journal.written) == 1
    ledger.add(done("1"))
    ledger.commit()
    assert len(journal.written[1][1]) == 2


def test_nothing_is_left_behind_at_the_end(ledger, journal, book, clock):
    ledger.add(done("1"))
    ledger.commit()
    book.write("1", 0, "stdout", b"late", clock[0])
    ledger.commit(is_last=True)
    assert len(journal.written) == 2


def test_after_a_failure_of_the_store_nothing_is_claimed(ledger, journal, console, capfd):
    ledger.add(done("1"))
    console.say("finished")
    journal.is_full = True
    with pytest.raises(MetadataStoreFull):
        ledger.commit()
    ledger.abandon(MetadataStoreFull("metadata.db"))
    journal.is_full = False
    ledger.abandon(MetadataStoreFull("metadata.db"))
    console.flush()
    assert "finished" not in journal.shown + capfd.readouterr().out
    ((_, (last,)),) = journal.written
    assert isinstance(last, RunDone)
    assert not last.ok


def clone(number, step="work"):
    origin = OriginTask(str(number), step, (), ("1",), 0, True, False, "{}", Transition(("end",)))
    frames = (Frame("start", "1", "xs", number, 5000),)
    return Clone(str(number + 2), step, frames, ("1",), origin)


def test_each_clone_has_its_facts_and_its_line(ledger, journal, console, capfd):
    inputs = InputTexts()
    cloning = Cloning(ledger, inputs, console, "6")
    for number in range(SHOWN * 2):
        cloning.clone(clone(number))
    cloning.tell_rest()
    ledger.commit()
    ((_, changes),) = journal.written
    created, ended = changes[:2]
    assert isinstance(created, TaskCreated)
    assert isinstance(ended, AttemptDone)
    assert (created.task_id, created.origin_task_id) == ("2", "0")
    assert created.frames == '[["start","1","xs",0,5000,null,null]]'
    lines = capfd.readouterr().out.splitlines()
    assert [line.partition("Cloning previously run task ")[2] for line in lines] == [
        f"6/work/{number}" for number in range(SHOWN * 2)
    ]
    assert len(inputs) == SHOWN * 2


def test_a_terminal_names_the_first_of_very_many_clones(ledger, console, capfd):
    console.live = Status()
    cloning = Cloning(ledger, InputTexts(), console, "6")
    for number in range(SHOWN + 50):
        cloning.clone(clone(number))
    cloning.tell_rest()
    cloning.tell_rest()
    ledger.commit()
    told = capfd.readouterr().out
    assert told.count("Cloning previously run task") == SHOWN
    assert told.count("Cloned 50 more tasks") == 1
