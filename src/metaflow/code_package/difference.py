"""How two sets of files differ, as a unified diff that `patch` and `git apply` understand."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTHING: Final = "/dev/null"
NO_NEWLINE: Final = "\\ No newline at end of file\n"
RED, GREEN, CYAN, BOLD, PLAIN = "\033[31m", "\033[32m", "\033[36m", "\033[1m", "\033[0m"


def difference(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> bytes:
    """Compare files by name.

    Parameters
    ----------
    old, new : mapping of str to bytes
        Contents by name.

    Returns
    -------
    bytes
        A diff whose names have nothing in front; empty when there is no difference. Files
        that are no text are only named.
    """
    pieces: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before != after:
            pieces += _one(name, before, after)
    return "".join(pieces).encode("utf-8", "surrogateescape")


def _one(name: str, before: bytes | None, after: bytes | None) -> Iterator[str]:
    # Git's own lines also tell of empty files, for which a diff has nothing else to say.
    yield f"diff --git {name} {name}\n"
    if before is None:
        yield "new file mode 100644\n"
    elif after is None:
        yield "deleted file mode 100644\n"
    if _is_binary(before) or _is_binary(after):
        one, other = (_label(name, content).rstrip("\t") for content in (before, after))
        yield f"Binary files {one} and {other} differ\n"
        return
    for line in unified_diff(
        _lines(before), _lines(after), _label(name, before), _label(name, after)
    ):
        yield line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}"


def _label(name: str, content: bytes | None) -> str:
    if content is None:
        return NOTHING
    # GNU patch takes a name to end at a blank unless a tab follows.
    return f"{name}\t" if " " in name else name


def _is_binary(content: bytes | None) -> bool:
    return content is not None and b"\0" in content


def _lines(content: bytes | None) -> list[str]:
    # Split at line feeds alone, as patch does; other bytes travel unchanged.
    text = (content or b"").decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def colored(text: str) -> str:
    """Colour a diff for a terminal.

    Parameters
    ----------
    text : str
        The diff.
    """
    return "".join(f"{_color(line)}{line}{PLAIN}\n" for line in text.splitlines())


def _color(line: str) -> str:
    if line.startswith(("+++", "---", "diff ")):
        return BOLD
    if line.startswith("@@"):
        return CYAN
    return {"+": GREEN, "-": RED}.get(line[:1], "")
