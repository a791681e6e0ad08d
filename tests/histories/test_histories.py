"""Random histories with random crashes leave nothing wrong behind; and the checks can tell.

`HISTORIES` says how many, `HISTORIES_SEED` which; a seed that fails is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from histories import run_history
from metaflow.artifact_store import reading
from metaflow.artifact_store.logs import RunLogWriter
from metaflow.artifact_store.pack import PackFiles
from metaflow.metadata_store import judging
from metaflow.metadata_store.sqlite.journal import SqliteJournal
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.artifact import Part
from metaflow.model.records import RunDone, TaskCreated

COUNT = int(os.environ.get("HISTORIES", "500"))
SEED = int(os.environ.get("HISTORIES_SEED", int(time.time()) % 10**6 * 1000))
CHUNKS = 5
"""Histories are run by so many programs, which may run side by side."""
SCRIPT = Path(__file__).with_name("histories.py")


def lived(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_histories_on_a_folder(chunk: int) -> None:
    count = -(-COUNT // CHUNKS)
    told = lived("--count", str(count), "--seed", str(SEED + chunk * count))
    assert " 0 histories failed" in told
    struck = int(told.partition(" refused, ")[2].split()[0])
    # Of a few histories, by chance none may have been struck within an operation.
    assert count < 50 or struck > count / 10, "hardly any process was struck"


@pytest.mark.timeout(3600)
def test_histories_on_objects_that_fail() -> None:
    told = lived("--objects", "--count", str(-(-COUNT // 10)), "--seed", str(SEED))
    assert " 0 histories failed" in told


# --- each of these breaks a promise, and must be noticed ---


def _forgets_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    write = SqliteJournal.write

    def forgetful(self, run, changes):
        if not isinstance(changes[0], TaskCreated):
            write(self, run, changes)

    monkeypatch.setattr(SqliteJournal, "write", forgetful)


def _ends_runs_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    write = SqliteJournal.write

    def lying(self, run, changes):
        write(self, run, [one._replace(ok=True) if isinstance(one, RunDone) else one
                          for one in changes])  # fmt: skip

    monkeypatch.setattr(SqliteJournal, "write", lying)


def _changes_tags_in_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    change = SqliteMetadataStore.change_tags

    def halved(self, run, *, remove=(), add=()):
        change(self, run, add=add[:1])
        os.close(os.dup(1))  # an instant at which a process may die
        change(self, run, add=add[1:], remove=remove)

    monkeypatch.setattr(SqliteMetadataStore, "change_tags", halved)


def _reads_without_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    read = PackFiles.read

    def damaged(self, part, offset, length):
        data = read(self, part, offset, length)
        return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:] if length > 20 else data

    monkeypatch.setattr(PackFiles, "read", damaged)
    monkeypatch.setattr(reading.PartReader, "_check", lambda *_: None)


def _refers_before_it_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    def promised(path, pack, entries):
        return [Part(digest, size, codec, len(data), pack, 0)
                for digest, size, codec, data in entries]  # fmt: skip

    monkeypatch.setattr("metaflow.artifact_store.batch.append_record", promised)


def _tells_of_logs_that_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    append = RunLogWriter.append
    monkeypatch.setattr(RunLogWriter, "append", lambda self, data: append(self, data[:-1] + b"x"))


def _takes_the_dead_for_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_lives", lambda *_: True)


@pytest.mark.parametrize(
    ("breaks", "noticed"),
    [
        (_forgets_commits, "is gone"),
        (_ends_runs_otherwise, "is done and not"),
        (_changes_tags_in_two_steps, "the tags"),
        (_reads_without_a_check, "is wrong"),
        (_refers_before_it_writes, "can't be read"),
        (_tells_of_logs_that_are_not_written, "the log of"),
        (_takes_the_dead_for_alive, "not known as lost"),
    ],
)
def test_a_broken_promise_is_noticed(
    breaks: Callable[[pytest.MonkeyPatch], None],
    noticed: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    breaks(monkeypatch)
    for seed in range(150):
        found, _ = run_history(seed, str(tmp_path))
        if any(noticed in text for text in found):
            return
    pytest.fail("no history has noticed")
