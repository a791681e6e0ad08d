"""Older paths of what came with decorators: `metaflow.plugins.<decorator>_decorator`."""
