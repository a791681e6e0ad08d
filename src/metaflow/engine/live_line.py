"""What the status line of a terminal says while a run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaflow.engine.plan_progress import Progress

AFTER_S = 0.5
"""A run that ends sooner shows no line, and does not pay for loading the terminal library."""
EVERY_S = 0.1
ERASE = b"\r\x1b[2K"
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class StatusLine:
    """One line with the state of the run, redrawn below the log lines.

    Parameters
    ----------
    progress : callable
        Returns the plan's numbers.
    """

    def __init__(self, progress: Callable[[], Progress]) -> None:
        self._progress = progress
        self._began = time.monotonic()
        self._console: Any = None
        self._shown = b""
        self._drawn_at = 0.0

    def erase(self) -> bytes:
        """Bytes that take the line off the screen."""
        return ERASE if self._shown else b""

    def draw(self) -> bytes:
        """Bytes that put the line on the screen again; the cursor stays on it."""
        now = time.monotonic()
        if now - self._began < AFTER_S:
            return b""
        if now - self._drawn_at >= EVERY_S or not self._shown:
            self._drawn_at = now
            self._shown = self._render(now).encode()
        return self._shown

    def _render(self, now: float) -> str:
        if self._console is None:
            from rich.console import Console

            self._console = Console(highlight=False)
        with self._console.capture() as capture:
            self._console.print(
                self._text(now), end="", no_wrap=True, overflow="ellipsis", crop=True
            )
        shown: str = capture.get()
        return shown

    def _text(self, now: float) -> Any:
        from rich.text import Text

        progress, elapsed = self._progress(), now - self._began
        fresh = progress.done - progress.cloned
        rate = fresh / elapsed
        total = "" if progress.total is None else f"/{progress.total}"
        text = Text(SPINNER[int(now * 10) % len(SPINNER)] + " ", style="cyan")
        text.append(f"{progress.done}{total} done", style="green")
        if progress.cloned:
            text.append(f"  {progress.cloned} of them cloned", style="green")
        text.append(f"  {progress.running} running", style="blue")
        if progress.waiting:
            text.append(f"  {progress.waiting} waiting", style="dim")
        if progress.failed:
            text.append(f"  {progress.failed} failed", style="bold red")
        text.append(f"  {rate:.1f} tasks/s", style="dim")
        if progress.total is not None and fresh and progress.total > progress.done:
            left = (progress.total - progress.done) / rate
            text.append(f"  {_duration(left)} left", style="dim")
        return text


def _duration(seconds: float) -> str:
    """Show a time as people say it."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
