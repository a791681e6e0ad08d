"""Which strings may be tags, and what a change of a run's tags comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from metaflow.errors.metadata import NoTagsGiven, SystemTagRemoved, TagInvalid, TooManyTags

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MAX_TAG_LENGTH: Final = 500
"""Characters in one tag."""

MAX_USER_TAGS: Final = 50
"""Tags that users may put on one run."""


class TagChange(NamedTuple):
    """Rows to take away and rows to put in."""

    removed: tuple[str, ...]
    added: tuple[str, ...]


def check_tags(tags: Iterable[object]) -> tuple[str, ...]:
    """Refuse what cannot be a tag and what is too many; return the tags without repeats.

    Parameters
    ----------
    tags : iterable of object
        What a user gives for tags.

    Returns
    -------
    tuple of str
        The tags in the order given.

    Raises
    ------
    MetaflowTaggingError
        One is not a string of 1 to 500 characters that UTF-8 can hold, or there are more
        than 50.
    """
    checked = tuple(dict.fromkeys(_checked(tag) for tag in tags))
    if len(checked) > MAX_USER_TAGS:
        raise TooManyTags(len(checked), MAX_USER_TAGS)
    return checked


def plan_change(
    present: Mapping[str, bool], remove: Collection[object], add: Collection[object]
) -> TagChange:
    """Decide what a change does to a run's tags: removal comes before addition.

    Parameters
    ----------
    present : mapping of str to bool
        The run's tags; True for a system tag.
    remove, add : collection of object
        Tags to take away and to put on. Taking away one that is not there and putting on
        one that is there is nothing.

    Raises
    ------
    MetaflowTaggingError
        Nothing is asked for, a tag is invalid, a system tag would go, or there would be
        too many.
    """
    if not remove and not add:
        raise NoTagsGiven
    going = {_checked(tag) for tag in remove}
    coming = dict.fromkeys(_checked(tag) for tag in add)
    fixed = {tag for tag, system in present.items() if system}
    if going & fixed:
        raise SystemTagRemoved(going & fixed)
    kept = present.keys() - fixed - going
    new = [tag for tag in coming if tag not in fixed and tag not in kept]
    if new and len(kept) + len(new) > MAX_USER_TAGS:
        raise TooManyTags(len(kept) + len(new), MAX_USER_TAGS)
    return TagChange(tuple(going & present.keys()), tuple(new))


def _checked(tag: object) -> str:
    if not isinstance(tag, str):
        raise TagInvalid(tag, f"it is of type `{type(tag).__name__}`, not `str`")
    if not tag:
        raise TagInvalid(tag, "it is empty")
    if len(tag) > MAX_TAG_LENGTH:
        raise TagInvalid(tag, f"it has {len(tag)} characters, more than {MAX_TAG_LENGTH}")
    try:
        tag.encode()
    except UnicodeEncodeError as error:
        raise TagInvalid(tag, "UTF-8 cannot hold it") from error
    return tag
