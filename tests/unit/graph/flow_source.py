"""Compile flows from text that `linecache` knows, as a notebook does with its cells."""

import itertools
import linecache

from metaflow.graph import build_graph
from metaflow.graph.checks import check_graph


class Decorator:
    statically_defined = True
    inserted_by = None

    def __init__(self, name, /, **attributes):
        self.name = name
        self.attributes = attributes

    def __call__(self, function):
        function.decorators.append(self)
        return function


def step(function=None, *, start=False, end=False, node_info=None):
    def mark(method):
        method.is_step = True
        method.decorators = []
        method.is_start = start
        method.is_end = end
        method.node_info = dict(node_info or {})
        return method

    return mark if function is None else mark(function)


_cells = itertools.count()


def cell(text, known=None):
    """Run text as one cell; returns its namespace and its file name."""
    filename = f"<cell-{next(_cells)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace = {"step": step, "Decorator": Decorator, "__name__": "__cell__", **(known or {})}
    exec(compile(text, filename, "exec"), namespace)
    return namespace, filename


def flow_of(body, head="class F:"):
    """Class F from the source of its body, which begins on line 2."""
    lines = [f"    {line}".rstrip() for line in body.strip("\n").splitlines()]
    namespace, _ = cell("\n".join([head, *lines, ""]))
    return namespace["F"]


def steps(spec):
    """Source of steps from lines `name: arguments of self.next`; `name*` is a join.

    Each step takes four lines: `@step`, `def`, the transition, and a blank.
    """
    lines = []
    for line in spec.strip().splitlines():
        name, _, call = line.strip().partition(":")
        arguments = "self, inputs" if name.endswith("*") else "self"
        lines.append("@step")
        lines.append(f"def {name.rstrip('*')}({arguments}):")
        lines.append(f"    self.next({call.strip()})" if call.strip() else "    pass")
        lines.append("")
    return "\n".join(lines)


def graph_of(spec):
    return build_graph(flow_of(steps(spec)))


def faults_of(spec):
    return check_graph(graph_of(spec))
