"""What goes to which stream, and how it looks there."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from metaflow.errors.base import MetaflowException

HIGHLIGHTED = re.compile(r"\*([^*\n]+)\*")
BOLD, RED, PLAIN = "\033[1m", "\033[31m", "\033[0m"
INDENT = "    "


class Console:
    """The two streams of one command.

    Messages and errors go to stderr, data goes to stdout. `*x*` in a message is
    highlighting: bold where colours are shown, and plain without asterisks elsewhere.

    Parameters
    ----------
    quiet : bool, default False
        Leave out notes; errors and answers are still printed.
    color : bool, default True
        Allow colours on a terminal.
    """

    __slots__ = ("color", "quiet")

    def __init__(self, quiet: bool = False, color: bool = True) -> None:
        self.quiet = quiet
        self.color = color

    def __call__(self, text: str) -> None:
        """Print a note, as `note` does."""
        self.note(text)

    def note(self, text: str) -> None:
        """Tell the user what is going on; left out by `--quiet`."""
        if not self.quiet:
            self.say(text)

    def say(self, text: str) -> None:
        """Print a message to stderr whether or not the user wants it quiet."""
        bold = BOLD if self._in_color(sys.stderr) else ""
        plain = PLAIN if bold else ""
        _write(sys.stderr, HIGHLIGHTED.sub(rf"{bold}\1{plain}", text) + "\n")

    def plain(self, text: str) -> None:
        """Print a text of the user's to stderr as it is; its asterisks are its own."""
        _write(sys.stderr, text + "\n")

    def data(self, text: str, end: str = "\n") -> bool:
        """Print what was asked for to stdout, unchanged; False if nobody reads it any more."""
        return _write(sys.stdout, text + end)

    def error(self, error: MetaflowException) -> None:
        """Print an error of the framework: headline, place, message and hint."""
        self.failure(headline(error), body(error))

    def failure(self, title: str, text: str) -> None:
        """Print a title and an indented text to stderr."""
        in_color = self._in_color(sys.stderr)
        shown = f"{BOLD}{RED}{title}{PLAIN}" if in_color else title
        lines = [shown, *text.splitlines()]
        _write(sys.stderr, "".join(f"{INDENT}{line}".rstrip() + "\n" for line in lines))

    def _in_color(self, stream: TextIO) -> bool:
        return self.color and stream.isatty()


def headline(error: MetaflowException) -> str:
    """Word the first line of an error: what kind it is and where it sits."""
    file = f" in file {error.source_file}" if error.source_file else ""
    line = f" on line {error.line_no}" if error.line_no is not None else ""
    return f"{error.headline}{file}{line}:"


def body(error: MetaflowException) -> str:
    """Word what follows the headline."""
    return error.message if error.hint is None else f"{error.message}\nhint: {error.hint}"


def _write(stream: TextIO, text: str) -> bool:
    # One write per message, so that messages of several processes do not mix within a line.
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        # Nobody reads any more, which is no reason to stop working: say it to nobody.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        return False
    return True


def open_missing_streams() -> None:
    """Open what the caller has closed of the three standard streams, on the null device.

    Otherwise the next files to be opened would take their places, and be printed into.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - lives as long as the process
