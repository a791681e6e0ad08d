"""What a resume says of the run that it builds on, when that run has not ended by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.metadata_store.judging import Judge, holder_of

if TYPE_CHECKING:
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore


def origin_state(store: SqliteMetadataStore, flow: str, run_id: str) -> str | None:
    """Word what became of a run; None if it has succeeded or failed, which surprises nobody.

    Parameters
    ----------
    store : SqliteMetadataStore
        Where its facts are.
    flow, run_id : str
        The run.
    """
    facts = store.run(flow, run_id)
    if facts is None:
        return None
    if facts.status == "killed":
        return f"Run {run_id} was killed; what it had finished is taken over."
    if facts.status != "running":
        return None
    lease = store.lease(facts.key)
    holder = None if lease is None else holder_of(lease)
    launcher = "" if holder is None else f" (process {holder[1]} on {holder[0]})"
    if Judge().is_alive(lease):
        return (
            f"Run {run_id} is still running{launcher}: what it has finished until now is taken "
            "over, the rest runs twice."
        )
    return (
        f"Run {run_id} is lost, its launcher{launcher} is gone; what it had finished is taken over."
    )
