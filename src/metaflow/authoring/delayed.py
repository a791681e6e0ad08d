"""What stands for a value of a config while the flow's class is being defined.

Decorators and parameters are written before the configs are read. What they are given then is
a recipe; it is followed once the values are known.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final, NoReturn, SupportsIndex

from metaflow.authoring.decorator import UNPACKED
from metaflow.errors.config import ConfigNotKnownYet, DelayedValueFailed

_NUMBERS: Final = count()


class Delayed:
    """A value that is known once the configs are; attributes and items of it are, too."""

    __slots__ = ()

    def _resolve(self, configs: Mapping[str, Any]) -> Any:
        """Compute the value.

        Parameters
        ----------
        configs : mapping
            Values of the flow's configs by name.

        Raises
        ------
        DelayedValueFailed
            There is no such value.
        """
        raise NotImplementedError

    def _place(self) -> tuple[int | None, str | None]:
        """Line and file that the author has written it on."""
        return None, None

    # ── use while the class is defined ───────────────────────────────────────────────────

    def __getattr__(self, name: str) -> Any:
        """Stand for an attribute of the value."""
        if name.startswith("_"):
            raise AttributeError(name)
        return Access(self, name, is_attribute=True)

    def __getitem__(self, key: Any) -> Any:
        """Stand for an item of the value; for all of it after `**`."""
        if isinstance(key, str) and key.startswith(UNPACKED):
            return self
        return Access(self, key, is_attribute=False)

    def keys(self) -> tuple[str]:
        """Name the one key that stands for all keys, so that `**` works."""
        return (f"{UNPACKED}{next(_NUMBERS)}",)

    # ── what would silently go wrong ─────────────────────────────────────────────────────

    def __bool__(self) -> NoReturn:
        raise _too_early(self, "tested")

    def __iter__(self) -> Iterator[Any]:
        raise _too_early(self, "iterated over")

    def __len__(self) -> NoReturn:
        raise _too_early(self, "measured")

    def __contains__(self, item: object) -> NoReturn:
        raise _too_early(self, "searched")

    def __format__(self, spec: str) -> NoReturn:
        raise _too_early(self, "put into a string")

    def __int__(self) -> NoReturn:
        raise _too_early(self, "turned into a number")

    def __float__(self) -> NoReturn:
        raise _too_early(self, "turned into a number")

    def __index__(self) -> SupportsIndex:
        raise _too_early(self, "used as an index")

    def __repr__(self) -> str:
        return f"<{self!s}>"


def _too_early(value: Delayed, use: str) -> ConfigNotKnownYet:
    from metaflow.authoring.refusal import refused

    return refused(ConfigNotKnownYet(str(value), use))


class Access(Delayed):
    """An attribute or an item of a delayed value."""

    __slots__ = ("_is_attribute", "_key", "_of")

    def __init__(self, of: Delayed, key: Any, *, is_attribute: bool) -> None:
        self._of = of
        self._key = key
        self._is_attribute = is_attribute

    def _resolve(self, configs: Mapping[str, Any]) -> Any:
        """Look into the value that this is a part of."""
        whole = self._of._resolve(configs)
        try:
            return getattr(whole, self._key) if self._is_attribute else whole[self._key]
        except (AttributeError, LookupError, TypeError) as error:
            raise DelayedValueFailed(str(self), error, *self._place()) from error

    def _place(self) -> tuple[int | None, str | None]:
        return self._of._place()

    def __str__(self) -> str:
        key = f".{self._key}" if self._is_attribute else f"[{self._key!r}]"
        return f"{self._of!s}{key}"


class Expression(Delayed):
    """A Python expression about configs.

    Parameters
    ----------
    text : str
        The expression.
    names : dict
        Global names of the module that it stands in.
    where : tuple of int and str
        Line and file that it stands on.
    """

    __slots__ = ("_names", "_text", "_where")

    def __init__(self, text: str, names: dict[str, Any], where: tuple[int, str]) -> None:
        self._text = text
        self._names = names
        self._where = where

    def _resolve(self, configs: Mapping[str, Any]) -> Any:
        """Evaluate the expression."""
        try:
            return eval(self._text, {**self._names, **configs})  # noqa: S307 - the flow's own source
        except Exception as error:
            raise DelayedValueFailed(str(self), error, *self._place()) from error

    def _place(self) -> tuple[int | None, str | None]:
        return self._where

    def __str__(self) -> str:
        return f"config_expr({self._text!r})"


def config_expr(expression: str) -> Any:
    """Compute a decorator's argument or a parameter's field from configs.

    Parameters
    ----------
    expression : str
        A Python expression. It may use the names of all configs of the flow and everything
        that the module knows.

    Returns
    -------
    Any
        Stands for the value until the configs are read; `config_expr("cfg").a.b` works too.

    Examples
    --------
    >>> @retry(times=config_expr("cfg.patience * 2"))
    ... @step
    ... def start(self): ...
    """
    caller = sys._getframe(1)
    return Expression(expression, caller.f_globals, (caller.f_lineno, caller.f_code.co_filename))


def is_delayed(value: Any) -> bool:
    """Tell whether a value, or anything in a list, tuple, set or dict, is not known yet."""
    if isinstance(value, Delayed):
        return True
    if isinstance(value, dict):
        return any(is_delayed(item) for item in value.values()) or any(map(is_delayed, value))
    return isinstance(value, list | tuple | set | frozenset) and any(map(is_delayed, value))


def resolve(value: Any, configs: Mapping[str, Any], *, plain: bool = False) -> Any:
    """Compute what is delayed in a value.

    Parameters
    ----------
    value : Any
        Lists, tuples, sets and dicts are looked into.
    configs : mapping
        Values of the flow's configs by name.
    plain : bool, default False
        Turn mappings that come out of configs into plain dicts.

    Returns
    -------
    Any
        The value itself when nothing in it is delayed.

    Raises
    ------
    DelayedValueFailed
        Something cannot be computed.
    """
    if not is_delayed(value):
        return value
    if isinstance(value, Delayed):
        result = value._resolve(configs)
        return as_plain(result) if plain else result
    if isinstance(value, dict):
        return resolve_keywords(value, configs, plain=plain)
    items = [resolve(item, configs, plain=plain) for item in value]
    # A named tuple takes its fields one by one.
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def resolve_keywords(
    keywords: Mapping[Any, Any], configs: Mapping[str, Any], *, plain: bool = False
) -> dict[Any, Any]:
    """Compute like `resolve` what a dict or a call's keywords hold, `**cfg` included."""
    resolved: dict[Any, Any] = {}
    for key, value in keywords.items():
        known = resolve(value, configs, plain=plain)
        if isinstance(key, str) and key.startswith(UNPACKED):
            if not isinstance(known, Mapping):
                error = TypeError(f"it is of type `{type(known).__name__}`, not a mapping")
                raise DelayedValueFailed(f"**{value!s}", error, *value._place())
            resolved.update(known)
        else:
            resolved[resolve(key, configs, plain=plain)] = known
    return resolved


def as_plain(value: Any) -> Any:
    """Turn the mapping of a config, or a list of such, into plain dicts and lists."""
    to_dict = getattr(value, "to_dict", None)
    if to_dict is not None and isinstance(value, dict):
        return to_dict()
    if type(value) in (list, tuple):
        return type(value)(as_plain(item) for item in value)
    return value
