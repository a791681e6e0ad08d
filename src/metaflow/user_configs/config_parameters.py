"""The older path of configs."""

from metaflow.authoring.config_value import ConfigValue
from metaflow.authoring.configs import Config
from metaflow.authoring.delayed import config_expr

__all__ = ["Config", "ConfigValue", "config_expr"]
