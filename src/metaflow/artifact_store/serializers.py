"""Which serializer takes a value: those of plug-ins by priority, before pickle.

A plug-in is imported when the first value is to be stored or read. One that needs a library
which this process has not imported rests until it has: values of that library cannot come
along before.
"""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from importlib import import_module
from inspect import signature
from typing import Any, ClassVar, Final, NamedTuple

from metaflow import registry
from metaflow.errors.base import MetaflowException
from metaflow.errors.serializer import SerializerFailed, SerializerMissing

PICKLE_PRIORITY: Final = 9999
"""Whoever comes after pickle is never asked."""
PREFIX: Final = "serializer:"
"""Begins the encoding of artifacts that plug-ins have stored; the rest is JSON."""


class SerializationFormat(Enum):
    """What a value is serialized for: the artifact store, or a text that is passed on."""

    STORAGE = "storage"
    WIRE = "wire"


class SerializationMetadata(NamedTuple):
    """What is kept beside the bytes of a serialized value."""

    obj_type: str
    """Name of the value's type."""
    size: int
    """Length of the bytes."""
    encoding: str
    """Name of the format, as the serializer calls it."""
    serializer_info: Mapping[str, Any]
    """Whatever the serializer wants to know when it reads; plain data."""


class SerializedBlob(NamedTuple):
    """The bytes of a serialized value."""

    value: bytes


class SerializerState(Enum):
    """How far a plug-in has come."""

    KNOWN = "known"
    IMPORTING = "importing"
    CLASS_LOADED = "class_loaded"
    IMPORTING_DEPS = "importing_deps"
    ACTIVE = "active"
    PENDING_ON_IMPORTS = "pending_on_imports"
    BROKEN = "broken"
    DISABLED = "disabled"


class ArtifactSerializer:
    """Base of serializers; override the class methods and set `TYPE`.

    Attributes
    ----------
    TYPE : str
        Name of the serializer, which no other has.
    PRIORITY : int
        Those with a lower one are asked first; among equals, the last one registered.
    """

    TYPE: ClassVar[str] = ""
    PRIORITY: ClassVar[int] = 100

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls).get("TYPE")
        inherited = {base.TYPE for base in cls.__mro__[1:] if issubclass(base, ArtifactSerializer)}
        if own and own in inherited:
            raise TypeError(
                f"{cls.__qualname__} declares the TYPE {own!r} that it inherits; each serializer "
                "has one of its own"
            )

    @classmethod
    def can_serialize(cls, obj: Any) -> bool:
        """Tell whether this serializer takes a value."""
        raise NotImplementedError

    @classmethod
    def can_deserialize(cls, metadata: SerializationMetadata) -> bool:
        """Tell whether this serializer can read what has such metadata."""
        raise NotImplementedError

    @classmethod
    def serialize(cls, obj: Any, format: SerializationFormat) -> Any:  # noqa: A002 - public keyword
        """Serialize a value.

        Returns
        -------
        tuple of list of SerializedBlob and SerializationMetadata, or str
            For `STORAGE` exactly one blob; for `WIRE` a text.
        """
        raise NotImplementedError

    @classmethod
    def deserialize(
        cls,
        data: Any,
        metadata: SerializationMetadata | None,
        format: SerializationFormat,  # noqa: A002 - public keyword
    ) -> Any:
        """Make a value of a list with its bytes (`STORAGE`), or of a text (`WIRE`)."""
        raise NotImplementedError

    @classmethod
    def lazy_import(cls, module: str, alias: str | None = None) -> Any:
        """Take a library as an attribute of the class; for `setup_imports`.

        Parameters
        ----------
        module : str
            Full name of the module.
        alias : str, optional
            Name of the attribute; by default the last part of the module's.

        Raises
        ------
        ModuleNotFoundError
            This process has not imported it; the serializer rests until it has.
        """
        found = sys.modules.get(module)
        if found is None:
            raise ModuleNotFoundError(f"`{module}` is not imported", name=module)
        setattr(cls, alias or module.rpartition(".")[2], found)
        return found


class Plugin:
    """One serializer and how far it has come."""

    __slots__ = ("cls", "make", "name", "problem", "source", "state", "waits_for")

    def __init__(self, name: str, make: Callable[[], Any] | None) -> None:
        self.name: str = name
        self.make: Callable[[], Any] | None = make
        self.state: SerializerState = (
            SerializerState.DISABLED if make is None else SerializerState.KNOWN
        )
        self.cls: type[ArtifactSerializer] | None = None
        self.source: str = str(getattr(make, "source", "")) or "unknown"
        self.waits_for: str | None = None
        """A module that is not imported yet."""
        self.problem: str = ""

    def advance(self) -> None:
        """Come as far as possible."""
        if self.state is SerializerState.PENDING_ON_IMPORTS and self.waits_for in sys.modules:
            self.state = SerializerState.KNOWN
        if self.state is not SerializerState.KNOWN or self.make is None:
            return
        self.waits_for = None
        try:
            if self.cls is None:
                self.state = SerializerState.IMPORTING
                self._take(self.make())
            self.state = SerializerState.CLASS_LOADED
            self._set_up()
            self.state = SerializerState.ACTIVE
        except Exception as error:
            missing = _missing_module(error)
            if missing is not None:
                self.state, self.waits_for = SerializerState.PENDING_ON_IMPORTS, missing
                self.problem = f"the library `{missing}` is not imported"
                return
            self.state = SerializerState.BROKEN
            self.problem = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"The serializer `{self.name}` of `{self.source}` is left out: {self.problem}",
                RuntimeWarning,
                stacklevel=2,
            )

    def _take(self, cls: Any) -> None:
        if not (isinstance(cls, type) and issubclass(cls, ArtifactSerializer)) or not cls.TYPE:
            raise TypeError(f"{cls!r} is no ArtifactSerializer with a TYPE")
        self.cls = cls
        if self.source == "unknown":
            self.source = cls.__module__.partition(".")[0]

    def _set_up(self) -> None:
        set_up = getattr(self.cls, "setup_imports", None)
        if set_up is not None:
            self.state = SerializerState.IMPORTING_DEPS
            set_up(*([self.cls] if signature(set_up).parameters else []))

    def status(self) -> dict[str, Any]:
        """Tell how far it has come, as plain data."""
        return {
            "name": self.name,
            "type": None if self.cls is None else self.cls.TYPE,
            "state": self.state.value,
            "priority": None if self.cls is None else self.cls.PRIORITY,
            "source": self.source,
            "waits_for": self.waits_for,
            "problem": self.problem or None,
        }


class SerializerStore:
    """All serializers of this process; `SerializerStore.current()` finds them.

    Parameters
    ----------
    plugins : mapping of str to callable or None
        What makes each serializer's class, by name; None for one that is switched off.
    """

    _found: ClassVar[list["SerializerStore"]] = []

    def __init__(self, plugins: Mapping[str, Callable[[], Any] | None]) -> None:
        self._plugins: dict[str, Plugin] = {
            name: Plugin(name, make) for name, make in plugins.items()
        }

    @classmethod
    def current(cls) -> "SerializerStore":
        """Return the serializers of this process, found when first asked for."""
        if not cls._found:
            cls._found.append(cls(registry.plugged("serializer")))
        return cls._found[0]

    @classmethod
    def forget(cls) -> None:
        """Look for serializers anew when they are next asked for."""
        cls._found.clear()

    def __bool__(self) -> bool:
        return bool(self._plugins)

    def __getitem__(self, name: str) -> type[ArtifactSerializer]:
        """Return the class of an active serializer by its name or its `TYPE`."""
        for plugin in self._advanced():
            if plugin.cls is not None and name in {plugin.name, plugin.cls.TYPE}:
                return plugin.cls
        raise KeyError(name)

    def register(self, serializer: type[ArtifactSerializer], name: str | None = None) -> None:
        """Add a serializer that is in no list, for example one of a notebook."""
        known = name or serializer.TYPE
        self._plugins.pop(known, None)
        self._plugins[known] = Plugin(known, lambda: serializer)

    def status(self) -> list[dict[str, Any]]:
        """Tell of each serializer how far it has come."""
        list(self._advanced())
        return [plugin.status() for plugin in self._plugins.values()]

    def _advanced(self) -> Iterator[Plugin]:
        for plugin in self._plugins.values():
            plugin.advance()
            if plugin.state is SerializerState.ACTIVE:
                yield plugin

    def ordered(self) -> list[Plugin]:
        """List those that are active, first those that are asked first."""
        active = list(self._advanced())
        active.reverse()
        return sorted(active, key=lambda plugin: plugin.cls.PRIORITY if plugin.cls else 0)

    def serialize(self, name: str, value: Any) -> tuple[bytes, str, str] | None:
        """Serialize an artifact, if one of the serializers takes it.

        Parameters
        ----------
        name : str
            Name of the artifact.
        value : Any
            Its value.

        Returns
        -------
        tuple of bytes, str and str, or None
            Bytes, the encoding to record, the name of the type; None for pickle to take it.

        Raises
        ------
        SerializerFailed
            The one that took it could not serialize it.
        """
        for plugin in self.ordered():
            cls = plugin.cls
            if cls is None or cls.PRIORITY >= PICKLE_PRIORITY:
                break
            if _asked(plugin, "can_serialize", cls.can_serialize, value):
                return _serialized(plugin, cls, name, value)
        return None

    def deserialize(self, encoding: str, type_: str, data: bytes) -> Any:
        """Make a value of what a plug-in has stored.

        Raises
        ------
        SerializerMissing
            Nobody here can read it.
        SerializerFailed
            The one that can could not.
        """
        import json

        told: dict[str, Any] = json.loads(encoding.removeprefix(PREFIX))
        metadata = SerializationMetadata(type_, len(data), told["encoding"], told["info"])
        self._wake(told["serializer"], told["name"])
        # The one that has stored it is asked before others.
        plugins = sorted(self.ordered(), key=lambda one: _type_of(one) != told["serializer"])
        for plugin in plugins:
            cls = plugin.cls
            if cls is None or not _asked(plugin, "can_deserialize", cls.can_deserialize, metadata):
                continue
            try:
                return cls.deserialize([data], metadata, SerializationFormat.STORAGE)
            except MetaflowException:
                raise
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
                raise SerializerFailed(cls.TYPE, type_, problem) from error
        problem = _why_not(self._plugins.get(told["name"]))
        raise SerializerMissing(type_, told["serializer"], told["source"], problem)

    def _wake(self, type_: str, name: str) -> None:
        """Import what a resting serializer waits for, because a value of it is to be read."""
        plugin = self._plugins.get(name)
        while plugin is not None:
            plugin.advance()
            if plugin.state is not SerializerState.PENDING_ON_IMPORTS or not plugin.waits_for:
                return
            try:
                import_module(plugin.waits_for)
            except ImportError as error:
                plugin.problem = f"`{type_}` needs the library `{plugin.waits_for}`: {error}"
                return


def list_serializer_status() -> list[dict[str, Any]]:
    """Tell of each serializer of a plug-in how far it has come.

    Returns
    -------
    list of dict
        `name`, `type`, `state`, `priority`, `source`, and perhaps `waits_for` and `problem`.
    """
    return SerializerStore.current().status()


def _asked(plugin: Plugin, method: str, ask: Callable[[Any], bool], about: Any) -> bool:
    try:
        return bool(ask(about))
    except Exception as error:
        warnings.warn(
            f"`{method}` of the serializer `{plugin.name}` raised {type(error).__name__}: {error}; "
            "it is skipped",
            RuntimeWarning,
            stacklevel=2,
        )
        return False


def _serialized(
    plugin: Plugin, cls: type[ArtifactSerializer], name: str, value: Any
) -> tuple[bytes, str, str]:
    import json

    try:
        blobs, metadata = cls.serialize(value, SerializationFormat.STORAGE)
        data = _only(blobs)
        told = {
            "serializer": cls.TYPE,
            "name": plugin.name,
            "source": plugin.source,
            "encoding": metadata.encoding,
            "info": dict(metadata.serializer_info or {}),
        }
        return data, PREFIX + json.dumps(told, separators=(",", ":")), str(metadata.obj_type)
    except MetaflowException:
        raise
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise SerializerFailed(cls.TYPE, name, problem) from error


def _only(blobs: Sequence[Any]) -> bytes:
    if len(blobs) != 1:
        raise ValueError(f"it made {len(blobs)} blobs, but exactly one is needed")
    data = blobs[0].value if isinstance(blobs[0], SerializedBlob) else blobs[0]
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"its blob is of type {type(data).__name__}, not bytes")
    return bytes(data)


def _why_not(plugin: Plugin | None) -> str:
    """Say why a serializer does not read what it has stored."""
    if plugin is None:
        return "there is none of that name"
    if plugin.state is SerializerState.DISABLED:
        return "it is switched off"
    return plugin.problem or "it refuses"


def _type_of(plugin: Plugin) -> str:
    return "" if plugin.cls is None else plugin.cls.TYPE


def _missing_module(error: BaseException | None) -> str | None:
    """Name of the module that could not be imported, somewhere behind an error."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name
        error = error.__cause__
    return None
