"""Packages `metaflow_extensions.<organization>`: found, ordered, and offered to the registry."""
