"""What makes an object clean up at the end of a `with` or an `async with` block."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class CleansUp:
    """Base of what is used as a context manager, in both forms, and cleans up after itself."""

    def cleanup(self) -> None:
        """Give back what is held; called at the end of the block, whatever happens in it."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cleanup()
