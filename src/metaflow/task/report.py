"""How a failure reads: the user's frames, with file and line, and not ours."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from metaflow.errors.base import MetaflowException
from metaflow.errors.definition import closest

if TYPE_CHECKING:
    from collections.abc import Collection

    from metaflow.authoring.state import TaskState
    from metaflow.errors.task import MetaflowExceptionWrapper


def report_left_out(flow: Any, stored: Collection[str]) -> None:
    """Tell the task's log which attributes of a flow are assigned but never stored.

    Parameters
    ----------
    flow : FlowSpec
        The instance whose step has ended.
    stored : collection of str
        Names of the attributes that become artifacts.
    """
    own = type(flow)
    names = [name for name in vars(flow) if name not in stored and not hasattr(own, name)]
    for name in names:
        if name == "__state__":
            continue
        why = (
            "names that begin with two underscores are not stored"
            if name.startswith("__")
            else "functions are not stored"
        )
        _print(f"Note: later steps will not have `self.{name}`: {why}.\n")


def print_failure(flow: Any, error: BaseException) -> None:
    """Tell the task's log what failed and where."""
    if isinstance(error, SystemExit):
        text = f"The step called `sys.exit({error.code!r})`.\n{_where(error)}"
    elif isinstance(error, MetaflowException):
        text = f"{error.headline}: {error}\n{_where(error)}"
    else:
        from metaflow.errors.frames import user_traceback

        text = user_traceback(error)
        hint = _hint(error)
        if hint is not None:
            text += f"hint: {hint}\n"
    _print(f"{flow} failed:\n{text.rstrip()}\n")


def _hint(error: BaseException) -> str | None:
    """Say what may be meant by the name of an artifact that a flow does not have."""
    name, flow = getattr(error, "name", None), getattr(error, "obj", None)
    if not isinstance(error, AttributeError) or name is None:
        return None
    state: TaskState | None = getattr(flow, "__dict__", {}).get("__state__")
    if state is None:
        return None
    meant = closest(name, {*state.inherited, *vars(flow), *state.sealed} - {"__state__"})
    if meant is not None:
        return f"did you mean `{meant}`?"
    if state.is_join:
        return (
            f"a join begins without artifacts: take `{name}` from one of `inputs`, or call "
            "`self.merge_artifacts(inputs)` first"
        )
    return None


def _print(text: str) -> None:
    # The step may have closed or replaced either stream.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _where(error: BaseException) -> str:
    """Show the last of the user's frames as `file, line, function`."""
    import traceback

    from metaflow.errors.frames import PACKAGE

    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(PACKAGE)
    ]
    return "".join(traceback.format_list(frames[-1:]))


def describe(error: BaseException) -> str:
    """Say in one line what happened."""
    try:
        first = (str(error).strip().splitlines() or [""])[0]
    except Exception:  # the user's own `__str__` may be what is broken
        first = ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def exception_artifact(error: BaseException) -> MetaflowExceptionWrapper:
    """Wrap a failure so that it can be stored, whatever it carries, with the user's frames."""
    from metaflow.errors.frames import user_traceback
    from metaflow.errors.task import MetaflowExceptionWrapper

    wrapper = MetaflowExceptionWrapper(error)
    wrapper.stacktrace = user_traceback(error)
    return wrapper
