"""The older path of a step as mutators see it."""

from metaflow.authoring.mutable_step import MutableStep

__all__ = ["MutableStep"]
