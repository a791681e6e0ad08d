"""The older path of `@environment`'s code."""

from metaflow.decorators.environment import EnvironmentDecorator

__all__ = ["EnvironmentDecorator"]
