"""The older path of `@parallel`'s code."""

from metaflow.decorators.parallel import ParallelDecorator

__all__ = ["ParallelDecorator"]
