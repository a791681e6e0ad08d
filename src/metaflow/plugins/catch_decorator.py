"""The older path of what `@catch` stores when a process died."""

from metaflow.decorators.catch import CatchDecorator, FailureHandledByCatch

__all__ = ["CatchDecorator", "FailureHandledByCatch"]
