"""The older path of the version: `metaflow.metaflow_version`."""

from metaflow.settings.version import get_version

__all__ = ["get_version"]
