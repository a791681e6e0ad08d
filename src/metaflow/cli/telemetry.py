"""Who is told what commands do and how long they take: nobody, or a reader of stderr."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from metaflow.cli.console import Console
from metaflow.cli.telling import RunTeller
from metaflow.registry import load
from metaflow.settings.version import get_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow.cli.scope import Scope
    from metaflow.protocols.telemetry import EventLogger, Monitor


class NullLogger:
    """Keeps nothing."""

    def log(self, event: Mapping[str, object]) -> None:
        """Let an event pass."""


class NullMonitor:
    """Keeps nothing."""

    def count(self, name: str) -> None:
        """Let it pass."""

    def measure(self, name: str, seconds: float) -> None:
        """Let it pass."""


class DebugLogger:
    """Prints events to stderr, as JSON."""

    def log(self, event: Mapping[str, object]) -> None:
        """Print an event."""
        Console().plain(f"debugLogger: {json.dumps(event)}")


class DebugMonitor:
    """Prints counts and durations to stderr."""

    def count(self, name: str) -> None:
        """Print that something has happened."""
        Console().plain(f"debugMonitor: count {name}")

    def measure(self, name: str, seconds: float) -> None:
        """Print how long something took."""
        Console().plain(f"debugMonitor: measure {name} {seconds * 1000:.0f} ms")


def tell(scope: Scope, event_logger: str, monitor: str, work: Callable[[], Any]) -> Any:
    """Carry out a command, and tell an event logger and a monitor how it begins and ends.

    Parameters
    ----------
    scope : Scope
        The flow and the command.
    event_logger, monitor : str
        The names under which they are registered.
    work : callable
        Carries out the command.

    Returns
    -------
    Any
        What the command returns.
    """
    logger: EventLogger = load("event_logger", event_logger)()
    meter: Monitor = load("monitor", monitor)()
    scope.listener = RunTeller(scope.flow_name, logger, meter)
    what = {"flow": scope.flow_name, "command": scope.command}
    logger.log({"event": "command started", **what, "version": get_version()})
    meter.count(f"metaflow.command.{scope.command}")
    begun = time.monotonic()
    outcome: object = "interrupted"
    try:
        result = work()
        outcome = result if isinstance(result, int) else 0
    except Exception as error:
        outcome = type(error).__name__
        raise
    finally:
        seconds = time.monotonic() - begun
        logger.log({"event": "command ended", **what, "outcome": outcome})
        meter.measure(f"metaflow.command.{scope.command}", seconds)
    return result
