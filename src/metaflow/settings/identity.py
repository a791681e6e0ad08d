"""Who runs this: the user's name, or the production token that stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.errors.input import MetaflowUnknownUser

if TYPE_CHECKING:
    from metaflow.settings.load import Settings


def get_username(settings: Settings) -> str | None:
    """Return the user's name, or None when nothing tells it.

    Parameters
    ----------
    settings : Settings
        Where the name comes from.

    Returns
    -------
    str, optional
        The first of METAFLOW_USER, SUDO_USER, USERNAME and USER that is neither empty nor
        `root`.
    """
    return settings.user


def resolve_identity(settings: Settings) -> str:
    """Return the identity that tags runs and is the default namespace.

    Parameters
    ----------
    settings : Settings
        Where the name and the token come from.

    Returns
    -------
    str
        `production:<token>` if there is a production token, else `user:<name>`.

    Raises
    ------
    MetaflowUnknownUser
        There is neither.
    """
    if settings.production_token:
        return f"production:{settings.production_token}"
    if settings.user is None:
        raise MetaflowUnknownUser
    return f"user:{settings.user}"
