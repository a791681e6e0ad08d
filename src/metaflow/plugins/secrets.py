"""The path of what reads secrets: `metaflow.plugins.secrets`."""

from metaflow.secret_sources.provider import SecretsProvider
from metaflow.task.secrets import get_secret

__all__ = ["SecretsProvider", "get_secret"]
