"""The older path of a flow as mutators see it."""

from metaflow.authoring.mutable import MutableFlow

__all__ = ["MutableFlow"]
