"""The step decorator that lets extensions try out a foreach whose size a back end decides."""

from __future__ import annotations

from typing import ClassVar

from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator


class UnboundedTestForeachDecorator(StepDecorator):
    """Accept an `InternalTestUnboundedForeachInput` to iterate over.

    Beside the tasks of the items there is a control task, which runs no code.
    """

    TAKES_UNBOUNDED: ClassVar[bool] = True
    """Read by the graph's checks and by `self.next`."""

    name = "unbounded_test_foreach_internal"


unbounded_test_foreach_internal: DecoratorSyntax = DecoratorSyntax(UnboundedTestForeachDecorator)
