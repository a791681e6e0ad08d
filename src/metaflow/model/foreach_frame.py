"""How tools see an open foreach: apart from `Frame`, so that a plain run need not define it."""

from typing import Any, NamedTuple


class ForeachFrame(NamedTuple):
    """One open foreach around a task, as tools read it from `_foreach_stack`."""

    step: str
    var: str | None
    num_splits: int | None
    index: int  # type: ignore[assignment]  # the field's name is known to tools
    value: Any
