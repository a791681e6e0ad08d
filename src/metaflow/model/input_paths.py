"""How the predecessors of a task are written on a command line, short or long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

SEPARATOR, AFTER_PREFIX, COMPRESSED = ",", ":", "!"
"""Between paths; behind what all of them begin with; in front of compressed text."""

COMPRESS_FROM: Final = 500
"""Shorter texts stay readable."""

PARTS: Final = 3
"""Run, step, task; a flow's name may stand in front."""


class TaskPath(NamedTuple):
    """A task of a flow that is known."""

    run_id: str
    step: str
    task_id: str

    def __str__(self) -> str:
        return "/".join(self)


def write_input_paths(paths: Sequence[TaskPath]) -> str:
    """Write paths as one text that fits a command line, however many they are.

    Parameters
    ----------
    paths : sequence of TaskPath
        The predecessors, in order.

    Returns
    -------
    str
        What `read_input_paths` reads.
    """
    texts = [str(path) for path in paths]
    prefix = _common_prefix(texts) if len(texts) > 1 else ""
    text = SEPARATOR.join(one[len(prefix) :] for one in texts)
    if prefix:
        text = prefix + AFTER_PREFIX + text
    if len(text) < COMPRESS_FROM:
        return text
    from base64 import b64encode
    from zlib import compress

    return COMPRESSED + b64encode(compress(text.encode())).decode()


def read_input_paths(text: str, flow: str) -> list[TaskPath]:
    """Read paths as `--input-paths` takes them.

    Parameters
    ----------
    text : str
        `run/step/task,run/step/task`, or `prefix:rest,rest`, or one of these compressed by
        zlib, in base64, behind a `!`.
    flow : str
        Name of the flow, which may stand in front of each path.

    Returns
    -------
    list of TaskPath
        The tasks in the order given.

    Raises
    ------
    ValueError
        The text is none of these; the message says what is wrong with it.
    """
    text = text.strip()
    if text.startswith(COMPRESSED):
        text = _expanded(text[1:])
    prefix, colon, rest = text.partition(AFTER_PREFIX)
    if not colon:
        prefix, rest = "", text
    return [_path(prefix + one.strip(), flow) for one in rest.split(SEPARATOR) if prefix or one]


def _path(text: str, flow: str) -> TaskPath:
    parts = text.split("/")
    if len(parts) == PARTS + 1 and parts[0] == flow:
        del parts[0]
    if len(parts) != PARTS or not all(parts):
        raise ValueError(f"`{text}` is not of the form `run/step/task`")
    return TaskPath(*parts)


def _expanded(text: str) -> str:
    from base64 import b64decode
    from zlib import decompress, error

    try:
        return decompress(b64decode(text, validate=True)).decode()
    except (ValueError, error) as problem:
        raise ValueError(f"what follows the `!` is not zlib in base64: {problem}") from problem


def _common_prefix(texts: Sequence[str]) -> str:
    low, high = min(texts), max(texts)
    length = 0
    while length < min(len(low), len(high)) and low[length] == high[length]:
        length += 1
    return low[:length]
