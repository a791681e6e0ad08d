"""What every error of the framework carries: a headline, a sentence, a place and a hint."""

from __future__ import annotations


class MetaflowException(Exception):
    """Root of all errors that the framework reports to a user.

    Parameters
    ----------
    msg : str
        One or more full sentences. An error raised without a message uses the first
        paragraph of its class's docstring.
    lineno : int, optional
        Line in the user's source file, counted from 1.
    source_file : str, optional
        Path of the user's source file.
    hint : str, optional
        What the user can do next.

    Attributes
    ----------
    headline : str
        A few words that name the kind of error; printed in front of the message.
    """

    headline: str = "Flow failed"

    def __init__(
        self,
        msg: str = "",
        lineno: int | None = None,
        source_file: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.message: str = str(msg) or (type(self).__doc__ or "").strip().split("\n\n")[0]
        self.line_no: int | None = lineno
        self.source_file: str | None = source_file
        self.hint: str | None = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"

    def reword(self, message: str, hint: str) -> None:
        """Say it in other words, once somebody knows more about it."""
        self.message = message
        self.hint = hint
        self.args: tuple[object, ...] = (message,)

    def __reduce__(self) -> tuple[object, ...]:
        # Subclasses take typed fields instead of a message, so an error is rebuilt from
        # its state and not by calling its constructor again.
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(cls: type[MetaflowException], args: tuple[object, ...]) -> MetaflowException:
    error = cls.__new__(cls)
    error.args = args
    return error


class MetaflowInternalError(MetaflowException):
    """The framework itself failed; this is a bug worth reporting."""

    headline = "Internal error"
