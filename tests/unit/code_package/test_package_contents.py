"""What decorators and modules add to a package, and which of two files wins."""

from __future__ import annotations

import sys
import types

import pytest

from metaflow import FlowSpec, step
from metaflow.code_package.collecting import check_size, collect
from metaflow.code_package.content_type import ContentType
from metaflow.errors.package import (
    NonUniqueFileNameToFilePathMappingException,
    PackageEntryInvalid,
    PackageTooLarge,
)
from metaflow.model.package import PackageOrder, all_suffixes


class Adds:
    """As much of a decorator as packing looks at."""

    name = "adds"
    __module__ = "metaflow.tests"

    def __init__(self, *entries):
        self.entries = entries

    def add_to_package(self):
        yield from self.entries


def flow_with(*entries):
    class AddingFlow(FlowSpec):
        @step
        def start(self):
            pass

    AddingFlow.start.decorators.append(Adds(*entries))
    return AddingFlow


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "flow.py").write_text("walked")
    (tmp_path / "one.yaml").write_text("one")
    (tmp_path / "two.yaml").write_text("two")
    return tmp_path


def order(project, limit_bytes=1000):
    return PackageOrder(str(project / "project"), "flow.py", (".py",), "ann", limit_bytes)


def names(project, *entries):
    return collect(order(project), flow_with(*entries)).names()


def test_without_decorators_there_are_the_walked_files(project):
    assert names(project) == ["flow.py"]


def test_each_kind_has_its_place(project):
    path = str(project / "one.yaml")
    assert names(
        project,
        (path, "user/a.yaml", ContentType.USER_CONTENT),
        (path, "code/a.yaml"),
        (b"made", "made.py", ContentType.CODE_CONTENT),
        (path, "lock", ContentType.OTHER_CONTENT),
    ) == [".mf_code/code/a.yaml", ".mf_code/made.py", ".mf_meta/lock", "flow.py", "user/a.yaml"]


def test_modules_are_added_with_all_below_them_and_around_them(project, monkeypatch):
    package = project / "lib" / "deep" / "er"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    (package / "tool.py").write_text("1")
    (package / "data.bin").write_text("1")
    monkeypatch.syspath_prepend(str(project / "lib"))
    import deep.er  # type: ignore[import-not-found]

    try:
        assert names(project, (deep.er, None, ContentType.MODULE_CONTENT)) == [
            ".mf_code/deep/__init__.py",
            ".mf_code/deep/er/__init__.py",
            ".mf_code/deep/er/tool.py",
            "flow.py",
        ]
    finally:
        for name in ("deep.er", "deep"):
            sys.modules.pop(name)


def test_a_module_may_ask_to_be_packed(project, monkeypatch):
    path = project / "asks.py"
    path.write_text("METAFLOW_PACKAGE_POLICY = 'include'")
    module = types.ModuleType("asks")
    module.__file__ = str(path)
    module.METAFLOW_PACKAGE_POLICY = "include"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "asks", module)
    assert names(project) == [".mf_code/asks.py", "flow.py"]


def test_the_module_of_a_decorator_is_packed_with_its_package(project, monkeypatch):
    folder = project / "decos"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "mine.py").write_text("1")
    package = types.ModuleType("decos")
    package.__path__ = [str(folder)]
    package.__file__ = str(folder / "__init__.py")
    monkeypatch.setitem(sys.modules, "decos", package)
    flow = flow_with()
    flow.start.decorators.append(type("Mine", (), {"__module__": "decos.mine"})())
    found = collect(order(project), flow).names()
    assert found == [".mf_code/decos/__init__.py", ".mf_code/decos/mine.py", "flow.py"]


def test_the_walked_file_wins(project):
    contents = collect(
        order(project),
        flow_with(
            (str(project / "one.yaml"), "flow.py", ContentType.USER_CONTENT),
            (b"made", "flow.py", ContentType.USER_CONTENT),
        ),
    )
    assert contents.files["flow.py"].path == str(project / "project" / "flow.py")
    assert contents.made == {}


def test_the_same_file_may_be_named_twice(project):
    (project / "link.yaml").symlink_to("one.yaml")
    found = names(
        project,
        (str(project / "one.yaml"), "x"),
        (str(project / "link.yaml"), "x"),
        (b"same", "y"),
        (b"same", "y"),
    )
    assert found == [".mf_code/x", ".mf_code/y", "flow.py"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("one.yaml", "two.yaml"), ("one.yaml", b"2"), (b"1", "two.yaml"), (b"1", b"2")],
)
def test_different_files_of_one_name_are_refused(project, first, second):
    entries = [
        (what if isinstance(what, bytes) else str(project / what), "same")
        for what in (first, second)
    ]
    with pytest.raises(NonUniqueFileNameToFilePathMappingException, match=r"`\.mf_code/same`"):
        names(project, *entries)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("path", "no tuple"),
        (("a",), "no tuple"),
        ((b"", "x", "USER_CONTENT"), "no `ContentType`"),
        ((b"", "../x"), "no relative path"),
        ((b"", "/x"), "no relative path"),
        ((b"", "."), "no relative path"),
        (("/nowhere/at/all", "x"), "no such file"),
        (("text", None, ContentType.MODULE_CONTENT), "no module"),
    ],
)
def test_other_entries_are_refused(project, entry, problem):
    with pytest.raises(PackageEntryInvalid, match=problem):
        names(project, entry)


def test_a_local_package_has_a_limit(project):
    contents = collect(order(project), flow_with((b"x" * 2000, "x")))
    with pytest.raises(PackageTooLarge, match="METAFLOW_CODE_PACKAGE_MB"):
        check_size(contents, order(project))
    check_size(contents, order(project, 3000))


def test_suffixes_are_added_to_those_of_the_settings():
    assert all_suffixes((".py", ".R"), ".csv, .py,,Makefile") == (".py", ".R", ".csv", "Makefile")
    assert all_suffixes((".py",), None) == (".py",)
