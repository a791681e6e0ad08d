"""Every documented name is where programs import it from, and takes what programs give it."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
from compat_surface import LATER, NAMES, SIGNATURES

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
ALL = [(module, name) for module, names in NAMES.items() for name in names.split()]


def later(module: str, name: str) -> bool:
    return f"{module}.{name}" in LATER or f"{module}.*" in LATER


def found(module: str, name: str) -> bool:
    try:
        getattr(import_module(module), name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize(("module", "name"), [pair for pair in ALL if not later(*pair)])
def test_a_documented_name_is_there(module, name):
    assert found(module, name)


@pytest.mark.parametrize("entry", sorted(LATER))
def test_what_comes_later_is_not_there_yet(entry):
    """What has arrived leaves the list."""
    module, _, name = entry.rpartition(".")
    names = NAMES[module].split() if name == "*" else [name]
    assert [one for one in names if found(module, one)] == []
    assert len(LATER[entry].split()) > 2


def test_the_page_tells_what_comes_later():
    page = PAGE.read_text(encoding="utf-8")
    missing = [entry for entry in LATER if f"`{entry.removesuffix('.*')}`" not in page]
    assert missing == []


def shown(parameter: inspect.Parameter) -> str:
    if parameter.kind == inspect.Parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind == inspect.Parameter.VAR_KEYWORD:
        return f"**{parameter.name}"
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    return f"{parameter.name}={parameter.default!r}"


@pytest.mark.parametrize("target", sorted(SIGNATURES))
def test_a_signature_takes_what_programs_give(target):
    module, _, path = target.partition(":")
    function = import_module(module)
    for part in path.split("."):
        function = getattr(function, part)
    own = [shown(parameter) for parameter in inspect.signature(function).parameters.values()]
    wanted = re.sub(r"\s+", " ", SIGNATURES[target])[1:-1].split(", ")
    wanted = [part for part in wanted if part not in {"", "*"}]
    open_ended = wanted[-1:] == ["..."]
    wanted = wanted[:-1] if open_ended else wanted
    assert len(own) == len(wanted) or (open_ended and len(own) > len(wanted))
    for ours, theirs in zip(own, wanted, strict=False):
        assert ours == theirs or (theirs.endswith("=...") and ours.startswith(theirs[:-3]))
