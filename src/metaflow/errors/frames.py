"""Which frames of a traceback a user is shown: their own and those of libraries, not ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traceback import TracebackException

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def user_traceback(error: BaseException) -> str:
    """Format an exception with the frames of the framework left out.

    Parameters
    ----------
    error : BaseException
        What was raised, with its traceback.

    Returns
    -------
    str
        The text, ending with a newline.
    """
    import traceback

    tree = traceback.TracebackException.from_exception(error)
    _drop_framework_frames(tree, set())
    return "".join(tree.format())


def _drop_framework_frames(tree: TracebackException, seen: set[int]) -> None:
    if id(tree) in seen:
        return
    seen.add(id(tree))
    kept = [frame for frame in tree.stack if not frame.filename.startswith(PACKAGE)]
    tree.stack[:] = kept
    for nested in (tree.__cause__, tree.__context__, *(tree.exceptions or ())):
        if nested is not None:
            _drop_framework_frames(nested, seen)
