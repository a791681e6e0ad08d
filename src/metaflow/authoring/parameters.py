"""What a flow can be asked at its start: its parameters, and which declarations are sound."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring.overlay import visible
from metaflow.authoring.parameter_types import (
    JSONType,
    JSONTypeClass,
    convert_value,
    is_json,
    split_text,
)
from metaflow.errors.input import (
    ParameterFieldTypeMismatch,
    ParameterNameInvalid,
    ParameterValueInvalid,
)

__all__ = ["JSONType", "JSONTypeClass", "Parameter", "collect_parameters"]

RESERVED_NAMES: Final = frozenset(
    {
        "decospecs",
        "max_log_size",
        "max_num_splits",
        "max_workers",
        "namespace",
        "obj",
        "params",
        "run_id",
        "run_id_file",
        "runner_attribute_file",
        "tag",
        "tags",
        "task_id",
        "user_namespace",
        "with",
    }
)
"""Names of the run command's own options, with underscores."""


class Parameter:
    """A value that a flow is given when a run starts.

    Assign it to an attribute of the flow class. In every step, `self.<attribute>` is then
    the value; it cannot be changed during the run.

    Parameters
    ----------
    name : str
        Name on the command line: `Parameter('alpha')` is set by `--alpha`. It may differ
        from the attribute's name. No two parameters of a flow may have names that differ
        only in case.
    default : str, int, float, bool, dict, list or callable, optional
        Value for runs that give none. A callable is called with a `ParameterContext` once
        per run, where the run is started, and returns the value; for a `JSONType`
        parameter it returns JSON text. Without a default such runs see `None`.
    type : type, optional
        One of `str`, `int`, `float`, `bool` and `JSONType`, or a function that makes the
        value from its text. Taken from the default if not given, and `str` without one.
        A `bool` takes a value: `--flag True`.
    help : str, optional
        Text for `run --help`.
    required : bool, default False
        A run must give a value. A default makes this moot.
    show_default : bool, default True
        Show the default in `run --help`.
    separator : str, optional
        Split the text at this string: the value is a list of strings.
    **options : Any
        Passed on to the command line's option, such as `hidden=True`.

    Examples
    --------
    >>> class TrainFlow(FlowSpec):
    ...     alpha = Parameter('alpha', help='Learning rate', default=0.01)
    ...     grid = Parameter('grid', type=JSONType, default={'depth': [3, 4]})
    """

    def __init__(
        self,
        name: str,
        default: Any = None,
        type: Any = None,  # noqa: A002 - public keyword
        help: str | None = None,  # noqa: A002 - public keyword
        required: bool = False,
        show_default: bool = True,
        separator: str | None = None,
        **options: Any,
    ) -> None:
        self.name: str = name
        self.default: Any = default
        self.type: Any = type
        self.help: str | None = help
        self.required: bool = required
        self.show_default: bool = show_default
        self.separator: str | None = separator
        self.options: dict[str, Any] = options
        self.source_file: str | None
        self.line_no: int | None
        self.source_file, self.line_no = _place_of_declaration()

    if TYPE_CHECKING:
        # On a running flow the attribute is the parameter's value, whose type only the
        # user knows.
        def __get__(self, instance: Any, owner: Any = None) -> Any: ...

    def __repr__(self) -> str:
        return f"<Parameter {self.name}>"

    @property
    def has_deploy_time_default(self) -> bool:
        """The default is a function, to be called when a run starts."""
        return callable(self.default)

    @property
    def is_repeated(self) -> bool:
        """The option takes several values, and the parameter's value is a tuple."""
        return bool(self.options.get("multiple")) or self.options.get("nargs", 1) != 1

    @property
    def value_type(self) -> Any:
        """The type, settled: the declared one, else that of the default, else `str`."""
        if self.type is not None:
            return self.type
        if self.default is None or callable(self.default) or self.is_repeated:
            return str
        # bool first, because it is an int.
        return next(
            (known for known in (bool, int, float, str) if isinstance(self.default, known)),
            None,
        )

    @property
    def type_name(self) -> str:
        """The type as a word for messages and for the graph's description."""
        kind = self.value_type
        return str(getattr(kind, "__name__", None) or getattr(kind, "name", None) or kind)

    def convert(self, value: Any) -> Any:
        """Turn text, or a value given by a program, into a value of this parameter's type.

        Parameters
        ----------
        value : Any
            Text is read as on the command line; any other value must fit the type. None
            stays None.

        Returns
        -------
        Any
            The value that the flow will see.

        Raises
        ------
        ParameterValueInvalid
            The value does not fit.
        """
        if value is None:
            return None
        if self.is_repeated and isinstance(value, list | tuple):
            return tuple(self.convert_one(item) for item in value)
        return self.convert_one(value)

    def convert_one(self, value: Any) -> Any:
        """Convert like `convert`, but one of the values of a repeated option."""
        try:
            if self.separator is not None:
                return split_text(value, self.separator)
            return convert_value(value, self.value_type)
        except (ValueError, TypeError) as error:
            raise ParameterValueInvalid(self.name, str(error)) from error

    def check_result(self, value: Any) -> None:
        """Refuse what a default's function returns if it does not fit.

        Raises
        ------
        ParameterValueInvalid
            The value does not fit.
        """
        self.convert(value)

    def in_step(self, value: Any) -> Any:
        """Make what a step sees from what is stored: the same, for most parameters."""
        return value

    def check(self) -> None:
        """Refuse a declaration that cannot work.

        Raises
        ------
        ParameterNameInvalid
            The name is reserved, or no option can have it.
        ParameterFieldTypeMismatch
            A field has a value of the wrong type.
        """
        self._check_name()
        for field in ("show_default", "separator", "required"):
            if callable(getattr(self, field)):
                raise self.mismatch(field, "this field cannot be a function")
        separator: Any = self.separator
        if separator is not None:
            if not isinstance(separator, str) or not separator:
                raise self.mismatch(
                    "separator", "a separator is a string of at least one character"
                )
            if self.type is not None and self.type is not str:
                raise self.mismatch("separator", "only parameters of type `str` can be split")
        self._check_type()

    def _check_name(self) -> None:
        name: Any = self.name
        if not isinstance(name, str) or not name.replace("-", "_").isidentifier():
            problem = "a name consists of letters, digits, `_` and `-`, and starts with a letter"
        elif normalized(name) in RESERVED_NAMES:
            problem = "this name is reserved for an option of `run`"
        else:
            return
        raise ParameterNameInvalid(str(name), problem, self.line_no, self.source_file)

    def _check_type(self) -> None:
        kind = self.value_type
        if kind is None or kind in (list, dict, tuple, set):
            what = "type" if self.type is not None else "default"
            shown = getattr(kind, "__name__", None) or type(self.default).__name__
            raise self.mismatch(
                what,
                f"a parameter cannot be of type `{shown}`",
                "use `type=JSONType` for structured values, or `separator=','` for strings",
            )
        if not callable(kind) and not hasattr(kind, "convert") and not is_json(kind):
            raise self.mismatch("type", f"`{kind!r}` is not a type")
        if self.has_deploy_time_default or self.default is None:
            return
        try:
            self.convert(self.default)
        except ParameterValueInvalid as error:
            raise self.mismatch("default", error.problem) from error

    def mismatch(
        self, field: str, problem: str, hint: str | None = None
    ) -> ParameterFieldTypeMismatch:
        """Build the error for a field of the wrong type, with the place of the declaration."""
        return ParameterFieldTypeMismatch(
            self.name, field, problem, self.line_no, self.source_file, hint
        )


def normalized(name: str) -> str:
    """Spell a name as environment variables and reserved names do, but in lower case."""
    return name.lower().replace("-", "_")


def collect_parameters(flow: type) -> list[tuple[str, Parameter]]:
    """Collect a flow's parameters and refuse those that cannot work.

    Parameters
    ----------
    flow : type
        The flow class; parameters of its bases count, and a class that defines the
        attribute again replaces the parameter.

    Returns
    -------
    list of tuple of str and Parameter
        Attribute name and parameter, base classes first, in order of definition.

    Raises
    ------
    ParameterNameInvalid
        A name is reserved, malformed, or used twice.
    ParameterFieldTypeMismatch
        A field has a value of the wrong type.
    """
    found = declared_parameters(flow)
    seen: dict[str, str] = {}
    for parameter in found.values():
        parameter.check()
        key = normalized(parameter.name)
        if key in seen:
            raise ParameterNameInvalid(
                parameter.name,
                f"the flow already has a parameter `{seen[key]}`, and names must differ in more "
                "than case",
                parameter.line_no,
                parameter.source_file,
            )
        seen[key] = parameter.name
    return list(found.items())


def declared_parameters(flow: type) -> dict[str, Parameter]:
    """Collect a flow's parameters by attribute name, whatever is wrong with them."""
    return {
        attribute: parameter
        for attribute, value in visible(flow).items()
        if (parameter := _declaration(value)) is not None
    }


def _declaration(value: Any) -> Parameter | None:
    if isinstance(value, Parameter):
        return value
    # What makes a parameter read-only on a running flow keeps the parameter it stands for.
    if hasattr(type(value), "declaration") and isinstance(value.declaration, Parameter):
        return value.declaration
    return None


def _place_of_declaration() -> tuple[str | None, int | None]:
    """Find the first caller that is not the constructor of a kind of parameter."""
    frame = sys._getframe(1)  # noqa: SLF001 - an error names the line that declares
    while frame.f_back is not None and frame.f_code.co_name == "__init__":
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
