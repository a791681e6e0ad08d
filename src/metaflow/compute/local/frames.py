"""How messages travel on a worker's channel: a 4-byte length, then JSON."""

from __future__ import annotations

import json
from typing import Any, Protocol

from metaflow.protocols.workers import FRAME_HEADER


class Channel(Protocol):
    """As much of a socket as frames need."""

    def recv(self, length: int, /) -> bytes:
        """Wait for bytes; none come when the other side has gone."""
        ...

    def sendall(self, data: bytes, /) -> None:
        """Send all of the bytes."""
        ...


HEADER = FRAME_HEADER
_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode(message: Any) -> bytes:
    """Turn a message into the bytes of one frame."""
    body = _encode(message).encode()
    return HEADER.pack(len(body)) + body


def decode(body: bytes) -> Any:
    """Turn the body of a frame into its message."""
    return json.loads(body)


def receive(channel: Channel) -> Any | None:
    """Wait for one whole frame; None when the other side has gone."""
    body = receive_body(channel)
    return None if body is None else decode(body)


def receive_body(channel: Channel) -> bytes | None:
    """Wait for one whole frame and leave its body unread."""
    header = _exactly(channel, HEADER.size)
    return None if header is None else _exactly(channel, HEADER.unpack(header)[0])


def _exactly(channel: Channel, length: int) -> bytes | None:
    data = channel.recv(length)
    if len(data) == length:
        return data
    parts = [data]
    missing = length - len(data)
    while missing and parts[-1]:
        parts.append(channel.recv(min(missing, 1 << 20)))
        missing -= len(parts[-1])
    return None if missing else b"".join(parts)
