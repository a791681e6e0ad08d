"""Errors of stores as such: a wrong address, a missing library, no rights, no answer."""

from __future__ import annotations

from metaflow.errors.storage import DataException


class ObjectStoreAddressInvalid(DataException):
    """What should be the address of a store is none."""

    headline = "Invalid store address"

    def __init__(self, url: str, expected: str) -> None:
        self.url = url
        self.expected = expected
        super().__init__(f"`{url}` is no address of a store: {expected}.")


class ObjectKeyInvalid(DataException):
    """A key that no store takes."""

    headline = "Invalid object key"

    def __init__(self, url: str, key: str, reason: str) -> None:
        self.url = url
        self.key = key
        self.reason = reason
        super().__init__(f"`{key}` can't be the key of an object in `{url}`: {reason}.")


class ObjectLibraryMissing(DataException):
    """The library that talks to clouds is not installed, or cannot be imported."""

    headline = "Library missing"

    def __init__(self, url: str, extra: str, reason: str) -> None:
        self.url = url
        self.extra = extra
        self.reason = reason
        super().__init__(
            f"`{url}` needs the library `obstore`, which cannot be imported: {reason}.",
            hint=f"`pip install 'millrace[{extra}]'`",
        )


class ObjectStoreDenied(DataException):
    """The store knows who asks, and refuses; or it does not know."""

    headline = "Access denied"

    def __init__(self, url: str, action: str, reason: str, credentials: str) -> None:
        self.url = url
        self.action = action
        self.reason = reason
        self.credentials = credentials
        """Where credentials of this kind of store come from."""
        super().__init__(
            f"`{url}` refuses to {action}: {reason}.",
            hint=f"check the rights and {credentials}.",
        )


class BucketMissing(DataException):
    """The bucket or container in a store's address does not exist."""

    headline = "Bucket missing"

    def __init__(self, url: str, bucket: str) -> None:
        self.url = url
        self.bucket = bucket
        super().__init__(
            f"There is no bucket or container `{bucket}`, which `{url}` names.",
            hint="make it, or correct the setting that the address comes from.",
        )


class ObjectStoreUnreachable(DataException):
    """A store did not answer, or not in a useful way, in the time that there was."""

    headline = "Store not reachable"

    def __init__(self, url: str, action: str, reason: str, endpoint: str | None = None) -> None:
        self.url = url
        self.action = action
        self.reason = reason
        self.endpoint = endpoint
        place = "" if endpoint is None else f" at `{endpoint}`"
        super().__init__(
            f"Cannot {action} in `{url}`{place}: {reason}.",
            hint="check the network and the endpoint; what was written so far is kept, "
            "so `resume` goes on from there.",
        )


class ObjectStoreFailed(DataException):
    """A store gave an answer that repeating the question does not change."""

    headline = "Store failed"

    def __init__(self, url: str, action: str, reason: str) -> None:
        self.url = url
        self.action = action
        self.reason = reason
        super().__init__(f"Cannot {action} in `{url}`: {reason}.")
