"""The cache gives back what was put into it or nothing, and stays within its limit."""

from __future__ import annotations

import os
import stat
import time

import pytest

from metaflow.artifact_store import cache as cache_module
from metaflow.artifact_store.cache import ByteCache
from metaflow.artifact_store.private_folder import private_folder
from metaflow.artifact_store.remote_place import open_cache
from metaflow.errors.input import SettingInvalid
from metaflow.settings import load_settings

MB = 1 << 20


@pytest.fixture
def cache(tmp_path):
    return ByteCache(private_folder(str(tmp_path / "cache"), shared=False), 10 * MB)


def content(cache, name, size=None):
    fd = cache.open(name, size)
    if fd < 0:
        return None
    with open(fd, "rb") as file:
        return file.read()


def test_what_was_added_is_there(cache):
    assert content(cache, "ab") is None
    cache.add("ab", b"content")
    assert content(cache, "ab") == b"content"
    assert content(cache, "ab", 7) == b"content"


def test_an_entry_of_another_length_counts_as_gone(cache):
    cache.add("ab", b"content")
    assert content(cache, "ab", 8) is None
    assert content(cache, "ab") is None


def test_an_entry_that_somebody_has_changed_counts_as_gone(cache, tmp_path):
    cache.add("ab", b"content")
    (path,) = (tmp_path / "cache").glob("*/ab/ab")
    path.write_bytes(b"CONTENT")
    assert content(cache, "ab") is None
    assert not path.exists()


def test_a_link_is_no_entry(cache, tmp_path):
    cache.add("ab", b"content")
    (path,) = (tmp_path / "cache").glob("*/ab/ab")
    os.rename(path, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", path)
    assert content(cache, "ab") is None


def test_an_entry_appears_when_it_is_whole(cache, tmp_path):
    entry = cache.begin("ab", 7)
    assert entry.write(b"con")
    assert content(cache, "ab") is None
    assert entry.write(b"tent")
    fd = entry.commit()
    assert os.read(fd, 100) == b"content"
    os.close(fd)
    assert content(cache, "ab") == b"content"


def test_an_entry_that_was_given_up_leaves_nothing(cache, tmp_path):
    entry = cache.begin("ab", 7)
    entry.write(b"con")
    entry.give_up()
    assert not entry.write(b"tent")
    assert entry.commit() == -1
    assert not list((tmp_path / "cache").glob("*/tmp-*"))


def test_what_was_not_used_for_longest_goes(cache):
    for number in range(9):
        cache.add(f"{number}x", bytes(MB - 8192))
    past = time.time_ns() - 3600 * 10**9
    for number in range(9):
        path = cache._path(f"{number}x")
        os.utime(path, ns=(past + number * 10**9, os.stat(path).st_mtime_ns))
    assert content(cache, "0x") is not None  # and now it was used last
    cache.add("new", bytes(2 * MB))
    left = [number for number in range(9) if content(cache, f"{number}x") is not None]
    assert left[0] == 0
    assert left[1:] == list(range(10 - len(left), 9))
    assert 4 <= len(left) <= 7
    assert content(cache, "new") is not None


def test_the_limit_holds_whatever_is_added(cache, tmp_path):
    for number in range(300):
        cache.add(f"{number:03}", bytes(100 * 1024 + number))
        used = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*"))
        assert used < 10 * MB + 200 * 1024
    assert content(cache, "299") is not None


def test_what_is_larger_than_the_limit_is_not_kept(cache):
    assert cache.begin("ab", 11 * MB) is None
    cache.add("ab", bytes(11 * MB))
    assert content(cache, "ab") is None


def test_what_a_killed_process_has_left_goes_with_the_next_clean_up(cache, tmp_path):
    cache.begin("ab", 7).write(b"con")
    cache.begin("cd", 7).write(b"con")
    old, young = sorted((tmp_path / "cache").glob("*/tmp-*"))
    os.utime(old, (0, 0))
    for number in range(11):
        cache.add(f"{number}x", bytes(MB))
    assert not old.exists()
    assert young.exists()


def test_nothing_is_kept_on_a_disk_that_is_nearly_full(cache, monkeypatch):
    monkeypatch.setattr(cache_module, "SPARED_BYTES", 1 << 60)
    cache.add("ab", b"content")
    assert content(cache, "ab") is None


def test_a_folder_that_is_gone_is_no_error(cache, tmp_path):
    (tmp_path / "cache").rename(tmp_path / "moved")
    cache.add("ab", b"content")
    assert content(cache, "ab") is None


def test_several_processes_share_it(cache):
    children = []
    for child in range(4):
        pid = os.fork()
        if pid == 0:
            for number in range(200):
                name = f"{number % 50:02}"
                data = name.encode() * 50_000
                cache.add(name, data)
                found = content(cache, name)
                if found is not None and found != data:
                    os._exit(1)
            os._exit(0)
        children.append((child, pid))
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for _, pid in children] == [0] * 4


def test_the_folder_is_the_users_alone(tmp_path):
    folder = private_folder(str(tmp_path / "a" / "b"), shared=True)
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(tmp_path / "a" / "b").st_mode) == 0o1777
    assert private_folder(str(tmp_path / "a" / "b"), shared=True) == folder
    os.chmod(folder, 0o755)
    assert private_folder(str(tmp_path / "a" / "b"), shared=True) is None


def test_another_users_folder_is_not_used(tmp_path, monkeypatch):
    folder = private_folder(str(tmp_path), shared=False)
    os.rename(folder, tmp_path / "real")
    os.symlink(tmp_path / "real", folder)
    assert private_folder(str(tmp_path), shared=False) is None


def test_a_place_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").touch()
    assert private_folder(str(tmp_path / "file" / "x"), shared=False) is None


def opened(tmp_path, limit):
    env = {"METAFLOW_CLIENT_CACHE_PATH": str(tmp_path), "METAFLOW_CLIENT_CACHE_MAX_SIZE": limit}
    return open_cache(load_settings(env, str(tmp_path)))


def test_the_settings_say_where_and_how_large(tmp_path):
    cache = opened(tmp_path, "1")
    cache.add("ab", b"content")
    assert len(list(tmp_path.glob("*/ab/ab"))) == 1
    assert cache.begin("cd", 2 * MB) is None


def test_a_limit_of_nothing_keeps_nothing(tmp_path):
    cache = opened(tmp_path, "0")
    cache.add("ab", b"")
    assert content(cache, "ab") is None
    assert not list(tmp_path.iterdir())


def test_a_limit_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(SettingInvalid, match="CLIENT_CACHE_MAX_SIZE"):
        opened(tmp_path, "much")
