"""The older path of the `current` object: `metaflow.metaflow_current`."""

from metaflow.authoring.current import Current, current

__all__ = ["Current", "current"]
