"""What a store of a cloud holds in one process, and how it asks: one rule for all requests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from metaflow.errors.object_store import (
    BucketMissing,
    ObjectStoreDenied,
    ObjectStoreFailed,
    ObjectStoreUnreachable,
)
from metaflow.errors.storage import DataException, ObjectMissing
from metaflow.object_store.clients import CREDENTIALS, make_client
from metaflow.object_store.failures import (
    BUCKET,
    CUT,
    DENIED,
    MISSING,
    NO_CREDENTIALS,
    PASSING,
    Fault,
    understand,
)
from metaflow.object_store.library import library

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

    from metaflow.object_store.addresses import Address
    from metaflow.object_store.retrying import Patience
    from metaflow.settings.object_store import CloudSettings

T = TypeVar("T")


class Opened:
    """A store's clients and threads in one process."""

    __slots__ = ("client", "library", "pid", "pool", "repeating")

    def __init__(self, loaded: Any, client: Any) -> None:
        self.pid: int = os.getpid()
        self.library: Any = loaded
        self.client: Any = client
        """Does not repeat requests: that is up to `Connection.ask`."""
        self.repeating: Any = None
        """Repeats by itself the parts of an upload, which only it knows."""
        self.pool: ThreadPoolExecutor | None = None


class Connection:
    """The way to a bucket, from whichever process asks."""

    def __init__(self, address: Address, settings: CloudSettings, patience: Patience) -> None:
        self.address: Address = address
        self.url: str = address.url
        self._settings = settings
        self._patience = patience
        self._opened: Opened | None = None
        self.here()

    def here(self) -> Opened:
        """What is open in this process; after a fork, it is opened again."""
        opened = self._opened
        if opened is None or opened.pid != os.getpid():
            if opened is not None:
                library.keep(opened)
            address = self.address
            loaded = library.use(address.url, address.scheme)
            opened = Opened(loaded, make_client(loaded, address, self._settings, 0))
            self._opened = opened
        return opened

    def repeating(self) -> Opened:
        """The same, with a client that repeats by itself."""
        opened = self.here()
        if opened.repeating is None:
            opened.repeating = make_client(
                opened.library, self.address, self._settings, self._patience.retries
            )
        return opened

    def pool(self, width: int) -> ThreadPoolExecutor:
        """Threads of this process for requests side by side."""
        opened = self.here()
        if opened.pool is None:
            from concurrent.futures import ThreadPoolExecutor

            opened.pool = ThreadPoolExecutor(width, thread_name_prefix="objects")
        return opened.pool

    def ask(
        self,
        action: str,
        key: str,
        request: Callable[[Opened], T],
        otherwise: Callable[[Fault, int], T | None] | None = None,
    ) -> T:
        """Send a request, again where that helps.

        Parameters
        ----------
        action : str
            What is tried, for the words of an error.
        key : str
            The object that it is about; may be empty.
        request : callable
            Sends the request.
        otherwise : callable, optional
            Given a fault that repeating does not help against, and how many tries there were
            before, makes an answer of it, or None.

        Raises
        ------
        DataException
            The request has failed for good.
        """
        tried = 0

        def attempt(tries: int) -> T:
            nonlocal tried
            tried = tries
            return request(self.here())

        try:
            return self._patience.persist(attempt, _is_passing)
        except DataException:
            raise
        except Exception as error:
            fault = understand(error)
            if otherwise is not None:
                answer = otherwise(fault, tried)
                if answer is not None:
                    return answer
            raise self.error(action, key, fault) from error

    def error(self, action: str, key: str, fault: Fault) -> DataException:
        """The error that a fault is to a user."""
        if fault.kind == MISSING and key:
            return ObjectMissing(self.url, key)
        if fault.kind in {MISSING, BUCKET}:
            return BucketMissing(self.url, self.address.bucket)
        if fault.kind in {DENIED, NO_CREDENTIALS}:
            reason = fault.reason
            if fault.kind == NO_CREDENTIALS:
                reason = f"no credentials were found ({reason})"
            return ObjectStoreDenied(self.url, action, reason, CREDENTIALS[self.address.scheme])
        what = f"{action} `{key}`" if key else action
        if fault.kind in {PASSING, CUT}:
            return ObjectStoreUnreachable(self.url, what, fault.reason, self._endpoint())
        return ObjectStoreFailed(self.url, what, fault.reason)

    def close(self) -> None:
        """Let go of everything."""
        opened, self._opened = self._opened, None
        if opened is None:
            return
        if opened.pid != os.getpid():
            library.keep(opened)
        elif opened.pool is not None:
            opened.pool.shutdown(wait=True, cancel_futures=True)

    def _endpoint(self) -> str | None:
        settings = self._settings
        return {
            "s3": settings.s3_endpoint,
            "gs": settings.gs_endpoint,
            "azure": settings.azure_endpoint,
        }[self.address.scheme]


def _is_passing(error: BaseException) -> bool:
    return not isinstance(error, DataException) and understand(error).kind in {PASSING, CUT}
