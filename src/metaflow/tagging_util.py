"""The older path of the rules for tags: `metaflow.tagging_util`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.metadata_store.tags import MAX_TAG_LENGTH, MAX_USER_TAGS, check_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MAX_TAG_SIZE",
    "MAX_USER_TAG_SET_SIZE",
    "is_utf8_decodable",
    "is_utf8_encodable",
    "validate_tag",
    "validate_tags",
]

MAX_TAG_SIZE: int = MAX_TAG_LENGTH
MAX_USER_TAG_SET_SIZE: int = MAX_USER_TAGS


def is_utf8_encodable(text: str) -> bool:
    """Tell whether UTF-8 can hold a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_utf8_decodable(data: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def validate_tag(tag: str) -> None:
    """Refuse what cannot be a tag.

    Raises
    ------
    MetaflowTaggingError
        It is not a string of 1 to 500 characters that UTF-8 can hold.
    """
    check_tags((tag,))


def validate_tags(tags: Iterable[str], existing_tags: Iterable[str] | None = None) -> None:
    """Refuse what cannot be tags, and what is too many of them.

    Parameters
    ----------
    tags : iterable of str
        The tags to be put on a run.
    existing_tags : iterable of str, optional
        Those that it has already.

    Raises
    ------
    MetaflowTaggingError
        One is not a string of 1 to 500 characters that UTF-8 can hold, or there are more
        than 50.
    """
    check_tags((*tags, *(existing_tags or ())))
