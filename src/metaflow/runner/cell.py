"""How a flow from a notebook becomes a file: its cell, and what it needs of other cells."""

from __future__ import annotations

import ast
import builtins
import contextlib
import linecache
import os
import symtable
import sys
import tempfile
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring.steps import step_functions
from metaflow.errors.runner import CellIncomplete, FlowNotImportable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.authoring.flowspec import FlowSpec

PLAIN: Final = (int, float, complex, bool, str, bytes, type(None), list, tuple, dict, set)
"""Types of values that can be written into a file as they are."""
STARTERS: Final = frozenset({"Deployer", "NBDeployer", "NBRunner", "Runner", "run_flow"})
"""Names whose use starts a flow: what uses them stays in the notebook."""


def is_in_notebook(flow: type[FlowSpec]) -> bool:
    """Say whether a flow class was defined in a cell rather than in a file."""
    main = sys.modules.get(flow.__module__)
    return (
        flow.__module__ == "__main__"
        and "get_ipython" in vars(main)
        and not os.path.isfile(getattr(main, "__file__", None) or "")
    )


@contextlib.contextmanager
def write_flow_file(flow: type[FlowSpec], folder: str | None = None) -> Iterator[str]:
    """Keep a flow of a notebook in a file, which is removed at the end.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    folder : str, optional
        Where the file is made; the working directory by default, so that the flow can
        import what lies there.

    Yields
    ------
    str
        Path of the file.

    Raises
    ------
    FlowNotImportable
        The source of the cell is not known.
    CellIncomplete
        The flow uses a value of another cell that no file can be given.
    """
    path = make_flow_file(flow, folder)
    try:
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def make_flow_file(flow: type[FlowSpec], folder: str | None = None) -> str:
    """Write a flow of a notebook into a file, as `write_flow_file` does, and leave it there."""
    text = source_of(flow)
    number, path = tempfile.mkstemp(
        suffix=".py", prefix=f"{flow.__name__}_", dir=os.path.abspath(folder or ".")
    )
    with open(number, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def source_of(flow: type[FlowSpec]) -> str:
    """Write the program that a flow of a notebook is.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.

    Returns
    -------
    str
        Source: what the class needs, the class, and the last line that runs it.
    """
    gathered = _Gathered(flow)
    return f'{gathered.text()}\n\nif __name__ == "__main__":\n    {flow.__name__}()\n'


class _Cell:
    """The statements of one cell, and which of them are wanted."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines(keepends=True)
        self.body = ast.parse(text).body
        self.wanted: set[int] = {
            place
            for place, statement in enumerate(self.body)
            if isinstance(statement, ast.Import | ast.ImportFrom)
        }

    def binding(self, name: str) -> int | None:
        """Place of the last statement that gives a name its value."""
        for place in range(len(self.body) - 1, -1, -1):
            if name in _bound(self.body[place]):
                return place
        return None

    def source(self, place: int) -> str:
        statement = self.body[place]
        if not isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            return ast.unparse(statement) + "\n"
        first = min([statement.lineno, *(one.lineno for one in statement.decorator_list)])
        return "\n\n" + "".join(self.lines[first - 1 : statement.end_lineno]).rstrip() + "\n"

    def text(self) -> str:
        return "".join(self.source(place) for place in sorted(self.wanted))


class _Gathered:
    """What a flow's class needs, gathered from the notebook."""

    def __init__(self, flow: type[FlowSpec]) -> None:
        self._flow = flow
        self._values: dict[str, Any] = vars(sys.modules["__main__"])
        self._cells: dict[str, _Cell] = {}
        self._prelude: dict[str, str] = {}
        self._seen: set[str] = set()
        self._add(self._cell_of_flow(), flow.__name__)

    def text(self) -> str:
        # A cell that was found later is one that the others build on.
        cells = [cell.text() for cell in reversed(self._cells.values())]
        return "".join([*self._prelude.values(), *cells])

    def _cell_of_flow(self) -> _Cell:
        for _, function in step_functions(self._flow):
            code = getattr(function, "__code__", None)
            if code is not None and function.__module__ == "__main__":
                cell = self._cell(code.co_filename)
                if cell is not None and cell.binding(self._flow.__name__) is not None:
                    return cell
        raise FlowNotImportable(
            self._flow.__name__, "the source of its cell is not known", "execute the cell again"
        )

    def _cell(self, filename: str) -> _Cell | None:
        if filename not in self._cells:
            text = "".join(linecache.getlines(filename))
            if not text:
                return None
            self._cells[filename] = _Cell(text)
        return self._cells[filename]

    def _add(self, cell: _Cell, name: str) -> None:
        """Want the statement of a cell that binds a name, and all that it needs."""
        place = cell.binding(name)
        if place is None or place in cell.wanted:
            return
        cell.wanted.add(place)
        for needed in _needed(cell.source(place)):
            self._find(cell, needed)

    def _find(self, cell: _Cell, name: str) -> None:
        place = cell.binding(name)
        if place is not None and not _starts_a_flow(cell.body[place]):
            self._add(cell, name)
        elif name not in self._seen and name in self._values and not hasattr(builtins, name):
            self._seen.add(name)
            self._find_elsewhere(name, self._values[name])

    def _find_elsewhere(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType):
            self._prelude[name] = f"import {value.__name__} as {name}\n"
            return
        public: Any = sys.modules.get("metaflow")
        if name in public.__all__ and getattr(public, name) is value:
            self._prelude[name] = f"from metaflow import {name}\n"
            return
        home: str | None = getattr(value, "__module__", None)
        own_name = str(getattr(value, "__qualname__", getattr(value, "__name__", name)))
        if home == "__main__" and isinstance(value, type | FunctionType):
            cell = self._cell(_file_of(value))
            if cell is not None and cell.binding(name) is not None:
                self._add(cell, name)
                return
        elif home is not None and getattr(sys.modules.get(home), own_name, None) is value:
            self._prelude[name] = f"from {home} import {own_name} as {name}\n"
            return
        elif isinstance(value, PLAIN) and _is_literal(value):
            self._prelude[name] = f"{name} = {value!r}\n"
            return
        raise CellIncomplete(self._flow.__name__, name, type(value).__name__)


def _file_of(value: Any) -> str:
    """Name of the cell that defines a function, or a class with a method."""
    if isinstance(value, type):
        methods = [one for one in vars(value).values() if isinstance(one, FunctionType)]
        return methods[0].__code__.co_filename if methods else ""
    return str(value.__code__.co_filename)


def _is_literal(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement gives values to."""
    table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()} | {
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_imported()
    }


def _needed(source: str) -> list[str]:
    """Global names that a piece of source refers to, in every scope of it."""
    found: dict[str, None] = {}
    pending = [symtable.symtable(source, "cell", "exec")]
    while pending:
        table = pending.pop(0)
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
                found[symbol.get_name()] = None
        pending += table.get_children()
    return list(found)


def _starts_a_flow(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id in STARTERS for node in ast.walk(statement)
    ) and not isinstance(statement, ast.ClassDef | ast.FunctionDef)
