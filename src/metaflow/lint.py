"""The older path of the checks of a flow's graph: `metaflow.lint`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.errors.definition import LintWarn

if TYPE_CHECKING:
    from metaflow.graph.model import FlowGraph

__all__ = ["FlowLinter", "LintWarn", "linter"]


class FlowLinter:
    """Checks graphs; `linter` is the instance that programs use."""

    def run_checks(self, graph: FlowGraph, **options: Any) -> None:
        """Raise one error that tells of all faults of a graph.

        Parameters
        ----------
        graph : FlowGraph
            The graph of a flow, such as `MyFlow(use_cli=False)._graph`.
        **options : Any
            Accepted for older programs, which chose among checks; all are always run.

        Raises
        ------
        LintWarn
            There is at least one fault.
        """
        from metaflow.graph.checks import check_graph, raise_faults

        del options
        raise_faults(check_graph(graph))


linter: Final[FlowLinter] = FlowLinter()
