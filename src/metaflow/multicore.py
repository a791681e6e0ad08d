"""How one function runs on many items at once: one forked process for each, a few at a time.

A fork has the function and its item already, so closures and what cannot be pickled are
fine; only results travel, through a file in memory or in a folder of the caller's choice.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, NoReturn, TypeVar

from metaflow.errors.frames import user_traceback
from metaflow.errors.multicore import MulticoreException
from metaflow.task.freshness import refresh_random_generators
from metaflow.task.leaving import flush_output

T = TypeVar("T")
R = TypeVar("R")

DONE = b"."
"""A process writes this when its result is complete."""


class Child(NamedTuple):
    """One process at work."""

    pid: int
    position: int
    news: int
    """Read end of the pipe on which the process says that it is done, or ends."""
    result: int
    """Descriptor of the file that receives the result."""


def parallel_map(
    func: Callable[[T], R],
    iterable: Iterable[T],
    max_parallel: int | None = None,
    dir: str | None = None,  # noqa: A002 - public keyword
) -> list[R]:
    """Call a function on many items, each in a process of its own.

    Parameters
    ----------
    func : callable
        Takes one item. It may be a closure; what it returns must pickle. Nothing that it
        changes is seen outside of its process.
    iterable : iterable
        The items.
    max_parallel : int, optional
        How many processes there are at a time; by default as many as there are cores.
    dir : str, optional
        Folder for the files through which results come back; by default they stay in memory.

    Returns
    -------
    list
        The results, in the order of the items.

    Raises
    ------
    MulticoreException
        A process failed; it tells the process's traceback. The others have been ended.
    """
    found = dict(_run(func, iterable, max_parallel, dir))
    return [found[position] for position in range(len(found))]


def parallel_imap_unordered(
    func: Callable[[T], R],
    iterable: Iterable[T],
    max_parallel: int | None = None,
    dir: str | None = None,  # noqa: A002 - public keyword
) -> Iterator[R]:
    """Call a function on many items like `parallel_map`, and give results as they come.

    Parameters
    ----------
    func : callable
        Takes one item; what it returns must pickle.
    iterable : iterable
        The items; each is taken only when there is a process for it.
    max_parallel : int, optional
        How many processes there are at a time; by default as many as there are cores.
    dir : str, optional
        Folder for the files through which results come back; by default they stay in memory.

    Yields
    ------
    Any
        Results, the earliest first.

    Raises
    ------
    MulticoreException
        A process failed; it tells the process's traceback. The others have been ended.
    """
    for _, result in _run(func, iterable, max_parallel, dir):
        yield result


def _run(
    func: Callable[[T], R], iterable: Iterable[T], max_parallel: int | None, folder: str | None
) -> Iterator[tuple[int, R]]:
    most = max_parallel if max_parallel is not None else os.cpu_count() or 1
    if most < 1:
        raise ValueError(f"max_parallel is {most}, but there must be at least one process")
    items = enumerate(iterable)
    with selectors.DefaultSelector() as selector:
        try:
            exhausted = False
            while True:
                while not exhausted and len(selector.get_map()) < most:
                    for position, item in items:
                        child = _start(func, item, position, folder)
                        selector.register(child.news, selectors.EVENT_READ, child)
                        break
                    else:
                        exhausted = True
                if not selector.get_map():
                    return
                for key, _ in selector.select():
                    selector.unregister(key.fd)
                    yield key.data.position, _finish(key.data)
        finally:
            # The caller is interrupted, has heard enough, or one process has failed.
            for key in list(selector.get_map().values()):
                _end(key.data)


def _start(func: Callable[[T], R], item: T, position: int, folder: str | None) -> Child:
    result = _open_result(folder)
    news, done = os.pipe()
    # What is buffered would otherwise be printed by the process, too.
    flush_output()
    pid = _fork()
    if pid == 0:
        _work(func, item, result, done)
    os.close(done)
    return Child(pid, position, news, result)


def _open_result(folder: str | None) -> int:
    if folder is None and hasattr(os, "memfd_create"):
        return os.memfd_create("parallel_map")
    import tempfile

    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())


def _fork() -> int:
    import warnings

    with warnings.catch_warnings():
        # Threads of the caller do not live on in the process, which calls one function.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _work(func: Callable[[Any], Any], item: Any, result: int, done: int) -> NoReturn:
    code = 1
    try:
        refresh_random_generators(None)
        with os.fdopen(result, "wb") as file:
            _answer(func, item, file)
        os.write(done, DONE)
        code = 0
    finally:
        flush_output()
        os._exit(code)


def _answer(func: Callable[[Any], Any], item: Any, file: Any) -> None:
    try:
        value = func(item)
    except BaseException as error:
        answer: tuple[bool, Any] = False, _described(error)
    else:
        answer = True, value
    try:
        pickle.dump(answer, file, 5)
    except Exception as error:
        # What had been written of the result is of no use.
        file.seek(0)
        file.truncate()
        pickle.dump((False, _described(error)), file, 5)


def _described(error: BaseException) -> tuple[str, str]:
    return f"{type(error).__name__}: {error}", user_traceback(error)


def _finish(child: Child) -> Any:
    """Take the result of a process that is done, or say how it failed."""
    try:
        is_done = os.read(child.news, len(DONE)) == DONE
        _, status = os.waitpid(child.pid, 0)
        if not is_done:
            raise MulticoreException(child.position, _death(status))
        os.lseek(child.result, 0, os.SEEK_SET)
        with os.fdopen(os.dup(child.result), "rb") as file:
            ok, value = pickle.load(file)
    finally:
        os.close(child.news)
        os.close(child.result)
    if not ok:
        raise MulticoreException(child.position, *value)
    return value


def _end(child: Child) -> None:
    """Kill a process whose result nobody wants any more, and leave no trace of it."""
    os.kill(child.pid, signal.SIGKILL)
    os.waitpid(child.pid, 0)
    os.close(child.news)
    os.close(child.result)


def _death(status: int) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return f"it was killed by {name} before it had a result."
    return f"it ended with exit code {os.waitstatus_to_exitcode(status)} before it had a result."
