"""Which runs are to go: rules of the user's, and what no rule can remove."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from metaflow.errors.retention import AgeInvalid, RetentionRuleInvalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from metaflow.metadata_store.facts import RunToKeep

PINNED: Final = "pinned"
"""A run with this tag of the user's is never removed."""

SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


def seconds_of(text: str) -> float:
    """Read an age, such as `90m`, `36h` or `14d`.

    Parameters
    ----------
    text : str
        A number and one of `s`, `m`, `h`, `d` and `w`; or 0.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    AgeInvalid
        It is something else.
    """
    stripped = text.strip().lower()
    if stripped == "0":
        return 0.0
    match = AGE.fullmatch(stripped)
    if match is None:
        raise AgeInvalid(text)
    return float(match[1]) * SECONDS[match[2]]


class Rule:
    """Which runs go of those that it is about.

    Parameters
    ----------
    flows : collection of str
        It is about runs of these flows; of all if there are none.
    tags : collection of str
        It is about runs that have one of these tags; about all if there are none.
    keep_last : int, optional
        The newest so many of each flow stay.
    older_than_s : float, optional
        Runs that began less than so many seconds ago stay.
    """

    __slots__ = ("flows", "keep_last", "older_than_s", "tags")

    def __init__(
        self,
        flows: Collection[str] = (),
        tags: Collection[str] = (),
        keep_last: int | None = None,
        older_than_s: float | None = None,
    ) -> None:
        self.flows: frozenset[str] = frozenset(flows)
        self.tags: frozenset[str] = frozenset(tags)
        self.keep_last: int | None = keep_last
        self.older_than_s: float | None = older_than_s

    def picks(self, runs: Iterable[RunToKeep], now: float) -> set[int]:
        """Pick the runs that are to go.

        Parameters
        ----------
        runs : iterable of RunToKeep
            All runs, newest first.
        now : float
            Seconds since the epoch.

        Returns
        -------
        set of int
            Keys of runs.
        """
        picked = set()
        seen: dict[str, int] = {}
        for run in runs:
            if self.flows and run.flow not in self.flows:
                continue
            if self.tags and not self.tags & tags_of(run).keys():
                continue
            place = seen[run.flow] = seen.get(run.flow, 0) + 1
            if self.keep_last is not None and place <= self.keep_last:
                continue
            if self.older_than_s is not None and now - run.created_at < self.older_than_s:
                continue
            picked.add(run.key)
        return picked


def tags_of(run: RunToKeep) -> Mapping[str, int]:
    """Read the tags of a run; the value tells system tags from those of the user."""
    tags: Mapping[str, int] = json.loads(run.tags)
    return tags


def is_pinned(run: RunToKeep) -> bool:
    """Tell whether the user wants to keep the run whatever the rules say."""
    return tags_of(run).get(PINNED) == 0


def chosen(
    runs: Sequence[RunToKeep], rules: Iterable[Rule], open_runs: Collection[int], now: float
) -> list[RunToKeep]:
    """Choose the runs that are to go.

    What is pinned stays, and so does a run that goes on, or that one which goes on resumes.

    Parameters
    ----------
    runs : sequence of RunToKeep
        All runs, newest first.
    rules : iterable of Rule
        One that picks a run is enough.
    open_runs : collection of int
        Keys of runs that go on.
    now : float
        Seconds since the epoch.

    Returns
    -------
    list of RunToKeep
        Newest first.
    """
    picked: set[int] = set()
    for rule in rules:
        picked |= rule.picks(runs, now)
    resumed = {(run.flow, run.origin_run_id) for run in runs if run.key in open_runs}
    return [
        run
        for run in runs
        if run.key in picked
        and run.key not in open_runs
        and (run.flow, run.run_id) not in resumed
        and not is_pinned(run)
    ]


def rules_of(text: str) -> list[Rule]:
    """Read the rules of the setting METAFLOW_RETENTION.

    Parameters
    ----------
    text : str
        A JSON list of objects with `flow`, `tag`, `keep_last` and `older_than`; each needs one
        of the last two.

    Raises
    ------
    RetentionRuleInvalid
        It is something else.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise RetentionRuleInvalid(f"it is not valid JSON: {error}") from error
    if not isinstance(values, list):
        raise RetentionRuleInvalid("it is not a list")
    return [_rule(value) for value in values]


def _rule(value: Any) -> Rule:
    known = {"flow", "tag", "keep_last", "older_than"}
    if not isinstance(value, dict) or not value.keys() <= known:
        raise RetentionRuleInvalid(f"`{json.dumps(value)}` is no object with {_listed(known)}")
    keep_last, older_than = value.get("keep_last"), value.get("older_than")
    if keep_last is None and older_than is None:
        raise RetentionRuleInvalid(
            f"`{json.dumps(value)}` says neither `keep_last` nor `older_than`"
        )
    is_count = isinstance(keep_last, int) and not isinstance(keep_last, bool) and keep_last >= 0
    if keep_last is not None and not is_count:
        raise RetentionRuleInvalid(f"`keep_last` is `{json.dumps(keep_last)}`, not a count")
    return Rule(
        _texts(value.get("flow")),
        _texts(value.get("tag")),
        keep_last,
        None if older_than is None else seconds_of(str(older_than)),
    )


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise RetentionRuleInvalid(f"`{json.dumps(value)}` is no name")
    return texts


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
