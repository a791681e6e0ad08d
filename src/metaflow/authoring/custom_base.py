"""What users' own decorators and mutators have in common: how they are written and found.

A class that a user writes is its own syntax: `@robust`, `@robust()` and `@robust(times=3)`. What
stands above a step or a flow is only noted there. Each flow class that is composed makes its
own instances, once the values of its configs are known.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from metaflow.authoring.refusal import place_by_trace, refused
from metaflow.errors.base import MetaflowException
from metaflow.errors.custom import CustomCodeFailed, CustomDecoratorInvalid, DecoratorAmbiguous

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
M = TypeVar("M")

LOADED: dict[str, CustomMeta] = {}
"""Classes by qualified name, each added when it is defined."""


class CustomMeta(type):
    """Tells a decorator that stands above something from one that is given arguments first."""

    acts_on: str

    def __init__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> None:
        super().__init__(name, bases, space)
        if not cls.__module__.startswith(f"{__package__}."):
            LOADED[qualified_name(cls)] = cls

    @overload
    def __call__(cls, target: F, /) -> F: ...
    @overload
    def __call__(cls: type[M], /, *args: Any, **kwargs: Any) -> M: ...
    def __call__(cls: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Decorate, if called with a step or a flow only; else keep the arguments."""
        made = cls.__new__(cls)
        is_bare = len(args) == 1 and not kwargs
        try:
            if is_bare and made._is_mistaken(args[0]):
                made._refuse(args[0])
            is_bare = is_bare and made._is_target(args[0])
            made._take_arguments(() if is_bare else args, kwargs)
        except MetaflowException as error:
            raise refused(error) from error.__cause__
        made.statically_defined = True
        if is_bare:
            made._stand_on(args[0])
            return args[0]
        return made


class Custom(metaclass=CustomMeta):
    """Base of what users write; see the classes that inherit from it."""

    acts_on: ClassVar[str] = "step"
    """What it stands on: a step or a flow."""

    _args: tuple[Any, ...]
    _kwargs: dict[str, Any]
    _flow_cls: Any
    """The flow class that is composed."""
    statically_defined: bool
    """It stands in the source file, or a mutator that does has added it."""
    inserted_by: list[str] | None
    """Qualified names of the mutators that have added it, the first cause first."""

    def _take_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Keep what stands between the parentheses."""
        if (args or kwargs) and not self._takes_arguments():
            raise CustomDecoratorInvalid(
                type(self).__name__, "it takes no arguments, because it has no method `init`"
            )
        self._args = tuple(args)
        self._kwargs = dict(kwargs)
        self._flow_cls = None
        self.statically_defined = False
        self.inserted_by = None

    def _takes_arguments(self) -> bool:
        """Tell whether anything can stand between the parentheses."""
        return type(self).init is not Custom.init

    def _is_target(self, value: Any) -> bool:
        """Tell a thing to decorate from an argument."""
        raise NotImplementedError

    def _is_mistaken(self, value: Any) -> bool:
        """Tell a thing that was to be decorated, but cannot be, from an argument."""
        del value
        return False

    def _stand_on(self, target: Any) -> None:
        """Note on the target that this stands above it."""
        raise NotImplementedError

    if TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __call__(self, target: T, /) -> T:
        """Decorate, after arguments were given."""
        if not self._is_target(target):
            try:
                self._refuse(target)
            except MetaflowException as error:
                raise refused(error) from error.__cause__
        self._stand_on(target)
        return target

    def _refuse(self, target: Any) -> None:
        """Say what is wrong with a thing to decorate."""
        raise NotImplementedError

    # ── for those who write decorators ───────────────────────────────────────────────────

    def init(self, *args: Any, **kwargs: Any) -> None:
        """Take in the arguments, once the values of configs are known."""

    def add_to_package(self) -> Iterable[Any]:
        """Name what has to be in the flow's code package: `(path, name in the package)`."""
        return ()

    # ── for composition ──────────────────────────────────────────────────────────────────

    def _initialize(self) -> None:
        call_user(self, "init", *self._args, **self._kwargs)

    def _instance_for(self, flow: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Make the one that works on a flow class, from resolved arguments."""
        made: Any = object.__new__(type(self))
        made._take_arguments(args, kwargs)
        made.statically_defined = self.statically_defined
        made.inserted_by = self.inserted_by
        made._flow_cls = flow
        return made

    def _spec(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Describe it as short name, qualified name, arguments and keyword arguments."""
        kind = type(self)
        return kind.__name__, qualified_name(kind), list(self._args), dict(self._kwargs)


def call_user(custom: Any, method: str, *args: Any, **kwargs: Any) -> None:
    """Call the user's code and tell its failure from ours.

    Raises
    ------
    CustomCodeFailed
        It has raised an exception that is none of the framework's.
    """
    try:
        getattr(custom, method)(*args, **kwargs)
    except MetaflowException as error:
        place_by_trace(error)
        raise
    except Exception as error:
        from metaflow.errors.frames import user_traceback

        trace = user_traceback(error).rstrip()
        raise CustomCodeFailed(type(custom).__name__, method, trace) from error


def qualified_name(kind: type) -> str:
    """Name a class by its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def find(name: str, acts_on: str) -> CustomMeta | None:
    """Find a class that a user has written.

    Parameters
    ----------
    name : str
        Its bare name or some last parts of its qualified name, if that is unique among those
        that are loaded; or `module.name`, to be imported.
    acts_on : {"step", "flow"}
        What it stands on.

    Returns
    -------
    CustomMeta or None
        None if there is none.

    Raises
    ------
    DecoratorAmbiguous
        Several have this name.
    """
    module, _, short = name.rpartition(".")
    if module and module == _name_of_program():
        # The program's file is loaded as `__main__`; another import would run it once more.
        name = f"__main__.{short}"
    usable = {known: kind for known, kind in LOADED.items() if kind.acts_on == acts_on}
    found = [name] if name in usable else [known for known in usable if known.endswith(f".{name}")]
    if len(found) > 1:
        raise DecoratorAmbiguous(name, found)
    if found:
        return usable[found[0]]
    made = _import(module, short) if module else None
    return made if made is not None and made.acts_on == acts_on else None


def loaded_names(acts_on: str) -> list[str]:
    """List the bare names of what users have written for steps or flows and is loaded."""
    return sorted({kind.__name__ for kind in LOADED.values() if kind.acts_on == acts_on})


def _name_of_program() -> str | None:
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return os.path.splitext(os.path.basename(file))[0] if file else None


def _import(module: str, short: str) -> CustomMeta | None:
    from importlib import import_module

    try:
        found = getattr(import_module(module), short, None)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            return None
        raise  # the module is there, and what it imports is not
    return found if isinstance(found, CustomMeta) else None
