"""What a collection of garbage would remove, by flow, by user and by age."""

from typing import TYPE_CHECKING, Final, NamedTuple

from metaflow.retention.inventory import stored_files
from metaflow.retention.references import digests_in, own_names, packs_in, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow.metadata_store.facts import RunToKeep
    from metaflow.metadata_store.sqlite.removal import Removal
    from metaflow.retention.inventory import Stored
    from metaflow.retention.references import References

DAY_S: Final = 86400.0
AGES: Final = ((1, "a day"), (7, "a week"), (30, "a month"), (365, "a year"))
NOBODY: Final = "nobody's"
"""Stands for the flow and the user of bytes that no run refers to."""


class Tally:
    """How many objects, and how many bytes they take."""

    __slots__ = ("bytes", "objects")

    def __init__(self) -> None:
        self.objects: int = 0
        self.bytes: int = 0

    def add(self, size: int) -> None:
        """Count one more."""
        self.objects += 1
        self.bytes += size


class GarbagePlan(NamedTuple):
    """What would go."""

    runs: "Sequence[RunToKeep]"
    """Runs that the rules have chosen."""
    kept_runs: int
    total: Tally
    """All of the store's blobs, packs and logs."""
    garbage: Tally
    """Of these, what nothing refers to once the runs are gone."""
    by_flow: dict[str, Tally]
    by_user: dict[str, Tally]
    by_age: dict[str, Tally]


def plan_garbage(
    root: str,
    store: "Removal",
    going: "Sequence[RunToKeep]",
    staying: int,
    used: "References",
    now: float,
) -> GarbagePlan:
    """Find out what would be garbage if some runs went.

    Parameters
    ----------
    root : str
        Root of the store.
    store : Removal
        Where the facts of its runs are.
    going : sequence of RunToKeep
        These, newest first.
    staying : int
        How many others there are.
    used : References
        What these refer to.
    now : float
        Seconds since the epoch.
    """
    owners = _Owners(store, going, used)
    plan = GarbagePlan(going, staying, Tally(), Tally(), {}, {}, {})
    for file in stored_files(root):
        plan.total.add(file.size)
        if file.is_used(used):
            continue
        plan.garbage.add(file.size)
        owner = owners.of(file)
        began = file.mtime_ns / 1e9 if owner is None else owner.created_at
        for tallies, key in (
            (plan.by_flow, NOBODY if owner is None else owner.flow),
            (plan.by_user, NOBODY if owner is None else owner.user),
            (plan.by_age, age_of(now - began)),
        ):
            tallies.setdefault(key, Tally()).add(file.size)
    return plan


def age_of(seconds: float) -> str:
    """Put an age into words that many things share."""
    days = seconds / DAY_S
    younger = next((text for limit, text in AGES if days < limit), None)
    return f"less than {younger}" if younger else f"more than {AGES[-1][1]}"


class _Owners:
    """Which of the runs that go has used a file last."""

    def __init__(self, store: "Removal", going: "Sequence[RunToKeep]", used: "References") -> None:
        self._going = going
        self._digests: dict[bytes, int] = {}
        self._names: dict[str, int] = {}
        for place, run in enumerate(going):
            for name in own_names(run):
                self._names.setdefault(name, place)
            for text in store.texts_of(run.key):
                for digest in digests_in(text):
                    if not used.has(digest):
                        self._digests.setdefault(digest, place)
                for pack in packs_in(text):
                    self._names.setdefault(pack, place)

    def of(self, file: "Stored") -> "RunToKeep | None":
        digest = file.digest
        place = self._digests.get(short(digest)) if digest else self._names.get(file.name)
        return None if place is None else self._going[place]
