"""The older path of `@resources`'s code."""

from metaflow.decorators.resources import ResourcesDecorator

__all__ = ["ResourcesDecorator"]
