"""What a failed attempt leaves behind for its readers."""

from __future__ import annotations


class MetaflowExceptionWrapper(Exception):
    """A failure as stored: only texts, so that it can be read where its class is unknown.

    Parameters
    ----------
    exc : BaseException, optional
        The failure. Left out when a stored one is read back.

    Attributes
    ----------
    type : str
        Qualified name of the exception's class.
    exception : str
        The exception as text.
    stacktrace : str
        The formatted traceback, with its causes.
    """

    # The documented home of the name, so that stored failures do not depend on this file.
    __module__ = "metaflow.exception"

    def __init__(self, exc: BaseException | None = None) -> None:
        super().__init__()
        self.type: str = ""
        self.exception: str = ""
        self.stacktrace: str = ""
        if exc is None:
            return
        from traceback import format_exception

        self.type = f"{type(exc).__module__}.{type(exc).__qualname__}"
        self.exception = _text_of(exc)
        self.stacktrace = "".join(format_exception(exc))

    def __str__(self) -> str:
        return self.stacktrace or f"{self.type}: {self.exception}"

    def __repr__(self) -> str:
        return f"{self.type}({self.exception!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (), self.__dict__


def _text_of(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception:  # a user's `__str__` may itself be broken; the failure still counts
        return f"<{type(exc).__qualname__} that cannot be shown>"
