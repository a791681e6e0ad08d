"""What the value of a config is to a step: a dict that cannot be changed, with dots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn


class ConfigValue(dict[str, Any]):
    """Read-only mapping whose items are also attributes.

    Mappings in it, also those in its lists and tuples, are of this kind too.

    Parameters
    ----------
    data : mapping or iterable of pairs
        The items.

    Examples
    --------
    >>> value = ConfigValue({"model": {"depth": 3}})
    >>> value.model.depth == value["model"]["depth"] == 3
    True
    """

    def __init__(self, data: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__({key: wrap(value) for key, value in dict(data).items()})

    def __getattr__(self, name: str) -> Any:
        """Return the item of this name."""
        try:
            return self[name]
        except KeyError:
            known = ", ".join(f"`{key}`" for key in self) or "nothing"
            raise AttributeError(f"This config has no `{name}`; it has {known}") from None

    def __dir__(self) -> list[str]:
        """List keys as well as methods."""
        return [*super().__dir__(), *map(str, self)]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dict, with plain dicts in it."""
        return {key: unwrap(value) for key, value in self.items()}

    def copy(self) -> ConfigValue:
        """Return another one of these with the same items."""
        return ConfigValue(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return ConfigValue, (self.to_dict(),)

    # ── what a flow was started with stays as it is ──────────────────────────────────────

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise _unchangeable()

    def __delattr__(self, name: str) -> NoReturn:
        raise _unchangeable()

    def __setitem__(self, key: str, value: Any) -> NoReturn:
        raise _unchangeable()

    def __delitem__(self, key: str) -> NoReturn:
        raise _unchangeable()

    def __ior__(self, other: Any) -> NoReturn:  # type: ignore[misc]  # `|` makes a new dict
        raise _unchangeable()

    def clear(self) -> NoReturn:
        """Refuse."""
        raise _unchangeable()

    def pop(self, *args: Any) -> NoReturn:  # noqa: ARG002 - as dict has it
        """Refuse."""
        raise _unchangeable()

    def popitem(self) -> NoReturn:
        """Refuse."""
        raise _unchangeable()

    def setdefault(self, key: str, default: Any = None, /) -> NoReturn:  # noqa: ARG002 - as dict has it
        """Refuse."""
        raise _unchangeable()

    def update(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - as dict has it
        """Refuse."""
        raise _unchangeable()


def _unchangeable() -> TypeError:
    return TypeError("A config cannot be changed; `to_dict()` returns a copy that can")


def wrap(value: Any) -> Any:
    """Make mappings in a value read-only, through lists and tuples."""
    if isinstance(value, ConfigValue):
        return value
    if isinstance(value, Mapping):
        return ConfigValue(value)
    if type(value) in (list, tuple):
        return type(value)(wrap(item) for item in value)
    return value


def unwrap(value: Any) -> Any:
    """Undo `wrap`: make plain dicts of mappings."""
    if isinstance(value, Mapping):
        return {key: unwrap(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(unwrap(item) for item in value)
    return value
