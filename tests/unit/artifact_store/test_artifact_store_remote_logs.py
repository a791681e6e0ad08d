"""The log of a run in an object store: all of it in the end, whatever fails meanwhile."""

from __future__ import annotations

import threading

import pytest

from metaflow.artifact_store import remote_logs
from metaflow.artifact_store.logs import RunLogWriter, SharedLogWriter, log_path, read_log
from metaflow.artifact_store.opening import mirrored
from metaflow.artifact_store.remote_logs import RemoteLog
from metaflow.errors.object_store import ObjectStoreUnreachable
from metaflow.errors.storage import StorageUnavailable


@pytest.fixture
def path(tmp_path):
    return log_path(str(tmp_path / "facts"), "LoggedFlow", "1")


@pytest.fixture
def url(tmp_path):
    return f"file://{tmp_path}/bucket"


class Fragile:
    """Objects that can be written once they are well, and tell when they were asked to."""

    def __init__(self, objects):
        self.objects = objects
        self.is_well = False
        self.asked = threading.Event()

    def put(self, key, data):
        self.asked.set()
        if not self.is_well:
            raise ObjectStoreUnreachable("file://x", "write", "it is gone")
        return self.objects.put(key, data)

    def close(self):
        self.objects.close()


def test_without_an_object_store_it_is_the_local_log(path):
    log = RunLogWriter(path)
    assert mirrored(log, "", print) is log


def test_all_of_it_is_sent_in_the_end(path, url):
    told = []
    log = mirrored(RunLogWriter(path), url, told.append)
    assert [log.append(b"one\n"), log.append(b"two\n")] == [0, 4]
    log.close()
    assert told == []
    assert read_log(path, 0, 8) == b"one\ntwo\n"
    remote = RemoteLog(url, "LoggedFlow", "1")
    assert remote.read(0, 8) == b"one\ntwo\n"
    assert remote.read(2, 4) == b"e\ntw"


def test_it_is_sent_while_the_run_goes_on(path, url, monkeypatch):
    monkeypatch.setattr(remote_logs, "SENT_WITHIN_S", 0.01)
    log = mirrored(RunLogWriter(path), url, print)
    fragile = log._place._objects = Fragile(log._place.objects)
    fragile.is_well = True
    log.append(b"one\n")
    assert fragile.asked.wait(30)
    log.append(b"two\n")
    log.close()
    assert RemoteLog(url, "LoggedFlow", "1").read(0, 8) == b"one\ntwo\n"


def test_much_output_does_not_wait(path, url, monkeypatch):
    monkeypatch.setattr(remote_logs, "SENT_WITHIN_S", 3600)
    log = mirrored(RunLogWriter(path), url, print)
    fragile = log._place._objects = Fragile(log._place.objects)
    fragile.is_well = True
    line = b"x" * 999 + b"\n"
    for _ in range(5000):
        log.append(line)
    assert fragile.asked.wait(30)
    log.close()
    assert RemoteLog(url, "LoggedFlow", "1").read(0, 5_000_000) == line * 5000


def test_what_could_not_be_sent_is_sent_later(path, url, monkeypatch):
    monkeypatch.setattr(remote_logs, "SENT_WITHIN_S", 0.01)
    told = []
    log = mirrored(RunLogWriter(path), url, told.append)
    fragile = log._place._objects = Fragile(log._place.objects)
    log.append(b"one\n")
    assert fragile.asked.wait(30)
    log.append(b"two\n")
    fragile.is_well = True
    log.close()
    assert told == []
    assert RemoteLog(url, "LoggedFlow", "1").read(0, 8) == b"one\ntwo\n"


def test_what_was_never_sent_is_told(path, url):
    told = []
    log = mirrored(RunLogWriter(path), url, told.append)
    log._place._objects = Fragile(log._place.objects)
    log.append(b"one\n")
    log.close()
    (text,) = told
    assert url in text
    assert "it is gone" in text
    with pytest.raises(StorageUnavailable, match="4 bytes of it were not sent"):
        RemoteLog(url, "LoggedFlow", "1").read(0, 4)


def test_several_processes_send_what_each_has_appended(path, url):
    logs = [mirrored(SharedLogWriter(path), url, print) for _ in range(3)]
    for turn in range(4):
        for number, log in enumerate(logs):
            log.append(f"{number} {turn}\n".encode())
    for log in reversed(logs):
        log.close()
    expected = "".join(f"{number} {turn}\n" for turn in range(4) for number in range(3)).encode()
    assert RemoteLog(url, "LoggedFlow", "1").read(0, len(expected)) == expected


def test_a_part_of_it_is_erased(path, url):
    log = mirrored(RunLogWriter(path), url, print)
    log.append(b"one\ntwo\nthree\n")
    log.close()
    remote = RemoteLog(url, "LoggedFlow", "1")
    remote.erase(4, 4)
    assert RemoteLog(url, "LoggedFlow", "1").read(0, 14) == b"one\n\0\0\0\0three\n"
    remote.erase(100, 4)  # nothing is there
