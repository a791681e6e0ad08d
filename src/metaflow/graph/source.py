"""Where the syntax tree of a function comes from: each source file is parsed once.

A text that is no file, such as a notebook's cell, is taken from `linecache`.
Definitions are found by the line that their code object names, so a step may come from
any file, and two classes of one name do not get mixed up.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from types import CodeType

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_BLOCKS = (
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.If,
    ast.Try,
    ast.TryStar,
    ast.ExceptHandler,
    ast.With,
    ast.AsyncWith,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.Match,
    ast.match_case,
)
"""Statements (and their parts) that a definition can stand in."""


class NoSource(Exception):
    """The source of a function cannot be had; the argument says why."""


class SourceFile:
    """The definitions in one file, by line and by name."""

    __slots__ = ("classes", "functions")

    def __init__(self, text: str | bytes, filename: str) -> None:
        self.functions: dict[int, Definition] = {}
        """By the line of the first decorator, as code objects have it."""
        self.classes: dict[str, int] = {}
        """Lines of `class` statements by qualified name; the last of a name counts."""
        self._index(ast.parse(text, filename))

    def _index(self, tree: ast.Module) -> None:
        pending: list[tuple[ast.AST, str]] = [(tree, "")]
        while pending:
            block, prefix = pending.pop()
            for field in ("body", "orelse", "finalbody", "handlers", "cases"):
                for child in getattr(block, field, ()):
                    if not isinstance(child, _BLOCKS):
                        continue
                    inner = prefix
                    if isinstance(child, ast.ClassDef):
                        inner = f"{prefix}{child.name}."
                        known = self.classes.get(inner[:-1], 0)
                        self.classes[inner[:-1]] = max(known, child.lineno)
                    elif isinstance(child, Definition):
                        inner = f"{prefix}{child.name}.<locals>."
                        decorators = child.decorator_list
                        self.functions[(decorators[0] if decorators else child).lineno] = child
                    pending.append((child, inner))


class SourceReader:
    """Finds definitions; lives as long as one graph is being built."""

    __slots__ = ("_files",)

    def __init__(self) -> None:
        self._files: dict[str, SourceFile] = {}

    def definition(self, code: CodeType, module_globals: dict[str, Any]) -> Definition:
        """Syntax tree of the function that a code object was compiled from.

        Raises
        ------
        NoSource
            There is no text, it is no longer valid, or it has changed meanwhile.
        """
        found = self.file(code.co_filename, module_globals).functions.get(code.co_firstlineno)
        if found is None or found.name != code.co_name:
            if code.co_name == "<lambda>":
                raise NoSource("it is a lambda, but a step is defined with `def`")
            raise NoSource("the file has changed since it was loaded")
        return found

    def file(self, filename: str, module_globals: dict[str, Any]) -> SourceFile:
        """All definitions of a file.

        Raises
        ------
        NoSource
            There is no text, or it is not valid.
        """
        known = self._files.get(filename)
        if known is None:
            text = _text(filename, module_globals)
            if not text:
                raise NoSource(f"`{filename}` cannot be read")
            try:
                known = SourceFile(text, filename)
            except (SyntaxError, ValueError) as error:
                raise NoSource(f"`{filename}` is not valid Python any more ({error})") from error
            self._files[filename] = known
        return known


def _text(filename: str, module_globals: dict[str, Any]) -> str | bytes:
    """Read a source file; whatever declares its encoding is left to the parser."""
    try:
        with open(filename, "rb") as file:
            return file.read()
    except OSError:
        # Loaded here and not above: with the tokenizer it takes longer than a flow's parsing.
        import linecache

        linecache.checkcache(filename)
        return "".join(linecache.getlines(filename, module_globals))
