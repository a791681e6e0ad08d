"""What a foreach may go over besides items that are there: inputs whose tasks run as a gang."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar


class UnboundedForeachInput:
    """Base of what `foreach` may name so that the step's tasks run as one gang.

    The step needs a decorator that takes such inputs. `self.foreach_stack()` shows None for
    the number of items, and one more task of the step, the control task, runs no user code.
    """

    __unbounded_foreach__: ClassVar[bool] = True


class InternalTestUnboundedForeachInput(UnboundedForeachInput):
    """A double of such an input, made of plain items; for tests of extensions.

    Parameters
    ----------
    iterable : iterable
        The items.
    """

    NAME: ClassVar[str] = "InternalTestUnboundedForeachInput"

    def __init__(self, iterable: Iterable[Any]) -> None:
        self.iterable: list[Any] = list(iterable)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the items."""
        return iter(self.iterable)

    def __len__(self) -> int:
        """Count the items."""
        return len(self.iterable)

    def __getitem__(self, index: int) -> Any:
        """Return one item."""
        return self.iterable[index]

    def __str__(self) -> str:
        return str(self.iterable)

    def __repr__(self) -> str:
        return f"{self.NAME}({self.iterable!r})"
