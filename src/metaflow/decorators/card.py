"""Reports of a step; this version declares and checks them but does not make them yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.model.spec import Lack, StepSpec


class CardDecorator(StepDecorator):
    """Make a report of the step.

    Parameters
    ----------
    type : str, default "default"
        Kind of card.
    id : str, optional
        Tells several cards of a step apart.
    options : dict, optional
        What the kind of card takes.
    timeout : int, default 45
        Seconds that making it may take.
    save_errors : bool, default True
        Show a failure as the card.
    customize : bool, default False
        The default target of `current.card`.
    refresh_interval : int, default 5
        Seconds between updates while the step runs.
    """

    name = "card"
    defaults: ClassVar[Mapping[str, Any]] = {
        "type": "default",
        "id": None,
        "options": {},
        "scope": "task",
        "timeout": 45,
        "save_errors": True,
        "customize": False,
        "refresh_interval": 5,
    }

    def declare(self, spec: StepSpec) -> StepSpec:
        """Say that nothing here makes cards."""
        lack = Lack(self.name, "the maker of cards", not self.statically_defined)
        return spec._replace(unavailable=(*spec.unavailable, lack))


card: DecoratorSyntax = DecoratorSyntax(CardDecorator)
