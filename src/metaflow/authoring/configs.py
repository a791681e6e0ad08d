"""What a config is: declared on the flow, read once when a run is launched, fixed from then on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from metaflow.authoring.config_value import ConfigValue, wrap
from metaflow.authoring.delayed import Delayed
from metaflow.authoring.overlay import visible
from metaflow.authoring.refusal import refused
from metaflow.errors.config import ConfigNameInvalid, DelayedValueFailed

COMPOSITION = "__composition__"
"""Where a flow class has the values, once they are known; see `composition.begin`."""


class Facts:
    """What the author has said about one config; errors know where."""

    __slots__ = (
        "default",
        "default_value",
        "help",
        "line_no",
        "name",
        "parser",
        "plain",
        "required",
        "source_file",
    )

    def __init__(self, name: str, place: tuple[str, int]) -> None:
        self.name: str = name
        self.default: str | Callable[[Any], str] | None = None
        self.default_value: Any = None
        self.help: str | None = None
        self.required: bool = False
        self.parser: str | Callable[[str], Any] | None = None
        self.plain: bool = False
        self.source_file: str = place[0]
        self.line_no: int = place[1]

    def fault(self, problem: str) -> ConfigNameInvalid:
        """Build the error for a declaration that cannot work."""
        return ConfigNameInvalid(self.name, problem, self.line_no, self.source_file)


class Config(Delayed):
    """A mapping that a flow is given when it is launched or deployed, from a file.

    Assign it to an attribute of the flow class. In every step, `self.<attribute>` is then a
    `ConfigValue`. Unlike a parameter's, its value is known before the flow's graph is checked:
    arguments of decorators and fields of parameters can be taken from it.

    Parameters
    ----------
    name : str
        Name on the command line: `Config("cfg")` is set by `--config cfg FILE` or
        `--config-value cfg TEXT`. It may have dashes.
    default : str or callable, optional
        Path of the file for runs that name none, relative to the current folder. A callable
        is called with a `ParameterContext` and returns the path.
    default_value : str, dict or callable, optional
        Value instead of a file: text for the parser, or the mapping itself. A callable is
        called with a `ParameterContext` and returns one of both.
    help : str, optional
        Text for `--help`.
    required : bool, default False
        There must be a value. Without one, the config is None.
    parser : callable or str, optional
        Makes a mapping from text; JSON is read if none is given. A string names a function,
        such as `"tomllib.loads"`, that is imported when it is needed; one that begins with
        a dot is relative to this package.
    plain : bool, default False
        The value is the text itself, or whatever the parser returns.

    Examples
    --------
    >>> class TrainFlow(FlowSpec):
    ...     cfg = Config("cfg", default="train.json")
    ...     rounds = Parameter("rounds", default=cfg.rounds)
    ...
    ...     @resources(cpu=cfg.resources.cpu)
    ...     @step
    ...     def start(self):
    ...         print(self.cfg.model.depth)
    """

    # Everything else that is public is a key of the config.
    __slots__ = ("_facts",)

    def __init__(
        self,
        name: str,
        default: str | Callable[[Any], str] | None = None,
        default_value: str | Mapping[str, Any] | Callable[[Any], Any] | None = None,
        help: str | None = None,  # noqa: A002 - public keyword
        required: bool | None = None,
        parser: str | Callable[[str], Any] | None = None,
        plain: bool = False,
    ) -> None:
        caller = sys._getframe(1)
        facts = self._facts = Facts(name, (caller.f_code.co_filename, caller.f_lineno))
        facts.default = default
        facts.default_value = default_value
        facts.help = help
        facts.required = bool(required)
        facts.parser = parser
        facts.plain = plain
        given: Any = name
        if not isinstance(given, str) or not given.replace("-", "_").isidentifier():
            raise refused(
                facts.fault(
                    "a name consists of letters, digits, `_` and `-`, and starts with a letter"
                )
            )
        if default is not None and default_value is not None:
            raise refused(facts.fault("it has a `default`, which is a file, and a `default_value`"))

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any = None) -> Any: ...

    def __set_name__(self, owner: type, attribute: str) -> None:
        """Leave on the class what shows the value once it is known."""
        type.__setattr__(owner, attribute, ConfigAttribute(attribute, self))

    def _place(self) -> tuple[int | None, str | None]:
        return self._facts.line_no, self._facts.source_file

    def _resolve(self, configs: Mapping[str, Any]) -> Any:
        try:
            return configs[self._facts.name]
        except KeyError as error:
            missing = LookupError(f"the flow has no config `{self._facts.name}`")
            raise DelayedValueFailed(str(self), missing, *self._place()) from error

    def __str__(self) -> str:
        return self._facts.name


class ConfigAttribute:
    """Descriptor that shows a config's value on a flow and refuses to change it."""

    __slots__ = ("attribute", "config")

    def __init__(self, attribute: str, config: Config) -> None:
        self.attribute: str = attribute
        self.config: Config = config

    @property
    def facts(self) -> Facts:
        """The declaration."""
        return self.config._facts

    def __get__(self, instance: Any, owner: type) -> Any:
        """Show the value in a step, and elsewhere if it is known; else what stands for it."""
        state = None if instance is None else vars(instance).get("__state__")
        if state is not None:
            return state.view(self.attribute, wrap)
        known = vars(owner).get(COMPOSITION)
        if known is None or self.attribute not in known.configs:
            return self.config
        return wrap(known.configs[self.attribute])

    def __set__(self, instance: Any, value: Any) -> NoReturn:
        """Refuse: configs are fixed for the whole run."""
        raise AttributeError(
            f"`self.{self.attribute}` is a config and not modifiable: "
            "give the new value another name"
        )


def normalized(name: str) -> str:
    """Spell a name so that case, and dash or underscore, make no difference."""
    return name.lower().replace("-", "_")


def collect_configs(flow: type) -> list[tuple[str, Facts]]:
    """Collect a flow's configs.

    Parameters
    ----------
    flow : type
        The flow class; configs of its bases count.

    Returns
    -------
    list of tuple of str and Facts
        Attribute name and declaration, base classes first, in order of definition.

    Raises
    ------
    ConfigNameInvalid
        Two configs have names that differ in nothing but case or dashes.
    """
    found = [
        (attribute, value.facts)
        for attribute, value in visible(flow).items()
        if isinstance(value, ConfigAttribute)
    ]
    seen: dict[str, str] = {}
    for _, facts in found:
        key = normalized(facts.name)
        if key in seen:
            raise facts.fault(
                f"the flow already has a config `{seen[key]}`, and names must differ in more "
                "than case"
            )
        seen[key] = facts.name
    return found


def named(flow: type, values: Mapping[str, Any]) -> ConfigValue:
    """List the values of configs by every name that expressions may use, read-only.

    Parameters
    ----------
    flow : type
        The flow class.
    values : mapping
        Plain values by attribute name.
    """
    names: dict[str, Any] = {}
    for attribute, facts in collect_configs(flow):
        names[attribute] = names[facts.name] = wrap(values.get(attribute))
    return ConfigValue(names)
