"""What users hand in and may get wrong: settings, identity, parameters, commands."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class SettingInvalid(MetaflowException):
    """A setting has a value that means nothing."""

    headline = "Invalid setting"

    def __init__(self, key: str, value: str, expected: str) -> None:
        self.key: str = key
        self.value: str = value
        super().__init__(
            f"`METAFLOW_{key}` is `{value}`, but it must be {expected}.",
            hint=f"correct the variable or the configuration file that sets `METAFLOW_{key}`",
        )


class SettingsFileInvalid(MetaflowException):
    """A configuration file exists but cannot be used."""

    headline = "Invalid configuration file"

    def __init__(self, path: str, problem: str) -> None:
        self.path: str = path
        super().__init__(
            f"The configuration file `{path}` {problem}.",
            hint='the file holds one JSON object, such as {"METAFLOW_USER": "ann"}',
        )


class SettingsFileNotWritten(MetaflowException):
    """A configuration file could not be written."""

    headline = "Configuration file not written"

    def __init__(self, path: str, reason: str) -> None:
        self.path: str = path
        self.reason: str = reason
        super().__init__(
            f"The configuration file `{path}` could not be written: {reason}.",
            hint="check that its folder is writable, or name another one with METAFLOW_HOME",
        )


class ProfileNotFound(MetaflowException):
    """`METAFLOW_PROFILE` names a profile that has no file."""

    headline = "Profile not found"

    def __init__(self, profile: str, path: str) -> None:
        self.profile: str = profile
        self.path: str = path
        super().__init__(
            f"`METAFLOW_PROFILE` is `{profile}`, but there is no file `{path}`.",
            hint="unset METAFLOW_PROFILE, or create the file",
        )


class MetaflowUnknownUser(MetaflowException):
    """Metaflow could not determine your user name."""

    headline = "Unknown user"

    def __init__(self) -> None:
        super().__init__(
            "Metaflow could not determine your user name from the environment variables "
            "METAFLOW_USER, SUDO_USER, USERNAME and USER (`root` does not count).",
            hint="set METAFLOW_USER, for example `export METAFLOW_USER=ann`",
        )


class CommandException(MetaflowException):
    """A command was asked for something that it cannot do."""

    headline = "Invalid command"


class PylintUnhappy(MetaflowException):
    """Pylint found errors in the flow's file."""

    headline = "Pylint is not happy"

    def __init__(self, findings: str) -> None:
        self.findings: str = findings
        super().__init__(
            findings,
            hint="fix the errors above, or skip the check with `--no-pylint`",
        )


class ParameterNameInvalid(MetaflowException):
    """A parameter has a name that cannot be its own."""

    headline = "Invalid parameter name"

    def __init__(
        self, name: str, problem: str, lineno: int | None = None, source_file: str | None = None
    ) -> None:
        self.name: str = name
        super().__init__(
            f"Parameter `{name}`: {problem}.",
            lineno,
            source_file,
            hint="the name given to `Parameter` may differ from the attribute's name",
        )


class ParameterOptionInvalid(MetaflowException):
    """A parameter has a keyword that an option of the command line does not take."""

    headline = "Invalid parameter option"

    def __init__(
        self, name: str, problem: str, lineno: int | None = None, source_file: str | None = None
    ) -> None:
        self.name: str = name
        super().__init__(f"Parameter `{name}`: {problem}.", lineno, source_file)


class ParameterFieldFailed(MetaflowException):
    """A function that was to compute a parameter's field raised an exception."""

    headline = "Parameter field failed"

    def __init__(
        self,
        name: str,
        field: str,
        trace: str,
        lineno: int | None = None,
        source_file: str | None = None,
    ) -> None:
        self.name: str = name
        self.field: str = field
        self.trace: str = trace
        """The exception's traceback, from the user's function on."""
        super().__init__(
            f"The function given as `{field}` of parameter `{name}` raised an exception:\n{trace}",
            lineno,
            source_file,
        )


class ParameterFieldTypeMismatch(MetaflowException):
    """A parameter's field has a value of the wrong type."""

    headline = "Parameter field with a mismatching type"

    def __init__(
        self,
        name: str,
        field: str,
        problem: str,
        lineno: int | None = None,
        source_file: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.name: str = name
        self.field: str = field
        super().__init__(f"Parameter `{name}`, `{field}`: {problem}.", lineno, source_file, hint)


class ParameterValueInvalid(MetaflowException):
    """A value given for a parameter does not fit the parameter's type."""

    headline = "Invalid parameter value"

    def __init__(self, name: str, problem: str) -> None:
        self.name: str = name
        self.problem: str = problem
        """The sentence without the parameter's name, for callers that print the name."""
        super().__init__(f"Parameter `{name}`: {problem}.")


class DatastoreRootMissing(MetaflowException):
    """Artifacts shall go to an object store, and nothing says to which place there."""

    headline = "Datastore root missing"

    def __init__(self, datastore: str, setting: str, example: str) -> None:
        self.datastore = datastore
        self.setting = setting
        self.example = example
        super().__init__(
            f"Nothing says where the datastore `{datastore}` is.",
            hint=f"set METAFLOW_{setting}, or give `--datastore-root`, to an address "
            f"such as `{example}`.",
        )


class DatastoreRootInvalid(MetaflowException):
    """The root of an object store is no address of its kind."""

    headline = "Invalid datastore root"

    def __init__(self, root: str, source: str, example: str) -> None:
        self.root = root
        self.source = source
        self.example = example
        super().__init__(
            f"`{root}`, which `{source}` says, is no root of this kind of datastore.",
            hint=f"write it like `{example}`, with a single `/` between names.",
        )
