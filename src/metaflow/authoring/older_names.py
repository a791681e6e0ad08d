"""By which qualified names programs know the built-in decorators that have older paths."""

from __future__ import annotations

from typing import Final

OLDER_NAMES: Final = {
    "metaflow.decorators.catch.CatchDecorator": "metaflow.plugins.catch_decorator.CatchDecorator",
    "metaflow.decorators.environment.EnvironmentDecorator": (
        "metaflow.plugins.environment_decorator.EnvironmentDecorator"
    ),
    "metaflow.decorators.parallel.ParallelDecorator": (
        "metaflow.plugins.parallel_decorator.ParallelDecorator"
    ),
    "metaflow.decorators.resources.ResourcesDecorator": (
        "metaflow.plugins.resources_decorator.ResourcesDecorator"
    ),
    "metaflow.decorators.retry.RetryDecorator": "metaflow.plugins.retry_decorator.RetryDecorator",
    "metaflow.decorators.timeout.TimeoutDecorator": (
        "metaflow.plugins.timeout_decorator.TimeoutDecorator"
    ),
}
"""Where the class of a decorator is -> the path that programs may import it from as well."""


def public_name(qualified: str) -> str:
    """Return the name that programs compare with; most classes have just one."""
    return OLDER_NAMES.get(qualified, qualified)


def name_after_at(name: str, kind: str) -> str:
    """Return what stands after `@` for the qualified name of a built-in decorator.

    Parameters
    ----------
    name : str
        Any name; one without a dot is returned as it is.
    kind : {"step_decorator", "flow_decorator"}
        What it decorates.

    Returns
    -------
    str
        The name itself if no built-in decorator is at that path.
    """
    if "." not in name:
        return name
    from metaflow.registry import BUILT_IN

    wanted = public_name(name)
    for (group, short), target in BUILT_IN.items():
        if group == kind and public_name(target.replace(":", ".")) == wanted:
            return short
    return name
