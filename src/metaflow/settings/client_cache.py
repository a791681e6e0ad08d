"""Where copies of objects are kept near by, and how much room they may take."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import os
from collections.abc import Mapping
from typing import Final, NamedTuple

from metaflow.errors.input import SettingInvalid

PATH: Final = "/tmp/metaflow_client"  # noqa: S108 - a private folder is made in it
MEGABYTES: Final = 10_000


class CacheSettings(NamedTuple):
    """The settings of the cache."""

    path: str
    """Folder in which each user has one, absolute."""
    is_shared: bool
    """Several users of the machine may have one there."""
    limit_bytes: int
    """Room that it may take; 0 for no cache."""


def cache_settings(raw: Mapping[str, str]) -> CacheSettings:
    """Read the settings of the cache.

    Parameters
    ----------
    raw : mapping of str to str
        All settings, by name without `METAFLOW_`.

    Raises
    ------
    SettingInvalid
        The limit is no number.
    """
    named = raw.get("CLIENT_CACHE_PATH")
    limit = raw.get("CLIENT_CACHE_MAX_SIZE") or str(MEGABYTES)
    if not limit.strip().isdecimal():
        expected = "a whole number of megabytes, 0 or more"
        raise SettingInvalid("CLIENT_CACHE_MAX_SIZE", limit, expected)
    path = os.path.abspath(os.path.expanduser(named or PATH))
    return CacheSettings(path, not named, int(limit) << 20)
