"""When a local run's package is made, and when the one before serves again."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time

import pytest

from metaflow import FlowSpec, step
from metaflow.code_package.finding import find_files
from metaflow.code_package.snapshot import FOLDER, known_snapshot, take_snapshot
from metaflow.model.package import PackageOrder


class SmallFlow(FlowSpec):
    @step
    def start(self):
        pass


class Place:
    """A folder of code and a store."""

    def __init__(self, tmp_path):
        self.code = tmp_path / "code"
        self.root = tmp_path / "root"
        self.code.mkdir()
        self.root.mkdir()
        self.limit_bytes = 100_000
        self.script = "flow.py"

    def write(self, name, text, age_s=60.0):
        path = self.code / name
        path.write_text(text)
        then = time.time() - age_s
        os.utime(path, (then, then))

    @property
    def order(self):
        return PackageOrder(str(self.code), self.script, (".py",), "ann", self.limit_bytes)

    def take(self):
        packed = take_snapshot(self.order, SmallFlow, str(self.root))
        assert packed.problem is None
        return json.loads(dict(packed.facts)["code-package"])["location"]

    def known(self):
        return known_snapshot(self.order, SmallFlow, str(self.root))

    def blobs(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.glob("blobs/*/*"))

    def notes(self):
        return list((self.root / FOLDER).glob("*"))

    def content(self, location):
        data = (self.root / location).read_bytes()
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            return {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    place.write("flow.py", "1")
    return place


def test_a_package_has_the_files_and_what_describes_them(place):
    content = place.content(place.take())
    assert content["flow.py"] == b"1"
    info = json.loads(content[".mf_meta/INFO"])
    assert info["script"] == "flow.py"
    assert info["username"] == "ann"
    assert json.loads(content[".mf_meta/CONFIG"]) == {}
    assert json.loads(content[".mf_install"])["code"] == ".mf_code"


def test_unchanged_code_is_not_even_read(place, monkeypatch):
    first = place.take()
    assert place.known() is not None
    monkeypatch.setattr("metaflow.code_package.snapshot._pack", None)
    assert place.take() == first


def test_equal_code_is_stored_once(place):
    first = place.take()
    place.write("flow.py", "2")
    second = place.take()
    place.write("flow.py", "1", age_s=30)
    assert place.take() == first != second
    assert place.blobs() == sorted([first, second])


@pytest.mark.parametrize("change", ["content", "added", "removed", "renamed", "mode", "script"])
def test_each_change_is_noticed(place, change):
    place.write("other.py", "x")
    first = place.take()
    assert place.known() is not None
    if change == "content":
        place.write("other.py", "y")
    elif change == "added":
        place.write("third.py", "x")
    elif change == "removed":
        (place.code / "other.py").unlink()
    elif change == "renamed":
        (place.code / "other.py").rename(place.code / "others.py")
    elif change == "mode":
        (place.code / "other.py").chmod(0o755)
    else:
        place.script = "other.py"
    assert place.known() is None
    assert place.take() != first


def test_code_that_has_just_changed_is_packed_again(place):
    place.write("flow.py", "now", age_s=0)
    place.take()
    assert place.notes() == []
    assert place.known() is None


def test_a_file_that_changes_while_it_is_packed_is_packed_again(place, monkeypatch):
    def find_and_change(*args):
        found = find_files(*args)
        place.write("flow.py", "changed meanwhile")
        return found

    monkeypatch.setattr("metaflow.code_package.collecting.find_files", find_and_change)
    assert place.content(place.take())["flow.py"] == b"changed meanwhile"
    assert place.notes() == []


@pytest.mark.parametrize("damage", ["missing", "short", "note"])
def test_a_lost_package_is_made_again(place, damage):
    location = place.take()
    if damage == "missing":
        (place.root / location).unlink()
    elif damage == "short":
        (place.root / location).write_bytes(b"")
    else:
        place.notes()[0].write_text("{")
    assert place.known() is None
    assert place.take() == location
    assert "flow.py" in place.content(location)


def test_too_much_code_is_a_problem_and_no_error(place):
    place.limit_bytes = 0
    packed = take_snapshot(place.order, SmallFlow, str(place.root))
    assert packed.facts == ()
    assert "METAFLOW_CODE_PACKAGE_MB" in (packed.problem or "")


def test_what_a_decorator_raises_is_a_problem_and_no_error(place):
    class Breaks:
        __module__ = "metaflow.tests"

        def add_to_package(self):
            raise RuntimeError("no such table")

    class BrokenFlow(SmallFlow):
        @step
        def start(self):
            pass

    BrokenFlow.start.decorators.append(Breaks())
    packed = take_snapshot(place.order, BrokenFlow, str(place.root))
    assert packed.problem == "RuntimeError: no such table"
    assert known_snapshot(place.order, BrokenFlow, str(place.root)) is None


def test_many_files_are_not_looked_at_in_passing(place):
    for number in range(201):
        (place.code / f"{number}.txt").touch()
    place.take()
    assert place.notes() != []
    assert place.known() is None
