"""Older paths of what concerns stored artifacts: `metaflow.datastore.<part>`."""
