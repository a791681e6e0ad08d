"""The older path of what `@timeout` raises."""

from metaflow.decorators.timeout import TimeoutDecorator, TimeoutException

__all__ = ["TimeoutDecorator", "TimeoutException"]
