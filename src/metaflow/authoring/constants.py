"""Which class attributes of a flow are constants, and how parameters become read-only."""

from __future__ import annotations

from typing import Any, NoReturn

from metaflow.authoring.overlay import declared, put
from metaflow.authoring.parameters import Parameter, collect_parameters


def constants(flow: type, base: type) -> dict[str, Any]:
    """Collect the constants of a flow: plain values that stand on its class.

    Functions, properties and other descriptors, classes, callables, parameters and private
    names of Python are no constants. `base` and what lies above it does not count.
    """
    found: dict[str, Any] = {}
    for cls in reversed(flow.__mro__):
        if cls in base.__mro__:
            continue
        for name, value in declared(cls).items():
            found.pop(name, None)
            if not name.startswith("__") and _is_plain(value):
                found[name] = value
    return found


def _is_plain(value: Any) -> bool:
    return not (
        callable(value)
        or hasattr(type(value), "__get__")
        or isinstance(value, Parameter | ParameterValue)
        # Caches of the abc module on classes that mix in an abstract base.
        or type(value).__name__ == "_abc_data"
    )


class ParameterValue:
    """Descriptor that shows a parameter's value on flow instances and refuses to change it."""

    __slots__ = ("declaration", "name")

    def __init__(self, name: str, declaration: Parameter) -> None:
        self.name: str = name
        self.declaration: Parameter = declaration

    def __get__(self, instance: Any, owner: type) -> Any:
        """Load the value of the task behind `instance`; the declaration on the class."""
        state = None if instance is None else vars(instance).get("__state__")
        if state is None:
            return self.declaration
        return state.view(self.name, self.declaration.in_step)

    def __set__(self, instance: Any, value: Any) -> NoReturn:
        """Refuse: parameters are fixed for the whole run."""
        raise not_modifiable(self.name, "a parameter")


def not_modifiable(name: str, kind: str) -> AttributeError:
    """Build the error for an assignment to something that is fixed for the whole run."""
    return AttributeError(
        f"`self.{name}` is {kind} and not modifiable: give the new value another name"
    )


def seal_parameters(flow: type) -> None:
    """Make the parameters of a flow readable, and only readable, on its instances."""
    for name, parameter in collect_parameters(flow):
        if not isinstance(vars(flow).get(name), ParameterValue):
            put(flow, name, ParameterValue(name, parameter))
