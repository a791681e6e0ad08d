"""What is an address of a store, and what is a key in one."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
from typing import Final, NamedTuple

from metaflow.errors.object_store import ObjectKeyInvalid, ObjectStoreAddressInvalid

SCHEMES: Final = ("s3", "gs", "azure")
LONGEST_KEY: Final = 900
"""In bytes; clouds take 1024, of which the address has a part."""
LONGEST_NAME: Final = 255
"""In bytes, of each name in a key: file systems take no longer ones."""

_NEVER: Final = frozenset(("", ".", ".."))


class Address(NamedTuple):
    """A bucket of a cloud, or a part of it."""

    scheme: str
    bucket: str
    prefix: str
    """Begins all keys of the store; without `/` at its ends, and maybe empty."""

    @property
    def url(self) -> str:
        """The address as text."""
        tail = f"/{self.prefix}" if self.prefix else ""
        return f"{self.scheme}://{self.bucket}{tail}"


def parse_address(url: str) -> Address | None:
    """Take an address of a cloud apart; None if it is a path.

    Raises
    ------
    ObjectStoreAddressInvalid
        It is neither.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        if not url.startswith("/"):
            raise ObjectStoreAddressInvalid(url, "a path begins with `/`")
        return None
    if scheme not in SCHEMES:
        known = ", ".join(f"`{name}://`" for name in SCHEMES)
        raise ObjectStoreAddressInvalid(url, f"it begins with none of {known}")
    bucket, _, prefix = rest.rstrip("/").partition("/")
    if not bucket:
        raise ObjectStoreAddressInvalid(url, "it names no bucket")
    if prefix:
        wrong = _what_is_wrong(prefix)
        if wrong:
            raise ObjectStoreAddressInvalid(url, wrong)
    return Address(scheme, bucket, prefix)


def check_key(url: str, key: str) -> None:
    """Refuse a key that some kind of store could not take.

    Raises
    ------
    ObjectKeyInvalid
        What is wrong with it.
    """
    wrong = _what_is_wrong(key)
    if wrong:
        raise ObjectKeyInvalid(url, key, wrong)


def check_prefix(url: str, prefix: str) -> str:
    """Return a prefix of keys without `/` at its end.

    Raises
    ------
    ObjectKeyInvalid
        No key can begin like this.
    """
    prefix = prefix.removesuffix("/")
    if prefix:
        check_key(url, prefix)
    return prefix


def _what_is_wrong(key: str) -> str | None:
    names = key.split("/")
    if not _NEVER.isdisjoint(names):
        return "between its `/` there is no name, or `.` or `..`"
    # Azure takes a backslash for a slash; control characters don't survive XML.
    if any(sign < " " or sign in "\\\x7f" for sign in key):
        return "it has a backslash or a control character"
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "it can't be written as UTF-8"
    if size > LONGEST_KEY:
        return f"it is longer than {LONGEST_KEY} bytes"
    if size > LONGEST_NAME and any(len(name.encode()) > LONGEST_NAME for name in names):
        return f"a name in it is longer than {LONGEST_NAME} bytes"
    return None
