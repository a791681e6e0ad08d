"""Makes a run that an older version has made an origin like any other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow.session import Session


def read_older(session: Session, flow: str, run_id: str) -> None:
    """Record a run of which files of the older layout are in the store's root.

    Parameters
    ----------
    session : Session
        Open stores.
    flow, run_id : str
        The run; nothing happens if it is not an older one.

    Raises
    ------
    DataException
        A file is damaged.
    """
    if not os.path.isdir(f"{session.root}/{flow}/{run_id}"):
        return
    from metaflow.older_history.history import open_history

    history = open_history(session.root, session.store)
    if history is not None:
        history.read_named(flow, run_id)
