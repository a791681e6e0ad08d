"""How this program is started again, to do something else with the same flow file."""

from __future__ import annotations

import os
import sys


def flow_command() -> list[str]:
    """Command line that runs this program's flow file again, without arguments."""
    import subprocess

    main = sys.modules["__main__"]
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - what multiprocessing uses as well
    # A program that is not the flow's file itself says how it is started again.
    own: list[str] | None = getattr(main, "__flow_command__", None)
    if own is not None:
        return [sys.executable, *flags, *own]
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return [sys.executable, *flags, "-m", spec.name.removesuffix(".__main__")]
    return [sys.executable, *flags, os.path.abspath(getattr(main, "__file__", sys.argv[0]))]
