"""Which declarations of included files are sound."""

from __future__ import annotations

import pytest

from metaflow.authoring.deploy_time import ParameterContext, evaluate_default
from metaflow.authoring.include_file import IncludedFile, IncludeFile
from metaflow.errors.input import ParameterFieldTypeMismatch, ParameterValueInvalid

CONTEXT = ParameterContext("F", "ann", "p", print, "local", {})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"default": 3}, "default"),
        ({"parser": 3}, "parser"),
        ({"parser": "loads"}, "parser"),
        ({"parser": "json.load s"}, "parser"),
        ({"encoding": "no-such"}, "encoding"),
        ({"encoding": None}, "encoding"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(fields, field):
    with pytest.raises(ParameterFieldTypeMismatch) as caught:
        IncludeFile("file", **fields).check()
    assert caught.value.field == field
    assert caught.value.source_file == __file__


def test_bytes_need_no_encoding():
    IncludeFile("file", is_text=False, encoding=None, default="x").check()  # type: ignore[arg-type]


def test_a_function_returns_a_path():
    assert evaluate_default(IncludeFile("file", default=lambda _: "gone"), CONTEXT) == "gone"
    with pytest.raises(ParameterFieldTypeMismatch, match="not the path of a file"):
        evaluate_default(IncludeFile("file", default=lambda _: 3), CONTEXT)


def test_a_path_becomes_a_description(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("text")
    found = IncludeFile("file").convert(path)
    assert found.descriptor == {
        "type": "uploader-v2",
        "url": str(path),
        "is_text": True,
        "encoding": "utf-8",
        "size": 4,
    }
    assert found.decode() == "text"
    assert repr(found) == f"<IncludedFile {path}>"
    assert IncludeFile("file").convert(found) is found
    assert IncludeFile("file", is_text=False).convert(path).decode() == b"text"


def test_what_is_no_path_is_refused():
    with pytest.raises(ParameterValueInvalid, match="not the path of a file"):
        IncludeFile("file").convert(3)


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KB"), (1_500_000, "1.4 MB"), (2**50, "1024.0 TB")],
)
def test_sizes_are_readable(size, shown):
    assert IncludedFile({"size": size}).shown_size == shown
