"""What a step declares to the engine, after all its decorators have spoken."""

from typing import Any, NamedTuple

MAX_ATTEMPTS = 6
"""No task has more attempts than this, fallbacks included."""

NO_RETRY_EXIT_CODE = 202
"""A task whose process ends with this code is not tried again."""


class Lack(NamedTuple):
    """A decorator asks for a back end that this installation does not have."""

    decorator: str
    needs: str = ""
    """The back end, as in «which needs …»."""
    from_command_line: bool = False
    default_of: str | None = None
    """Name of the flow decorator that may say for the step that there is nothing to do."""


class StepSpec(NamedTuple):
    """Frozen facts about one step; decorators add to it, the engine and compilers read it."""

    name: str
    retries: int = 0
    """Further attempts of the user's code after the first."""
    retry_wait_s: float = 0.0
    fallbacks: int = 0
    """Attempts after the last retry that run no user code."""
    env: tuple[tuple[str, str], ...] = ()
    """Environment variables that must be there before the flow file is imported, sorted."""
    resources: tuple[tuple[str, str], ...] = ()
    unavailable: tuple[Lack, ...] = ()
    """What the step asks for and this installation does not have."""
    listeners: tuple[Any, ...] = ()
    """Each is a `protocols.step_listener.StepListener`: wants to hear how its tasks come about."""
