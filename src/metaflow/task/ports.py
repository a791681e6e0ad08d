"""Which port of this machine the members of a gang may meet at."""

from __future__ import annotations

LOCALHOST = "127.0.0.1"
"""Where all members of a gang run as long as it is this machine that runs them."""


def free_port() -> int:
    """Find a TCP port of this machine that nobody uses at the moment."""
    import socket

    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        port: int = probe.getsockname()[1]
    return port
