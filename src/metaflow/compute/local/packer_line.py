"""How the process that packs the user's code answers the launcher."""

from __future__ import annotations

import json
import os
import select
import time

from metaflow.protocols.workers import CodePacked

PACKER_DIED = "the process that packs it has died"


def encode(packed: CodePacked) -> bytes:
    """Turn an answer into the bytes that travel through the pipe."""
    return json.dumps(packed).encode()


class PackerPipe:
    """The launcher's end of the pipe that the answer comes through.

    Parameters
    ----------
    descriptor : int
        The reading end.
    """

    __slots__ = ("_descriptor", "_pieces")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: list[bytes] = []

    def fileno(self) -> int:
        """Descriptor that becomes readable when there is something of the answer."""
        return self._descriptor

    def read(self, timeout_s: float = 0.0) -> CodePacked | None:
        """Take in what is there, and wait for the rest so long; None if it is not whole."""
        deadline = time.monotonic() + timeout_s
        # Unlike `select`, this takes descriptors of any number.
        poller = select.poll()
        poller.register(self._descriptor, select.POLLIN)
        while True:
            left = max(0.0, deadline - time.monotonic())
            if not poller.poll(1000 * left):
                return None
            piece = os.read(self._descriptor, 1 << 16)
            if not piece:
                return _decoded(b"".join(self._pieces))
            self._pieces.append(piece)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._descriptor)


def _decoded(text: bytes) -> CodePacked:
    if not text:
        return CodePacked((), PACKER_DIED)
    facts, problem = json.loads(text)
    return CodePacked(tuple((name, value) for name, value in facts), problem)
