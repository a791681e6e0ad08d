"""What a decorator of a flow and one of a step have in common: their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from metaflow.errors.definition import InvalidDecoratorAttribute

UNPACKED: Final = "__unpacked_"
"""How the name of an argument begins that stands for a whole mapping, as `**cfg` gives it."""


class Decorator:
    """Base of the decorators of flows and of steps.

    Parameters
    ----------
    attributes : mapping
        The keyword arguments that the user gave.
    statically_defined : bool, default False
        The decorator stands in the source file, not on the command line.

    Raises
    ------
    InvalidDecoratorAttribute
        It does not take one of the arguments.
    """

    name: ClassVar[str] = ""
    defaults: ClassVar[Mapping[str, Any]] = {}
    allow_multiple: ClassVar[bool] = False
    """There may be several of these in one place."""

    def __init__(self, attributes: Mapping[str, Any], *, statically_defined: bool = False) -> None:
        self.given: dict[str, Any] = {}
        """What the user has written, without defaults."""
        self.attributes: dict[str, Any] = {}
        self.statically_defined: bool = statically_defined
        self.inserted_by: list[str] | None = None
        self.assign(attributes)

    def assign(self, attributes: Mapping[str, Any]) -> None:
        """Take in the keyword arguments; what stands for a config is looked at later."""
        unknown = sorted(
            name
            for name in attributes.keys() - self.defaults.keys()
            if not name.startswith(UNPACKED)
        )
        if unknown:
            raise InvalidDecoratorAttribute(self.name, unknown[0], sorted(self.defaults))
        self.given = dict(attributes)
        self.attributes = {**self.defaults, **attributes}

    def clone(self) -> Self:
        """Make one of these for another flow class, whose configs may differ."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.given = dict(self.given)
        twin.attributes = dict(self.attributes)
        return twin
