"""What a step declares to the engine, after all its decorators have spoken."""

from typing import NamedTuple

MAX_ATTEMPTS = 6
"""No task has more attempts than this, fallbacks included."""

NO_RETRY_EXIT_CODE = 202
"""A task whose process ends with this code is not tried again."""


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
    unavailable: tuple[str, ...] = ()
    """Decorators whose back end this installation does not have."""
