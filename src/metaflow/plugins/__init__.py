"""Older paths of what came with decorators: `metaflow.plugins.<decorator>_decorator`."""

from metaflow.authoring.unbounded import InternalTestUnboundedForeachInput

__all__ = ["InternalTestUnboundedForeachInput"]
