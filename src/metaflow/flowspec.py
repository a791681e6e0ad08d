"""The older path of flows: `metaflow.flowspec`."""

from metaflow.authoring.flowspec import FlowSpec
from metaflow.authoring.inputs import Inputs
from metaflow.errors.definition import InvalidNextException

__all__ = ["FlowSpec", "Inputs", "InvalidNextException"]
