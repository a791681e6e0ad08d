"""What can be wrong with configs and with the values that are derived from them."""

from __future__ import annotations

from collections.abc import Sequence

from metaflow.errors.base import MetaflowException


class ConfigNameInvalid(MetaflowException):
    """A config has a name that cannot be its own, or is declared in two ways at once."""

    headline = "Invalid config"

    def __init__(
        self, name: str, problem: str, lineno: int | None = None, source_file: str | None = None
    ) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"Config `{name}`: {problem}.", lineno, source_file)


class ConfigInvalid(MetaflowException):
    """Values of configs cannot be had; all that is wrong is told at once.

    Parameters
    ----------
    problems : sequence of str
        One full sentence for each.
    """

    headline = "Invalid config"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


class ConfigNotKnownYet(MetaflowException):
    """The value of a config is used while the flow's class is still being defined."""

    headline = "Config not known yet"

    def __init__(self, expression: str, use: str) -> None:
        self.expression = expression
        super().__init__(
            f"The value of `{expression}` cannot be {use} here: configs are read after the "
            "flow's class is defined.",
            hint='let an expression do it later: `config_expr("cfg.a + 1")`',
        )


class DelayedValueFailed(MetaflowException):
    """What is derived from a config cannot be computed."""

    headline = "Config value not available"

    def __init__(
        self,
        expression: str,
        cause: Exception,
        lineno: int | None = None,
        source_file: str | None = None,
    ) -> None:
        self.expression = expression
        text = cause.args[0] if isinstance(cause, KeyError) and cause.args else cause
        self.problem: str = f"{type(cause).__name__}: {text}"
        super().__init__(f"`{expression}` cannot be computed: {self.problem}.", lineno, source_file)


class ParserValueError(MetaflowException):
    """A file of requirements has something that cannot be expressed as packages and versions."""

    headline = "Value error"


class ParserUnavailable(MetaflowException):
    """What a parser of configs needs is not installed."""

    headline = "Parser not available"

    def __init__(self, kind: str, package: str, command: str) -> None:
        self.kind = kind
        self.package = package
        super().__init__(f"Reading {kind} needs {package}, which is not installed.", hint=command)
