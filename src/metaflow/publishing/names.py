"""What an event is called that belongs to one branch of a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metaflow.authoring.current import current


def namespaced_event_name(name: str) -> Callable[..., str]:
    """Name an event so that only flows of the same project and branch start after it.

    Parameters
    ----------
    name : str
        Name of the event within the branch.

    Returns
    -------
    callable
        A function for `@trigger(event=…)` that gives `mfns.<project>.<branch>.<name>` when the
        flow is deployed; called in a step it gives the name to publish. For a flow without
        `@project` it is `mfns.<name>`.

    Examples
    --------
    >>> @trigger(event=namespaced_event_name("refreshed"))
    ... @project(name="shop")
    ... class RefreshFlow(FlowSpec): ...
    """

    def event_name(context: Any = None) -> str:
        del context
        project, branch = current.get("project_name"), current.get("branch_name")
        return f"mfns.{project}.{branch}.{name}" if project else f"mfns.{name}"

    event_name.__qualname__ = f"namespaced_event_name({name!r})"
    return event_name
