"""How this installation behaves: environment, project file and profile, read into one value."""

from metaflow.settings.load import Settings, load_settings
from metaflow.settings.roots import ensure_local_root, find_local_root

__all__ = ["Settings", "ensure_local_root", "find_local_root", "load_settings"]
