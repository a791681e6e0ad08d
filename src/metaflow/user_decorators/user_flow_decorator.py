"""The older path of mutators of flows."""

from metaflow.authoring.mutators import FlowMutator

__all__ = ["FlowMutator"]
