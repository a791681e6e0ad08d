"""Which functions are called when a run is over."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from metaflow.authoring.flow_decorators import FlowDecorator, FlowDecoratorSyntax, shown
from metaflow.model.flow_facts import ExitHook, FlowFacts, Situation


class ExitHookDecorator(FlowDecorator):
    """Call functions when a run is over. May be repeated.

    Each is called in a new process, with `run=Run(...)` if it takes `run`. What they raise is
    printed and changes nothing.

    Parameters
    ----------
    on_success : list of callable or str, optional
        What to call after a run that succeeded: functions, or names of functions of the flow's
        file or, with dots, of modules.
    on_error : list of callable or str, optional
        What to call after a run that failed.
    options : dict, optional
        What a scheduler takes, such as `image`.
    """

    name = "exit_hook"
    defaults: ClassVar[Mapping[str, Any]] = {"on_success": [], "on_error": [], "options": {}}
    allow_multiple = True

    def check(self, flow: type, graph: Any) -> None:
        """Refuse what a new process could not find."""
        del graph
        if not isinstance(self.attributes["options"], Mapping):
            given = f"options={shown(self.attributes['options'])}"
            raise self.invalid(given, "`options` is a dict")
        for field in ("on_success", "on_error"):
            value = self.attributes[field]
            if not isinstance(value, list | tuple):
                raise self.invalid(f"{field}={shown(value)}", f"`{field}` is a list")
            for hook in value:
                problem = _problem(hook, flow)
                if problem is not None:
                    raise self.invalid(f"{field}=[{shown(hook)}]", problem)
        if not self.attributes["on_success"] and not self.attributes["on_error"]:
            raise self.invalid("", "it needs `on_success` or `on_error`")

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Name the functions."""
        del situation
        made = [
            ExitHook(_name(hook), field == "on_success", self.attributes["options"])
            for field in ("on_success", "on_error")
            for hook in self.attributes[field]
        ]
        return facts._replace(exit_hooks=(*facts.exit_hooks, *made))


def _name(hook: Any) -> str:
    """Say how a new process that runs the same flow file finds the function."""
    if isinstance(hook, str):
        return hook
    module, name = hook.__module__, hook.__qualname__
    return str(name) if module == "__main__" else f"{module}.{name}"


def _problem(hook: Any, flow: type) -> str | None:
    if isinstance(hook, str):
        return _problem_of_name(hook, flow)
    name = getattr(hook, "__qualname__", None)
    if not callable(hook) or name is None:
        return "a hook is a function or the name of one"
    module = sys.modules.get(getattr(hook, "__module__", None) or "")
    if getattr(module, name, None) is not hook:
        return "a hook is a function at the top level of a file, so that a new process can find it"
    return None


def _problem_of_name(name: str, flow: type) -> str | None:
    module, dot, function = name.rpartition(".")
    if not all(part.isidentifier() for part in name.split(".")):
        return "this is not the name of a function"
    if not dot:
        home = sys.modules.get(flow.__module__)
        found = getattr(home, function, None)
        return None if callable(found) else "the flow's file has no function of this name"
    from importlib.util import find_spec

    try:
        known = find_spec(module) is not None
    except (ImportError, ValueError):
        known = False
    return None if known else f"there is no module `{module}`"


exit_hook: FlowDecoratorSyntax = FlowDecoratorSyntax(ExitHookDecorator)
