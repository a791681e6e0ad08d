"""The older path of `@retry`'s code."""

from metaflow.decorators.retry import RetryDecorator

__all__ = ["RetryDecorator"]
