"""What is asked of two objects that were listed together is asked of many of them at once.

Who goes through runs and asks each for its `train` step would otherwise wait for one query per
run. The first to be asked is asked alone, as it may be the only one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow.metadata_store.facts import RunFacts
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore

T = TypeVar("T")

TOGETHER: Final = 64
"""So many are asked at once: enough to make a query's price vanish, few enough to throw away."""

FEW: Final = 16
"""The same where answers may be long."""


class Siblings:
    """Rows that were listed together, by their keys in the order of the listing.

    Answers are kept as they were, so just those are asked together that will not change.

    Parameters
    ----------
    keys : sequence of int
        Those of them that will not change.
    """

    __slots__ = ("_answers", "_asked", "_keys", "_places")

    def __init__(self, keys: Sequence[int]) -> None:
        self._keys: Final = keys
        self._places: dict[int, int] | None = None
        self._asked: Final[set[str]] = set()
        self._answers: Final[dict[str, dict[int, Any]]] = {}

    def ask(
        self,
        question: str,
        key: int,
        one: Callable[[], T],
        many: Callable[[Sequence[int]], dict[int, T]],
        at_once: int = TOGETHER,
    ) -> T | None:
        """Answer a question about one of them; None if the store has no answer.

        Parameters
        ----------
        question : str
            Tells the question from others.
        key : int
            Whom it is about.
        one : callable
            Asks the store about this one.
        many : callable
            Asks the store about these, and returns what it has, by key.
        at_once : int
            How many to ask together.
        """
        known = self._answers.get(question)
        if known is not None and key in known:
            answer: T | None = known[key]
            return answer
        if question not in self._asked:
            self._asked.add(question)
            return one()
        if self._places is None:
            self._places = {key: place for place, key in enumerate(self._keys)}
        place = self._places.get(key)
        if place is None:
            return one()
        wanted = self._keys[place : place + at_once]
        found = many(wanted)
        # The answers before are of objects that have been passed.
        self._answers[question] = {each: found.get(each) for each in wanted}
        return found.get(key)


class RunListing:
    """Runs that were listed together.

    Parameters
    ----------
    catalog : SqliteMetadataStore
        Where they are.
    version : tuple of int
        The store's state when they were listed, or before.
    runs : list of RunFacts
        The runs.
    running : str
        The status of those that still change.
    """

    __slots__ = ("_catalog", "_open", "_version", "siblings")

    def __init__(
        self,
        catalog: SqliteMetadataStore,
        version: tuple[int, ...],
        runs: list[RunFacts],
        running: str,
    ) -> None:
        self._catalog: Final = catalog
        self._version = version
        self._open = {run.key: run for run in runs if run.status == running}
        self.siblings: Final = Siblings([run.key for run in runs if run.status != running])

    def now(self, key: int) -> RunFacts | None:
        """Return one of those that still change, as it is now; None if it has been erased.

        All of them are read again if anything has changed in the store, and else none.
        """
        version = self._catalog.version()
        if version != self._version:
            self._open = many().runs(self._catalog, list(self._open))
            self._version = version
        return self._open.get(key)


def many() -> Any:
    """Load the questions about many rows at once, which most programs never ask."""
    from metaflow.metadata_store.sqlite import many

    return many
