"""Older paths of configs: `metaflow.user_configs.<part>`."""
