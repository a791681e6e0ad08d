"""How long a block of code takes: printed, or added up by label."""

from __future__ import annotations

import time
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager


@contextmanager
def profile(label: str, stats_dict: MutableMapping[str, int] | None = None) -> Generator[None]:
    """Measure a block of code.

    Parameters
    ----------
    label : str
        What the block does.
    stats_dict : dict of str to int, optional
        Milliseconds by label, to which the block's are added; without one, the beginning and
        the end of the block are printed.

    Examples
    --------
    >>> with profile("load"):
    ...     rows = load()
    """
    if stats_dict is None:
        print(f"PROFILE: {label} starting")  # noqa: T201 - it is asked to print
    began = time.perf_counter()
    try:
        yield
    finally:
        took_ms = int((time.perf_counter() - began) * 1000)
        if stats_dict is None:
            print(f"PROFILE: {label} completed in {took_ms}ms")  # noqa: T201 - the same
        else:
            stats_dict[label] = stats_dict.get(label, 0) + took_ms
