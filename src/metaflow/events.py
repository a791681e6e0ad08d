"""The path of what starts runs: `metaflow.events`."""

from metaflow.client.trigger import MetaflowEvent, Trigger

__all__ = ["MetaflowEvent", "Trigger"]
