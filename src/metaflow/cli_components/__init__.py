"""Older paths of commands: `metaflow.cli_components.<part>`."""
