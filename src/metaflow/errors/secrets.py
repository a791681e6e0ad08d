"""What can go wrong with secrets; no error tells a value."""

from __future__ import annotations

from collections.abc import Iterable

from metaflow.errors.base import MetaflowException
from metaflow.errors.definition import closest, quoted


class SecretSourceInvalid(MetaflowException):
    """A source of secrets is written in a way that cannot work.

    Parameters
    ----------
    source : str
        The source, without its options.
    problem : str
        What would be right, as a clause.
    """

    headline = "Invalid secret source"

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        super().__init__(
            f"The secret source `{source}` is not valid: {problem}.",
            hint="write `'type.id'`, or `{'type': …, 'id': …, 'options': {…}}`",
        )


class SecretSourceUnknown(MetaflowException):
    """Nothing here knows this kind of secret source.

    Parameters
    ----------
    kind : str
        The type as written.
    known : iterable of str
        The types that there are.
    needs : str, optional
        For a type that is known but not installed: what it needs.
    """

    headline = "Unknown secret source"

    def __init__(self, kind: str, known: Iterable[str], needs: str = "") -> None:
        self.kind = kind
        self.known: tuple[str, ...] = tuple(sorted(known))
        self.needs = needs
        if needs:
            message = (
                f"Secrets of type `{kind}` are kept by {needs}, for which this installation has "
                "no back end yet."
            )
            hint = (
                "install a package that offers it as an entry point of the group "
                "`metaflow.secret_source`"
            )
        else:
            message = f"There are no secrets of type `{kind}`. The types here are "
            message += f"{quoted(self.known)}."
            match = closest(kind, self.known)
            hint = f"did you mean `{match}`?" if match else "write `'type.id'`"
        super().__init__(message, hint=hint)


class SecretsClash(MetaflowException):
    """A secret cannot become an environment variable.

    Parameters
    ----------
    name : str
        The variable.
    source : str
        Where the secret comes from.
    problem : str
        What is wrong, as a clause.
    hint : str, optional
        What to do.
    """

    headline = "Secret cannot be used"

    def __init__(self, name: str, source: str, problem: str, hint: str | None = None) -> None:
        self.name = name
        self.source = source
        super().__init__(f"`{name}` of the secret source `{source}` {problem}.", hint=hint)


class SecretNotFetched(MetaflowException):
    """A secret source failed.

    Parameters
    ----------
    source : str
        The source, without its options.
    error : BaseException
        What it raised; only its type is told, because its text may hold anything.
    """

    headline = "Secret not available"

    def __init__(self, source: str, error: BaseException) -> None:
        self.source = source
        self.error_type: str = type(error).__qualname__
        super().__init__(
            f"The secret source `{source}` cannot be read: it raised `{self.error_type}`.",
            hint=f"call `metaflow.plugins.secrets.get_secret({source!r})` to see what it says",
        )
