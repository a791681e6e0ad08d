"""The path of what talks to other systems: `metaflow.integrations`."""

from metaflow.publishing.argo import ArgoEvent

__all__ = ["ArgoEvent"]
