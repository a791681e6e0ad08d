"""What must be sound before a flow may run: its decorators, its graph, its source."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from metaflow.cli.scope import may_have_decorators
from metaflow.errors.base import MetaflowException
from metaflow.errors.input import PylintUnhappy

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope

ERRORS_ONLY = ("--errors-only", "--disable=no-member,not-callable,unsubscriptable-object")
"""Steps are methods that decorators replace, and artifacts are made at run time: what Pylint
says about members of `self` is not true of flows."""
FOUND_ERRORS = 1 | 2 | 32
"""Bits of Pylint's exit code: a fatal message, an error, a usage error."""


def validate(scope: Scope, decospecs: tuple[str, ...], *, warnings: bool = False) -> None:
    """Check a flow and tell the user about it.

    Parameters
    ----------
    scope : Scope
        The flow and the console.
    decospecs : tuple of str
        Decorators to add to all steps.
    warnings : bool, default False
        Show Pylint's warnings too.

    Raises
    ------
    MetaflowException
        Of a kind that says what is wrong.
    """
    from metaflow.graph.checks import check_graph, raise_faults

    console = scope.console
    scope.attach(decospecs)
    console.note("Validating your flow...")
    graph = scope.graph()
    raise_faults(check_graph(graph))
    for node in graph:
        for decorator in node.decorators:
            try:
                decorator.check(node.name, node)
            except MetaflowException as error:
                _correct_place(error, decorator, node)
                raise
    if may_have_decorators():
        from metaflow.authoring.flow_decorators import flow_decorators

        for flow_decorator in flow_decorators(scope.flow):
            flow_decorator.check(scope.flow, graph)
    console.note("    The graph looks good!")
    if scope.pylint:
        run_pylint(scope, warnings=warnings)


def _correct_place(error: MetaflowException, decorator: Any, node: Any) -> None:
    """Let an error say where the decorator is from that it is about."""
    if decorator.statically_defined or decorator.inserted_by:
        if error.line_no is None:
            error.line_no, error.source_file = node.line, node.source_file
    else:
        # Nothing in the file is to blame.
        error.line_no = error.source_file = None
        source = "`--with` or the setting DEFAULT_DECOSPECS"
        error.hint = error.hint or f"`@{decorator.name}` was added by {source}: correct it there"


def run_pylint(scope: Scope, *, warnings: bool = False) -> None:
    """Let Pylint look at the flow's file, if it is installed.

    Parameters
    ----------
    scope : Scope
        The flow and the console.
    warnings : bool, default False
        Show its warnings as well as errors.

    Raises
    ------
    PylintUnhappy
        It found errors.
    """
    from importlib.machinery import PathFinder

    console = scope.console
    console.note("Running pylint...")
    if PathFinder.find_spec("pylint") is None:
        console.note("    Pylint not found, so extra checks are disabled.")
        return
    import subprocess

    options = ERRORS_ONLY[1:] if warnings else ERRORS_ONLY
    done = subprocess.run(
        [sys.executable, "-m", "pylint", *options, scope.script],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
    )
    findings = (done.stdout + done.stderr).strip()
    if done.returncode & FOUND_ERRORS:
        raise PylintUnhappy(findings)
    if warnings and findings:
        console.plain(findings)
    console.note("    Pylint is happy!")
