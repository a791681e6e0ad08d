"""The older path of unbounded foreachs: `metaflow.unbounded_foreach`."""

from metaflow.authoring.unbounded import UnboundedForeachInput

__all__ = ["UnboundedForeachInput"]
