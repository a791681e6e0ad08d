"""Which directory becomes the local store's root."""

from __future__ import annotations

from metaflow.settings import Settings, ensure_local_root, find_local_root

PLAIN = Settings()


def test_no_root_is_found_where_there_is_none(tmp_path):
    assert find_local_root(str(tmp_path), PLAIN) is None


def test_the_nearest_directory_above_is_found(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / ".metaflow").mkdir()
    assert find_local_root(str(inner), PLAIN) == str(tmp_path / ".metaflow")
    (tmp_path / "a" / ".metaflow").mkdir()
    assert find_local_root(str(inner), PLAIN) == str(tmp_path / "a" / ".metaflow")


def test_a_file_of_that_name_is_no_root(tmp_path):
    (tmp_path / ".metaflow").write_text("")
    assert find_local_root(str(tmp_path), PLAIN) is None


def test_a_root_is_made_where_one_stands(tmp_path):
    assert ensure_local_root(str(tmp_path), PLAIN) == (str(tmp_path / ".metaflow"), True)
    assert ensure_local_root(str(tmp_path), PLAIN) == (str(tmp_path / ".metaflow"), False)


def test_the_sysroot_takes_the_place_of_the_search(tmp_path):
    (tmp_path / ".metaflow").mkdir()
    settings = Settings(datastore_sysroot_local=str(tmp_path / "store"))
    assert find_local_root(str(tmp_path), settings) is None
    expected = str(tmp_path / "store" / ".metaflow")
    assert ensure_local_root(str(tmp_path), settings) == (expected, True)
    assert find_local_root(str(tmp_path), settings) == expected


def test_a_root_asked_for_by_name_is_used_as_it_is(tmp_path):
    settings = Settings(datastore_sysroot_local=str(tmp_path / "store"))
    named = str(tmp_path / "named")
    assert ensure_local_root(str(tmp_path), settings, named) == (named, True)
    assert find_local_root(str(tmp_path), settings, named) == named
    assert ensure_local_root(str(tmp_path), settings, "relative")[0] == str(tmp_path / "relative")
