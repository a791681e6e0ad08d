"""Under which names programs import parameters: `metaflow.parameters`."""

from metaflow.authoring.deploy_time import ParameterContext
from metaflow.authoring.parameters import JSONType, JSONTypeClass, Parameter

__all__ = ["JSONType", "JSONTypeClass", "Parameter", "ParameterContext"]
