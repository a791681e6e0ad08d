"""Stands in front of a module of the framework."""

from metaflow.plugins.retry_decorator._orig import RetryDecorator

__all__ = ["LOUD", "RetryDecorator"]
LOUD = True
